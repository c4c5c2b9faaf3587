//! `superapp migrate validate`: what it says of a fresh database, of one that lost an index, and of one whose plans
//! go another way; and that the documentation has the same table.

use super::Fixture;
use crate::place::{self, Place};
use superapp::store::indexes::{self, Finding, INDEXES, State};
use superapp::store::migrations::Migrator;

/// Runs something of the migrator's, which waits inside, on a thread that may.
fn with_migrator<T: Send>(place: &Place, run: impl FnOnce(&Migrator) -> T + Send) -> T {
    let on = || run(&Migrator::open(&place.location, &place::options()).unwrap());
    std::thread::scope(|scope| scope.spawn(on).join()).unwrap()
}

fn validate(place: &Place) -> Vec<Finding> {
    with_migrator(place, |migrator| indexes::validate(migrator).unwrap())
}

/// Every index that is not in order, with its state.
fn complaints(place: &Place) -> Vec<(&'static str, State)> {
    let findings = validate(place);
    assert_eq!(findings.len(), 18);
    let wrong = findings.iter().filter(|finding| finding.state != State::Ok);
    wrong.map(|finding| (finding.index.name(), finding.state)).collect()
}

/// Changes the schema of a database that is then no more: those of other tests must not have the change.
async fn change(db: &Fixture, texts: &'static [&'static str]) {
    db.write(move |work| texts.iter().try_for_each(|text| work.execute(text, &[]).map(|_| ()))).await;
}

#[tokio::test]
async fn every_index_is_there_and_used_on_a_fresh_database() {
    let place = Place::new();
    for Finding { index, state, plan } in validate(&place) {
        assert_eq!(state, State::Ok, "{}: {plan:#?}", index.name());
        assert!(!plan.is_empty(), "{}", index.name());
    }
}

#[tokio::test]
async fn looking_changes_nothing() {
    let db = super::databases().pop().unwrap();
    db.user(1).await;
    let rows = "SELECT (SELECT COUNT(*) FROM users) + (SELECT COUNT(*) FROM wallets) + (SELECT COUNT(*) FROM contents)
        + (SELECT COUNT(*) FROM transactions) + (SELECT COUNT(*) FROM subscriptions)
        + (SELECT COUNT(*) FROM audit_logs)";
    let count = || db.read(move |view| view.query_opt(rows, &[], |row| row.get::<i64>(0)));
    let before = count().await;
    assert_eq!(complaints(&db.place), []);
    assert_eq!(count().await, before);
}

#[tokio::test]
async fn an_index_that_is_gone_is_missing_by_its_name_until_it_is_made_again() {
    let db = super::databases().pop().unwrap();
    change(&db, &["DROP INDEX audit_logs_actor_id", "DROP INDEX subscriptions_active"]).await;
    let missing = [("audit_logs_actor_id", State::Missing), ("subscriptions_active", State::Missing)];
    assert_eq!(complaints(&db.place), missing);
    for finding in validate(&db.place).into_iter().filter(|finding| finding.state == State::Missing) {
        assert!(finding.plan.is_empty());
        with_migrator(&db.place, |migrator| indexes::make(migrator, finding.index).unwrap());
    }
    assert_eq!(complaints(&db.place), []);
}

#[tokio::test]
async fn an_index_on_something_else_is_missing_whatever_its_name() {
    let db = super::databases().pop().unwrap();
    let elsewhere = &["DROP INDEX users_role", "CREATE INDEX users_role ON users (tier)"];
    change(&db, elsewhere).await;
    assert_eq!(complaints(&db.place), [("users_role", State::Missing)]);
    let loose = &[
        "DROP INDEX users_role",
        "CREATE INDEX users_role ON users (role)",
        "DROP INDEX subscriptions_active",
        "CREATE INDEX subscriptions_active ON subscriptions (subscriber_id, creator_id) WHERE status = 'active'",
    ];
    change(&db, loose).await;
    assert_eq!(complaints(&db.place), [("subscriptions_active", State::Missing)], "it refuses nothing");
    change(&db, &["DROP INDEX subscriptions_active"]).await;
    for index in INDEXES.iter().filter(|index| index.name() == "subscriptions_active") {
        with_migrator(&db.place, |migrator| indexes::make(migrator, index).unwrap());
    }
    assert_eq!(complaints(&db.place), []);
}

#[tokio::test]
async fn a_query_that_goes_along_another_index_leaves_its_own_unused() {
    let db = super::databases().pop().unwrap();
    // What holds every column that the query reads, in its order, is taken by both.
    change(
        &db,
        &["CREATE INDEX rival ON users (role, id, tier, account_status, email, username, username_folded, created_at)"],
    )
    .await;
    assert_eq!(complaints(&db.place), [("users_role", State::Unused)]);
    let found = validate(&db.place).into_iter().find(|finding| finding.state == State::Unused).unwrap();
    assert!(found.plan.iter().any(|line| line.contains("rival")), "{:?}", found.plan);
    change(&db, &["DROP INDEX rival"]).await;
    assert_eq!(complaints(&db.place), []);
}

#[test]
fn the_documentation_has_the_same_table() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/indexes.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let documented: Vec<(String, String)> =
        rows.iter().map(|row| (row[0].trim_matches('`').to_owned(), row[1].trim_matches('`').to_owned())).collect();
    let wanted: Vec<(String, String)> = INDEXES
        .iter()
        .map(|index| {
            let rows = index.rows.map_or(String::new(), |rows| format!(" where {rows}"));
            let unique = if index.unique { " unique" } else { "" };
            (format!("{}({}){unique}{rows}", index.table, index.columns), index.query.to_owned())
        })
        .collect();
    assert_eq!(documented, wanted);
}
