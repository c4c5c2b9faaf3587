//! One of the two databases of a copy, on a connection of its own that nobody else works beside.

use super::CopyError;
use super::tables::{Dialect, TABLES, Texts, texts};
use crate::store::connection::Connection;
use crate::store::{Location, OpenError, Options, StoreError, View, postgres, sqlite};
use std::time::Duration;

/// How long one statement may take: it may read a whole table.
const STATEMENT_MAX: Duration = Duration::from_secs(24 * 3_600);
/// How long a row's lock is waited for. Nobody should hold one.
const LOCK_MAX: Duration = Duration::from_secs(10);
/// How long a session that has just ended may still be listed.
const FAREWELL: Duration = Duration::from_secs(5);
/// How often it is looked for until then.
const LOOKS: u32 = 100;
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// While one side reads, the other may take its time.
const SESSION: &str = "SET idle_in_transaction_session_timeout = 0; SET enable_seqscan = on";

/// Which one, for people.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// What is copied from.
    Source,
    /// What is copied to.
    Target,
}

impl Role {
    /// A word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
        }
    }
}

/// An open database.
#[derive(Debug)]
pub(super) struct Side {
    role: Role,
    owned: Owned,
}

#[derive(Debug)]
enum Owned {
    /// Locked: no other process can open the file meanwhile.
    Sqlite(sqlite::Connection),
    Postgres(Box<postgres::Connection>),
}

impl Side {
    /// Opens it, unless a server or another command has it open.
    pub(super) fn open(role: Role, location: &Location, options: &Options) -> Result<Self, CopyError> {
        let owned = match location {
            Location::Sqlite(path) => {
                sqlite::prepare(path)?;
                Owned::Sqlite(sqlite::Connection::open_alone(path)?.ok_or(CopyError::InUse(role))?)
            }
            Location::Postgres(url) => {
                let timeouts = postgres::Timeouts { statement: STATEMENT_MAX, lock: LOCK_MAX, slow: None };
                let server = postgres::Server::of(url, postgres::Duty::Primary, options)?;
                let connection = postgres::Connection::open(&server, &timeouts)?;
                connection.script(SESSION).map_err(OpenError::from)?;
                Owned::Postgres(Box::new(connection))
            }
        };
        let side = Self { role, owned };
        side.refuse_company()?;
        Ok(side)
    }

    /// Refuses a database on which others of ours work.
    pub(super) fn refuse_company(&self) -> Result<(), CopyError> {
        let Owned::Postgres(_) = &self.owned else { return Ok(()) };
        let text = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
            AND application_name = 'superapp' AND pid <> pg_backend_pid()";
        for _ in 0..LOOKS {
            if self.number(text)? == 0 {
                return Ok(());
            }
            std::thread::park_timeout(FAREWELL / LOOKS);
        }
        Err(CopyError::InUse(self.role))
    }

    pub(super) fn connection(&self) -> Connection<'_> {
        match &self.owned {
            Owned::Sqlite(connection) => connection.into(),
            Owned::Postgres(connection) => connection.as_ref().into(),
        }
    }

    pub(super) fn view(&self) -> View<'_> {
        View::new(self.connection())
    }

    /// What is asked of each table, in the order of the list.
    pub(super) fn texts(&self) -> &'static [Texts] {
        texts(match &self.owned {
            Owned::Sqlite(_) => Dialect::Sqlite,
            Owned::Postgres(_) => Dialect::Postgres,
        })
    }

    /// Reads from one moment until it is ended.
    pub(super) fn begin_snapshot(&self) -> Result<(), StoreError> {
        match &self.owned {
            Owned::Sqlite(connection) => connection.control("BEGIN"),
            Owned::Postgres(connection) => connection.script(SNAPSHOT),
        }
    }

    pub(super) fn end_snapshot(&self) -> Result<(), StoreError> {
        match &self.owned {
            Owned::Sqlite(connection) => connection.control("COMMIT"),
            Owned::Postgres(connection) => connection.script("COMMIT"),
        }
    }

    /// Runs a unit of work: all of it is kept, or nothing.
    pub(super) fn write<T>(&self, work: impl FnOnce(Connection<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.script("BEGIN")?;
        let made = work(self.connection()).and_then(|made| self.commit().map(|()| made));
        if made.is_err() {
            self.roll_back();
        }
        made
    }

    fn commit(&self) -> Result<(), StoreError> {
        match &self.owned {
            Owned::Sqlite(connection) => connection.control("COMMIT"),
            Owned::Postgres(connection) => connection.commit(),
        }
    }

    fn roll_back(&self) {
        match &self.owned {
            // After an error SQLite may have rolled back by itself; closing does it as well.
            Owned::Sqlite(connection) if !connection.is_idle() => drop(connection.control("ROLLBACK")),
            Owned::Sqlite(_) => {}
            Owned::Postgres(connection) => connection.roll_back(),
        }
    }

    pub(super) fn script(&self, text: &'static str) -> Result<(), StoreError> {
        match &self.owned {
            Owned::Sqlite(connection) => connection.control(text),
            Owned::Postgres(connection) => connection.script(text),
        }
    }

    /// What many new rows leave to do: an SQLite log to be folded into its file.
    pub(super) fn tidy_up(&self) -> Result<(), StoreError> {
        match &self.owned {
            Owned::Sqlite(connection) => connection.control("PRAGMA wal_checkpoint(PASSIVE)"),
            Owned::Postgres(_) => Ok(()),
        }
    }

    /// Statistics of what is there now, before the first server plans by them.
    pub(super) fn analyze(&self) -> Result<(), StoreError> {
        match &self.owned {
            Owned::Sqlite(_) => Ok(()),
            Owned::Postgres(connection) => connection.script("ANALYZE"),
        }
    }

    /// The tables of the database.
    pub(super) fn tables(&self) -> Result<Vec<String>, StoreError> {
        let text = match &self.owned {
            Owned::Sqlite(_) => "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
            Owned::Postgres(_) => "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = current_schema()",
        };
        self.view().query(text, &[], |row| row.get(0))
    }

    /// The first table of the list that has a row.
    pub(super) fn first_filled(&self) -> Result<Option<&'static str>, StoreError> {
        for (table, texts) in TABLES.iter().zip(self.texts()) {
            if self.view().query_opt(&texts.last, &[], |_| Ok(()))?.is_some() {
                return Ok(Some(table.name));
            }
        }
        Ok(None)
    }

    /// The answer to a query for one number.
    pub(super) fn number(&self, text: &'static str) -> Result<u64, StoreError> {
        let number = self.view().query_opt(text, &[], |row| row.get::<i64>(0))?;
        Ok(u64::try_from(number.unwrap_or_default()).unwrap_or_default())
    }
}
