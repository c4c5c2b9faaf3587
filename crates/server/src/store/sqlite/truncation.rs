//! Emptying a log that has grown too long, on the writer's own thread: so it must never hold payments up for long.
//!
//! The checkpointer copies the log while others write and read, but only somebody whom no reader is in the way of
//! can make it short. A reader with an old snapshot may stay for minutes, and every try waits for it.

use super::{Connection, StoreError, settings};
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::Instant;

/// How long a try waits for readers to move on. Readers who are not in an old snapshot need far less.
const PATIENCE: Duration = Duration::from_millis(20);
/// How long after a try that was in vain the next one comes.
const BACK_OFF: Duration = Duration::from_secs(10);

/// The log, how long it may grow, and when it is looked at again.
#[derive(Debug)]
pub(super) struct Truncation {
    wal: PathBuf,
    bytes_max: u64,
    not_before: Option<Instant>,
}

impl Truncation {
    pub(super) const fn new(wal: PathBuf, bytes_max: u64) -> Self {
        Self { wal, bytes_max, not_before: None }
    }

    /// Empties the log if it is too long, unless it was tried in vain a moment ago.
    pub(super) fn run(&mut self, connection: &Connection) {
        let bytes = std::fs::metadata(&self.wal).map_or(0, |metadata| metadata.len());
        let now = Instant::now();
        if !self.is_due(bytes, now) {
            return;
        }
        let emptied = connection
            .set_patience(PATIENCE)
            .and_then(|()| truncate(connection))
            // Whatever became of it, the writer waits for other processes as long as ever.
            .and_then(|emptied| connection.set_patience(settings::PATIENCE).map(|()| emptied));
        let outcome = match emptied {
            Ok(true) => "done",
            Ok(false) => "busy",
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the write-ahead log cannot be emptied");
                let _ = connection.set_patience(settings::PATIENCE);
                "failed"
            }
        };
        metrics::counter!("database_wal_truncations_total", "outcome" => outcome).increment(1);
        self.note(outcome == "done", now);
    }

    fn is_due(&self, bytes: u64, now: Instant) -> bool {
        bytes > self.bytes_max && self.not_before.is_none_or(|moment| now >= moment)
    }

    fn note(&mut self, emptied: bool, now: Instant) {
        self.not_before = (!emptied).then(|| now + BACK_OFF);
    }
}

/// Whether the log is empty now. Being in somebody's way is no error to SQLite: it says so in a row.
pub(super) fn truncate(connection: &Connection) -> Result<bool, StoreError> {
    let mut busy = true;
    connection.query("PRAGMA wal_checkpoint(TRUNCATE)", &[], &mut |row| {
        busy = row.get::<i64>(0)? != 0;
        Ok(false)
    })?;
    Ok(!busy)
}

#[cfg(test)]
mod tests {
    use super::{BACK_OFF, Truncation};
    use std::path::PathBuf;
    use std::time::Duration;
    use tokio::time::Instant;

    #[test]
    fn a_try_in_vain_is_followed_by_a_pause_and_a_success_by_none() {
        let mut truncation = Truncation::new(PathBuf::new(), 100);
        let now = Instant::now();
        assert!(!truncation.is_due(100, now) && truncation.is_due(101, now));
        truncation.note(false, now);
        assert!(!truncation.is_due(u64::MAX, now + BACK_OFF - Duration::from_nanos(1)));
        assert!(truncation.is_due(101, now + BACK_OFF) && !truncation.is_due(100, now + BACK_OFF));
        truncation.note(true, now);
        assert!(truncation.is_due(101, now));
    }
}
