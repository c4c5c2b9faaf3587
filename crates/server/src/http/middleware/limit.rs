//! Who asked too often, and what every limited answer says about it in its headers.

use crate::app::App;
use crate::http::extract::{Caller, Peer};
use crate::http::problem::Problem;
use crate::limits::Quota;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use domain::id::UserId;
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

/// What the limiter must know of a request.
#[derive(Debug)]
pub struct Asked {
    method: Method,
    route: Option<MatchedPath>,
    peer: Option<Peer>,
    said: Option<Said>,
}

impl Asked {
    /// Reads it from a request.
    pub fn of(request: &Request) -> Self {
        let extensions = request.extensions();
        Self {
            method: request.method().clone(),
            route: extensions.get().cloned(),
            peer: extensions.get().copied(),
            said: extensions.get().cloned(),
        }
    }

    fn route(&self) -> Option<&str> {
        self.route.as_ref().map(MatchedPath::as_str)
    }

    /// Refuses an account that floods the server without another look at it.
    ///
    /// # Errors
    /// If it does.
    pub fn unless_flooding(&self, app: &App, user: UserId) -> Result<(), Problem> {
        name(user);
        self.judge(app.limiter.flood(user, self.method.as_str(), self.route()))
    }

    /// Lets a caller through who has something left of their limit.
    ///
    /// # Errors
    /// If nothing is left.
    pub async fn by_account(self, app: &App, caller: &Caller) -> Result<(), Problem> {
        name(caller.id());
        let class = Class::of(caller.user.role, caller.user.tier);
        let quota = app.limiter.account(caller.id(), class, self.method.as_str(), self.route()).await;
        self.judge(quota)
    }

    /// Lets an address through that has something left of its limit.
    ///
    /// # Errors
    /// If nothing is left.
    pub async fn by_address(self, app: &App) -> Result<(), Problem> {
        // Without a connection there is nobody to be counted: a test that calls the router.
        let Some(Peer(peer)) = self.peer else { return Ok(()) };
        let quota = app.limiter.address(peer.ip(), self.method.as_str(), self.route()).await;
        self.judge(quota)
    }

    /// What to answer to somebody who is not believed to be who they say: the problem, as often as the address may
    /// ask.
    pub async fn or_rather(self, app: &App, problem: Problem) -> Problem {
        self.by_address(app).await.err().unwrap_or(problem)
    }

    /// Keeps what was said, and refuses whom it refuses.
    fn judge(&self, quota: Option<Quota>) -> Result<(), Problem> {
        let Some(quota) = quota else { return Ok(()) };
        if let Some(Said(said)) = &self.said {
            // Only one limit is asked for a request.
            let _ = said.set(quota);
        }
        match (quota.decision, quota.retry_after_seconds()) {
            (Some(decision), Some(seconds)) => Err(Problem::rate_limited(quota.class, decision.limit.get(), seconds)),
            _ => Ok(()),
        }
    }
}

/// From here on every line of the request says whose it is.
fn name(user: UserId) {
    tracing::Span::current().record("user_id", tracing::field::display(user));
}

/// For routes that anybody may call: lets an address through that has something left of its limit.
pub async fn strangers(State(app): State<App>, request: Request, next: Next) -> Result<Response, Problem> {
    Asked::of(&request).by_address(&app).await?;
    Ok(next.run(request).await)
}

/// No such route.
pub async fn no_route(State(app): State<App>, request: Request) -> Problem {
    Asked::of(&request).or_rather(&app, Problem::no_route()).await
}

/// A route, but not with this method.
pub async fn method_not_allowed(State(app): State<App>, request: Request) -> Problem {
    Asked::of(&request).or_rather(&app, Problem::method_not_allowed()).await
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
