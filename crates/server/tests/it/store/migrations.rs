//! Schema versions: the way up and down again, and everything that is refused.

use super::START;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Barrier;
use superapp::store::Options;
use superapp::store::migrations::{MIGRATIONS, MigrationError, Migrator};
use tempfile::TempDir;

/// A place for a database that does not exist yet.
fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data").join("superapp.db");
    (directory, path)
}

/// Everything that the schema consists of, by kind and name.
fn schema(path: &PathBuf) -> BTreeMap<(String, String), Option<String>> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection.prepare("SELECT type, name, sql FROM sqlite_schema").unwrap();
    let rows = statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn every_name() -> Vec<&'static str> {
    MIGRATIONS.iter().map(|migration| migration.name).collect()
}

#[test]
fn up_down_and_up_again_gives_the_same_schema() {
    let (_directory, path) = place();
    let migrator = Migrator::open(&path.as_path().into(), &Options::default()).unwrap();
    let empty = schema(&path);
    assert_eq!(migrator.up(START).unwrap(), every_name());
    let full = schema(&path);
    assert!(full.len() > empty.len());
    let mut undone = migrator.down(MIGRATIONS.len()).unwrap();
    undone.reverse();
    assert_eq!(undone, every_name());
    assert_eq!(schema(&path), empty, "nothing is left behind");
    assert_eq!(migrator.up(START).unwrap(), every_name());
    assert_eq!(schema(&path), full);
}

#[test]
fn up_twice_and_down_too_far_change_nothing_more() {
    let (_directory, path) = place();
    let migrator = Migrator::open(&path.as_path().into(), &Options::default()).unwrap();
    migrator.up(START).unwrap();
    assert_eq!(migrator.up(START).unwrap(), [""; 0]);
    assert_eq!(migrator.down(0).unwrap(), [""; 0]);
    assert_eq!(migrator.applied().unwrap().len(), MIGRATIONS.len());
    assert_eq!(migrator.down(MIGRATIONS.len() + 5).unwrap().len(), MIGRATIONS.len());
    assert_eq!(migrator.down(1).unwrap(), [""; 0]);
}

#[test]
fn status_tells_what_was_applied_and_what_is_pending() {
    let (_directory, path) = place();
    let migrator = Migrator::open(&path.as_path().into(), &Options::default()).unwrap();
    assert!(migrator.applied().unwrap().is_empty());
    assert_eq!(migrator.pending().unwrap().len(), MIGRATIONS.len());
    let refused = migrator.check();
    assert!(matches!(refused, Err(MigrationError::Pending { pending }) if pending == MIGRATIONS.len()), "{refused:?}");
    migrator.up(START).unwrap();
    let applied = migrator.applied().unwrap();
    let names: Vec<_> = applied.iter().map(|applied| applied.name.as_str()).collect();
    assert_eq!(names, every_name());
    assert!(applied.iter().all(|applied| applied.applied_at == START));
    assert!(migrator.pending().unwrap().is_empty());
    migrator.check().unwrap();
}

#[test]
fn versions_count_from_one_and_names_begin_with_them() {
    for (index, migration) in MIGRATIONS.iter().enumerate() {
        assert_eq!(usize::try_from(migration.version), Ok(index + 1));
        assert!(migration.name.starts_with(&format!("{:04}_", migration.version)), "{}", migration.name);
    }
}

#[test]
fn an_edited_script_is_refused_by_every_command() {
    let (_directory, path) = place();
    let migrator = Migrator::open(&path.as_path().into(), &Options::default()).unwrap();
    migrator.up(START).unwrap();
    let connection = Connection::open(&path).unwrap();
    let recorded: String =
        connection.query_row("SELECT checksum FROM schema_migrations", [], |row| row.get(0)).unwrap();
    assert_eq!((recorded.len(), recorded), (64, migrator.checksum(&MIGRATIONS[0])));
    connection.execute("UPDATE schema_migrations SET checksum = '0' || substr(checksum, 2) || 'f'", []).unwrap();
    let before = schema(&path);
    for refused in [
        migrator.applied().err(),
        migrator.pending().err(),
        migrator.check().err(),
        migrator.up(START).err(),
        migrator.down(1).err(),
    ] {
        assert!(matches!(&refused, Some(MigrationError::Edited { name }) if name == MIGRATIONS[0].name), "{refused:?}");
    }
    assert_eq!(schema(&path), before);
}

#[test]
fn a_schema_that_is_newer_is_refused_by_every_command() {
    let (_directory, path) = place();
    let migrator = Migrator::open(&path.as_path().into(), &Options::default()).unwrap();
    migrator.up(START).unwrap();
    let newer = "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (999, '0999_later', '', 0)";
    Connection::open(&path).unwrap().execute(newer, []).unwrap();
    let before = schema(&path);
    let known = MIGRATIONS.last().unwrap().version;
    for refused in [
        migrator.applied().err(),
        migrator.pending().err(),
        migrator.check().err(),
        migrator.up(START).err(),
        migrator.down(1).err(),
    ] {
        let told = matches!(refused, Some(MigrationError::TooNew { found: 999, known: ours }) if ours == known);
        assert!(told, "{refused:?}");
    }
    assert_eq!(schema(&path), before);
}

#[test]
fn a_step_that_fails_is_rolled_back_whole() {
    let (_directory, path) = place();
    let migrator = Migrator::open(&path.as_path().into(), &Options::default()).unwrap();
    // In the way of a table in the middle of the script.
    Connection::open(&path).unwrap().execute("CREATE TABLE entries (id INTEGER)", []).unwrap();
    let before = schema(&path);
    assert!(matches!(migrator.up(START), Err(MigrationError::Store(_))));
    assert_eq!(schema(&path), before);
    assert_eq!(migrator.pending().unwrap().len(), MIGRATIONS.len());
    Connection::open(&path).unwrap().execute("DROP TABLE entries", []).unwrap();
    assert_eq!(migrator.up(START).unwrap(), every_name(), "the connection is not stuck in the failed step");
}

#[test]
fn two_processes_that_migrate_at_once_apply_each_step_once() {
    for _ in 0..20 {
        let (_directory, path) = place();
        let barrier = Barrier::new(2);
        let migrate = || {
            barrier.wait();
            Migrator::open(&path.as_path().into(), &Options::default()).unwrap().up(START).unwrap()
        };
        let mut applied = std::thread::scope(|scope| {
            let other = scope.spawn(migrate);
            let mut applied = migrate();
            applied.extend(other.join().unwrap());
            applied
        });
        // Each may have done some of the steps; who did which is told one after the other.
        applied.sort_unstable();
        assert_eq!(applied, every_name());
        Migrator::open(&path.as_path().into(), &Options::default()).unwrap().check().unwrap();
    }
}

#[test]
fn the_file_is_for_its_owner_alone() {
    let (_directory, path) = place();
    Migrator::open(&path.as_path().into(), &Options::default()).unwrap().up(START).unwrap();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
}

#[test]
fn what_cannot_be_a_file_is_refused() {
    let (_directory, path) = place();
    std::fs::create_dir_all(&path).unwrap();
    assert!(matches!(Migrator::open(&path.as_path().into(), &Options::default()), Err(MigrationError::Open(_))));
}
