//! A key is held for 24 hours, measured when it is read, whatever the sweeper does.

use crate::harness::{Person, TestApp};
use domain::id::{TransactionId, UserId};
use domain::idempotency::{Fingerprint, KeyDigest, RETENTION, Record, StoredResponse};
use serde_json::json;
use std::time::Duration;
use superapp::jobs::{SWEEP_MARGIN, Swept, sweep};
use superapp::store::{Work, idempotency_keys};
use tokio::time::Instant;
use uuid::Uuid;

/// The same person a day later: the access token has lapsed, the key has not.
async fn again(person: &Person) -> Person {
    person.with(&person.refresh().send().await.done(200))
}

#[tokio::test]
async fn a_microsecond_before_the_24_hours_are_over_a_success_is_replayed() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 100).await, app.user("bob").await);
    let first = ann.transfer(&bob, 10).key("k").send().await.done(201);
    app.advance_almost(RETENTION);
    let ann = again(&ann).await;
    ann.transfer(&bob, 10).key("k").send().await.replays(&first);
    ann.transfer(&bob, 11).key("k").send().await.refused(422, "idempotency_key_reused");
}

#[tokio::test]
async fn after_24_hours_the_key_is_free_though_nobody_swept() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 100).await, app.user("bob").await);
    let first = ann.transfer(&bob, 10).key("k").send().await.done(201);
    app.advance(RETENTION);
    let ann = again(&ann).await;
    let second = ann.transfer(&bob, 10).key("k").send().await.done(201);
    assert_ne!(first.json()["tx_id"], second.json()["tx_id"]);
    assert_eq!(app.keys().await, 2, "the new record is in the place of the old one, beside the deposit's");
    app.advance_almost(RETENTION);
    let ann = again(&ann).await;
    ann.transfer(&bob, 10).key("k").send().await.replays(&second);
    let bob = again(&bob).await;
    assert_eq!(bob.balance().await, 20);
    bob.transfer(&ann, 1).key("k").send().await.done(201);
}

#[tokio::test]
async fn another_request_may_have_the_key_after_24_hours() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 100).await, app.user("bob").await);
    ann.transfer(&bob, 1_000).key("k").send().await.refused(402, "insufficient_funds");
    app.advance(RETENTION);
    let ann = again(&ann).await;
    let other = ann.transfer(&bob, 11).key("k").send().await.done(201);
    ann.transfer(&bob, 11).key("k").send().await.replays(&other);
    ann.transfer(&bob, 1_000).key("k").send().await.refused(422, "idempotency_key_reused");
}

#[tokio::test]
async fn other_writes_hold_their_keys_as_long() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let rename =
        |person: &Person, name: &str| person.patch("/api/users/me").key("k").json(json!({ "username": name })).send();
    let first = rename(&ann, "anna").await.done(200);
    app.advance_almost(RETENTION);
    let ann = again(&ann).await;
    rename(&ann, "anna").await.replays(&first);
    rename(&ann, "anne").await.refused(422, "idempotency_key_reused");
    app.advance(domain::timestamp::Span::MICROSECOND);
    assert_eq!(rename(&ann, "anne").await.done(200).json()["username"], "anne");
}

#[tokio::test]
async fn the_sweeper_deletes_what_has_expired_and_nothing_else() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 100).await, app.user("bob").await);
    ann.transfer(&bob, 10).key("old").send().await.done(201);
    app.advance_almost(RETENTION);
    let ann = again(&ann).await;
    let young = ann.transfer(&bob, 10).key("young").send().await.done(201);
    assert_eq!(sweep(&app).await.unwrap(), Swept::default());
    app.advance(domain::timestamp::Span::MICROSECOND);
    // Expired, and kept for an hour: a request that arrived before the end may still wait to be decided.
    assert_eq!(sweep(&app).await.unwrap(), Swept::default());
    app.advance(SWEEP_MARGIN);
    assert_eq!(sweep(&app).await.unwrap(), Swept { keys: 2, sessions: 0 });
    assert_eq!(app.keys().await, 1);
    let ann = again(&ann).await;
    ann.transfer(&bob, 10).key("young").send().await.replays(&young);
    ann.transfer(&bob, 10).key("old").send().await.done(201);
}

#[tokio::test]
async fn the_sweeper_goes_on_until_nothing_is_left() {
    let app = TestApp::new().await;
    let now = app.clock.now();
    let insert = move |work: &mut Work<'_>| {
        for number in 0..2_500_u32 {
            let mut digest = [0; 32];
            digest[..4].copy_from_slice(&number.to_be_bytes());
            idempotency_keys::upsert(
                work,
                &[Record {
                    principal: UserId::new(Uuid::from_u128(1)),
                    digest: KeyDigest(digest),
                    fingerprint: Fingerprint([0; 32]),
                    execution: TransactionId::new(Uuid::from_u128(2)),
                    tx_id: None,
                    route: "/api/users/me".to_owned(),
                    request_id: "a-request".to_owned(),
                    response: StoredResponse { status: 204, headers: Vec::new(), body: Vec::new() },
                    created_at: now,
                    expires_at: now.plus(RETENTION),
                }],
            )?;
        }
        Ok(())
    };
    app.database.write(insert, Instant::now() + Duration::from_secs(10)).await.unwrap();
    app.advance(RETENTION);
    app.advance(SWEEP_MARGIN);
    assert_eq!(sweep(&app).await.unwrap().keys, 2_500);
    assert_eq!(sweep(&app).await.unwrap().keys, 0);
    assert_eq!(app.keys().await, 0);
}
