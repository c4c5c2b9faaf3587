//! The threads that read. Each job sees one snapshot, and has no way to write.

use super::{Connection, Pool};
use crate::store::{StoreError, View};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// A read that waits, and until when it may.
pub(super) struct Queued {
    pub(super) job: Box<dyn Job>,
    pub(super) deadline: Instant,
}

/// A read whose result type is known only to itself.
pub(super) trait Job: Send {
    fn run(self: Box<Self>, connection: &Connection);
}

/// A read and the one who waits for it.
pub(super) struct Reading<T, F> {
    pub(super) read: F,
    pub(super) reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Reading<T, F>
where
    T: Send,
    F: FnMut(&View<'_>) -> Result<T, StoreError> + Send,
{
    fn run(mut self: Box<Self>, connection: &Connection) {
        if self.reply.is_closed() {
            return;
        }
        let read = AssertUnwindSafe(|| snapshot(connection, &mut self.read));
        let result = catch_unwind(read).unwrap_or(Err(StoreError::Panicked));
        let _ = self.reply.send(result);
    }
}

fn snapshot<T>(
    connection: &Connection,
    read: &mut impl FnMut(&View<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    connection.control("BEGIN")?;
    let result = read(&View::new(connection.into()));
    // Nothing was written, so how it ends does not matter to the data; a failure to end it does to us.
    connection.control("COMMIT").and(result)
}

pub(super) fn run(connection: &Connection, queue: &flume::Receiver<Queued>, pool: &Pool) {
    while let Ok(Queued { job, deadline }) = queue.recv() {
        let _busy = pool.busy();
        // Dropping the job tells its caller that its time has passed.
        if Instant::now() < deadline {
            job.run(connection);
        }
        if !connection.is_idle() {
            // A panic between BEGIN and COMMIT would leave every later read in an old snapshot.
            let _ = connection.control("ROLLBACK");
        }
    }
}
