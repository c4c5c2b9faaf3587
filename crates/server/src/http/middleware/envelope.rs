//! The outermost layer: request id, problem bodies, headers of every answer, one log line, metrics.

use super::limit::{self, Said};
use crate::app::App;
use crate::clock::stopwatch;
use crate::http::extract::RequestId;
use crate::http::once::StoredCode;
use crate::http::problem::Problem;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;
use tracing::Instrument;

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
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let span = tracing::info_span!("request", request_id = %id);
    let mut response = next.run(request).instrument(span.clone()).await;
    let stored = response.extensions_mut().remove::<StoredCode>();
    let code = response.extensions().get::<Problem>().map(Problem::code);
    let code = code.or(stored.as_ref().map(|stored| stored.code.as_str()));
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let kept = std::mem::take(response.headers_mut());
        response = problem.respond(&id);
        keep(kept, response.headers_mut());
    }
    said.tell(&app, response.headers_mut());
    finish(&app, &id, response.headers_mut());

    let elapsed = started.elapsed();
    let status = response.status();
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str).to_owned();
    let labels = [
        ("method", known_method(method.as_str()).to_owned()),
        ("route", route.clone()),
        ("status", status.as_str().to_owned()),
    ];
    metrics::counter!("http_requests_total", &labels).increment(1);
    metrics::histogram!("http_request_duration_seconds", "route" => route.clone()).record(elapsed);
    let _entered = span.enter();
    let (status, milliseconds) = (status.as_u16(), elapsed.as_secs_f64() * 1_000.0);
    match status {
        500.. => tracing::error!(%method, route, status, code, milliseconds, "request"),
        400.. => tracing::info!(%method, route, status, code, milliseconds, "request"),
        _ => tracing::debug!(%method, route, status, milliseconds, "request"),
    }
    response
}

/// What a last resort answers: the handler panicked, the process lives.
pub fn panicked(_panic: Box<dyn std::any::Any + Send + 'static>) -> Response {
    use axum::response::IntoResponse;
    tracing::error!("a handler panicked");
    metrics::counter!("http_panics_total").increment(1);
    Problem::internal().into_response()
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
