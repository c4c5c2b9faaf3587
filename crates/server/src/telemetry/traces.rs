//! Spans to a collector, as OTLP over HTTP: those of requests and jobs, with their ids and with what was told in them,
//! masked as lines are.

use super::mask;
use super::outgoing::agent;
use crate::config::Config;
use opentelemetry::trace::{Status, TraceContextExt, TraceId, TracerProvider};
use opentelemetry::{Array, Key, KeyValue, Value};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanData, SpanExporter};
use std::pin::Pin;
use std::time::Duration;
use tracing::Span;
use tracing::field::display;
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt};
use tracing_subscriber::registry::LookupSpan;
use ureq::Agent;

/// How long the last spans may take at the end.
const FAREWELL: Duration = Duration::from_secs(5);

/// The thread that sends spans. Dropping it sends what waits.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Starts sending, if the settings say where to.
    ///
    /// # Errors
    /// If it cannot be sent there.
    pub fn start(config: &Config) -> anyhow::Result<Option<Self>> {
        let endpoint = &config.traces.endpoint;
        if endpoint.is_empty() {
            return Ok(None);
        }
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(Sender(agent(endpoint, &config.postgres.root_certificates)?))
            .with_endpoint(endpoint.as_str())
            .build()?;
        let resource = Resource::builder_empty()
            .with_service_name("superapp")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider = SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(Masked(exporter));
        Ok(Some(Self(provider.build())))
    }

    /// Makes spans of ours into spans that are sent.
    #[must_use]
    pub fn layer<S>(&self) -> OpenTelemetryLayer<S, SdkTracer>
    where
        S: tracing::Subscriber + for<'span> LookupSpan<'span>,
    {
        let layer = tracing_opentelemetry::layer().with_tracer(self.0.tracer("superapp"));
        layer.with_location(false).with_threads(false).with_tracked_inactivity(false)
    }
}

/// Lets the lines of a span say to which trace it belongs, if it belongs to one.
pub fn name_trace(span: &Span) {
    let context = span.context();
    let trace = context.span().span_context().trace_id();
    if trace != TraceId::INVALID {
        span.record("trace_id", display(trace));
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        let _ = self.0.shutdown_with_timeout(FAREWELL);
    }
}

/// The last filter before spans leave.
#[derive(Debug)]
struct Masked<E>(E);

impl<E: SpanExporter> SpanExporter for Masked<E> {
    fn export(&self, mut batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        batch.iter_mut().for_each(mask_span);
        self.0.export(batch)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

fn mask_span(span: &mut SpanData) {
    span.name = mask::text(&span.name).into_owned().into();
    mask_all(&mut span.attributes);
    for event in &mut span.events.events {
        event.name = mask::text(&event.name).into_owned().into();
        mask_all(&mut event.attributes);
    }
    if let Status::Error { description } = &mut span.status {
        *description = mask::text(description).into_owned().into();
    }
}

fn mask_all(attributes: &mut [KeyValue]) {
    for KeyValue { key, value, .. } in attributes {
        mask_value(key, value);
    }
}

fn mask_value(key: &Key, value: &mut Value) {
    let masked = |text: &str| mask::field(key.as_str(), text).into_owned();
    match value {
        Value::String(text) => *value = masked(text.as_str()).into(),
        Value::Array(Array::String(texts)) => {
            texts.iter_mut().for_each(|text| *text = masked(text.as_str()).into());
        }
        // A number is no secret by its looks.
        other if mask::treatment(key.as_str().as_bytes()).is_some() => *other = mask::MASK.into(),
        _ => {}
    }
}

/// Sends what the exporter made, on the exporter's own thread, which waits.
#[derive(Debug)]
struct Sender(Agent);

impl HttpClient for Sender {
    fn send_bytes<'sender, 'sent>(
        &'sender self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'sent>>
    where
        'sender: 'sent,
        Self: 'sent,
    {
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let response = self.0.run(Request::from_parts(parts, body.as_ref()))?;
            let (parts, mut body) = response.into_parts();
            Ok(Response::from_parts(parts, Bytes::from(body.read_to_vec()?)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Traces, name_trace};
    use crate::clock::Clock;
    use crate::config::Sources;
    use crate::telemetry::layer::Lines;
    use crate::telemetry::line::Line;
    use crate::telemetry::listener::Listener;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::layer::SubscriberExt;

    #[test]
    fn a_collector_hears_of_a_request_by_its_id_and_of_no_secret() {
        let listener = Listener::start();
        let endpoint = format!("http://{}/v1/traces", listener.address);
        let environment = [("SUPERAPP_TRACES__ENDPOINT".to_owned(), endpoint)].into();
        let config = Sources { file: None, environment }.load().unwrap();
        let traces = Traces::start(&config).unwrap().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&lines);
        let sink = move |line: &Line| kept.lock().unwrap().push(line.json());
        let layer = Lines::new("info".parse().unwrap(), Clock::System, sink);
        let subscriber = tracing_subscriber::registry().with(layer).with(traces.layer());
        tracing::subscriber::with_default(subscriber, || {
            let trace_id = tracing::field::Empty;
            let span = tracing::error_span!(
                "request",
                request_id = "req-12345678",
                trace_id,
                token = "hunter2",
                pin = 987_654
            );
            name_trace(&span);
            let _entered = span.enter();
            let error = std::io::Error::other("postgres://ann:hunter2@db/app");
            tracing::error!(error = &error as &dyn std::error::Error, password = "hunter2", "it says password=hunter2");
        });
        drop(traces);
        let (head, body) = listener.heard();
        let text = String::from_utf8_lossy(&body);
        assert!(head.starts_with("POST /v1/traces "), "{head}");
        assert!(text.contains("req-12345678") && text.contains("superapp") && text.contains("***"), "{text}");
        assert!(!text.contains("hunter2") && !text.contains("987654"), "{text}");
        let line: serde_json::Value = serde_json::from_str(&lines.lock().unwrap()[0]).unwrap();
        assert_eq!(line["trace_id"].as_str().map(str::len), Some(32), "a line is found by its trace: {line}");
    }
}
