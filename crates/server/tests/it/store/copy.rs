//! Copies of whole databases: every table, resumed after every batch, and refused where data would be lost.
//!
//! The source is a file, the target is on the database of the run.

use super::{Fixture, START, open, soon, user_id};
use crate::ledger::bank::Bank;
use crate::place::{Place, options};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use superapp::store::copy::tables::{Kind, TABLES};
use superapp::store::copy::{self, CopyError, Progress, Report, Role};
use superapp::store::migrations::{MigrationError, Migrator};
use superapp::store::{Location, users};

/// Runs a copy on a thread that may wait, until `enough` says so.
fn copy(from: &Location, to: &Location, enough: impl Fn(Progress) -> bool + Sync) -> Result<Report, CopyError> {
    let options = options();
    let mut watch = |progress| if enough(progress) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let run = || copy::run((from, &options), (to, &options), START, &mut watch);
    std::thread::scope(|scope| scope.spawn(run).join()).unwrap()
}

fn never(_: Progress) -> bool {
    false
}

fn check(location: &Location) -> Result<(), MigrationError> {
    let options = options();
    std::thread::scope(|scope| scope.spawn(|| Migrator::open(location, &options)?.check()).join()).unwrap()
}

/// A ledger in a file that nobody has open, with more accounts than go into one batch.
async fn source() -> Fixture {
    let bank = Bank::open(Fixture::sqlite(), 3).await;
    bank.execute("riches", (0..3).map(|user| bank.deposit(user, 10_000)).collect()).await;
    bank.execute("trade", (0..30).map(|number| bank.transfer(number % 3, (number + 1) % 3, 10)).collect()).await;
    let db = bank.db;
    db.write(|work| {
        for number in 1_000..6_000 {
            users::insert(work, &super::new_user(number))?;
        }
        Ok(())
    })
    .await;
    db.database.close().await;
    db
}

#[tokio::test]
async fn the_list_of_tables_is_the_schema() {
    let text = "SELECT m.name, p.name, p.type, p.pk FROM sqlite_schema m JOIN pragma_table_info(m.name) p
        WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name <> 'schema_migrations'";
    let db = Fixture::sqlite();
    let connection = db.sqlite_connection();
    let mut statement = connection.prepare(text).unwrap();
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
    let schema: BTreeSet<(String, String, String, u32)> =
        statement.query_map([], row).unwrap().collect::<Result<_, _>>().unwrap();
    let stored = |kind: Kind| match kind {
        Kind::Integer => "INTEGER",
        Kind::Text => "TEXT",
        Kind::Id | Kind::Bytes => "BLOB",
    };
    let list = TABLES.iter().flat_map(|table| {
        let key = table.key.iter().zip(1..);
        let columns = key.chain(table.rest.iter().map(|column| (column, 0_u32)));
        columns.map(|((name, kind), key)| (table.name.to_owned(), (*name).to_owned(), stored(*kind).to_owned(), key))
    });
    assert_eq!(list.collect::<BTreeSet<_>>(), schema);
}

#[tokio::test]
async fn a_copy_that_is_stopped_after_any_batch_goes_on_and_is_not_served_before_it_is_whole() {
    let db = source().await;
    let target = Place::new();
    let mut runs = 0;
    let report = loop {
        runs += 1;
        assert!(runs < 100, "each run is a batch further");
        match copy(&db.place.location, &target.location, |progress| matches!(progress, Progress::Copying { .. })) {
            Err(CopyError::Stopped) => {
                let refused = check(&target.location);
                assert!(matches!(refused, Err(MigrationError::HalfCopied)), "{refused:?}");
            }
            ended => break ended.unwrap(),
        }
    };
    assert!(runs > 10, "three batches of accounts, and one of every other table that has rows: {runs}");
    assert!(report.is_equal() && report.is_clean() && report.copied == 0, "{report:#?}");
    let rows = |name: &str| report.tables.iter().find(|table| table.table == name).unwrap().target_rows;
    assert!(rows("users") > 5_000 && rows("entries") > 0, "{report:#?}");
    check(&target.location).unwrap();
    // And back, whatever the target is.
    let home = Place::sqlite();
    let report = copy(&target.location, &home.location, never).unwrap();
    assert!(report.is_equal() && report.is_clean() && report.copied > 5_000, "{report:#?}");
}

