//! The thread that writes: every queued closure can be undone alone, and one commit holds all of them.

use super::truncation::{Truncation, truncate};
use super::{Connection, Pool};
use crate::store::slow::watched;
use crate::store::{StoreError, Work};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Units of work in one commit. The ledger's batch is one of them, so this bounds waiting, not throughput.
const GROUP_MAX: usize = 256;
/// How often the checkpointer looks at the log.
const CHECKPOINT_INTERVAL: Duration = Duration::from_millis(250);

/// A unit of work that waits, and until when it may.
pub(super) struct Queued {
    pub(super) job: Box<dyn Job>,
    pub(super) deadline: Instant,
}

/// A unit of work whose result type is known only to itself.
pub(super) trait Job: Send {
    /// Runs the closure and keeps what it made.
    fn run(&mut self, connection: &Connection) -> Result<(), StoreError>;
    /// Answers: with what was made if the commit returned, else with why not.
    fn finish(self: Box<Self>, outcome: Result<(), StoreError>);
}

/// A closure, what it made, and the one who waits for it.
pub(super) struct Writing<T, F> {
    pub(super) work: F,
    pub(super) value: Option<T>,
    pub(super) reply: oneshot::Sender<(F, Result<T, StoreError>)>,
}

impl<T, F> Job for Writing<T, F>
where
    T: Send,
    F: FnMut(&mut Work<'_>) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let run = AssertUnwindSafe(|| {
            let mut work = Work::new(connection.into());
            let made = (self.work)(&mut work);
            work.settle(made)
        });
        self.value = Some(catch_unwind(run).unwrap_or(Err(StoreError::Panicked))?);
        Ok(())
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Self { work, value, reply } = *self;
        let result = outcome.and_then(|()| value.ok_or(StoreError::Closed));
        // Nobody listens when the client hung up. The work is done all the same.
        let _ = reply.send((work, result));
    }
}

pub(super) fn run(connection: &Connection, queue: &flume::Receiver<Queued>, mut truncation: Truncation) {
    let pool = Pool::new("writer", 1);
    // Ends when every sender is gone and the queue is empty.
    while let Ok(first) = queue.recv() {
        let _busy = pool.busy();
        group(connection, queue, first);
        truncation.run(connection);
    }
    // The file alone is then the whole database.
    if let Err(error) = truncate(connection) {
        tracing::warn!(error = &error as &dyn std::error::Error, "the write-ahead log could not be emptied at the end");
    }
}

/// Runs one group, commits it and answers it.
fn group(connection: &Connection, queue: &flume::Receiver<Queued>, first: Queued) {
    let mut done: Vec<Box<dyn Job>> = Vec::new();
    let mut next = Some(first);
    let mut open = false;
    while let Some(Queued { mut job, deadline }) = next.take() {
        let result = if Instant::now() >= deadline {
            Err(StoreError::Overloaded)
        } else {
            step(connection, &mut open, job.as_mut())
        };
        match result {
            Ok(()) => done.push(job),
            Err(error) => {
                job.finish(Err(error));
                if open && connection.is_idle() {
                    // Everything was rolled back, the earlier closures too: they run again.
                    open = false;
                    done.drain(..).for_each(|job| job.finish(Err(StoreError::Busy(None))));
                }
            }
        }
        if done.len() < GROUP_MAX {
            next = queue.try_recv().ok();
        }
    }
    if open {
        commit(connection, done);
    }
}

/// Runs one closure so that it can be undone alone. The first of a group is undone with the whole
/// transaction, which holds nothing else yet: in a savepoint SQLite would keep a copy of every page that it
/// changes, and the ledger's batch, which changes the most, is nearly always first.
fn step(connection: &Connection, open: &mut bool, job: &mut dyn Job) -> Result<(), StoreError> {
    if !*open {
        connection.control("BEGIN IMMEDIATE")?;
        *open = true;
        return run_alone(connection, job).inspect_err(|_| {
            *open = false;
            roll_back(connection);
        });
    }
    connection.control("SAVEPOINT unit")?;
    let result = run_alone(connection, job);
    if connection.is_idle() {
        // The whole transaction is over: there is no savepoint to go back to.
        return result;
    }
    let ended = match &result {
        Ok(()) => connection.control("RELEASE unit"),
        Err(_) => connection.control("ROLLBACK TO unit").and_then(|()| connection.control("RELEASE unit")),
    };
    if let Err(error) = &ended {
        // Part of what this closure did may still be in the transaction. A commit would keep it, whatever its
        // caller is told: so nothing of the group is kept, and all of it runs again.
        tracing::error!(error = error as &dyn std::error::Error, "a unit of work could not be told from its group");
        metrics::counter!("database_groups_undone_total").increment(1);
        roll_back(connection);
    }
    result.and(ended.map_err(|_| StoreError::Busy(None)))
}

/// Runs a closure. One that ended the transaction itself has nothing that could be kept.
fn run_alone(connection: &Connection, job: &mut dyn Job) -> Result<(), StoreError> {
    job.run(connection)?;
    if connection.is_idle() { Err(StoreError::Broken("a unit of work ended its transaction")) } else { Ok(()) }
}

/// Ends the transaction, if there still is one. One that cannot be ended would keep what its callers are told was
/// not kept, and nobody could begin another: only a new start helps.
fn roll_back(connection: &Connection) {
    if !connection.is_idle()
        && let Err(error) = connection.control("ROLLBACK")
        && !connection.is_idle()
    {
        fatal(&error);
    }
}

fn commit(connection: &Connection, done: Vec<Box<dyn Job>>) {
    metrics::histogram!("database_group_size").record(u32::try_from(done.len()).unwrap_or(u32::MAX));
    match watched(connection.slow(), "COMMIT", || connection.control("COMMIT")) {
        Ok(()) => done.into_iter().for_each(|job| job.finish(Ok(()))),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a commit failed and was rolled back");
            roll_back(connection);
            let full = matches!(error, StoreError::Full(_));
            for job in done {
                // Rolled back for certain: an I/O error, which leaves doubt, has ended the process.
                job.finish(Err(if full { disk_full() } else { StoreError::Busy(None) }));
            }
        }
    }
}

fn disk_full() -> StoreError {
    StoreError::Full(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL), None).into())
}

/// Copies the log into the file beside the writer, whenever it has grown enough.
pub(super) fn checkpoint(connection: &Connection, pages: i64, stopped: &flume::Receiver<()>) {
    while let Err(flume::RecvTimeoutError::Timeout) = stopped.recv_timeout(CHECKPOINT_INTERVAL) {
        let mut waiting = 0;
        let look = connection.query("PRAGMA wal_checkpoint(NOOP)", &[], &mut |row| {
            waiting = row.get::<i64>(1)?.saturating_sub(row.get::<i64>(2)?);
            Ok(false)
        });
        if look.is_ok() && waiting >= pages {
            metrics::counter!("database_checkpoints_total").increment(1);
            // Busy only means that a reader holds an old snapshot: the next round goes on from here.
            let _ = connection.control("PRAGMA wal_checkpoint(PASSIVE)");
        }
    }
}

/// Ends the process: after an I/O error nobody knows what is on the disk, and the log does. At the next
/// start SQLite recovers from it, and clients that were not answered ask again with the same keys.
#[expect(clippy::disallowed_methods, reason = "the one place where the process may end by itself")]
pub(super) fn fatal(error: &(dyn std::error::Error + 'static)) -> ! {
    // The target has this line written before it is too late.
    tracing::error!(target: "superapp::fatal", error, "the disk failed; stopping at once, nothing more is acknowledged");
    std::process::abort();
}
