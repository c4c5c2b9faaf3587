//! What is held against a database that something was done to: it is whole, adds up, and knows what it acknowledged.

use crate::server::{Failure, NOW, file};
use rusqlite::Connection;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use superapp::store::reconciliation::CHECKS;
use superapp::store::{Database, Location, Options, View};

/// Which pages a database consists of.
pub type Pages = [u8; 32];

/// What was found in a database.
#[derive(Debug)]
pub struct State {
    /// What is wrong with it.
    pub complaints: Vec<String>,
    /// The answers on record, by the id of the request that was answered.
    pub records: BTreeMap<String, Vec<u8>>,
}

/// Lets SQLite recover the files of a directory, and moves everything into the database file. Which pages it then has.
///
/// # Errors
/// If SQLite cannot.
pub fn recover(directory: &Path) -> Result<Pages, Failure> {
    let path = file(directory);
    let connection = Connection::open(&path)?;
    let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))?;
    if busy != 0 {
        return Err("the log could not be moved into the file".into());
    }
    connection.close().map_err(|(_, error)| error)?;
    Ok(Sha256::digest(fs::read(&path)?).into())
}

/// What SQLite finds wrong with the pages of a file, if it can read them at all.
#[must_use]
pub fn damage(directory: &Path) -> Vec<String> {
    let look = || -> rusqlite::Result<Vec<String>> {
        let connection = Connection::open(file(directory))?;
        let mut statement = connection.prepare("PRAGMA integrity_check(5)")?;
        statement.query_map([], |row| row.get(0))?.collect()
    };
    let lines = look().unwrap_or_else(|error| vec![error.to_string()]);
    lines.into_iter().filter(|line| line != "ok").collect()
}

/// The rows of every table.
///
/// # Errors
/// If they cannot be counted.
pub fn rows(directory: &Path) -> Result<BTreeMap<String, i64>, Failure> {
    let connection = Connection::open(file(directory))?;
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let mut statement = connection.prepare(tables)?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    let count = |name: String| {
        let rows = connection.query_row(&format!("SELECT COUNT(*) FROM {name}"), [], |row| row.get(0))?;
        Ok((name, rows))
    };
    names.into_iter().map(count).collect()
}

/// Opens a database as the server does, and looks at everything.
///
/// # Errors
/// If it cannot be opened or read.
pub async fn inspect(directory: &Path) -> Result<State, Failure> {
    let damage = damage(directory);
    if !damage.is_empty() {
        return Ok(State { complaints: damage, records: BTreeMap::new() });
    }
    let options = Options { readers: 1, ..Options::default() };
    let database = Database::open(&Location::Sqlite(file(directory)), &options)?;
    let look = |view: &View<'_>| {
        let found: Result<Vec<_>, _> = CHECKS.iter().map(|(_, check)| check(view, NOW)).collect();
        let text = "SELECT request_id, body FROM idempotency_keys";
        let records = view.query(text, &[], |row| Ok((row.get::<String>(0)?, row.get::<Vec<u8>>(1)?)))?;
        Ok((found?.concat(), records))
    };
    let looked = database.read(look).await;
    database.close().await;
    let (found, records) = looked?;
    let complaints = found.iter().map(ToString::to_string).collect();
    Ok(State { complaints, records: records.into_iter().collect() })
}
