//! The one door through which all money moves.
//!
//! [`Ledger::execute`] answers only after the commit returned, or says that nothing happened, or says that
//! it cannot know. Rules are in `domain`, rows in `store`; here are the queue, the batches and the retries.

mod engine;
mod room;
mod writer;

pub use engine::DatabaseEngine;

use crate::clock::stopwatch;
use crate::store::StoreError;
use domain::command::Request;
use domain::decide::Answer;
use domain::idempotency::StoredResponse;
use domain::receipt::Outcome;
use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Turns an outcome into what goes out. Pure, because its result commits together with the effect.
pub type Render = Arc<dyn Fn(&Outcome) -> StoredResponse + Send + Sync>;

/// What may wait and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Commands that may wait; one more is told to come back.
    pub queue: usize,
    /// Commands in one commit.
    pub batch: usize,
    /// Batches that run at once: more than one only where a database gains by it.
    pub lanes: usize,
    /// How long an unknown outcome is looked into before the caller is told that it is unknown.
    pub resolve: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { queue: 8_192, batch: 1_024, lanes: 1, resolve: Duration::from_secs(10) }
    }
}

impl Limits {
    /// How much of what may wait may wait for a batch that runs: there is such a wait where lanes run side by side.
    const fn room(&self) -> usize {
        if self.lanes > 1 { self.queue / 2 } else { 0 }
    }
}

/// Why a command has no answer.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// The queue is full.
    #[error("the ledger has more work than it can do")]
    Overloaded,
    /// The deadline passed before the command was picked up. Nothing happened.
    #[error("the command waited for longer than its deadline")]
    Expired,
    /// The database cannot take it now. Nothing happened.
    #[error("the database cannot take the command now")]
    Unavailable,
    /// The commit was sent, and nobody knows. The same key finds out.
    #[error("the outcome of the command is unknown")]
    OutcomeUnknown,
    /// The command breaks every batch that it is in. Nothing happened.
    #[error("the command cannot be executed")]
    Broken,
}

impl LedgerError {
    /// The stable code, for programs and metrics.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Overloaded => "overloaded",
            Self::Expired => "deadline_exceeded",
            Self::Unavailable => "unavailable",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Broken => "internal",
        }
    }

    /// The same, counted. Once for each command, where it is known that there will be no answer.
    fn counted(self) -> Self {
        metrics::counter!("ledger_failures_total", "reason" => self.code()).increment(1);
        self
    }
}

/// A command with what goes out for it.
#[derive(Clone)]
pub struct Submission {
    /// What is asked.
    pub request: Request,
    /// What goes out for its outcome.
    pub render: Render,
    /// Until when it may wait to be picked up.
    pub deadline: Instant,
}

/// Something that is kept until just before the answer, such as the note that a key is in flight.
pub type Hold = Box<dyn Any + Send>;

impl fmt::Debug for Submission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Submission").field("request", &self.request).finish_non_exhaustive()
    }
}

/// The one who waits for an answer.
struct Waiter {
    reply: oneshot::Sender<Result<Answer, LedgerError>>,
    hold: Hold,
}

impl Waiter {
    fn answer(self, answer: Result<Answer, LedgerError>) {
        // First, because the client may ask again the moment that it is answered.
        drop(self.hold);
        // Nobody listens when the client hung up. What was done is done all the same.
        let _ = self.reply.send(answer);
    }
}

/// A submission in the queue.
struct Queued {
    submission: Submission,
    waiter: Waiter,
    since: std::time::Instant,
}

/// Commands that run in one unit of work.
pub type Batch = Arc<[Submission]>;

/// Runs a batch as one unit of work: all of it or nothing.
///
/// A trait so that the queue, the bisection and the unknown outcomes can be tested without a database
/// and without real rules.
pub trait Engine: Send + Sync + 'static {
    /// One answer for each submission, in order, after the commit returned.
    fn run(&self, batch: Batch) -> impl Future<Output = Result<Vec<Answer>, StoreError>> + Send;
}

/// The door. Cheap to clone; the writer ends when the last one is gone.
#[derive(Clone, Debug)]
pub struct Ledger {
    queue: mpsc::Sender<Queued>,
}

impl Ledger {
    /// Opens the door and starts the writer behind it. The handle ends when every door is dropped and
    /// the queue is empty.
    pub fn start(engine: impl Engine, limits: Limits) -> (Self, JoinHandle<()>) {
        let (queue, queued) = mpsc::channel(limits.queue.saturating_sub(limits.room()).max(1));
        let writer = tokio::spawn(writer::run(engine, queued, limits));
        (Self { queue }, writer)
    }

    /// Executes a command. The answer is true: it comes after the commit.
    ///
    /// # Errors
    /// A [`LedgerError`], which says whether anything can have happened.
    pub async fn execute(&self, submission: Submission, hold: Hold) -> Result<Answer, LedgerError> {
        let (reply, answer) = oneshot::channel();
        let queued = Queued { submission, waiter: Waiter { reply, hold }, since: stopwatch() };
        self.queue.try_send(queued).map_err(|_| LedgerError::Overloaded.counted())?;
        // A writer that is gone may have committed before it went.
        answer.await.unwrap_or_else(|_| Err(LedgerError::OutcomeUnknown.counted()))
    }
}
