//! What a server warns of beside its answers. It matters to a commit alone.

use std::sync::{Arc, Mutex, PoisonError};
use tokio_postgres::error::{DbError, Severity};

/// The last warning of a connection that nobody has looked at, shared with the task that drives it.
#[derive(Clone, Debug, Default)]
pub(super) struct Warnings(Arc<Mutex<Option<String>>>);

impl Warnings {
    /// Keeps what a server says beside its answers, if it is a warning. Without its details: they repeat whole rows.
    pub(super) fn hear(&self, said: &DbError) {
        // The localised word may be another; servers of our age send both.
        if said.parsed_severity() == Some(Severity::Warning) {
            let told = format!("{}: {}", said.code().code(), said.message());
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
        }
    }

    /// The last warning, which is then forgotten.
    pub(super) fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
