//! One connection to PostgreSQL: texts are prepared once, a set of rows is one statement, and what needs no answer
//! at once goes along with what does, so that a unit of work is a few round trips.

use super::errors::{is_broken, is_over, is_refused_commit, told};
use super::server::Server;
use super::sets::set_form;
use super::settings::{self, Timeouts};
use super::waiting::{Encoded, Touches, Waiting, encode, many_rows, one_row};
use super::warnings::Warnings;
use crate::store::connection::{AskEach, Set};
use crate::store::slow::watched;
use crate::store::{OpenError, Row, StoreError, Value};
use futures_util::TryStreamExt;
use futures_util::future::{join, join_all, try_join_all};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error, Statement};

/// Statements that wait for company at most.
const WAITING_MAX: usize = 16;
/// A snapshot may be as long as a reconciliation, which the server ends by itself before this.
const SNAPSHOT_MAX: Duration = Duration::from_secs(610);

/// A connection that belongs to one thread.
pub(crate) struct Connection {
    /// Drives the connection while its thread waits for an answer.
    runtime: Runtime,
    client: Client,
    warnings: Warnings,
    /// By where the text lies, because a static one stays there, and hashing it whole costs more.
    statements: RefCell<HashMap<Key, Statement>>,
    /// What goes along with the next statement whose answer is needed.
    waiting: RefCell<Vec<Waiting>>,
    /// Whether the unit of work asked to be read-only.
    is_reading: Cell<bool>,
    /// How long the server may be silent: longer than it takes to end a statement by itself.
    patience: Duration,
    /// Whether this is no connection to work on, though it is open: its server has become a standby, or what became
    /// of its last unit of work is not known.
    is_stale: Cell<bool>,
    slow: Option<Duration>,
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
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (client, warnings) = runtime.block_on(server.connect())?;
        let connection = Self {
            runtime,
            client,
            warnings,
            statements: RefCell::default(),
            waiting: RefCell::default(),
            is_reading: Cell::new(false),
            patience: timeouts.statement.saturating_mul(4),
            is_stale: Cell::new(false),
            slow: timeouts.slow,
        };
        settings::apply(&connection, timeouts, server.duty)?;
        Ok(connection)
    }

    /// Whether the connection is gone, or no good any more.
    pub(super) fn is_closed(&self) -> bool {
        self.is_stale.get() || self.client.is_closed()
    }

    pub(in crate::store) const fn slow(&self) -> Option<Duration> {
        self.slow
    }

    /// Begins a unit of work, with its first statement.
    pub(super) fn begin(&self, text: &'static str) {
        self.is_reading.set(text.contains("READ ONLY"));
        self.waiting.borrow_mut().push(Waiting::Begin(text));
    }

    /// Makes a setting of the unit of work, with its next statement.
    pub(in crate::store) fn set(&self, text: &'static str) {
        self.waiting.borrow_mut().push(Waiting::Begin(text));
    }

    /// Ends a unit of work without keeping anything. A connection that cannot do even that is given up, and the
    /// server then does it.
    pub(in crate::store) fn roll_back(&self) {
        self.waiting.borrow_mut().clear();
        if self.script("ROLLBACK").is_err() {
            self.is_stale.set(true);
        }
        self.is_reading.set(false);
    }

    /// Runs statements that have no parameters and whose rows do not matter, such as a migration.
    pub(in crate::store) fn script(&self, text: &str) -> Result<(), StoreError> {
        self.flush()?;
        self.wait_for(self.client.batch_execute(text))?.map_err(|error| self.classify(error))
    }

    /// A setting as the session has it.
    pub(super) fn setting(&self, name: &str) -> Result<String, StoreError> {
        let asked = self.wait_for(self.client.query_one("SELECT current_setting($1)", &[&name]))?;
        asked.and_then(|row| row.try_get(0)).map_err(|error| self.classify(error))
    }

    /// Commits. Whatever is not the server's own word that it did not leaves the outcome unknown.
    pub(in crate::store) fn commit(&self) -> Result<(), StoreError> {
        // Seen to be well before the commit is sent. A broken transaction answers COMMIT as if all were well; none
        // comes here: every error of a statement is seen.
        self.flush().inspect_err(|_| self.roll_back())?;
        if self.is_reading.get() {
            let ended = self.script("COMMIT");
            self.is_reading.set(false);
            return ended;
        }
        self.warnings.take();
        let commit = || self.wait_for(self.client.batch_execute("COMMIT"));
        let Ok(answer) = watched(self.slow, "COMMIT", commit) else {
            return Err(StoreError::OutcomeUnknown);
        };
        // Such as that its wait for a standby was cancelled: it is committed here, and perhaps nowhere else.
        if let Some(warning) = self.warnings.take() {
            tracing::warn!(warning, "a commit was answered with a warning, so its outcome counts as unknown");
            self.is_stale.set(true);
            return Err(StoreError::OutcomeUnknown);
        }
        answer.map_err(|error| {
            if is_refused_commit(&error) {
                let error = self.classify(error);
                self.roll_back();
                error
            } else {
                self.is_stale.set(true);
                StoreError::OutcomeUnknown
            }
        })
    }

    pub(in crate::store) fn execute(&self, text: &'static str, values: &[Value<'_>]) -> Result<usize, StoreError> {
        let statement = self.prepared(text)?;
        let values = one_row(&statement, values)?;
        self.begun()?;
        touched(self.send(self.client.execute_raw(&statement, &values))?)
    }

    /// Runs a statement whose only answer is how many rows it must touch, before the unit of work ends.
    pub(in crate::store) fn execute_exactly(
        &self,
        text: &'static str,
        values: &[Value<'_>],
        touches: Touches,
    ) -> Result<(), StoreError> {
        let statement = self.prepared(text)?;
        let values = one_row(&statement, values)?;
        self.begun()?;
        self.wait(Waiting::Statement { statement, values, touches: Some(touches) })
    }

    /// The same for a set of rows.
    pub(in crate::store) fn execute_each_exactly(
        &self,
        text: &'static str,
        set: Set<'_>,
        touches: Touches,
    ) -> Result<(), StoreError> {
        if set.is_empty() {
            return Ok(());
        }
        let statement = self.prepared_set(text)?;
        let values = many_rows(&statement, set)?;
        self.begun()?;
        self.wait(Waiting::Statement { statement, values, touches: Some(touches) })
    }

    pub(in crate::store) fn query(
        &self,
        text: &'static str,
        values: &[Value<'_>],
        read: &mut dyn FnMut(&Row<'_>) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let statement = self.prepared(text)?;
        self.read(&statement, &one_row(&statement, values)?, read)
    }

    /// Several queries in one round trip.
    pub(in crate::store) fn query_all(&self, asked: &[&dyn AskEach]) -> Result<(), StoreError> {
        let mut statements = Vec::with_capacity(asked.len());
        let asked = asked.iter().filter(|ask| !ask.set().is_empty());
        for ask in asked.clone() {
            let statement = self.prepared_set(ask.text())?;
            let values = many_rows(&statement, ask.set())?;
            statements.push((statement, values));
        }
        let all = statements.iter().map(|(statement, values)| self.rows(statement, values));
        let found = self.send(try_join_all(all))?;
        for (ask, rows) in asked.zip(&found) {
            rows.iter().try_for_each(|row| ask.keep(&row.into()))?;
        }
        Ok(())
    }

    /// The rows of a query for each of a set of parameters, each with the place in the set of those that found it.
    pub(super) fn query_placed(
        &self,
        text: &'static str,
        set: Set<'_>,
    ) -> Result<Vec<(usize, tokio_postgres::Row)>, StoreError> {
        let statement = self.prepared_set(text)?;
        let values = many_rows(&statement, set)?;
        let placed = |row: tokio_postgres::Row| {
            let place = row.len().checked_sub(1).and_then(|last| row.try_get::<_, i64>(last).ok());
            let place = place.and_then(|place| usize::try_from(place).ok()?.checked_sub(1));
            place.map(|place| (place, row)).ok_or(StoreError::Broken("a row without its place"))
        };
        let rows = watched(self.slow, text, || self.send(self.rows(&statement, &values)));
        rows?.into_iter().map(placed).collect()
    }

    pub(in crate::store) fn lock(&self, text: &'static str, ids: &[Value<'_>]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let statement = self.prepared(text)?;
        let values = encode(&statement, |_, kind| Encoded::new(&ids, kind))?;
        self.wait(Waiting::Statement { statement, values, touches: None })
    }

    async fn rows(&self, statement: &Statement, values: &[Encoded]) -> Result<Vec<tokio_postgres::Row>, Error> {
        self.client.query_raw(statement, values).await?.try_collect().await
    }

    fn read(
        &self,
        statement: &Statement,
        values: &[Encoded],
        read: &mut dyn FnMut(&Row<'_>) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let rows = async {
            let rows = self.client.query_raw(statement, values).await?;
            let mut rows = std::pin::pin!(rows);
            let mut seen = Ok(true);
            // To the end, even if enough was seen: what the server says last may be that it failed.
            while let Some(row) = rows.try_next().await? {
                if matches!(seen, Ok(true)) {
                    seen = read(&Row::from(&row));
                }
            }
            Ok(seen.map(|_| ()))
        };
        self.send(rows)?
    }

    /// Lets a statement go along with the next whose answer is needed.
    fn wait(&self, statement: Waiting) -> Result<(), StoreError> {
        self.waiting.borrow_mut().push(statement);
        let is_full = self.waiting.borrow().len() >= WAITING_MAX;
        if is_full { self.flush() } else { Ok(()) }
    }

    /// Makes sure that the unit of work has begun before anything of it is written: if it could not begin, what was
    /// written would be kept, alone.
    fn begun(&self) -> Result<(), StoreError> {
        let is_begun = self.waiting.borrow().iter().all(|waiting| !matches!(waiting, Waiting::Begin(_)));
        if is_begun { Ok(()) } else { self.flush() }
    }

    fn flush(&self) -> Result<(), StoreError> {
        if self.waiting.borrow().is_empty() {
            return Ok(());
        }
        self.send(async { Ok(()) })
    }

    /// Waits for an answer, and gives the connection up if there is none: a server that was stopped, or whose standby
    /// is gone, keeps the socket and says nothing.
    fn wait_for<T>(&self, answer: impl Future<Output = T>) -> Result<T, StoreError> {
        let patience = if self.is_reading.get() { SNAPSHOT_MAX } else { self.patience };
        let limited = async { tokio::time::timeout(patience, answer).await };
        self.runtime.block_on(limited).map_err(|_| {
            self.is_stale.set(true);
            StoreError::Busy(None)
        })
    }

    /// Sends what waits and then `last`, in one round trip. The first error is the one that counts.
    fn send<T>(&self, last: impl Future<Output = Result<T, Error>>) -> Result<T, StoreError> {
        let waiting = self.waiting.take();
        let all = join_all(waiting.iter().map(|waiting| waiting.run(&self.client)));
        let (answers, last) = self.wait_for(join(all, last))?;
        for (waiting, answer) in waiting.into_iter().zip(answers) {
            match (waiting, answer) {
                (Waiting::Statement { touches: Some(touches), .. }, Ok(rows)) => touches.check(touched(rows)?)?,
                (_, Ok(_)) => {}
                (waiting, Err(error)) => {
                    // What is left of an earlier unit of work, or of this beginning, is nothing to go on with.
                    if matches!(waiting, Waiting::Begin(_)) {
                        self.is_stale.set(true);
                    }
                    return Err(self.classify(error));
                }
            }
        }
        last.map_err(|error| self.classify(error))
    }

    fn prepared(&self, text: &'static str) -> Result<Statement, StoreError> {
        self.statement((text.as_ptr().addr(), text.len(), false), || self.client.prepare(text))
    }

    /// The form of a text for many rows. The server tells the types of its parameters.
    fn prepared_set(&self, text: &'static str) -> Result<Statement, StoreError> {
        let key = (text.as_ptr().addr(), text.len(), true);
        if let Some(statement) = self.statements.borrow().get(&key) {
            return Ok(statement.clone());
        }
        let single = self.wait_for(self.client.prepare(text))?.map_err(|error| self.classify(error))?;
        let types: Vec<&str> = single.params().iter().map(Type::name).collect();
        let set = set_form(text, &types).ok_or(StoreError::Broken("a statement has no form for a set of rows"))?;
        self.statement(key, || self.client.prepare(&set))
    }

    fn statement<P: Future<Output = Result<Statement, Error>>>(
        &self,
        key: Key,
        prepare: impl FnOnce() -> P,
    ) -> Result<Statement, StoreError> {
        if let Some(statement) = self.statements.borrow().get(&key) {
            return Ok(statement.clone());
        }
        let statement = self.wait_for(prepare())?.map_err(|error| self.classify(error))?;
        self.statements.borrow_mut().insert(key, statement.clone());
        Ok(statement)
    }

    /// What an error of the driver means to the unit of work. The table of it is in `docs/postgres.md`.
    fn classify(&self, error: Error) -> StoreError {
        let Some(code) = error.code() else {
            // Not the server's word: the connection broke before the commit was sent, or a parameter does not fit.
            return if is_broken(&error) {
                StoreError::Busy(Some(told(error)))
            } else {
                StoreError::Refused(told(error))
            };
        };
        match *code {
            SqlState::DISK_FULL => StoreError::Full(told(error)),
            // Another process made the row in between. Who begins anew sees it.
            SqlState::UNIQUE_VIOLATION => StoreError::Lost("a unique row"),
            // The whole unit of work may run again, on a new connection if this one is over.
            SqlState::T_R_SERIALIZATION_FAILURE
            | SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN
            | SqlState::T_R_DEADLOCK_DETECTED
            | SqlState::LOCK_NOT_AVAILABLE
            | SqlState::QUERY_CANCELED
            | SqlState::TOO_MANY_CONNECTIONS => StoreError::Busy(Some(told(error))),
            // So may this one, and this connection is over for it.
            _ if is_over(&error, self.is_reading.get()) => {
                self.is_stale.set(true);
                StoreError::Busy(Some(told(error)))
            }
            _ => StoreError::Refused(told(error)),
        }
    }
}

fn touched(rows: u64) -> Result<usize, StoreError> {
    usize::try_from(rows).map_err(|_| StoreError::Broken("a statement touched too many rows"))
}
