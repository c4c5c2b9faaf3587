//! The database: units of work as synchronous closures over one small interface to SQL.
//!
//! This is the only module that knows a database driver. Rules do not belong here: the functions of
//! `store` read rows and write rows, and decide nothing.

pub mod api_keys;
pub mod audit_logs;
pub mod backup;
pub mod catalogue;
mod connection;
pub mod contents;
pub mod copy;
pub mod creators;
pub mod deposits;
pub mod earnings;
pub mod entitlement_tokens;
pub mod entries;
mod error;
pub mod gifts;
pub mod idempotency_keys;
pub mod indexes;
pub mod jobs;
pub mod leaderboards;
pub mod ledger;
mod look_up;
pub mod migrations;
mod options;
pub mod payment_events;
pub mod payouts;
pub mod plans;
mod pool;
mod postgres;
mod queue;
pub mod reconciliation;
pub mod reconciliations;
pub mod refresh_tokens;
mod replica;
mod retry;
mod row;
pub mod sessions;
mod set_query;
pub mod sign_in_failures;
mod slow;
mod spans;
pub mod split_versions;
mod sqlite;
mod stale;
pub mod subscriptions;
pub mod transactions;
pub mod unlocks;
mod upkeep;
pub mod users;
mod values;
pub mod wallets;

pub use error::{OpenError, Source, StoreError};
pub use look_up::LookUp;
pub use options::{Isolation, Location, Options};
pub use replica::ReplicaState;
pub use row::Row;
pub use sqlite::DiskBytes;
pub use stale::{Past, StaleReader};
pub use values::{Column, Value};

use connection::{Connection, Set};
use options::Lane;
use postgres::{Postgres, Touches};
use queue::try_send;
use replica::Replica;
use retry::{TRIES_MAX, pause};
use sqlite::Sqlite;
use std::cell::Cell;
use std::sync::Arc;
use tokio::time::Instant;

/// A snapshot. It has no way to write.
#[derive(Debug)]
pub struct View<'unit> {
    connection: Connection<'unit>,
    /// Whether the rows of a query are being read: no other statement may run meanwhile.
    is_reading: Cell<bool>,
    /// Whether a statement failed, after which nothing of the unit of work may be kept.
    has_failed: Cell<bool>,
}

/// A unit of work: reads, writes, and commits or not as a whole.
#[derive(Debug)]
pub struct Work<'unit> {
    view: View<'unit>,
}

impl<'unit> std::ops::Deref for Work<'unit> {
    type Target = View<'unit>;

    fn deref(&self) -> &View<'unit> {
        &self.view
    }
}

impl<'unit> View<'unit> {
    fn new(connection: Connection<'unit>) -> Self {
        Self { connection, is_reading: Cell::new(false), has_failed: Cell::new(false) }
    }

    /// Runs one statement, alone, and remembers if it failed.
    fn run<T>(&self, statement: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        if self.is_reading.replace(true) {
            self.has_failed.set(true);
            return Err(StoreError::Broken("a statement among the rows of another"));
        }
        let result = statement().inspect_err(|_| self.has_failed.set(true));
        self.is_reading.set(false);
        result
    }

    /// What a closure made, unless a statement of it failed and it went on as if nothing had happened: some
    /// databases keep nothing of such a unit of work, so none does.
    fn settle<T>(&self, made: Result<T, StoreError>) -> Result<T, StoreError> {
        match made {
            Ok(_) if self.has_failed.get() => Err(StoreError::Broken("an error of a statement was not passed on")),
            made => made,
        }
    }

    /// Every row of a query. The text bounds how many there can be. `read` may not run another statement.
    ///
    /// # Errors
    /// [`StoreError`] if the database refuses or a row cannot be read; the unit of work is then over.
    pub fn query<T>(
        &self,
        text: &'static str,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut rows = Vec::new();
        let mut push = |row: &Row<'_>| {
            rows.push(read(row)?);
            Ok(true)
        };
        self.run(|| self.connection.query(text, values, &mut push))?;
        Ok(rows)
    }

    /// The first row of a query, if there is one.
    ///
    /// # Errors
    /// As [`View::query`].
    pub fn query_opt<T>(
        &self,
        text: &'static str,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut first = None;
        let mut keep = |row: &Row<'_>| {
            first = Some(read(row)?);
            Ok(false)
        };
        self.run(|| self.connection.query(text, values, &mut keep))?;
        Ok(first)
    }
}

impl<'unit> Work<'unit> {
    fn new(connection: Connection<'unit>) -> Self {
        Self { view: View::new(connection) }
    }

