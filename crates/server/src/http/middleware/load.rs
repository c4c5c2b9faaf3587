//! How many requests run at once. One too many is told so before anything is asked about it.

use crate::app::App;
use crate::http::problem::Problem;
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;

/// What a place is kept for when the others are taken: money, and signing in to move it.
pub const KEPT_FOR: [(Method, &str); 13] = [
    (Method::POST, "/api/auth/login"),
    (Method::POST, "/api/auth/refresh"),
    (Method::POST, "/api/auth/register"),
    (Method::POST, "/api/webhooks/payments/{provider}"),
    (Method::GET, "/api/wallet/balance"),
    (Method::POST, "/api/wallet/transfer"),
    (Method::POST, "/api/wallet/deposits"),
    (Method::POST, "/api/content/{id}/unlock"),
    (Method::POST, "/api/subscriptions"),
    (Method::POST, "/api/gifts/send"),
    (Method::POST, "/api/payouts"),
    (Method::POST, "/api/admin/transactions/{tx_id}/refund"),
    (Method::GET, "/api/entitlements"),
];

fn matters_most(request: &Request) -> bool {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    KEPT_FOR.iter().any(|(method, path)| method == request.method() && route == Some(*path))
}

/// Says that somebody is sent away, and why.
pub fn shed(reason: &'static str) -> Problem {
    metrics::counter!("http_requests_shed_total", "reason" => reason).increment(1);
    Problem::overloaded()
}

/// Counts requests under way, whatever becomes of them.
struct Running;

impl Running {
    fn begin() -> Self {
        metrics::gauge!("http_requests_in_flight").increment(1.0);
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        metrics::gauge!("http_requests_in_flight").decrement(1.0);
    }
}

/// Lets a request through if there is a place for it. Its body has arrived by now: slow clients take no places.
pub async fn admit(State(app): State<App>, request: Request, next: Next) -> Result<Response, Problem> {
    let _place = app.admission.request(matters_most(&request)).ok_or_else(|| shed("server"))?;
    let _running = Running::begin();
    Ok(next.run(request).await)
}
