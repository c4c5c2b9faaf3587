//! Answers that hold a secret: they go out once, and what is kept for their key is that they did.

use super::{Origin, Rests, run};
use crate::app::App;
use crate::http::problem::Problem;
use crate::operations::Denial;
use crate::store::{StoreError, Work};
use axum::response::Response;
use domain::idempotency::{Idempotency, StoredResponse};
use std::sync::Arc;

/// An answer, and what is kept of it for its key.
pub(super) struct Rendered {
    pub(super) response: StoredResponse,
    pub(super) kept: StoredResponse,
}

impl Rendered {
    /// The answer of a request that finds its own record, because the answer of its commit was lost: what it `made` for
    /// this record, which nobody has seen yet. What is `kept` of a secret would be a refusal.
    pub(super) fn own(made: Option<&Self>, kept: &StoredResponse) -> StoredResponse {
        made.filter(|made| made.kept == *kept).map_or(kept, |made| &made.response).clone()
    }
}

impl From<StoredResponse> for Rendered {
    fn from(response: StoredResponse) -> Self {
        Self { kept: response.clone(), response }
    }
}

/// As [`super::write`], for an answer that must not be kept. Whoever repeats the key is told that the secret was handed
/// out.
pub async fn hand_out<T: Send + 'static>(
    app: &App,
    origin: &Origin,
    key: Option<Idempotency>,
    operation: impl FnMut(&mut Work<'_>) -> Result<Result<T, Denial>, StoreError> + Send + 'static,
    render: impl Fn(T) -> Result<StoredResponse, Problem> + Send + 'static,
) -> Result<Response, Problem> {
    let request_id = Arc::clone(&origin.request_id);
    let render = move |made| {
        let kept = Problem::secret_already_issued().stored(&request_id);
        render(made).map(|response| Rendered { response, kept })
    };
    run(app, origin, key, operation, render, Rests::OnWhatItReads).await
}

#[cfg(test)]
mod tests {
    use super::Rendered;
    use domain::idempotency::StoredResponse;

    fn response(status: u16, body: &[u8]) -> StoredResponse {
        StoredResponse { status, headers: Vec::new(), body: body.into() }
    }

    #[test]
    fn a_request_that_finds_its_own_record_answers_the_secret_that_it_made() {
        let made = Rendered { response: response(201, b"secret"), kept: response(409, b"issued") };
        assert_eq!(Rendered::own(Some(&made), &response(409, b"issued")), response(201, b"secret"));
    }

    #[test]
    fn what_was_made_for_another_record_is_not_answered() {
        let made = Rendered { response: response(201, b"secret"), kept: response(409, b"issued") };
        assert_eq!(Rendered::own(Some(&made), &response(409, b"too many")), response(409, b"too many"));
        assert_eq!(Rendered::own(None, &response(409, b"issued")), response(409, b"issued"));
    }
}
