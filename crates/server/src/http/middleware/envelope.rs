//! The outermost layer: request id, problem bodies, headers of every answer, one log line, metrics.

use super::limit::{self, Said};
use crate::app::App;
use crate::clock::stopwatch;
use crate::http::extract::{Peer, RequestId};
use crate::http::once::StoredCode;
use crate::http::problem::Problem;
use crate::telemetry::name_trace;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::field::{self, display};
use tracing::{Instrument, Level, Span};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PLAIN_HEADERS: [(HeaderName, &str); 8] = [
    (HeaderName::from_static("cache-control"), "no-store"),
    (HeaderName::from_static("x-content-type-options"), "nosniff"),
    (HeaderName::from_static("x-frame-options"), "DENY"),
    (HeaderName::from_static("referrer-policy"), "no-referrer"),
    (HeaderName::from_static("content-security-policy"), "default-src 'none'; frame-ancestors 'none'"),
    (HeaderName::from_static("strict-transport-security"), "max-age=31536000; includeSubDomains"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Wraps a request and its answer.
pub async fn envelop(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let started = stopwatch();
    let id = request_id(&app, request.headers());
    request.extensions_mut().insert(RequestId(Arc::clone(&id)));
    limit::unveil(&app, &mut request);
    let said = Said::default();
    request.extensions_mut().insert(said.clone());
    let asked = Asked::of(&request);
    // Of the level `error`, so that it is there for every line, whatever is shown. Whose request it is becomes known later.
    let (user_id, trace_id) = (field::Empty, field::Empty);
    let span = tracing::error_span!(target: "superapp::http", "request", request_id = %id, user_id, trace_id);
    name_trace(&span);
    let under_way = UnderWay(Some((asked, span, started)));
    let mut response = next.run(request).instrument(under_way.span()).await;
    let stored = response.extensions_mut().remove::<StoredCode>();
    let problem = response.extensions_mut().remove::<Problem>();
    let code = problem.as_ref().map(Problem::code).or(stored.as_ref().map(|stored| stored.code.as_str()));
    if let Some(problem) = &problem {
        let kept = std::mem::take(response.headers_mut());
        response = problem.respond(&id);
        keep(kept, response.headers_mut());
    }
    said.tell(&app, response.headers_mut());
    finish(&app, &id, response.headers_mut());
    let cause = problem.as_ref().and_then(Problem::cause);
    under_way.answered(response.status().as_u16(), code, cause.as_deref());
    response
}

/// A request until it is answered. One whose client went away is dropped before that, and has a line all the same.
struct UnderWay(Option<(Asked, Span, Instant)>);

impl UnderWay {
    fn span(&self) -> Span {
        self.0.as_ref().map_or_else(Span::none, |(_, span, _)| span.clone())
    }

    fn answered(mut self, status: u16, code: Option<&str>, error: Option<&str>) {
        if let Some((asked, span, started)) = self.0.take() {
            span.in_scope(|| asked.tell(status, code, error, started.elapsed()));
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some((asked, span, started)) = self.0.take() {
            span.in_scope(|| asked.tell_gone(started.elapsed()));
        }
    }
}

/// What is told of a request beside its answer: never its query string, and nothing of its body.
struct Asked {
    method: Method,
    route: Option<MatchedPath>,
    address: Option<IpAddr>,
    user_agent: Option<HeaderValue>,
}

impl Asked {
    fn of(request: &Request) -> Self {
        Self {
            method: request.method().clone(),
            route: request.extensions().get().cloned(),
            address: request.extensions().get().map(|Peer(peer)| peer.ip().to_canonical()),
            user_agent: request.headers().get(USER_AGENT).cloned(),
        }
    }

    /// Counts the request and writes its line.
    fn tell(self, status: u16, code: Option<&str>, error: Option<&str>, elapsed: Duration) {
        let method = known_method(self.method.as_str());
        let route = self.route.as_ref().map_or("unmatched", MatchedPath::as_str);
        let labels = [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
        metrics::counter!("http_requests_total", &labels).increment(1);
        metrics::histogram!("http_request_duration_seconds", "route" => route.to_owned()).record(elapsed);
        let (address, user_agent) = (self.address.map(display), self.user_agent());
        let (user_agent, duration_ms) = (user_agent.as_deref(), milliseconds(elapsed));
        macro_rules! line {
            ($level:expr) => {
                tracing::event!(
                    target: "superapp::http", $level,
                    method, route, status, duration_ms, code, address, user_agent, error, "request"
                )
            };
        }
        match status {
            500.. => line!(Level::ERROR),
            400.. => line!(Level::WARN),
            _ => line!(Level::INFO),
        }
    }

    /// Its client did not wait. What the ledger was asked for may be done all the same.
    fn tell_gone(self, elapsed: Duration) {
        let method = known_method(self.method.as_str());
        let route = self.route.as_ref().map_or("unmatched", MatchedPath::as_str);
        let (address, user_agent) = (self.address.map(display), self.user_agent());
        let (user_agent, duration_ms) = (user_agent.as_deref(), milliseconds(elapsed));
        tracing::info!(
            target: "superapp::http", method, route, duration_ms, address, user_agent, "the client did not wait for its answer"
        );
    }

    fn user_agent(&self) -> Option<Cow<'_, str>> {
        self.user_agent.as_ref().map(|agent| String::from_utf8_lossy(agent.as_bytes()))
    }
}

fn milliseconds(elapsed: Duration) -> f64 {
    (elapsed.as_secs_f64() * 1e6).round() / 1e3
}

#[derive(Debug, thiserror::Error)]
#[error("a handler panicked")]
struct Panicked;

/// What a last resort answers: the handler panicked, the process lives.
pub fn panicked(_panic: Box<dyn std::any::Any + Send + 'static>) -> Response {
    use axum::response::IntoResponse;
    // The panic itself has a line, with its place.
    metrics::counter!("http_panics_total").increment(1);
    Problem::internal().because(&Panicked).into_response()
}

/// The caller's own id if it is a sane one, else a new one.
fn request_id(app: &App, headers: &HeaderMap) -> Arc<str> {
    let sane = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let own = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    match own.filter(|id| (8..=64).contains(&id.len()) && id.bytes().all(sane)) {
        Some(own) => own.into(),
        None => app.ids.uuid().to_string().into(),
    }
}

/// Headers of a problem that some layer added before it had a body, such as `Allow`.
fn keep(from: HeaderMap, to: &mut HeaderMap) {
    for (name, value) in from {
        if let Some(name) = name.filter(|name| name != "content-type" && name != "content-length") {
            to.insert(name, value);
        }
    }
}

/// The headers of every answer.
pub fn finish(app: &App, id: &str, headers: &mut HeaderMap) {
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    for (name, value) in PLAIN_HEADERS {
        // A route may know better: the documentation page has a policy of its own.
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if app.is_draining() {
        headers.insert("connection", HeaderValue::from_static("close"));
    }
}

/// Methods as labels: what a stranger invents must not become a time series.
fn known_method(method: &str) -> &str {
    match method {
        "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" => method,
        _ => "OTHER",
    }
}
