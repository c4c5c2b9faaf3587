//! One connection of either database, as a unit of work holds it: the interface that every text of `store` goes
//! through. What a text means is the same on both, and so is what a set of rows means.

use super::postgres::Touches;
use super::slow::watched;
use super::{Row, StoreError, Value, postgres, sqlite};

/// A connection that a unit of work borrows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Connection<'unit> {
    Sqlite(&'unit sqlite::Connection),
    Postgres(&'unit postgres::Connection),
}

impl<'unit> From<&'unit sqlite::Connection> for Connection<'unit> {
    fn from(connection: &'unit sqlite::Connection) -> Self {
        Self::Sqlite(connection)
    }
}

impl<'unit> From<&'unit postgres::Connection> for Connection<'unit> {
    fn from(connection: &'unit postgres::Connection) -> Self {
        Self::Postgres(connection)
    }
}

impl Connection<'_> {
    /// Hands each row to `read` until it says that it has seen enough.
    pub(super) fn query(
        self,
        text: &'static str,
        values: &[Value<'_>],
        read: &mut dyn FnMut(&Row<'_>) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        self.watched(text, || match self {
            Self::Sqlite(connection) => connection.query(text, values, read),
            Self::Postgres(connection) => connection.query(text, values, read),
        })
    }

    /// Has the statements of this unit of work planned for their values. PostgreSQL else takes one plan for all of
    /// them after a while: what is right for a common word is wrong for a rare one, and without the number of lines
    /// of a page it reckons with a tenth of the table. SQLite never looks at values.
    pub(super) fn plan_for_values(self) {
        if let Self::Postgres(connection) = self {
            connection.set("SET LOCAL plan_cache_mode = force_custom_plan");
        }
    }

    /// Says how many rows were touched.
    pub(super) fn execute(self, text: &'static str, values: &[Value<'_>]) -> Result<usize, StoreError> {
        self.watched(text, || match self {
            Self::Sqlite(connection) => connection.execute(text, values),
            Self::Postgres(connection) => connection.execute(text, values),
        })
    }

    /// Runs a statement that must touch a number of rows. That it did not may be told by a later statement of the
    /// unit of work, or by its commit.
    pub(super) fn execute_exactly(
        self,
        text: &'static str,
        values: &[Value<'_>],
        touches: Touches,
    ) -> Result<(), StoreError> {
        self.watched(text, || match self {
            Self::Sqlite(connection) => touches.check(connection.execute(text, values)?),
            Self::Postgres(connection) => connection.execute_exactly(text, values, touches),
        })
    }

    /// The same for the whole of a set.
    pub(super) fn execute_each_exactly(
        self,
        text: &'static str,
        set: Set<'_>,
        touches: Touches,
    ) -> Result<(), StoreError> {
        self.watched(text, || match self {
            Self::Sqlite(connection) => {
                let add = |touched: usize, row| Ok(touched.saturating_add(connection.execute(text, row)?));
                touches.check(set.rows().try_fold(0, add)?)
            }
            Self::Postgres(connection) => connection.execute_each_exactly(text, set, touches),
        })
    }

    /// Several queries, each for a set of parameters. On SQLite prepared loops, because there is no round trip to
    /// save; on PostgreSQL one statement each, all in one round trip.
    pub(super) fn query_all(self, asked: &[&dyn AskEach]) -> Result<(), StoreError> {
        let first = asked.first().map_or("", |ask| ask.text());
        self.watched(first, || match self {
            Self::Sqlite(connection) => asked.iter().try_for_each(|ask| {
                let keep = &mut |row: &Row<'_>| ask.keep(row).map(|()| true);
                ask.set().rows().try_for_each(|row| connection.query(ask.text(), row, keep))
            }),
            Self::Postgres(connection) => connection.query_all(asked),
        })
    }

    /// Locks the rows of some ids until the unit of work is over, in the order of the ids. SQLite has one writer,
    /// which is alone with its rows.
    pub(super) fn lock(self, text: &'static str, ids: &[Value<'_>]) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(connection) => connection.lock(text, ids),
        }
    }

    /// Tells if it takes long. On PostgreSQL that is with what waited to go along.
    fn watched<T>(self, text: &'static str, run: impl FnOnce() -> T) -> T {
        let bound = match self {
            Self::Sqlite(connection) => connection.slow(),
            Self::Postgres(connection) => connection.slow(),
        };
        watched(bound, text, run)
    }
}

/// A query for a set of parameters whose result type is known only to itself.
pub(super) trait AskEach {
    fn text(&self) -> &'static str;
    fn set(&self) -> Set<'_>;
    /// Keeps a row that was found.
    fn keep(&self, row: &Row<'_>) -> Result<(), StoreError>;
}

/// The parameters of one statement for several rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Set<'set> {
    /// Row after row.
    values: &'set [Value<'set>],
    /// Parameters of one row.
    width: usize,
}

impl<'set> Set<'set> {
    pub(super) fn new<const N: usize>(rows: &'set [[Value<'set>; N]]) -> Self {
        Self { values: rows.as_flattened(), width: N.max(1) }
    }

    /// Of rows whose width is known only to whoever hands them over.
    pub(super) const fn of(values: &'set [Value<'set>], width: usize) -> Self {
        Self { values, width: if width == 0 { 1 } else { width } }
    }

    pub(super) fn rows(self) -> impl Iterator<Item = &'set [Value<'set>]> {
        self.values.chunks(self.width)
    }

    /// The values of one parameter, row by row.
    pub(super) fn column(self, index: usize) -> Vec<Value<'set>> {
        self.values.iter().skip(index).step_by(self.width).copied().collect()
    }

    pub(super) fn is_empty(self) -> bool {
        self.values.is_empty()
    }
}
