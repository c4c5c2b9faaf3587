//! The audit log: a record is kept with every word of it, and one id only once.

use super::{Fixture, START, actor, databases, session_id, transaction_id, user_id, uuid};
use domain::audit::{Action, EntityType, Record, Value};
use domain::id::AuditId;
use domain::timestamp::{Span, Timestamp};
use superapp::store::audit_logs::{self, Page};
use superapp::store::{StoreError, View};

fn record(number: u128) -> Record {
    let mut actor = actor(user_id(1));
    actor.credential = Some(session_id(3).uuid());
    actor.address = Some("2001:db8::1".parse().unwrap());
    Record {
        id: AuditId::new(uuid(number)),
        actor,
        action: Action::Transferred,
        entity_type: EntityType::Transaction,
        entity_id: Some(uuid(5)),
        tx_id: Some(transaction_id(5)),
        before: vec![("balance_cents", Value::Integer(i64::MAX))],
        after: vec![("name", Value::Text("\"quoted\" \u{1} 😀".to_owned())), ("cents", Value::Integer(-1))],
        created_at: START,
    }
}

#[tokio::test]
async fn a_record_is_kept_as_it_was_made() {
    for db in databases() {
        db.write(|work| audit_logs::insert(work, &[record(1)])).await;
        let text = "SELECT actor_id, credential_id, address, request_id, action, entity_type, entity_id, tx_id, \
            before, after, created_at FROM audit_logs WHERE id = $1";
        db.read(move |view| {
            let found = view.query_opt(text, &[uuid(1).into()], |row| {
                assert_eq!(row.get::<uuid::Uuid>(0)?, user_id(1).uuid());
                assert_eq!(row.get::<uuid::Uuid>(1)?, session_id(3).uuid());
                let words = [row.get::<String>(2)?, row.get(3)?, row.get(4)?, row.get(5)?];
                assert_eq!(words, ["2001:db8::1", "request", "transaction.transfer", "transaction"]);
                assert_eq!((row.get::<uuid::Uuid>(6)?, row.get::<uuid::Uuid>(7)?), (uuid(5), uuid(5)));
                let json = |column| serde_json::from_str::<serde_json::Value>(&row.get::<String>(column).unwrap());
                assert_eq!(json(8).unwrap(), serde_json::json!({ "balance_cents": i64::MAX }));
                assert_eq!(json(9).unwrap(), serde_json::json!({ "name": "\"quoted\" \u{1} 😀", "cents": -1 }));
                row.get::<i64>(10)
            })?;
            assert_eq!(found, Some(START.as_micros()));
            Ok(())
        })
        .await;
    }
}

#[tokio::test]
async fn an_act_of_nobody_known_on_nothing_known_is_recorded_too() {
    for db in databases() {
        let mut unknown = record(1);
        (unknown.actor.id, unknown.actor.credential, unknown.actor.address) = (None, None, None);
        (unknown.entity_id, unknown.tx_id) = (None, None);
        (unknown.before, unknown.after) = (Vec::new(), Vec::new());
        db.write(move |work| audit_logs::insert(work, std::slice::from_ref(&unknown))).await;
        let text = "SELECT COUNT(*) FROM audit_logs WHERE actor_id IS NULL AND address IS NULL AND tx_id IS NULL \
            AND entity_id IS NULL AND before = '{}' AND after = '{}'";
        let count = db.read(move |view| view.query_opt(text, &[], |row| row.get::<i64>(0))).await;
        assert_eq!(count, Some(1));
    }
}

#[tokio::test]
async fn one_record_cannot_be_added_twice() {
    for db in databases() {
        db.write(|work| audit_logs::insert(work, &[record(1)])).await;
        let again = db.try_write(|work| audit_logs::insert(work, &[record(1)])).await;
        assert!(matches!(again, Err(StoreError::Lost(_))), "{again:?}");
    }
}

fn at(second: i64) -> Timestamp {
    START.plus(Span::seconds(second))
}

/// An id as they are made at a moment: its milliseconds, then a number.
fn made(second: i64, number: u128) -> AuditId {
    let millis = u128::try_from(at(second).as_micros() / 1_000).unwrap();
    AuditId::new(uuid((millis << 80) | number))
}

