//! The database: units of work as synchronous closures over one small interface to SQL.
//!
//! This is the only module that knows a database driver. Rules do not belong here: the functions of
//! `store` read rows and write rows, and decide nothing.

pub mod audit_logs;
pub mod contents;
pub mod creators;
pub mod deposits;
pub mod earnings;
pub mod entitlement_tokens;
pub mod entries;
pub mod gifts;
pub mod idempotency_keys;
pub mod jobs;
pub mod leaderboards;
pub mod ledger;
pub mod migrations;
pub mod payment_events;
pub mod payouts;
pub mod plans;
pub mod reconciliation;
pub mod reconciliations;
pub mod refresh_tokens;
pub mod sessions;
pub mod split_versions;
mod sqlite;
pub mod subscriptions;
pub mod transactions;
pub mod unlocks;
pub mod users;
mod values;
pub mod wallets;

pub use sqlite::{DiskBytes, Options};
pub use values::{Column, Row, Value};

use sqlite::{Connection, Sqlite};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::time::Instant;

/// How often a unit of work is tried again before its caller is told to come back later.
const TRIES_MAX: u32 = 5;

/// Why a unit of work did not happen.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another unit of work was in the way; the whole unit may run again.
    #[error("the database is busy")]
    Busy(#[source] Option<rusqlite::Error>),
    /// A unique row appeared in between; the whole unit may run again and will see it.
    #[error("another unit of work won the race for {0}")]
    Lost(&'static str),
    /// The commit was sent and no answer came.
    #[error("the outcome of the commit is unknown")]
    OutcomeUnknown,
    /// The queue is full, or the caller's deadline passed while it waited.
    #[error("the database has more work than it can do in time")]
    Overloaded,
    /// There is no room for another row.
    #[error("the disk is full")]
    Full(#[source] rusqlite::Error),
    /// The database is shut down.
    #[error("the database is closed")]
    Closed,
    /// The closure panicked; nothing of it was kept.
    #[error("a unit of work panicked")]
    Panicked,
    /// A row is not what the code believes it to be.
    #[error("column {column} of a row cannot be read as {expected}")]
    Column {
        /// Its place in the row, from 0.
        column: usize,
        /// What was expected.
        expected: &'static str,
    },
    /// The unit of work cannot be done, and trying again will not help.
    #[error("the unit of work is broken: {0}")]
    Broken(&'static str),
    /// The database refused a statement.
    #[error("the database refused a statement")]
    Refused(#[source] rusqlite::Error),
}

impl StoreError {
    /// Whether the same unit of work may succeed at once when it runs again.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Lost(_))
    }

    /// Whether the fault lies with the database's state and not with the unit of work.
    #[must_use]
    pub const fn is_outage(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Lost(_) | Self::Overloaded | Self::Full(_) | Self::Closed)
    }
}

/// A snapshot. It has no way to write.
#[derive(Debug)]
pub struct View<'unit> {
    connection: &'unit Connection,
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
    fn new(connection: &'unit Connection) -> Self {
        Self { connection }
    }

    /// Every row of a query. The text bounds how many there can be.
    ///
    /// # Errors
    /// [`StoreError`] if the database refuses or a row cannot be read.
    pub fn query<T>(
        &self,
        text: &'static str,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut rows = Vec::new();
        self.connection.query(text, values, &mut |row| {
            rows.push(read(row)?);
            Ok(true)
        })?;
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
        self.connection.query(text, values, &mut |row| {
            first = Some(read(row)?);
            Ok(false)
        })?;
        Ok(first)
    }
}

impl<'unit> Work<'unit> {
    fn new(connection: &'unit Connection) -> Self {
        Self { view: View::new(connection) }
    }

    /// Runs a statement and says how many rows it touched.
    ///
    /// # Errors
    /// [`StoreError`] if the database refuses; the unit of work is then over.
    pub fn execute(&mut self, text: &'static str, values: &[Value<'_>]) -> Result<usize, StoreError> {
        self.view.connection.execute(text, values)
    }

    /// Runs a statement that must touch exactly one row.
    ///
    /// # Errors
    /// As [`Work::execute`]; [`StoreError::Broken`] for any other number of rows.
    pub fn execute_one(&mut self, text: &'static str, values: &[Value<'_>]) -> Result<(), StoreError> {
        match self.execute(text, values)? {
            1 => Ok(()),
            _ => Err(StoreError::Broken("a statement for one row touched another number of rows")),
        }
    }
}

/// The database behind its closures. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    engine: Arc<Sqlite>,
}

impl Database {
    /// Opens an SQLite file, making it if it does not exist, and starts its threads.
    ///
    /// # Errors
    /// If the file cannot be used, or a setting that durability rests on did not take.
    pub fn open(path: &Path, options: &Options) -> Result<Self, OpenError> {
        Sqlite::open(path, options).map(|engine| Self { engine: Arc::new(engine) })
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
        self.engine.read(read).await
    }

    /// Asks for nothing, to see whether the database answers.
    ///
    /// # Errors
    /// As [`Database::read`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read(|view| view.query_opt("SELECT 1", &[], |row| row.get::<i64>(0)).map(|_| ())).await
    }

    /// Looks something up by its key, on the caller's own thread. For a handful of rows only: whatever may take
    /// longer than some microseconds belongs to [`Database::read`], and so do statements that must agree with
    /// one another, because here each sees a snapshot of its own.
    ///
    /// # Errors
    /// As [`Database::read`].
    pub async fn look_up<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&View<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.engine.look_up(read).await
    }

    /// Runs a unit of work, answering after its commit. It may run again, so it must change nothing
    /// but the database.
    ///
    /// # Errors
    /// What `work` answers, and then nothing of it was kept; [`StoreError::OutcomeUnknown`] when the
    /// commit was sent and not answered.
    pub async fn write<T, F>(&self, mut work: F, deadline: Instant) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Work<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let mut tries = 0;
        loop {
            tries += 1;
            let (returned, result) = self.engine.write(work, deadline).await?;
            match result {
                Err(error) if error.is_passing() && tries < TRIES_MAX => {
                    metrics::counter!("database_retries_total").increment(1);
                    work = returned;
                    let pause = Duration::from_millis(rand::random_range(5..200));
                    if Instant::now() + pause >= deadline {
                        return Err(StoreError::Overloaded);
                    }
                    tokio::time::sleep(pause).await;
                }
                result => return result,
            }
        }
    }

    /// What the database holds on disk.
    #[must_use]
    pub fn disk_bytes(&self) -> DiskBytes {
        self.engine.disk_bytes()
    }

    /// Waits for the queued units of work, folds the log into the file, and stops the threads.
    pub async fn close(&self) {
        self.engine.close().await;
    }
}

/// Why a database cannot be used.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The bundled library is older than the first one without a known bug that loses commits.
    #[error("SQLite {found} is too old: 3.51.3 or newer is needed")]
    LibraryTooOld {
        /// The version that is linked.
        found: &'static str,
    },
    /// A setting did not take.
    #[error("the database setting `{name}` is {found}, and must be {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// The file or its directory cannot be made or read.
    #[error("the database file cannot be used")]
    File(#[from] std::io::Error),
    /// SQLite refused the file.
    #[error("the database file cannot be opened")]
    Engine(#[from] rusqlite::Error),
    /// A first statement failed.
    #[error("the database does not answer")]
    Store(#[from] StoreError),
}