#[tokio::test]
async fn a_source_that_changes_between_two_runs_is_told() {
    let changes = [
        // A row that was copied, one before all of them, one that is gone, and one that is new.
        "UPDATE users SET password_hash = 'another' WHERE username = 'User1000'",
        "INSERT INTO users SELECT zeroblob(16), 'a@b.c', NULL, NULL, password_hash, role, tier,
            account_status, created_at, updated_at FROM users WHERE username = 'User1000'",
        "DELETE FROM users WHERE username = 'User1001'",
        "UPDATE wallets SET balance_cents = balance_cents + 1 WHERE kind = 'platform'",
    ];
    for change in changes {
        let (db, target) = (source().await, Place::new());
        let enough = |progress| matches!(progress, Progress::Copying { table: "wallets", .. });
        assert!(matches!(copy(&db.place.location, &target.location, enough), Err(CopyError::Stopped)));
        assert_eq!(db.sqlite_connection().execute(change, []).unwrap(), 1, "{change}");
        match copy(&db.place.location, &target.location, never) {
            Ok(report) => assert!(!report.is_equal(), "{change}"),
            // The first account is another one now, so it is another database.
            Err(CopyError::OtherSource) => assert!(change.starts_with("INSERT")),
            Err(error) => panic!("{change}: {error}"),
        }
        assert!(matches!(check(&target.location), Err(MigrationError::HalfCopied)), "{change}");
    }
}

#[tokio::test]
async fn a_target_with_data_is_refused_and_stays_as_it_was() {
    let (db, target) = (source().await, Fixture::on(Place::new()));
    target.user(7).await;
    target.database.close().await;
    let refused = copy(&db.place.location, &target.place.location, never);
    assert!(matches!(&refused, Err(CopyError::NotEmpty(table)) if table == "users"), "{refused:?}");
    let again = open(&target.place.location);
    assert_eq!(again.read(super::count).await.unwrap(), 1);
    check(&target.place.location).unwrap();

    // Half a copy of another database.
    let (other, target) = (Fixture::sqlite(), Place::new());
    other.user(1).await;
    other.database.close().await;
    let enough = |progress| matches!(progress, Progress::Copying { .. });
    assert!(matches!(copy(&db.place.location, &target.location, enough), Err(CopyError::Stopped)));
    let refused = copy(&other.place.location, &target.location, never);
    assert!(matches!(refused, Err(CopyError::OtherSource)), "{refused:?}");
}

#[tokio::test]
async fn databases_that_are_in_use_are_refused() {
    let (db, target) = (source().await, Place::new());
    let server = open(&db.place.location);
    let refused = copy(&db.place.location, &target.location, never);
    assert!(matches!(refused, Err(CopyError::InUse(Role::Source))), "{refused:?}");
    server.close().await;
    let server = open(&target.location);
    let refused = copy(&db.place.location, &target.location, never);
    assert!(matches!(refused, Err(CopyError::InUse(Role::Target))), "{refused:?}");
    server.close().await;
    assert!(copy(&db.place.location, &target.location, never).unwrap().is_equal());
}

#[tokio::test]
async fn nobody_opens_a_file_while_it_is_copied() {
    let (db, target) = (source().await, Place::new());
    let busy = std::sync::Mutex::new(0);
    let path = db.path();
    let report = copy(&db.place.location, &target.location, |_| {
        let other = rusqlite::Connection::open(&path).unwrap();
        other.busy_timeout(std::time::Duration::ZERO).unwrap();
        *busy.lock().unwrap() += i32::from(other.query_row("SELECT COUNT(*) FROM users", [], |_| Ok(())).is_err());
        false
    });
    assert!(report.unwrap().is_equal());
    assert!(busy.into_inner().unwrap() > 10);
}

#[tokio::test]
async fn a_discrepancy_of_the_source_is_copied_and_told() {
    let (db, target) = (source().await, Place::new());
    let change = "UPDATE wallets SET balance_cents = balance_cents + 1 WHERE kind = 'platform'";
    assert_eq!(db.sqlite_connection().execute(change, []).unwrap(), 1);
    let report = copy(&db.place.location, &target.location, never).unwrap();
    assert!(report.is_equal() && !report.is_clean(), "{report:#?}");
    assert_eq!(report.source, report.target);
    let copied = open(&target.location);
    copied.write(|work| users::insert(work, &super::new_user(9_000)), soon()).await.unwrap();
    assert!(copied.read(|view| users::find(view, user_id(9_000))).await.unwrap().is_some());
}
