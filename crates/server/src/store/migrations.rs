//! Schema versions: up and down scripts with checksums, applied one at a time, each in one commit.
//!
//! An applied script is never edited. A schema that is newer than this binary is refused, not guessed at.

use super::connection::Connection;
use super::{Location, OpenError, Options, StoreError, Value, copy, postgres, sqlite};
use domain::timestamp::Timestamp;
use sha2::{Digest, Sha256};
use std::time::Duration;
use thiserror::Error;

/// One step of the schema.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its number, which orders the steps.
    pub version: i64,
    /// Its name, as in the file names.
    pub name: &'static str,
    sqlite: Scripts,
    postgres: Scripts,
}

/// What a step does and undoes on one kind of database.
#[derive(Clone, Copy, Debug)]
struct Scripts {
    up: &'static str,
    down: &'static str,
}

/// The scripts of one step, by their file name.
macro_rules! migration {
    ($version:literal, $name:literal) => {
        Migration {
            version: $version,
            name: $name,
            sqlite: Scripts {
                up: include_str!(concat!("../../../../migrations/sqlite/", $name, ".up.sql")),
                down: include_str!(concat!("../../../../migrations/sqlite/", $name, ".down.sql")),
            },
            postgres: Scripts {
                up: include_str!(concat!("../../../../migrations/postgres/", $name, ".up.sql")),
                down: include_str!(concat!("../../../../migrations/postgres/", $name, ".down.sql")),
            },
        }
    };
}

/// Every step, in order.
pub const MIGRATIONS: &[Migration] = &[
    migration!(1, "0001_money_path"),
    migration!(2, "0002_what_fans_pay_for"),
    migration!(3, "0003_payment_events"),
    migration!(4, "0004_indexes"),
    migration!(5, "0005_api_keys"),
];

const SQLITE_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version    INTEGER NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    checksum   TEXT    NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID";
const POSTGRES_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version    BIGINT NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    checksum   TEXT   NOT NULL,
    applied_at BIGINT NOT NULL
)";
/// How long a step waits for a table that is in use. Whoever comes behind it waits as well.
const LOCK_MAX: Duration = Duration::from_secs(3);
/// How often a step whose table was in use is tried.
const TRIES_MAX: u32 = 20;
/// How long a step may take.
const STEP_MAX: Duration = Duration::from_secs(3_600);
const APPLIED: &str = "SELECT version, name, checksum, applied_at FROM schema_migrations ORDER BY version";
const RECORD: &str = "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)";
const FORGET: &str = "DELETE FROM schema_migrations WHERE version = $1";

/// Why the schema cannot be brought to a version.
#[derive(Debug, Error)]
pub enum MigrationError {
    /// The file cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A statement failed; the step was rolled back.
    #[error("a migration failed and was rolled back")]
    Store(#[from] StoreError),
    /// A newer superapp has been here.
    #[error("the schema is at version {found}, and this superapp knows versions up to {known}; run the newer superapp")]
    TooNew {
        /// The newest version that is applied.
        found: i64,
        /// The newest version of this binary.
        known: i64,
    },
    /// An applied script is not the one that we have.
    #[error("migration `{name}` was applied from another text; restore the original script")]
    Edited {
        /// Its name.
        name: String,
    },
    /// Steps are missing.
    #[error("{pending} migrations are pending; run `superapp migrate up`")]
    Pending {
        /// How many.
        pending: usize,
    },
    /// Not everything is there yet.
    #[error(
        "a copy into this database was begun and has not ended; run the same `superapp copy` again, which goes on with it"
    )]
    HalfCopied,
}

/// A step that was applied.
#[derive(Clone, Debug)]
pub struct Applied {
    /// Its number.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// When.
    pub applied_at: Timestamp,
    checksum: String,
}

impl Migration {
    /// The statement of the step that makes an index, if it makes it.
    pub(super) fn making(&self, owned: &Owned, index: &str) -> Option<&'static str> {
        let makes = |statement: &&str| {
            let mut words = statement.split_whitespace();
            words.any(|word| word == "INDEX") && words.next() == Some(index) && words.next() == Some("ON")
        };
        owned.scripts(self).up.split(';').find(makes)
    }
}