#[tokio::test]
async fn records_are_listed_newest_first_by_any_mix_of_filters() {
    for db in databases() {
        let signed_in = |second, number| Record {
            id: made(second, number),
            action: Action::SignedIn,
            entity_type: EntityType::Session,
            entity_id: Some(uuid(7)),
            tx_id: None,
            created_at: at(second),
            ..record(0)
        };
        let mut nobody = Record { id: made(2, 3), created_at: at(2), ..record(0) };
        (nobody.actor.id, nobody.entity_id, nobody.tx_id) = (None, None, None);
        let paid = Record { id: made(3, 4), created_at: at(4), ..record(0) };
        for new in [signed_in(0, 1), signed_in(1, 2), nobody, paid] {
            db.write(move |work| audit_logs::insert(work, std::slice::from_ref(&new))).await;
        }
        let list = |page: Page| {
            let found = db.read(move |view: &View<'_>| audit_logs::list(view, &page));
            async move { found.await.iter().map(|line| line.id.uuid().as_u128() & 0xff).collect::<Vec<_>>() }
        };
        let all = || Page { limit: 10, ..Page::default() };
        let session = || Page { entity_type: Some(EntityType::Session), entity_id: Some(uuid(7)), ..all() };
        let ann = || Page { actor_id: Some(user_id(1)), ..all() };
        let tx = || Page { tx_id: Some(transaction_id(5)), ..all() };
        assert_eq!(list(all()).await, [4, 3, 2, 1]);
        assert_eq!(list(Page { limit: 3, ..all() }).await, [4, 3, 2]);
        assert_eq!(list(Page { before: Some(made(2, 3)), ..all() }).await, [2, 1]);
        assert_eq!(list(Page { from: Some(at(1)), to: Some(at(4)), ..all() }).await, [3, 2]);
        assert_eq!(list(Page { action: Some(Action::Transferred), ..all() }).await, [4, 3]);
        assert_eq!(list(Page { entity_type: Some(EntityType::Session), ..all() }).await, [2, 1]);
        assert_eq!(list(Page { entity_id: Some(uuid(5)), ..all() }).await, [4]);
        assert_eq!(list(session()).await, [2, 1]);
        assert_eq!(list(Page { to: Some(at(1)), ..session() }).await, [1]);
        assert_eq!(list(Page { tx_id: Some(transaction_id(5)), ..session() }).await, [0_u128; 0]);
        assert_eq!(list(ann()).await, [4, 2, 1]);
        assert_eq!(list(Page { before: Some(made(1, 2)), ..ann() }).await, [1]);
        assert_eq!(list(Page { action: Some(Action::SignedIn), limit: 1, ..ann() }).await, [2]);
        assert_eq!(list(tx()).await, [4]);
        assert_eq!(list(Page { actor_id: Some(user_id(2)), ..tx() }).await, [0_u128; 0]);
        let page = tx();
        let shown = db.read(move |view| audit_logs::list(view, &page)).await.remove(0);
        assert_eq!((shown.actor_id, shown.credential_id), (Some(user_id(1)), Some(session_id(3).uuid())));
        assert_eq!((shown.address.as_deref(), shown.request_id.as_str()), (Some("2001:db8::1"), "request"));
        assert_eq!((shown.entity_type, shown.entity_id), (EntityType::Transaction, Some(uuid(5))));
        assert_eq!((shown.before.as_str(), shown.created_at), ("{\"balance_cents\":9223372036854775807}", at(4)));
    }
}

#[tokio::test]
async fn each_look_up_walks_along_its_index_and_sorts_nothing() {
    let db = Fixture::sqlite();
    let session = (Some(EntityType::Session), Some(uuid(7)));
    for (page, index) in [
        (Page { tx_id: Some(transaction_id(5)), ..Page::default() }, Some("audit_logs_tx_id_created_at (tx_id=?")),
        (
            Page { entity_type: session.0, entity_id: session.1, ..Page::default() },
            Some("audit_logs_entity_type_entity_id (entity_type=? AND entity_id=? AND id>? AND id<?)"),
        ),
        (
            Page { actor_id: Some(user_id(1)), ..Page::default() },
            Some("audit_logs_actor_id (actor_id=? AND id>? AND id<?)"),
        ),
        (Page::default(), None),
    ] {
        let text = format!("EXPLAIN QUERY PLAN {}", audit_logs::statement(&page));
        let connection = db.sqlite_connection();
        let mut statement = connection.prepare(&text).unwrap();
        let plan: Vec<String> = statement.raw_query().mapped(|row| row.get(3)).collect::<Result<_, _>>().unwrap();
        let wanted = index.unwrap_or("USING PRIMARY KEY (id>? AND id<?)");
        assert!(plan[0].contains(wanted), "{plan:?}");
        // What belongs to one transaction is a handful of rows.
        assert!(page.tx_id.is_some() || !plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:?}");
        // Whether a record's credential is a key is a look-up by its id.
        assert!(plan.iter().skip(1).all(|step| !step.starts_with("SCAN")), "{plan:?}");
    }
}
