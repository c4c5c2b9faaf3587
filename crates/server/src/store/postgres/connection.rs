//! One connection to PostgreSQL: texts are prepared once, a set of rows is one statement, and errors are told
//! apart by what they mean to the unit of work.

use super::server::Server;
use super::sets::set_form;
use super::settings::{self, Timeouts};
use crate::store::connection::Set;
use crate::store::{OpenError, Row, StoreError, Value};
use ::postgres::error::{Severity, SqlState};
use ::postgres::fallible_iterator::FallibleIterator;
use ::postgres::types::ToSql;
use ::postgres::{Client, RowIter, Statement};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

/// A connection that belongs to one thread.
pub(crate) struct Connection {
    client: RefCell<Client>,
    /// By where the text lies, because a static one stays there, and hashing it whole costs more.
    statements: RefCell<HashMap<Key, Statement>>,
    /// Whether the unit of work asked to be read-only.
    is_reading: Cell<bool>,
    /// Whether this is no connection to work on, though it is open: its server has become a standby, or what became
    /// of its last unit of work is not known.
    is_stale: Cell<bool>,
}

/// Place and length of a text, and whether it is its form for one row or for many.
type Key = (usize, usize, bool);

impl std::fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl Connection {
    /// Connects, makes the settings of the session, and refuses a server whose own would lose commits.
    pub(in crate::store) fn open(server: &Server, timeouts: &Timeouts) -> Result<Self, OpenError> {
        let mut client = server.connect()?;
        settings::apply(&mut client, timeouts, server.duty)?;
        Ok(Self {
            client: RefCell::new(client),
            statements: RefCell::default(),
            is_reading: Cell::new(false),
            is_stale: Cell::new(false),
        })
    }

    /// Whether the connection is gone, or no good any more.
    pub(super) fn is_closed(&self) -> bool {
        self.is_stale.get() || self.client.try_borrow().is_ok_and(|client| client.is_closed())
    }

    /// Begins a unit of work.
    pub(super) fn begin(&self, text: &'static str) -> Result<(), StoreError> {
        self.is_reading.set(text.contains("READ ONLY"));
        // What is left of an earlier unit of work, or of this beginning, is nothing to go on with.
        self.script(text).inspect_err(|_| self.is_stale.set(true))
    }

    /// Ends a unit of work without keeping anything. A connection that cannot do even that is given up, and the
    /// server then does it.
    pub(in crate::store) fn roll_back(&self) {
        if self.script("ROLLBACK").is_err() {
            self.is_stale.set(true);
        }
    }

    /// Runs statements that have no parameters and whose rows do not matter, such as a migration.
    pub(in crate::store) fn script(&self, text: &str) -> Result<(), StoreError> {
        self.client()?.batch_execute(text).map_err(|error| self.classify(error))
    }

    /// Commits. Whatever is not the server's own word that it did not leaves the outcome unknown.
    pub(in crate::store) fn commit(&self) -> Result<(), StoreError> {
        if self.is_reading.get() {
            return self.script("COMMIT");
        }
        // A broken transaction answers COMMIT as if all were well. None comes here: every error of a statement is seen.
        self.client()?.batch_execute("COMMIT").map_err(|error| {
            if is_refused_commit(&error) {
                self.roll_back_after(error)
            } else {
                self.is_stale.set(true);
                StoreError::OutcomeUnknown
            }
        })
    }

    fn roll_back_after(&self, error: ::postgres::Error) -> StoreError {
        let error = self.classify(error);
        self.roll_back();
        error
    }

