//! The mark of a database into which a copy is under way: a table that is there until every row is, and says whose
//! copy it is. A database that bears it is not served.

use super::side::Side;
use crate::store::connection::Connection;
use crate::store::{StoreError, Value};
use sha2::{Digest, Sha256};

/// Its name.
pub(super) const TABLE: &str = "copy_in_progress";
const MAKE: &str = "CREATE TABLE copy_in_progress (source TEXT NOT NULL PRIMARY KEY)";
const INSERT: &str = "INSERT INTO copy_in_progress (source) VALUES ($1)";
const READ: &str = "SELECT source FROM copy_in_progress";
const REMOVE: &str = "DROP TABLE copy_in_progress";

/// Whether a database bears the mark.
pub(in crate::store) fn is_marked(connection: Connection<'_>) -> Result<bool, StoreError> {
    let text = match connection {
        Connection::Sqlite(_) => "SELECT name FROM sqlite_schema WHERE name = $1",
        Connection::Postgres(_) => {
            "SELECT 'found' FROM pg_tables WHERE schemaname = current_schema() AND CAST(tablename AS TEXT) = $1"
        }
    };
    let mut found = false;
    connection.query(text, &[TABLE.into()], &mut |_| {
        found = true;
        Ok(false)
    })?;
    Ok(found)
}

/// Whose copy it is.
pub(super) fn read(target: &Side) -> Result<Option<String>, StoreError> {
    target.view().query_opt(READ, &[], |row| row.get(0))
}

pub(super) fn set(target: &Side, source: &str) -> Result<(), StoreError> {
    target.script(MAKE)?;
    target.write(|connection| connection.execute(INSERT, &[source.into()]).map(|_| ()))
}

pub(super) fn remove(target: &Side) -> Result<(), StoreError> {
    target.script(REMOVE)
}

/// What tells a database from every other one and does not change: when it was made, and its first rows.
pub(super) fn identity(source: &Side) -> Result<String, StoreError> {
    let view = source.view();
    let mut digest = Sha256::new();
    let moments = [
        "SELECT applied_at FROM schema_migrations WHERE version = $1",
        "SELECT created_at FROM split_versions WHERE version = $1",
    ];
    for text in moments {
        let moment = view.query_opt(text, &[Value::Integer(1)], |row| row.get::<i64>(0))?;
        digest.update(moment.unwrap_or_default().to_be_bytes());
    }
    let first = view.query_opt("SELECT id FROM users ORDER BY id LIMIT 1", &[], |row| row.get::<uuid::Uuid>(0))?;
    digest.update(first.unwrap_or_default().as_bytes());
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
