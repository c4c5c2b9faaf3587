//! Browsers: which pages of other origins may call the API, by an exact list, and what they may read of an answer.

use super::limit::Asked;
use crate::app::App;
use crate::http::problem::Problem;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, ORIGIN};
use axum::middleware::Next;
use axum::response::Response;
use std::time::Duration;
use tower_http::cors::{AllowOrigin, CorsLayer};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// How long a browser may remember what it was allowed.
const REMEMBERED: Duration = Duration::from_secs(600);

/// The layer for the origins of the settings, if there are any. There are no cookies, so no credentials are allowed.
pub fn layer(origins: &[String]) -> Option<CorsLayer> {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    if origins.is_empty() {
        return None;
    }
    let told = [
        "retry-after",
        "location",
        "link",
        "x-request-id",
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "ratelimit",
        "ratelimit-policy",
        "idempotent-replayed",
        "idempotency-original-request-id",
    ];
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, IDEMPOTENCY_KEY, REQUEST_ID])
        .expose_headers(told.map(HeaderName::from_static))
        .max_age(REMEMBERED);
    Some(layer)
}

/// Whether a browser asks what it may ask.
fn is_preflight(request: &Request) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key("access-control-request-method")
}

/// Counts the questions of browsers by address: they come without a token, and no route sees them.
pub async fn preflight(State(app): State<App>, request: Request, next: Next) -> Result<Response, Problem> {
    if is_preflight(&request) {
        Asked::of(&request).by_address(&app).await?;
    }
    Ok(next.run(request).await)
}
