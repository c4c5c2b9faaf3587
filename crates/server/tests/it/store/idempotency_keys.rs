//! Idempotency keys: an answer is kept whole, replaced only when it has expired, and forgotten in portions.

use super::{Fixture, START, databases, transaction_id, user_id};
use domain::idempotency::{Fingerprint, Key, KeyDigest, RETENTION, Record, StoredResponse};
use domain::timestamp::{Span, Timestamp};
use superapp::store::{StoreError, idempotency_keys};

fn digest(key: &str) -> KeyDigest {
    Key::parse(key).unwrap().digest()
}

fn record(user: u128, key: &str, execution: u128, created_at: Timestamp) -> Record {
    Record {
        principal: user_id(user),
        digest: digest(key),
        fingerprint: Fingerprint::of(&[key.as_bytes()]),
        execution: transaction_id(execution),
        tx_id: Some(transaction_id(execution)),
        route: "/api/wallet/transfer".to_owned(),
        request_id: format!("request {execution}"),
        response: StoredResponse {
            status: 201,
            headers: vec![("location".to_owned(), "/somewhere".to_owned())],
            body: vec![0, 255, 10, 13],
        },
        created_at,
        expires_at: created_at.plus(RETENTION),
    }
}

async fn keep(db: &Fixture, record: Record) -> Result<(), StoreError> {
    db.try_write(move |work| idempotency_keys::upsert(work, std::slice::from_ref(&record))).await
}

async fn kept(db: &Fixture, user: u128, key: &str) -> Option<Record> {
    let digest = digest(key);
    db.find(idempotency_keys::find(user_id(user), digest)).await
}

#[tokio::test]
async fn an_answer_is_found_as_it_was_kept() {
    for db in databases() {
        let full = record(1, "full", 1, START);
        let mut empty = record(1, "empty", 2, START);
        (empty.tx_id, empty.response.headers, empty.response.body) = (None, Vec::new(), Vec::new());
        for record in [full, empty] {
            keep(&db, record.clone()).await.unwrap();
            let digest = record.digest;
            let found = db.find(idempotency_keys::find(user_id(1), digest)).await;
            assert_eq!(found, Some(record));
        }
        assert_eq!(kept(&db, 1, "unknown").await, None);
    }
}

#[tokio::test]
async fn two_users_may_use_the_same_key() {
    for db in databases() {
        keep(&db, record(1, "key", 1, START)).await.unwrap();
        keep(&db, record(2, "key", 2, START)).await.unwrap();
        assert_eq!(kept(&db, 1, "key").await.unwrap().execution, transaction_id(1));
        assert_eq!(kept(&db, 2, "key").await.unwrap().execution, transaction_id(2));
        assert_eq!(kept(&db, 3, "key").await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_live_answer_is_not_replaced() {
    for db in databases() {
        keep(&db, record(1, "key", 1, START)).await.unwrap();
        let last_moment = START.plus(RETENTION).minus(Span::MICROSECOND);
        for created_at in [START, last_moment] {
            let result = keep(&db, record(1, "key", 2, created_at)).await;
            assert!(matches!(result, Err(StoreError::Lost(_))), "{result:?}");
        }
        assert_eq!(kept(&db, 1, "key").await, Some(record(1, "key", 1, START)));
    }
}

#[tokio::test]
async fn an_expired_answer_is_replaced_in_every_column() {
    for db in databases() {
        keep(&db, record(1, "key", 1, START)).await.unwrap();
        let mut second = record(1, "key", 2, START.plus(RETENTION));
        second.fingerprint = Fingerprint::of(&[b"another"]);
        second.tx_id = None;
        second.route = "/another".to_owned();
        second.response = StoredResponse { status: 402, headers: Vec::new(), body: b"no".to_vec() };
        keep(&db, second.clone()).await.unwrap();
        assert_eq!(kept(&db, 1, "key").await, Some(second));
    }
}

#[tokio::test]
async fn a_sweep_forgets_what_has_expired_and_no_more_than_asked() {
    for db in databases() {
        for (key, age) in [("a", 0), ("b", 1), ("c", 2), ("d", 3)] {
            keep(&db, record(1, key, 1, START.plus(Span::seconds(age)))).await.unwrap();
        }
        let end = |age| START.plus(RETENTION).plus(Span::seconds(age));
        let sweep = |now: Timestamp, limit| db.write(move |work| idempotency_keys::sweep(work, now, limit));
        assert_eq!(sweep(end(0).minus(Span::MICROSECOND), 10).await, 0);
        assert_eq!(sweep(end(0), 10).await, 1, "at its end it does not count any more");
        assert_eq!(kept(&db, 1, "a").await, None);
        assert_eq!(sweep(end(2), 1).await, 1, "the oldest first");
        assert_eq!(kept(&db, 1, "b").await, None);
        assert!(kept(&db, 1, "c").await.is_some());
        assert_eq!(sweep(end(2), 10).await, 1);
        assert!(kept(&db, 1, "d").await.is_some());
    }
}

#[tokio::test]
async fn an_answer_of_64_kib_is_kept_and_a_longer_one_refused() {
    for db in databases() {
        let mut largest = record(1, "largest", 1, START);
        largest.response.body = vec![b'x'; StoredResponse::BODY_BYTES_MAX];
        keep(&db, largest.clone()).await.unwrap();
        assert_eq!(kept(&db, 1, "largest").await, Some(largest.clone()));
        largest.response.body.push(b'x');
        largest.digest = digest("too-large");
        assert!(matches!(keep(&db, largest).await, Err(StoreError::Refused(_))));
        assert_eq!(kept(&db, 1, "too-large").await, None);
    }
}

#[tokio::test]
async fn only_final_statuses_are_kept() {
    for db in databases() {
        for (status, valid) in [(199, false), (200, true), (201, true), (422, true), (499, true), (500, false)] {
            let mut answer = record(1, &status.to_string(), 1, START);
            answer.response.status = status;
            assert_eq!(keep(&db, answer).await.is_ok(), valid, "{status}");
        }
    }
}
