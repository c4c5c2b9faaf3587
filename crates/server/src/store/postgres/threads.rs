//! The threads that hold a connection each and run units of work on it, one after the other.
//!
//! A thread connects when it has work and no connection; what it runs when the connection breaks may run again.

use super::connection::Connection;
use super::server::Server;
use super::settings::Timeouts;
use crate::store::pool::Pool;
use crate::store::{StoreError, View, Work};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// A unit of work that waits, and until when it may.
pub(super) struct Queued {
    pub(super) job: Box<dyn Job>,
    pub(super) deadline: Instant,
}

/// A unit of work whose result type is known only to itself.
pub(super) trait Job: Send {
    /// Runs on a connection, commit and all, and answers. An `Err` instead of a connection is the answer.
    fn run(self: Box<Self>, connection: Result<&Connection, StoreError>);
}

/// A closure and the one who waits for it.
pub(super) struct Writing<T, F> {
    pub(super) work: F,
    pub(super) begin: &'static str,
    pub(super) reply: oneshot::Sender<(F, Result<T, StoreError>)>,
}

impl<T, F> Job for Writing<T, F>
where
    T: Send,
    F: FnMut(&mut Work<'_>) -> Result<T, StoreError> + Send,
{
    fn run(self: Box<Self>, connection: Result<&Connection, StoreError>) {
        let Self { mut work, begin, reply } = *self;
        let result = connection.and_then(|connection| {
            unit(connection, begin, || {
                let mut unit = Work::new(connection.into());
                let made = work(&mut unit);
                unit.settle(made)
            })
        });
        // Nobody listens when the client hung up. The work is done all the same.
        let _ = reply.send((work, result));
    }
}

/// A read and the one who waits for it.
pub(super) struct Reading<T, F> {
    pub(super) read: F,
    /// How its snapshot begins; none for look-ups, where each statement is one by itself.
    pub(super) begin: Option<&'static str>,
    pub(super) reply: oneshot::Sender<(F, Result<T, StoreError>)>,
}

impl<T, F> Job for Reading<T, F>
where
    T: Send,
    F: FnMut(&View<'_>) -> Result<T, StoreError> + Send,
{
    fn run(self: Box<Self>, connection: Result<&Connection, StoreError>) {
        let Self { mut read, begin, reply } = *self;
        if reply.is_closed() {
            return;
        }
        let result = connection.and_then(|connection| {
            let mut look = || {
                let view = View::new(connection.into());
                view.settle(read(&view))
            };
            match begin {
                Some(begin) => unit(connection, begin, look),
                None => catch_unwind(AssertUnwindSafe(&mut look)).unwrap_or(Err(StoreError::Panicked)),
            }
        });
        let _ = reply.send((read, result));
    }
}

/// Begins, runs and commits; or rolls back, whatever went wrong.
fn unit<T>(
    connection: &Connection,
    begin: &'static str,
    run: impl FnMut() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    connection.begin(begin);
    match catch_unwind(AssertUnwindSafe(run)).unwrap_or(Err(StoreError::Panicked)) {
        Ok(made) => connection.commit().map(|()| made),
        Err(error) => {
            connection.roll_back();
            Err(error)
        }
    }
}

/// Until every sender is gone and the queue is empty.
pub(super) fn run(
    first: Option<Connection>,
    server: &Server,
    timeouts: Timeouts,
    queue: &flume::Receiver<Queued>,
    pool: &Pool,
) {
    let mut session = Session::new(first, server, timeouts);
    while let Ok(Queued { job, deadline }) = queue.recv() {
        let _busy = pool.busy();
        if Instant::now() >= deadline {
            job.run(Err(StoreError::Overloaded));
        } else {
            job.run(session.connection());
        }
    }
}

/// The connection of one thread, made anew when it is gone.
pub(super) struct Session<'server> {
    server: &'server Server,
    timeouts: Timeouts,
    connection: Option<Connection>,
}

impl<'server> Session<'server> {
    pub(super) fn new(first: Option<Connection>, server: &'server Server, timeouts: Timeouts) -> Self {
        let mut session = Self { server, timeouts, connection: first };
        // Before there is work, if the server is there.
        let _ = session.connection();
        session
    }

    pub(super) fn connection(&mut self) -> Result<&Connection, StoreError> {
        let open = self.connection.take().filter(|connection| !connection.is_closed());
        let open = open.map_or_else(|| self.connect(), Ok)?;
        Ok(self.connection.insert(open))
    }

    fn connect(&self) -> Result<Connection, StoreError> {
        metrics::counter!("database_connects_total").increment(1);
        Connection::open(self.server, &self.timeouts).map_err(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "the database cannot be reached");
            StoreError::Busy(Some(error.into()))
        })
    }
}
