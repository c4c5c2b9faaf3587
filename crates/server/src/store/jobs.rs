//! Background work that must run once across processes: a row to a job, which one of them holds for a while.

use super::{Row, StoreError, View, Work};
use domain::timestamp::{Span, Timestamp};
use uuid::Uuid;

/// How a run ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It did what was due.
    Done,
    /// It did not, or not all of it.
    Failed,
}

impl Outcome {
    /// The word in the database, in metrics and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// A job, as it stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Job {
    /// Its name.
    pub name: String,
    /// Which run holds it; none while it waits.
    pub holder: Option<Uuid>,
    /// Until when that run holds it.
    pub held_until: Timestamp,
    /// When the last run began.
    pub started_at: Option<Timestamp>,
    /// When the last run that ended did.
    pub finished_at: Option<Timestamp>,
    /// Not before this moment.
    pub next_run_at: Timestamp,
    /// How many runs ended.
    pub runs: i64,
    /// How many of them failed.
    pub failures: i64,
    /// How the last of them ended; empty before the first one did.
    pub last_outcome: String,
}

impl Job {
    /// When the last run ended, if it did what was due.
    #[must_use]
    pub fn last_success(&self) -> Option<Timestamp> {
        self.finished_at.filter(|_| self.last_outcome == Outcome::Done.as_str())
    }

    /// Whether a run may begin at a moment. The database has the last word: [`claim`].
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.next_run_at <= now && (self.holder.is_none() || self.held_until <= now)
    }
}

/// Takes a job for one run, if it is due and nobody holds it, or whoever held it let its time pass. A job that
/// never ran is due.
///
/// # Errors
/// If the database fails.
pub fn claim(work: &mut Work<'_>, name: &str, holder: Uuid, now: Timestamp, lease: Span) -> Result<bool, StoreError> {
    let text = "INSERT INTO jobs (name, holder, held_until, started_at, next_run_at, runs, failures, last_outcome)
        VALUES ($1, $2, $3, $4, $4, 0, 0, '')
        ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until,
            started_at = excluded.started_at
        WHERE jobs.next_run_at <= $4 AND (jobs.holder IS NULL OR jobs.held_until <= $4)";
    let values = [name.into(), holder.into(), now.plus(lease).into(), now.into()];
    work.execute(text, &values).map(|rows| rows == 1)
}

/// Holds a job for longer; says whether it was still held. If not, another run has it, and nothing changes.
///
/// # Errors
/// If the database fails.
pub fn prolong(work: &mut Work<'_>, name: &str, holder: Uuid, held_until: Timestamp) -> Result<bool, StoreError> {
    let text = "UPDATE jobs SET held_until = $3 WHERE name = $1 AND holder = $2";
    work.execute(text, &[name.into(), holder.into(), held_until.into()]).map(|rows| rows == 1)
}

/// Gives a job back after a run; says whether it was still held. If not, another run has it, and nothing changes.
///
/// # Errors
/// If the database fails.
pub fn finish(
    work: &mut Work<'_>,
    name: &str,
    holder: Uuid,
    now: Timestamp,
    next_run_at: Timestamp,
    outcome: Outcome,
) -> Result<bool, StoreError> {
    let text = "UPDATE jobs SET holder = NULL, held_until = $3, finished_at = $3, next_run_at = $4, runs = runs + 1,
        failures = failures + $5, last_outcome = $6 WHERE name = $1 AND holder = $2";
    let failed = i64::from(outcome == Outcome::Failed);
    let values = [name.into(), holder.into(), now.into(), next_run_at.into(), failed.into(), outcome.as_str().into()];
    work.execute(text, &values).map(|rows| rows == 1)
}

/// Every job that ever ran, by name.
///
/// # Errors
/// If the database fails.
pub fn list(view: &View<'_>) -> Result<Vec<Job>, StoreError> {
    let text = "SELECT name, holder, held_until, started_at, finished_at, next_run_at, runs, failures, last_outcome
        FROM jobs ORDER BY name";
    view.query(text, &[], read)
}

fn read(row: &Row<'_>) -> Result<Job, StoreError> {
    Ok(Job {
        name: row.get(0)?,
        holder: row.get(1)?,
        held_until: row.get(2)?,
        started_at: row.get(3)?,
        finished_at: row.get(4)?,
        next_run_at: row.get(5)?,
        runs: row.get(6)?,
        failures: row.get(7)?,
        last_outcome: row.get(8)?,
    })
}
