//! Look-ups on the caller's own thread: a few microseconds by key are less than two hops between threads.

use super::{Connection, OpenError, Pool, StoreError, View};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Connections that nobody uses at the moment. The lock is held to take one and to put it back, never
/// while it reads.
#[derive(Debug)]
pub(super) struct Lookers {
    idle: Mutex<Vec<Connection>>,
    pool: Pool,
}

impl Lookers {
    pub(super) fn open(path: &Path, count: usize, slow: Option<Duration>) -> Result<Self, OpenError> {
        let count = count.max(1);
        let open = |_| Connection::open_reader(path).map(|connection| connection.watch(slow));
        let connections: Result<Vec<_>, _> = (0..count).map(open).collect();
        Ok(Self { idle: Mutex::new(connections?), pool: Pool::new("looker", count) })
    }

    /// The result, or `None` if every connection is in use.
    pub(super) fn try_look<T>(
        &self,
        read: &mut impl FnMut(&View<'_>) -> Result<T, StoreError>,
    ) -> Option<Result<T, StoreError>> {
        let connection = self.idle().pop()?;
        let _busy = self.pool.busy();
        // A statement is a snapshot by itself: beginning and ending one around it would cost as much again.
        let look = AssertUnwindSafe(|| read(&View::new((&connection).into())));
        let result = catch_unwind(look).unwrap_or(Err(StoreError::Panicked));
        self.idle().push(connection);
        Some(result)
    }

    /// Closes the connections that are idle, which all are once nobody asks any more.
    pub(super) fn close(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