    /// Runs a statement and says how many rows it touched.
    ///
    /// # Errors
    /// [`StoreError`] if the database refuses; the unit of work is then over.
    pub fn execute(&mut self, text: &'static str, values: &[Value<'_>]) -> Result<usize, StoreError> {
        self.run(|| self.view.connection.execute(text, values))
    }

    /// Runs a statement that must touch exactly one row for each row of a set. No two rows of a set may mean the same
    /// row of the database.
    ///
    /// # Errors
    /// As [`Work::execute`]; [`StoreError::Broken`] for any other number of rows.
    pub fn execute_all<const N: usize>(
        &mut self,
        text: &'static str,
        set: &[[Value<'_>; N]],
    ) -> Result<(), StoreError> {
        let broken = StoreError::Broken("a statement for a set of rows touched another number of rows");
        self.execute_each(text, set, broken)
    }

    /// The same where another process may have been faster with one of them: whoever comes second has lost.
    ///
    /// # Errors
    /// As [`Work::execute`]; [`StoreError::Lost`] for any other number of rows.
    pub fn execute_or_lose<const N: usize>(
        &mut self,
        text: &'static str,
        set: &[[Value<'_>; N]],
        what: &'static str,
    ) -> Result<(), StoreError> {
        self.execute_each(text, set, StoreError::Lost(what))
    }

    fn execute_each<const N: usize>(
        &mut self,
        text: &'static str,
        set: &[[Value<'_>; N]],
        otherwise: StoreError,
    ) -> Result<(), StoreError> {
        let touches = Touches { rows: set.len(), otherwise };
        self.run(|| self.view.connection.execute_each_exactly(text, Set::new(set), touches))
    }

    /// Locks the rows of some ids until the unit of work is over. The text is PostgreSQL's, with one array of ids
    /// for its parameter, and orders them; SQLite has one writer, which is alone with its rows.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if another unit of work held one of them for too long.
    pub fn lock(&mut self, text: &'static str, ids: &[Value<'_>]) -> Result<(), StoreError> {
        self.run(|| self.view.connection.lock(text, ids))
    }

    /// Runs a statement that must touch exactly one row.
    ///
    /// # Errors
    /// As [`Work::execute`]; [`StoreError::Broken`] for any other number of rows.
    pub fn execute_one(&mut self, text: &'static str, values: &[Value<'_>]) -> Result<(), StoreError> {
        let otherwise = StoreError::Broken("a statement for one row touched another number of rows");
        self.run(|| self.view.connection.execute_exactly(text, values, Touches { rows: 1, otherwise }))
    }
}

/// The database behind its closures. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    engine: Arc<Engine>,
    replica: Option<Arc<Replica>>,
}

#[derive(Debug)]
enum Engine {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Database {
    /// Opens a database and starts its threads. An SQLite file is made if it does not exist.
    ///
    /// # Errors
    /// If it cannot be used, or a setting that durability rests on did not take.
    pub fn open(location: &Location, options: &Options) -> Result<Self, OpenError> {
        let engine = match location {
            Location::Sqlite(path) => Engine::Sqlite(Sqlite::open(path, options)?),
            Location::Postgres(url) => Engine::Postgres(Postgres::open(url, options)?),
        };
        Ok(Self { engine: Arc::new(engine), replica: None })
    }

    /// Reads from one snapshot.
    ///
    /// # Errors
    /// What `read` answers; [`StoreError::Overloaded`] when no reader is free in time.
    pub async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&View<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let read = spans::reading(read);
        match &*self.engine {
            Engine::Sqlite(sqlite) => sqlite.read(read).await,
            Engine::Postgres(postgres) => postgres.read(read).await,
        }
    }

    /// Looks something up by its key, on SQLite on the caller's own thread. For a handful of rows only: whatever
    /// may take longer than some microseconds belongs to [`Database::read`], and so do statements that must agree
    /// with one another, because here each sees a snapshot of its own.
    ///
    /// # Errors
    /// As [`Database::read`].
    pub async fn look_up<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&View<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        match &*self.engine {
            Engine::Sqlite(sqlite) => sqlite.look_up(spans::reading(read)).await,
            Engine::Postgres(postgres) => postgres.look_up(spans::reading(read)).await,
        }
    }

    /// Looks one row up by its key. What requests look up at the same moment is asked together where asking has a
    /// price, so this is for what every request needs.
    ///
    /// # Errors
    /// As [`Database::read`].
    pub async fn find<T: Send + 'static>(&self, look_up: LookUp<T>) -> Result<Option<T>, StoreError> {
        match &*self.engine {
            Engine::Sqlite(sqlite) => sqlite.find(look_up).await,
            Engine::Postgres(postgres) => postgres.find(look_up).await,
        }
    }

    /// Runs a unit of work, answering after its commit. It may run again, so it must change nothing
    /// but the database. What it reads and what it then writes are one moment, whoever else writes.
    ///
    /// # Errors
    /// What `work` answers, and then nothing of it was kept; [`StoreError::OutcomeUnknown`] when the
    /// commit was sent and not answered.
    pub async fn write<T, F>(&self, work: F, deadline: Instant) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Work<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.run(work, deadline, Lane::Other).await
    }

    /// The same for a unit that locks the rows which it rests on before it reads them. One that changes a row which
    /// payments change all the time needs this: as one moment it would have to be the first after all of them.
    ///
    /// # Errors
    /// As [`Database::write`].
    pub async fn write_locked<T, F>(&self, work: F, deadline: Instant) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Work<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.run(work, deadline, Lane::Locked).await
    }

    /// Runs a batch of the ledger: as [`Database::write`], but it locks the rows that it rests on itself, and
    /// never waits behind other writes.
    ///
    /// # Errors
    /// As [`Database::write`].
    pub async fn post<T, F>(&self, work: F, deadline: Instant) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Work<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.run(work, deadline, Lane::Ledger).await
    }

    async fn run<T, F>(&self, work: F, deadline: Instant, lane: Lane) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Work<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let mut work = spans::writing(work);
        let mut tries = 0;
        loop {
            tries += 1;
            let (returned, result) = match &*self.engine {
                Engine::Sqlite(sqlite) => sqlite.write(work, deadline).await?,
                Engine::Postgres(postgres) => postgres.write(work, deadline, lane).await?,
            };
            match result {
                Err(error) if error.is_passing() && (tries < TRIES_MAX || matches!(error, StoreError::Busy(_))) => {
                    metrics::counter!("database_retries_total").increment(1);
                    work = returned;
                    if !pause(tries, deadline).await {
                        return Err(StoreError::Overloaded);
                    }
                }
                result => return result,
            }
        }
    }
}
