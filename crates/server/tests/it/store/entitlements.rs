//! The access checks that media gateways call: how much the database does for one, which no crowd may change.

use super::{Fixture, START, user_id, uuid};
use domain::content::Holding;
use domain::id::ContentId;
use rusqlite::{Connection, StatementStatus};
use superapp::store::contents::{self, FIND};
use superapp::store::creators::{self, SUBSCRIBED_UNTIL};

/// Subscriptions to one creator, and as many unlocks of one content.
const CROWD: u32 = 20_000;
/// Steps of SQLite's machine; one that looks at the crowd takes a hundred times as many.
const STEPS_MAX: i32 = 200;

/// The creator, a fan with a long past among the crowd, and the content.
const CREATOR: u128 = 1;
const FAN: u128 = 2;
const CONTENT: u128 = 3;

/// An id as the database keeps it.
fn id(number: u128) -> [u8; 16] {
    uuid(number).into_bytes()
}

/// A creator with a crowd of fans, and a fan who has come and gone a thousand times and is back.
async fn crowd(db: &Fixture) {
    db.user(CREATOR).await;
    db.user(FAN).await;
    let (creator, fan, content) = (id(CREATOR), id(FAN), id(CONTENT));
    let connection = db.sqlite_connection();
    let content_row = "INSERT INTO contents (id, creator_id, type, title, price_cents, subscriber_only, media_url, \
        is_active, created_at, updated_at) VALUES (?1, ?2, 'video', 'a', 5, 0, 'https://example.com/a', 1, 0, 0)";
    connection.execute(content_row, (content, creator)).unwrap();
    let numbers = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1)";
    let subscriptions = "INSERT INTO subscriptions (id, subscriber_id, creator_id, tier, status, price_cents, \
        anchor_at, period, period_start, period_end, expires_at, auto_renew, created_at, updated_at)";
    let period = "'monthly', iif(n % 20 <> 0 OR n = ?1, 'active', 'ended'), 1, 0, 0, 0, ?4, ?4, 1, n, n FROM numbers";
    // Every twentieth is one that the fan had before; the last is the one that the fan has.
    let subscriber = "iif(n % 20 = 0, ?3, randomblob(16))";
    let text = format!("{numbers} {subscriptions} SELECT randomblob(16), {subscriber}, ?2, {period}");
    connection.execute(&text, (CROWD, creator, fan, START.as_micros() + 1)).unwrap();
    let unlocks = "INSERT INTO unlocks (id, user_id, content_id, creator_id, amount_cents, created_at, revoked_at)
        SELECT randomblob(16), iif(n = ?1, ?2, randomblob(16)), ?3, ?4, 5, 0, NULL FROM numbers";
    connection.execute(&format!("{numbers} {unlocks}"), (CROWD, fan, content, creator)).unwrap();
}

/// The plan of a statement.
fn plan(connection: &Connection, text: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", text.replace('$', "?"))).unwrap();
    statement.raw_query().mapped(|row| row.get(3)).collect::<Result<_, _>>().unwrap()
}

/// What a statement costs: rows that it stepped over without an index, rows that it sorted, and steps altogether.
fn cost(connection: &Connection, text: &str, values: impl rusqlite::Params) -> (i32, i32, i32) {
    let mut statement = connection.prepare(&text.replace('$', "?")).unwrap();
    assert_eq!(statement.query(values).unwrap().mapped(|_| Ok(())).count(), 1);
    let status = |what| statement.get_status(what);
    (status(StatementStatus::FullscanStep), status(StatementStatus::Sort), status(StatementStatus::VmStep))
}

#[tokio::test]
async fn an_access_check_looks_up_keys_and_scans_nothing() {
    let db = Fixture::sqlite();
    let connection = db.sqlite_connection();
    for (text, steps) in [(SUBSCRIBED_UNTIL, 2), (FIND, 4)] {
        let plan = plan(&connection, text);
        assert_eq!(plan.len(), steps, "{plan:?}");
        for step in plan {
            let is_keyed = step.contains("USING PRIMARY KEY (id=?)")
                || step.contains("INDEX unlocks_user_id_content_id (user_id=? AND content_id=?)")
                || step.contains("INDEX subscriptions_active (subscriber_id=? AND creator_id=?)")
                || step.contains("(subscriber_id=? AND creator_id=? AND status=? AND expires_at>?)");
            assert!(step.starts_with("SEARCH ") && is_keyed, "{step}");
        }
    }
}

#[tokio::test]
async fn an_access_check_costs_the_same_handful_of_steps_in_a_crowd() {
    let db = Fixture::sqlite();
    crowd(&db).await;
    let connection = db.sqlite_connection();
    let (creator, fan, now) = (id(CREATOR), id(FAN), START.as_micros());
    let of_creator = cost(&connection, SUBSCRIBED_UNTIL, (fan, creator, now, "active"));
    let of_content = cost(&connection, FIND, (fan, now, id(CONTENT)));
    for (scanned, sorted, steps) in [of_creator, of_content] {
        assert_eq!((scanned, sorted), (0, 0));
        assert!((1..STEPS_MAX).contains(&steps), "{steps}");
    }
    // And they are right, through the store.
    let end = domain::timestamp::Timestamp::from_micros(now + 1);
    let until = creators::subscribed_until(user_id(FAN), user_id(CREATOR), START);
    assert_eq!(db.find(until).await, Some(Some(end)));
    let seen = db.find(contents::find(user_id(FAN), ContentId::new(uuid(CONTENT)), START)).await.unwrap();
    assert_eq!(seen.holding, Holding { unlocked: true, subscribed: true });
    assert_eq!(seen.subscribed_until, Some(end));
}
