//! Schema versions: up and down scripts with checksums, applied one at a time, each in one commit.
//!
//! An applied script is never edited. A schema that is newer than this binary is refused, not guessed at.

use super::sqlite::Connection;
use super::{OpenError, StoreError, Value};
use domain::timestamp::Timestamp;
use sha2::{Digest, Sha256};
use std::path::Path;
use thiserror::Error;

/// One step of the schema.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its number, which orders the steps.
    pub version: i64,
    /// Its name, as in the file names.
    pub name: &'static str,
    up: &'static str,
    down: &'static str,
}

/// The scripts of one step, by their file name.
macro_rules! migration {
    ($version:literal, $name:literal) => {
        Migration {
            version: $version,
            name: $name,
            up: include_str!(concat!("../../../../migrations/sqlite/", $name, ".up.sql")),
            down: include_str!(concat!("../../../../migrations/sqlite/", $name, ".down.sql")),
        }
    };
}

/// Every step, in order.
pub const MIGRATIONS: &[Migration] =
    &[migration!(1, "0001_money_path"), migration!(2, "0002_what_fans_pay_for"), migration!(3, "0003_payment_events")];

const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version    INTEGER NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    checksum   TEXT    NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID";
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
    /// SHA-256 of both scripts, in hexadecimal.
    #[must_use]
    pub fn checksum(&self) -> String {
        let digest = Sha256::new().chain_update(self.up).chain_update([0]).chain_update(self.down).finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A connection of its own for changing the schema.
#[derive(Debug)]
pub struct Migrator {
    connection: Connection,
}

impl Migrator {
    /// Opens the database, making the file if it does not exist.
    ///
    /// # Errors
    /// If it cannot be used.
    pub fn open(path: &Path) -> Result<Self, MigrationError> {
        super::sqlite::prepare(path)?;
        let connection = Connection::open_writer(path)?;
        connection.control(TABLE)?;
        Ok(Self { connection })
    }

    /// What was applied, oldest first; checked against the scripts that we have.
    ///
    /// # Errors
    /// [`MigrationError::TooNew`] and [`MigrationError::Edited`].
    pub fn applied(&self) -> Result<Vec<Applied>, MigrationError> {
        let mut list = Vec::new();
        self.connection.query(APPLIED, &[], &mut |row| {
            let (version, name, checksum, applied_at) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            list.push(Applied { version, name, applied_at, checksum });
            Ok(true)
        })?;
        let known = MIGRATIONS.last().map_or(0, |migration| migration.version);
        for applied in &list {
            match MIGRATIONS.iter().find(|migration| migration.version == applied.version) {
                None => return Err(MigrationError::TooNew { found: applied.version, known }),
                Some(migration) if migration.checksum() != applied.checksum => {
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

    /// Refuses unless every step is applied.
    ///
    /// # Errors
    /// [`MigrationError::Pending`], and as [`Migrator::applied`].
    pub fn check(&self) -> Result<(), MigrationError> {
        match self.pending()?.len() {
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
            self.connection.script(migration.up)?;
            let checksum = migration.checksum();
            let values: [Value<'_>; 4] =
                [migration.version.into(), migration.name.into(), checksum.as_str().into(), now.into()];
            self.connection.execute(RECORD, &values)?;
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
                self.connection.script(migration.down)?;
                self.connection.execute(FORGET, &[migration.version.into()])?;
                Ok(Some(migration))
            })?
        {
            done.push(migration.name);
        }
        Ok(done)
    }

    fn locked<T>(&self, step: impl FnOnce() -> Result<T, MigrationError>) -> Result<T, MigrationError> {
        self.connection.control("BEGIN IMMEDIATE")?;
        match step() {
            Ok(made) => {
                self.connection.control("COMMIT")?;
                Ok(made)
            }
            Err(error) => {
                if !self.connection.is_idle() {
                    self.connection.control("ROLLBACK")?;
                }
                Err(error)
            }
        }
    }
}
