//! Problems that are not the caller's fault. Their causes are told in the log, in the line of the request, and nowhere
//! else.

use super::Problem;
use crate::auth::password::HashError;
use crate::ledger::LedgerError;
use crate::store::StoreError;
use crate::telemetry::line::chain;
use axum::http::StatusCode;
use std::sync::Arc;

impl Problem {
    /// The same, with what led to it.
    #[must_use]
    pub fn because(mut self, error: &(dyn std::error::Error + 'static)) -> Self {
        self.cause = Some(Arc::from(chain(error)));
        self
    }

    /// What led to it, for the log alone.
    #[must_use]
    pub fn cause(&self) -> Option<Arc<str>> {
        self.cause.clone()
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        let problem = match error {
            LedgerError::Overloaded | LedgerError::Expired | LedgerError::Unavailable => Self::overloaded(),
            LedgerError::Broken => Self::internal(),
            LedgerError::OutcomeUnknown => {
                let detail = "the connection to the database was lost while the payment was being recorded; \
                    repeat the request with the same key to learn what happened";
                let title = "The outcome is unknown";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "outcome_unknown", title, detail).retry_after(1)
            }
        };
        problem.because(&error)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let problem = if error.is_outage() {
            Self::overloaded()
        } else if matches!(error, StoreError::OutcomeUnknown) {
            LedgerError::OutcomeUnknown.into()
        } else {
            Self::internal()
        };
        problem.because(&error)
    }
}

impl From<HashError> for Problem {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Overloaded => Self::overloaded(),
            HashError::Broken => Self::internal(),
        }
    }
}