    pub(in crate::store) fn execute(&self, text: &'static str, values: &[Value<'_>]) -> Result<usize, StoreError> {
        let statement = self.prepared(text)?;
        touched(self.client()?.execute(&statement, &parameters(values)).map_err(|error| self.classify(error))?)
    }

    pub(in crate::store) fn execute_each(&self, text: &'static str, set: Set<'_>) -> Result<usize, StoreError> {
        if set.is_empty() {
            return Ok(0);
        }
        let statement = self.prepared_set(text)?;
        let columns = columns(&statement, set);
        touched(self.client()?.execute(&statement, &parameters(&columns)).map_err(|error| self.classify(error))?)
    }

    pub(in crate::store) fn query(
        &self,
        text: &'static str,
        values: &[Value<'_>],
        read: &mut dyn FnMut(&Row<'_>) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let statement = self.prepared(text)?;
        let mut client = self.client()?;
        let rows = client.query_raw(&statement, parameters(values)).map_err(|error| self.classify(error))?;
        each_row(rows, |error| self.classify(error), read)
    }

    pub(in crate::store) fn query_each(
        &self,
        text: &'static str,
        set: Set<'_>,
        read: &mut dyn FnMut(&Row<'_>) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        if set.is_empty() {
            return Ok(());
        }
        let statement = self.prepared_set(text)?;
        let columns = columns(&statement, set);
        let mut client = self.client()?;
        let rows = client.query_raw(&statement, &columns).map_err(|error| self.classify(error))?;
        each_row(rows, |error| self.classify(error), read)
    }

    pub(in crate::store) fn lock(&self, text: &'static str, ids: &[Value<'_>]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let statement = self.prepared(text)?;
        self.client()?.execute(&statement, &[&ids]).map(|_| ()).map_err(|error| self.classify(error))
    }

    fn client(&self) -> Result<std::cell::RefMut<'_, Client>, StoreError> {
        self.client.try_borrow_mut().map_err(|_| StoreError::Broken("a statement among the rows of another"))
    }

    fn prepared(&self, text: &'static str) -> Result<Statement, StoreError> {
        self.statement((text.as_ptr().addr(), text.len(), false), |client| {
            client.prepare(text).map_err(|error| self.classify(error))
        })
    }

    /// The form of a text for many rows. The server tells the types of its parameters.
    fn prepared_set(&self, text: &'static str) -> Result<Statement, StoreError> {
        self.statement((text.as_ptr().addr(), text.len(), true), |client| {
            let single = client.prepare(text).map_err(|error| self.classify(error))?;
            let types: Vec<&str> = single.params().iter().map(::postgres::types::Type::name).collect();
            let set = set_form(text, &types).ok_or(StoreError::Broken("a statement has no form for a set of rows"))?;
            client.prepare(&set).map_err(|error| self.classify(error))
        })
    }

    fn statement(
        &self,
        key: Key,
        prepare: impl FnOnce(&mut Client) -> Result<Statement, StoreError>,
    ) -> Result<Statement, StoreError> {
        if let Some(statement) = self.statements.borrow().get(&key) {
            return Ok(statement.clone());
        }
        let statement = prepare(&mut *self.client()?)?;
        self.statements.borrow_mut().insert(key, statement.clone());
        Ok(statement)
    }

    /// What an error of the driver means to the unit of work. The table of it is in `docs/postgres.md`.
    fn classify(&self, error: ::postgres::Error) -> StoreError {
        let Some(code) = error.code() else {
            // Not the server's word: the connection broke before the commit was sent, or a parameter does not fit.
            return if is_broken(&error) {
                StoreError::Busy(Some(error.into()))
            } else {
                StoreError::Refused(error.into())
            };
        };
        match *code {
            SqlState::DISK_FULL => StoreError::Full(error.into()),
            // Another process made the row in between. Who begins anew sees it.
            SqlState::UNIQUE_VIOLATION => StoreError::Lost("a unique row"),
            // The whole unit of work may run again, on a new connection if this one is over.
            SqlState::T_R_SERIALIZATION_FAILURE
            | SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN
            | SqlState::T_R_DEADLOCK_DETECTED
            | SqlState::LOCK_NOT_AVAILABLE
            | SqlState::QUERY_CANCELED
            | SqlState::TOO_MANY_CONNECTIONS => StoreError::Busy(Some(error.into())),
            // So may this one, and this connection is over for it.
            _ if self.is_over_after(&error) => {
                self.is_stale.set(true);
                StoreError::Busy(Some(error.into()))
            }
            _ => StoreError::Refused(error.into()),
        }
    }

    /// Whether an error is about the connection or its session, and not about the statement.
    fn is_over_after(&self, error: &::postgres::Error) -> bool {
        let Some(said) = error.as_db_error() else { return false };
        let ends = matches!(said.parsed_severity(), Some(Severity::Fatal | Severity::Panic));
        // Somebody else is the primary now; this one would be asked in vain.
        let is_standby = *said.code() == SqlState::READ_ONLY_SQL_TRANSACTION && !self.is_reading.get();
        let is_leftover = *said.code() == SqlState::IN_FAILED_SQL_TRANSACTION;
        ends || is_standby || is_leftover || said.code().code().starts_with("08")
    }
}

/// Whether the server says that a commit did not happen. A session that ends may have committed before it ended, and
/// some databases have codes for not knowing themselves.
fn is_refused_commit(error: &::postgres::Error) -> bool {
    let Some(said) = error.as_db_error() else { return false };
    let refusals = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::DISK_FULL,
        SqlState::READ_ONLY_SQL_TRANSACTION,
        SqlState::QUERY_CANCELED,
        SqlState::IN_FAILED_SQL_TRANSACTION,
    ];
    said.parsed_severity() == Some(Severity::Error)
        && (refusals.contains(said.code()) || said.code().code().starts_with("23"))
}

/// Each parameter of the form for many rows is an array: the values of one parameter, row by row.
fn columns<'set>(statement: &Statement, set: Set<'set>) -> Vec<Vec<Value<'set>>> {
    (0..statement.params().len()).map(|index| set.column(index)).collect()
}

fn parameters<T: ToSql + Sync>(values: &[T]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

fn each_row(
    mut rows: RowIter<'_>,
    classify: impl Fn(::postgres::Error) -> StoreError,
    read: &mut dyn FnMut(&Row<'_>) -> Result<bool, StoreError>,
) -> Result<(), StoreError> {
    // To the end, even if enough was seen: what the server says last may be that it failed.
    let mut is_wanted = true;
    while let Some(row) = rows.next().map_err(&classify)? {
        is_wanted = is_wanted && read(&Row::from(&row))?;
    }
    Ok(())
}

fn touched(rows: u64) -> Result<usize, StoreError> {
    usize::try_from(rows).map_err(|_| StoreError::Broken("a statement touched too many rows"))
}

/// Whether an error without a code is the connection's, and not about a parameter of ours.
fn is_broken(error: &::postgres::Error) -> bool {
    error.is_closed() || std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
}