impl Scripts {
    /// SHA-256 of both, in hexadecimal.
    fn checksum(self) -> String {
        let digest = Sha256::new().chain_update(self.up).chain_update([0]).chain_update(self.down).finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A connection of the migrator's own.
#[derive(Debug)]
pub(super) enum Owned {
    Sqlite(sqlite::Connection),
    Postgres(Box<postgres::Connection>),
}

impl Owned {
    fn open(location: &Location, options: &Options) -> Result<Self, MigrationError> {
        match location {
            Location::Sqlite(path) => {
                sqlite::prepare(path)?;
                let connection = sqlite::Connection::open_writer(path)?;
                connection.control(SQLITE_TABLE)?;
                Ok(Self::Sqlite(connection))
            }
            Location::Postgres(url) => {
                // A step may rewrite a table, or wait for another process that does.
                let timeouts = postgres::Timeouts { statement: STEP_MAX, lock: LOCK_MAX, slow: None };
                let server = postgres::Server::of(url, postgres::Duty::Primary, options)?;
                let connection = postgres::Connection::open(&server, &timeouts)?;
                // Two processes that make the same table at once collide in the catalogue, and then it is there.
                match connection.script(POSTGRES_TABLE) {
                    Err(StoreError::Lost(_) | StoreError::Refused(_)) => connection.script(POSTGRES_TABLE)?,
                    made => made?,
                }
                Ok(Self::Postgres(Box::new(connection)))
            }
        }
    }

    pub(super) fn connection(&self) -> Connection<'_> {
        match self {
            Self::Sqlite(connection) => connection.into(),
            Self::Postgres(connection) => connection.as_ref().into(),
        }
    }

    fn scripts(&self, migration: &Migration) -> Scripts {
        match self {
            Self::Sqlite(_) => migration.sqlite,
            Self::Postgres(_) => migration.postgres,
        }
    }

    /// Begins a unit of work that no other process can be in at the same time.
    fn begin(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => connection.control("BEGIN IMMEDIATE"),
            Self::Postgres(connection) => {
                let lock = "BEGIN; LOCK TABLE schema_migrations IN ACCESS EXCLUSIVE MODE";
                connection.script(lock).inspect_err(|_| connection.roll_back())
            }
        }
    }

    fn commit(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => connection.control("COMMIT"),
            Self::Postgres(connection) => connection.commit(),
        }
    }

    pub(super) fn roll_back(&self) -> Result<(), StoreError> {
        match self {
            // After an error SQLite may have rolled back by itself.
            Self::Sqlite(connection) if connection.is_idle() => Ok(()),
            Self::Sqlite(connection) => connection.control("ROLLBACK"),
            Self::Postgres(connection) => connection.script("ROLLBACK"),
        }
    }

    pub(super) fn script(&self, text: &str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => connection.script(text),
            Self::Postgres(connection) => connection.script(text),
        }
    }
}

/// A connection of its own for changing the schema.
#[derive(Debug)]
pub struct Migrator {
    pub(super) owned: Owned,
}

impl Migrator {
    /// Opens the database. An SQLite file is made if it does not exist. Not on a thread of an asynchronous
    /// runtime: it waits.
    ///
    /// # Errors
    /// If it cannot be used.
    pub fn open(location: &Location, options: &Options) -> Result<Self, MigrationError> {
        Owned::open(location, options).map(|owned| Self { owned })
    }

    /// SHA-256 of both scripts of a step for this database, in hexadecimal.
    #[must_use]
    pub fn checksum(&self, migration: &Migration) -> String {
        self.owned.scripts(migration).checksum()
    }

