//! The problem of whoever asks too often.

use super::Problem;
use axum::http::StatusCode;

impl Problem {
    /// The limit is used up. The same request is accepted after `seconds`, and not before.
    #[must_use]
    pub fn rate_limited(limit: u32, seconds: u64) -> Self {
        let detail = format!("at most {limit} requests are accepted in a minute; ask again in {seconds} s");
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "Too many requests", detail).retry_after(seconds)
    }
}
