//! Errors to Sentry: every line of the level `error`, with the id of its request, and with nothing that the line does not
//! have. Who asked, from where and with what is left out.

use super::layer::Sink;
use super::line::{Line, Value};
use super::mask;
use super::outgoing::agent;
use crate::config::Config;
use anyhow::Context;
use secrecy::ExposeSecret;
use sentry::protocol::Event;
use sentry::transports::UreqHttpTransportOptions;
use sentry::types::Dsn;
use sentry::{Client, ClientOptions, Transport, TransportFactory, TransportOptions};
use serde_json::Value as Json;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tracing::Level;
use ureq::Agent;

/// How long the last errors may take at the end.
const FAREWELL: Duration = Duration::from_secs(5);
/// What an error is found by.
const TAGS: &[&str] = &["request_id", "route", "method", "status", "code", "job"];
/// Who it was is in the log.
const LEFT_OUT: &[&str] = &["user_id", "address", "user_agent"];

/// Sends errors, on a thread of its own. Dropping the last one sends what waits.
#[derive(Clone)]
pub struct Errors(Arc<Client>);

impl fmt::Debug for Errors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Errors").finish_non_exhaustive()
    }
}

impl Errors {
    /// Starts sending, if the settings say where to.
    ///
    /// # Errors
    /// If it cannot be sent there.
    pub fn start(config: &Config) -> anyhow::Result<Option<Self>> {
        let text = config.sentry.dsn.expose_secret();
        if text.is_empty() {
            return Ok(None);
        }
        let dsn: Dsn = text.parse().context("`sentry.dsn` is not a DSN")?;
        let agent = agent(text, &config.postgres.root_certificates)?;
        let mut options = ClientOptions::default();
        options.dsn = Some(dsn);
        options.release = Some(concat!("superapp@", env!("CARGO_PKG_VERSION")).into());
        options.environment = Some(if config.is_production() { "production" } else { "development" }.into());
        options.default_integrations = false;
        options.send_default_pii = false;
        options.before_send = Some(Arc::new(|event| Some(masked(event))));
        options.transport = Some(Arc::new(Through(agent)));
        Ok(Some(Self(Arc::new(Client::with_options(options)))))
    }

    /// Sends what waits.
    pub fn close(&self) {
        self.0.close(Some(FAREWELL));
    }
}

impl Sink for Errors {
    fn write(&self, line: &Line) {
        if line.level == Level::ERROR {
            self.0.capture_event(event(line), None);
        }
    }
}

fn event(line: &Line) -> Event<'static> {
    let mut event = Event {
        message: Some(line.fields.message.clone()),
        logger: Some(line.target.to_owned()),
        level: sentry::Level::Error,
        ..Event::default()
    };
    for (name, value) in line.fields.named.iter().filter(|(name, _)| !LEFT_OUT.contains(name)) {
        let value = match value {
            Value::Integer(number) => Json::from(number.to_string()),
            Value::Number(number) => Json::from(*number),
            Value::Truth(truth) => Json::from(*truth),
            Value::Text(text) => Json::from(text.clone()),
        };
        if TAGS.contains(name) {
            let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            event.tags.insert((*name).to_owned(), text);
        } else {
            event.extra.insert((*name).to_owned(), value);
        }
    }
    event
}

/// The last filter before an error leaves. What a line has is masked already; whatever else comes this way is not.
fn masked(mut event: Event<'static>) -> Event<'static> {
    let text = |text: &mut String| *text = mask::text(text).into_owned();
    event.message.iter_mut().for_each(text);
    for (name, value) in &mut event.tags {
        *value = mask::field(name, value).into_owned();
    }
    for (name, value) in &mut event.extra {
        if let Json::String(text) = value {
            *text = mask::field(name, text).into_owned();
        } else if !value.is_number() && !value.is_boolean() {
            *value = Json::from(mask::field(name, &value.to_string()).into_owned());
        }
    }
    for exception in &mut event.exception {
        exception.value.iter_mut().for_each(text);
    }
    for breadcrumb in &mut event.breadcrumbs {
        breadcrumb.message.iter_mut().for_each(text);
        breadcrumb.data.clear();
    }
    (event.request, event.user, event.server_name) = (None, None, None);
    event
}

/// Sends through our own client of HTTP.
struct Through(Agent);

impl TransportFactory for Through {
    fn create_transport_with_options(&self, options: TransportOptions) -> Arc<dyn Transport> {
        Arc::new(UreqHttpTransportOptions::from(options).with_agent(self.0.clone()).build())
    }
}

#[cfg(test)]
mod tests {
    use super::Errors;
    use crate::clock::Clock;
    use crate::config::Sources;
    use crate::telemetry::layer::Lines;
    use crate::telemetry::listener::Listener;
    use tracing_subscriber::layer::SubscriberExt;

    #[test]
    fn sentry_hears_of_an_error_by_its_request_and_of_no_secret() {
        let listener = Listener::start();
        let dsn = format!("http://0123456789abcdef0123456789abcdef@{}/42", listener.address);
        let config = Sources { file: None, environment: [("SENTRY_DSN".to_owned(), dsn)].into() }.load().unwrap();
        let errors = Errors::start(&config).unwrap().unwrap();
        let layer = Lines::new("info".parse().unwrap(), Clock::System, errors.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let _request = tracing::error_span!("request", request_id = "req-12345678", user_id = "usr_1").entered();
            let error = std::io::Error::other("postgres://ann:hunter2@db/app");
            tracing::warn!("not worth a report");
            tracing::error!(
                error = &error as &dyn std::error::Error,
                token = "hunter2",
                route = "/api/x",
                "password=hunter2"
            );
        });
        let (head, body) = listener.heard();
        errors.close();
        let text = String::from_utf8(body).unwrap();
        assert!(head.starts_with("POST /api/42/envelope/ "), "{head}");
        assert!(text.contains(r#""request_id":"req-12345678""#) && text.contains(r#""route":"/api/x""#), "{text}");
        assert!(text.contains("password=***") && text.contains("postgres://***@db/app"), "{text}");
        assert!(!text.contains("hunter2") && !text.contains("usr_1") && !text.contains("not worth"), "{text}");
    }

    #[test]
    fn what_did_not_come_from_a_line_is_masked_on_its_way_out() {
        let mut event = sentry::protocol::Event { message: Some("password=hunter2".to_owned()), ..Default::default() };
        event.extra.insert("jwt".to_owned(), serde_json::json!({ "deep": "hunter2" }));
        event.extra.insert("note".to_owned(), serde_json::json!(["token=hunter2"]));
        event.tags.insert("session".to_owned(), "hunter2".to_owned());
        event.user = Some(sentry::User { username: Some("hunter2".to_owned()), ..Default::default() });
        let text = serde_json::to_string(&super::masked(event)).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
    }
}
