//! The problems of whoever asks too often, or guesses.

use super::Problem;
use axum::http::StatusCode;
use domain::rate_limit::Class;

impl Problem {
    /// The limit of this class is used up. The same request is accepted after `seconds`, and not before.
    #[must_use]
    pub fn rate_limited(policy: Class, limit: u32, seconds: u64) -> Self {
        let detail = format!("at most {limit} requests are accepted in a minute; ask again in {seconds} s");
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        let title = "Too many requests";
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", title, detail).retry_after(seconds);
        Self { policy: Some(policy), ..problem }
    }

    /// Too many passwords were tried, and this one was not looked at.
    #[must_use]
    pub fn too_many_sign_ins(seconds: u64) -> Self {
        let detail = format!("too many attempts to sign in; this one was not looked at, try again in {seconds} s");
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        let title = "Too many attempts to sign in";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_sign_ins", title, detail).retry_after(seconds)
    }
}
