//! The audit log: a record is kept with every word of it, and one id only once.

use super::{START, actor, databases, session_id, transaction_id, user_id, uuid};
use domain::audit::{Action, EntityType, Record, Value};
use domain::id::AuditId;
use superapp::store::{StoreError, audit_logs};

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
        db.write(|work| audit_logs::insert(work, &record(1))).await;
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
        db.write(move |work| audit_logs::insert(work, &unknown)).await;
        let text = "SELECT COUNT(*) FROM audit_logs WHERE actor_id IS NULL AND address IS NULL AND tx_id IS NULL \
            AND entity_id IS NULL AND before = '{}' AND after = '{}'";
        let count = db.read(move |view| view.query_opt(text, &[], |row| row.get::<i64>(0))).await;
        assert_eq!(count, Some(1));
    }
}

#[tokio::test]
async fn one_record_cannot_be_added_twice() {
    for db in databases() {
        db.write(|work| audit_logs::insert(work, &record(1))).await;
        let again = db.try_write(|work| audit_logs::insert(work, &record(1))).await;
        assert!(matches!(again, Err(StoreError::Refused(_))), "{again:?}");
    }
}
