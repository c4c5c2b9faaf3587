//! The settings that durability rests on: set at open, then read back, because SQLite ignores in silence.

use crate::store::OpenError;
use rusqlite::config::DbConfig;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The first version without the WAL bug that loses commits.
const LIBRARY_MIN: i32 = 3_051_003;

/// The `busy_timeout` of every connection.
pub(super) const PATIENCE: Duration = Duration::from_millis(5_000);

/// What every connection is told, and what it must then say of itself.
pub(super) const SETTINGS: &[(&str, &str)] = &[
    ("journal_mode", "wal"),
    ("synchronous", "2"),
    ("foreign_keys", "1"),
    ("busy_timeout", "5000"),
    ("trusted_schema", "0"),
    ("cell_size_check", "1"),
    ("mmap_size", "0"),
    ("wal_autocheckpoint", "0"),
    ("temp_store", "2"),
    ("recursive_triggers", "1"),
    ("cache_size", "-32768"),
    ("checkpoint_fullfsync", "1"),
];

pub(super) fn assert_library() -> Result<(), OpenError> {
    if rusqlite::version_number() < LIBRARY_MIN {
        return Err(OpenError::LibraryTooOld { found: rusqlite::version() });
    }
    Ok(())
}

/// Applies the settings of `list` and asks for each of [`SETTINGS`] back.
pub(super) fn apply(connection: &rusqlite::Connection, list: &[(&str, &str)]) -> Result<(), OpenError> {
    for (name, value) in list {
        // Some of these answer with a row and some do not; what counts is what `verify` reads.
        connection.pragma_update_and_check(None, name, value, |_| Ok(())).or_else(|error| match error {
            rusqlite::Error::QueryReturnedNoRows => Ok(()),
            error => Err(error),
        })?;
    }
    // Without it SQLite compiles a statement anew at every run whose plan might depend on a parameter: a
    // third of the time of a look-up. With it a text has one plan, whatever it is asked for.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    verify(connection)
}

/// Refuses a connection whose settings are not ours.
pub(super) fn verify(connection: &rusqlite::Connection) -> Result<(), OpenError> {
    if !connection.db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG)? {
        return Err(OpenError::Setting { name: "stable query plans", expected: "on", found: "off".to_owned() });
    }
    for (name, expected) in SETTINGS {
        let found = connection.pragma_query_value(None, name, |row| {
            Ok(match row.get_ref(0)? {
                rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                rusqlite::types::ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                other => format!("{other:?}"),
            })
        });
        let found = match found {
            Ok(found) => found,
            // Without memory mapping compiled in there is nothing to report.
            Err(rusqlite::Error::QueryReturnedNoRows) => "0".to_owned(),
            Err(error) => return Err(error.into()),
        };
        if found != *expected {
            return Err(OpenError::Setting { name, expected, found });
        }
    }
    Ok(())
}

/// Makes the directory and the file, readable by their owner alone.
pub(super) fn prepare_file(path: &Path) -> Result<(), OpenError> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory(path))?;
    // Only a new file is opened here. Closing one that is in use would drop every lock that SQLite holds on
    // it in this process.
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(()),
    }
}

/// Waits until no other process makes its settings. The turn ends with the value, or with the process.
///
/// It is the directory that is locked, because SQLite has its own locks on the file.
pub(super) fn take_turn(path: &Path) -> Result<std::fs::File, OpenError> {
    let turn = std::fs::File::open(directory(path))?;
    turn.lock()?;
    Ok(turn)
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Where the write-ahead log of a database lies.
pub(super) fn wal_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::{SETTINGS, apply, verify};
    use crate::store::OpenError;

    #[test]
    fn twelve_wrong_settings_are_twelve_refusals() {
        let wrong = [
            ("journal_mode", "delete"),
            ("synchronous", "1"),
            ("foreign_keys", "0"),
            ("busy_timeout", "0"),
            ("trusted_schema", "1"),
            ("cell_size_check", "0"),
            ("mmap_size", "65536"),
            ("wal_autocheckpoint", "1000"),
            ("temp_store", "1"),
            ("recursive_triggers", "0"),
            ("cache_size", "-2000"),
            ("checkpoint_fullfsync", "0"),
        ];
        assert_eq!(wrong.len(), SETTINGS.len());
        for (name, value) in wrong {
            let directory = tempfile::tempdir().unwrap();
            let connection = rusqlite::Connection::open(directory.path().join("test.db")).unwrap();
            apply(&connection, SETTINGS).unwrap();
            connection.pragma_update_and_check(None, name, value, |_| Ok(())).ok();
            match verify(&connection) {
                Err(OpenError::Setting { name: refused, .. }) => assert_eq!(refused, name),
                other => panic!("{name} = {value} was accepted: {other:?}"),
            }
        }
    }
}
