//! Problems of credentials that are believed, and do not reach as far as they are asked to.

use super::Problem;
use axum::http::StatusCode;
use domain::api_key::Scope;

impl Problem {
    /// An API key that does not open the route; with the scope that would.
    #[must_use]
    pub fn insufficient_scope(lacking: Option<Scope>) -> Self {
        let detail = match lacking {
            Some(scope) => format!("this API key lacks the scope `{}`; make one that has it", scope.as_str()),
            None => "no API key opens this route; sign in and send an access token".to_owned(),
        };
        Self::new(StatusCode::FORBIDDEN, "insufficient_scope", "The API key does not reach this far", detail)
    }

    /// A key whose answer held a secret, and which is repeated.
    #[must_use]
    pub fn secret_already_issued() -> Self {
        let detail = "the answer to this idempotency key held a secret, which is shown once; if it was lost, delete \
            what was made (GET /api/api-keys lists it) and use a new key";
        Self::new(StatusCode::CONFLICT, "secret_already_issued", "The secret has been handed out", detail)
    }
}