    /// What was applied, oldest first; checked against the scripts that we have.
    ///
    /// # Errors
    /// [`MigrationError::TooNew`] and [`MigrationError::Edited`].
    pub fn applied(&self) -> Result<Vec<Applied>, MigrationError> {
        let mut list = Vec::new();
        self.owned.connection().query(APPLIED, &[], &mut |row| {
            let (version, name, checksum, applied_at) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            list.push(Applied { version, name, applied_at, checksum });
            Ok(true)
        })?;
        let known = MIGRATIONS.last().map_or(0, |migration| migration.version);
        for applied in &list {
            match MIGRATIONS.iter().find(|migration| migration.version == applied.version) {
                None => return Err(MigrationError::TooNew { found: applied.version, known }),
                Some(migration) if self.checksum(migration) != applied.checksum => {
                    return Err(MigrationError::Edited { name: applied.name.clone() });
                }
                Some(_) => {}
            }
        }
        Ok(list)
    }

    /// Steps that are not applied yet, oldest first.
    ///
    /// # Errors
    /// As [`Migrator::applied`].
    pub fn pending(&self) -> Result<Vec<&'static Migration>, MigrationError> {
        let applied = self.applied()?;
        let missing = |migration: &&Migration| applied.iter().all(|applied| applied.version != migration.version);
        Ok(MIGRATIONS.iter().filter(missing).collect())
    }

    /// Refuses unless every step is applied, and every row is there that a copy was to bring.
    ///
    /// # Errors
    /// [`MigrationError::Pending`] and [`MigrationError::HalfCopied`], and as [`Migrator::applied`].
    pub fn check(&self) -> Result<(), MigrationError> {
        match self.pending()?.len() {
            0 if copy::is_marked(self.owned.connection())? => Err(MigrationError::HalfCopied),
            0 => Ok(()),
            pending => Err(MigrationError::Pending { pending }),
        }
    }

    /// Applies every pending step, each in a commit of its own, and names them.
    ///
    /// # Errors
    /// If a step fails: it is rolled back, the ones before it stay.
    pub fn up(&self, now: Timestamp) -> Result<Vec<&'static str>, MigrationError> {
        let mut done = Vec::new();
        // Asked again after each step, under the lock: another process may be doing the same.
        while let Some(migration) = self.locked(|| {
            let Some(migration) = self.pending()?.first().copied() else { return Ok(None) };
            self.owned.script(self.owned.scripts(migration).up)?;
            let checksum = self.checksum(migration);
            let values: [Value<'_>; 4] =
                [migration.version.into(), migration.name.into(), checksum.as_str().into(), now.into()];
            self.owned.connection().execute(RECORD, &values)?;
            Ok(Some(migration))
        })? {
            done.push(migration.name);
        }
        Ok(done)
    }

    /// Undoes the newest `steps` steps, each in a commit of its own, and names them.
    ///
    /// # Errors
    /// If a step fails: it is rolled back, the ones before it stay undone.
    pub fn down(&self, steps: usize) -> Result<Vec<&'static str>, MigrationError> {
        let mut done = Vec::new();
        while done.len() < steps
            && let Some(migration) = self.locked(|| {
                let Some(newest) = self.applied()?.pop() else { return Ok(None) };
                let Some(migration) = MIGRATIONS.iter().find(|migration| migration.version == newest.version) else {
                    return Ok(None);
                };
                self.owned.script(self.owned.scripts(migration).down)?;
                self.owned.connection().execute(FORGET, &[migration.version.into()])?;
                Ok(Some(migration))
            })?
        {
            done.push(migration.name);
        }
        Ok(done)
    }

    /// Runs a step alone. One that waits for a table in use gives up soon, because everybody behind it waits as
    /// well, and is tried again.
    pub(super) fn locked<T>(&self, step: impl Fn() -> Result<T, MigrationError>) -> Result<T, MigrationError> {
        let mut tries = 1;
        loop {
            match self.once(&step) {
                Err(MigrationError::Store(StoreError::Busy(_))) if tries < TRIES_MAX => tries += 1,
                ended => return ended,
            }
        }
    }

    fn once<T>(&self, step: impl Fn() -> Result<T, MigrationError>) -> Result<T, MigrationError> {
        self.owned.begin()?;
        match step() {
            Ok(made) => {
                self.owned.commit()?;
                Ok(made)
            }
            Err(error) => {
                self.owned.roll_back()?;
                Err(error)
            }
        }
    }
}
