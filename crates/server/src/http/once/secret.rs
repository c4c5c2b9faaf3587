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
