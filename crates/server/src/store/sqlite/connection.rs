//! One connection: the portable texts on the way in, rows and errors on the way out.

use super::settings;
use crate::store::{OpenError, Row, StoreError, Value};
use rusqlite::{ErrorCode, OpenFlags};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// More statements than the code has, so that none is ever compiled twice.
const STATEMENTS_CACHED: usize = 256;

/// How long a command that must be alone waits for one that has just ended.
const COMPANY_PATIENCE: Duration = Duration::from_millis(500);

/// A connection that belongs to one thread.
#[derive(Debug)]
pub(crate) struct Connection {
    inner: rusqlite::Connection,
    /// `$1` rewritten to `?1`, once for each text: SQLite numbers `$2, $1` in the order it meets them. By
    /// where the text lies, because a static one stays there, and hashing it whole costs more.
    texts: RefCell<HashMap<(usize, usize), Arc<str>>>,
    /// How long a statement may take before it is told of.
    slow: Cell<Option<Duration>>,
}

impl Connection {
    /// The connection that writes.
    pub(in crate::store) fn open_writer(path: &Path) -> Result<Self, OpenError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        // Until the settings are made: two processes that turn the log of a new file on at once would
        // each find it locked by the other, and SQLite lets neither wait.
        let _turn = settings::take_turn(path)?;
        let connection = rusqlite::Connection::open_with_flags(path, flags)?;
        settings::apply(&connection, settings::SETTINGS)?;
        Ok(Self::wrap(connection))
    }

    /// A connection that cannot write.
    pub(super) fn open_reader(path: &Path) -> Result<Self, OpenError> {
        let connection = Self::open_writer(path)?;
        connection.inner.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }

    /// A connection that no other process can be beside; none if one is. It keeps the log's index in its own memory, which
    /// takes a lock that every open connection holds.
    pub(in crate::store) fn open_alone(path: &Path) -> Result<Option<Self>, OpenError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let _turn = settings::take_turn(path)?;
        let connection = rusqlite::Connection::open_with_flags(path, flags)?;
        // Whoever has it open will not close it soon.
        connection.busy_timeout(COMPANY_PATIENCE)?;
        connection.pragma_update_and_check(None, "locking_mode", "exclusive", |_| Ok(()))?;
        match settings::apply(&connection, settings::SETTINGS) {
            Ok(()) => Ok(Some(Self::wrap(connection))),
            Err(OpenError::Engine(error)) if is_busy(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn wrap(inner: rusqlite::Connection) -> Self {
        inner.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
        Self { inner, texts: RefCell::default(), slow: Cell::default() }
    }

    /// Tells of statements that take longer from now on.
    pub(super) fn watch(self, slow: Option<Duration>) -> Self {
        self.slow.set(slow);
        self
    }

    pub(in crate::store) fn slow(&self) -> Option<Duration> {
        self.slow.get()
    }

    /// Whether no transaction is open: after an error SQLite may have rolled back the whole of it.
    pub(in crate::store) fn is_idle(&self) -> bool {
        self.inner.is_autocommit()
    }

    /// How long statements wait for whoever is in their way. Not by a pragma: a statement that is kept compiled
    /// would set it once and never again.
    pub(super) fn set_patience(&self, patience: Duration) -> Result<(), StoreError> {
        self.inner.busy_timeout(patience).map_err(classify)
    }

    /// Runs statements that have no parameters and whose rows do not matter.
    pub(in crate::store) fn control(&self, text: &'static str) -> Result<(), StoreError> {
        self.execute(text, &[]).map(|_| ())
    }

    /// Runs a script, such as a migration.
    pub(crate) fn script(&self, text: &str) -> Result<(), StoreError> {
        self.inner.execute_batch(text).map_err(classify)
    }

    pub(crate) fn execute(&self, text: &'static str, values: &[Value<'_>]) -> Result<usize, StoreError> {
        self.with(text, values, |statement| {
            let mut rows = statement.raw_query();
            while rows.next()?.is_some() {}
            drop(rows);
            Ok(())
        })?;
        usize::try_from(self.inner.changes()).map_err(|_| StoreError::Broken("a statement touched too many rows"))
    }

    pub(crate) fn query(
        &self,
        text: &'static str,
        values: &[Value<'_>],
        read: &mut dyn FnMut(&Row<'_>) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        self.with(text, values, |statement| {
            let mut rows = statement.raw_query();
            while let Some(row) = rows.next()? {
                match read(&Row::from(row)) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => return Ok(Err(error)),
                }
            }
            Ok(Ok(()))
        })?
    }

    fn with<T>(
        &self,
        text: &'static str,
        values: &[Value<'_>],
        run: impl FnOnce(&mut rusqlite::CachedStatement<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        // Given back before it runs: whoever reads the rows may ask for more rows.
        let place = (text.as_ptr().addr(), text.len());
        let text = Arc::clone(self.texts.borrow_mut().entry(place).or_insert_with(|| text.replace('$', "?").into()));
        let mut statement = self.inner.prepare_cached(&text).map_err(classify)?;
        for (index, value) in values.iter().enumerate() {
            statement.raw_bind_parameter(index + 1, value).map_err(classify)?;
        }
        run(&mut statement).map_err(classify)
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// What an error of the driver means to the unit of work.
fn classify(error: rusqlite::Error) -> StoreError {
    use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE};
    let extended = error.sqlite_error().map(|error| error.extended_code);
    if matches!(extended, Some(SQLITE_CONSTRAINT_PRIMARYKEY | SQLITE_CONSTRAINT_UNIQUE)) {
        return StoreError::Lost("a unique row");
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy(Some(error.into())),
        Some(ErrorCode::DiskFull) => StoreError::Full(error.into()),
        Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            crate::store::sqlite::writer::fatal(&error)
        }
        _ => StoreError::Refused(error.into()),
    }
}
