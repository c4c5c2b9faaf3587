//! What an error of the driver says about its connection and its commit. Pure: it looks at errors alone.

use crate::store::Source;
use tokio_postgres::Error;
use tokio_postgres::error::{Severity, SqlState};

/// What the server said, without its details: they repeat whole rows.
#[derive(Debug, thiserror::Error)]
#[error("{severity} {code}: {message}")]
struct Said {
    severity: String,
    code: String,
    message: String,
}

/// An error as it may be told.
pub(super) fn told(error: Error) -> Source {
    match error.as_db_error() {
        Some(said) => Box::new(Said {
            severity: said.severity().to_owned(),
            code: said.code().code().to_owned(),
            message: said.message().to_owned(),
        }),
        None => error.into(),
    }
}

/// Whether an error is about the connection or its session, and not about the statement.
pub(super) fn is_over(error: &Error, is_reading: bool) -> bool {
    let Some(said) = error.as_db_error() else { return false };
    let ends = matches!(said.parsed_severity(), Some(Severity::Fatal | Severity::Panic));
    // Somebody else is the primary now; this one would be asked in vain.
    let is_standby = *said.code() == SqlState::READ_ONLY_SQL_TRANSACTION && !is_reading;
    let is_leftover = *said.code() == SqlState::IN_FAILED_SQL_TRANSACTION;
    ends || is_standby || is_leftover || said.code().code().starts_with("08")
}

/// Whether the server says that a commit did not happen. A session that ends may have committed before it ended, and
/// some databases have codes for not knowing themselves.
pub(super) fn is_refused_commit(error: &Error) -> bool {
    let Some(said) = error.as_db_error() else { return false };
    let refusals = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::DISK_FULL,
        SqlState::READ_ONLY_SQL_TRANSACTION,
        SqlState::QUERY_CANCELED,
        SqlState::IN_FAILED_SQL_TRANSACTION,
    ];
    said.parsed_severity() == Some(Severity::Error)
        && (refusals.contains(said.code()) || said.code().code().starts_with("23"))
}

/// Whether an error without a code is the connection's, and not about a parameter of ours.
pub(super) fn is_broken(error: &Error) -> bool {
    error.is_closed() || std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
}
