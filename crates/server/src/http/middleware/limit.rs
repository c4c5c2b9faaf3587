//! Who asked too often, and what every limited answer says about it in its headers.

use crate::app::App;
use crate::http::extract::{Caller, Peer};
use crate::http::problem::Problem;
use crate::limits::Quota;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use domain::rate_limit::{Class, WINDOW_MICROS};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STATE: HeaderName = HeaderName::from_static("ratelimit");

/// What the limiter said about a request. The outermost layer puts it into the answer, so that it is also in the
/// answer of a handler that panicked.
#[derive(Clone, Debug, Default)]
pub struct Said(Arc<OnceLock<Quota>>);

/// Puts the client's address in the place of the proxy's, if the proxy is believed.
pub fn unveil(app: &App, request: &mut Request) {
    let Some(Peer(peer)) = request.extensions().get().copied() else { return };
    let lines = request.headers().get_all(FORWARDED_FOR);
    let client = app.limiter.proxies().client(peer.ip(), lines.iter().map(HeaderValue::as_bytes));
    if let Some(client) = client {
        request.extensions_mut().insert(Peer(SocketAddr::new(client, 0)));
    }
}

/// Lets a caller through who has something left of their limit.
///
/// # Errors
/// If nothing is left.
pub fn account(app: &App, request: &Request, caller: &Caller) -> Result<(), Problem> {
    let class = Class::of(caller.user.role, caller.user.tier);
    judge(request, app.limiter.account(caller.id(), class, request.method().as_str(), route(request)))
}

/// Lets an address through that has something left of its limit.
fn address(app: &App, request: &Request) -> Result<(), Problem> {
    // Without a connection there is nobody to be counted: a test that calls the router.
    let Some(Peer(peer)) = request.extensions().get() else { return Ok(()) };
    judge(request, app.limiter.address(peer.ip(), request.method().as_str(), route(request)))
}

/// For routes that anybody may call.
pub async fn strangers(State(app): State<App>, request: Request, next: Next) -> Result<Response, Problem> {
    address(&app, &request)?;
    Ok(next.run(request).await)
}

/// What to answer to somebody who is not believed to be who they say: the problem, as often as the address may ask.
pub fn stranger(app: &App, request: &Request, problem: Problem) -> Problem {
    address(app, request).err().unwrap_or(problem)
}

/// No such route.
pub async fn no_route(State(app): State<App>, request: Request) -> Problem {
    stranger(&app, &request, Problem::no_route())
}

/// A route, but not with this method.
pub async fn method_not_allowed(State(app): State<App>, request: Request) -> Problem {
    stranger(&app, &request, Problem::method_not_allowed())
}

fn route(request: &Request) -> Option<&str> {
    request.extensions().get::<MatchedPath>().map(MatchedPath::as_str)
}

/// Keeps what was said, and refuses whom it refuses.
fn judge(request: &Request, quota: Option<Quota>) -> Result<(), Problem> {
    let Some(quota) = quota else { return Ok(()) };
    if let Some(Said(said)) = request.extensions().get() {
        // Only one limit is asked for a request.
        let _ = said.set(quota);
    }
    match (quota.decision, quota.retry_after_seconds()) {
        (Some(decision), Some(seconds)) => Err(Problem::rate_limited(decision.limit.get(), seconds)),
        _ => Ok(()),
    }
}

impl Said {
    /// The headers of an answer whose request was held against a limit.
    pub fn tell(&self, app: &App, headers: &mut HeaderMap) {
        let Some(quota) = self.0.get() else { return };
        let Some(decision) = quota.decision else {
            headers.insert(LIMIT, HeaderValue::from_static("unlimited"));
            return;
        };
        let now = u64::try_from(app.clock.now().as_micros()).unwrap_or_default();
        // Rounded up: whoever waits until then waits long enough.
        let reset = now.saturating_add(decision.wait_micros).div_ceil(1_000_000);
        let wait = decision.retry_after_seconds().unwrap_or_else(|| decision.wait_seconds());
        let (name, limit, remaining) = (quota.class.name(), decision.limit.get(), decision.remaining);
        headers.insert(LIMIT, limit.into());
        headers.insert(REMAINING, remaining.into());
        headers.insert(RESET, reset.into());
        let policy = format!("\"{name}\";q={limit};w={}", WINDOW_MICROS / 1_000_000);
        let state = format!("\"{name}\";r={remaining};t={wait}");
        for (header, text) in [(POLICY, policy), (STATE, state)] {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(header, value);
            }
        }
    }
}
