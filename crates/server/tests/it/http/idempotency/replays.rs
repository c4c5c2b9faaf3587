//! What is stored and sent again, byte for byte, and what never occupies a key.

use crate::harness::{Call, OddBody, Person, Reply, TestApp};
use serde_json::json;
use superapp::store::View;

const TRANSFER: &str = "/api/wallet/transfer";

#[tokio::test]
async fn a_success_is_sent_again_byte_for_byte() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 100).await, app.user("bob").await);
    let first = ann.transfer(&bob, 40).key("k").header("x-request-id", "the-first-one").send().await.done(201);
    bob.pay(&ann, 10).await;
    for id in ["the-second-one", "the-third-one"] {
        let again = ann.transfer(&bob, 40).key("k").header("x-request-id", id).send().await.replays(&first);
        assert_eq!(again.header("idempotency-original-request-id"), "the-first-one");
        assert_eq!(again.header("location"), first.header("location"));
    }
    assert_eq!((ann.balance().await, bob.balance().await), (70, 30), "a replay moves nothing");
    assert_eq!(app.transactions().await, 3);
}

#[tokio::test]
async fn a_refusal_by_the_rules_is_final_for_its_key() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 10).await, app.user("bob").await);
    let poor = ann.transfer(&bob, 50).key("poor").send().await.refused(402, "insufficient_funds");
    let body = json!({ "to_user_id": "usr_00000000000000000000000000", "amount_cents": 1 });
    let lost = ann.post(TRANSFER).key("lost").json(body.clone()).send().await.refused(404, "recipient_not_found");
    let own = ann.transfer(&ann, 1).key("own").send().await.refused(422, "self_transfer");
    ann.deposit(1_000).fresh_key().send().await.done(201);
    ann.transfer(&bob, 50).key("poor").send().await.replays(&poor);
    ann.post(TRANSFER).key("lost").json(body).send().await.replays(&lost);
    ann.transfer(&ann, 1).key("own").send().await.replays(&own);
    ann.transfer(&bob, 51).key("poor").send().await.refused(422, "idempotency_key_reused");
    assert_eq!(bob.balance().await, 0);
    ann.transfer(&bob, 50).key("rich").send().await.done(201);
    assert_eq!(bob.balance().await, 50);
}

#[tokio::test]
async fn a_reused_key_does_not_spoil_the_stored_answer() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 100).await, app.user("bob").await);
    let first = ann.transfer(&bob, 10).key("k").send().await.done(201);
    let reused = ann.transfer(&bob, 11).key("k").send().await.refused(422, "idempotency_key_reused");
    assert!(!reused.is_replay(), "{reused}");
    ann.transfer(&bob, 10).key("k").send().await.replays(&first);
}

/// The request that each of the others below fails to be.
fn right(ann: &Person, bob: &Person) -> Call {
    ann.transfer(bob, 10).key("k")
}

#[tokio::test]
async fn what_is_refused_early_never_occupies_the_key() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 1_000).await, app.user("bob").await);
    let body = json!({ "to_user_id": bob.id.to_string(), "amount_cents": 10 }).to_string();
    let with = |body: String| ann.post(TRANSFER).key("k").text(body);
    let typed = |name: &str| ann.post(TRANSFER).key("k").header("content-type", name).body(body.clone());
    let anonymous = app.post(TRANSFER).key("k").text(body.clone());
    let forged = app.post(TRANSFER).key("k").text(body.clone()).bearer("garbage");
    for (early, status, code) in [
        (with("{".to_owned()), 400, "malformed_request"),
        (with(String::new()), 400, "invalid_request"),
        (with("[]".to_owned()), 400, "malformed_request"),
        (with(body.replace("10", "-10")), 400, "invalid_request"),
        (with(body.replace("10", "10.0")), 400, "invalid_request"),
        (with(body.replace("10", "10,\"amount_cents\":10")), 400, "malformed_request"),
        (with(body.replace("amount_cents", "amount")), 400, "invalid_request"),
        (with(format!("{}{body}", " ".repeat(70_000))), 413, "payload_too_large"),
        (typed("text/plain"), 415, "unsupported_media_type"),
        (typed("application/x-www-form-urlencoded"), 415, "unsupported_media_type"),
        (ann.post(TRANSFER).key("k").body(body.clone()), 415, "unsupported_media_type"),
        (anonymous, 401, "unauthenticated"),
        (forged, 401, "unauthenticated"),
        (right(&ann, &bob).key("k"), 400, "idempotency_key_invalid"),
        (ann.post(TRANSFER).key("k").text(OddBody::Breaks), 400, "malformed_request"),
        (ann.post(TRANSFER).key("k").text(OddBody::Panics).that_may_break(), 500, "internal"),
    ] {
        early.send().await.refused(status, code);
    }
    assert_eq!(app.keys().await, 1, "the deposit's");
    right(&ann, &bob).send().await.done(201);
}

#[tokio::test]
async fn a_body_that_does_not_arrive_never_occupies_the_key() {
    let app = TestApp::with(&[("SUPERAPP_SERVER__BODY_TIMEOUT_SECONDS", "1")]).await;
    let (ann, bob) = (app.rich("ann", 1_000).await, app.user("bob").await);
    let late = ann.post(TRANSFER).key("k").text(OddBody::NeverEnds).send().await;
    let late = late.refused(408, "request_timeout");
    assert_eq!(late.header("connection"), "close");
    right(&ann, &bob).send().await.done(201);
}

#[tokio::test]
async fn what_an_administrator_can_lift_never_occupies_the_key() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 1_000).await, app.user("bob").await);
    app.freeze(&ann).await;
    right(&ann, &bob).send().await.refused(403, "wallet_frozen");
    app.unfreeze(&ann).await;
    app.suspend(&ann).await;
    right(&ann, &bob).send().await.refused(403, "account_suspended");
    app.reinstate(&ann).await;
    right(&ann, &bob).send().await.done(201);
}

#[tokio::test]
async fn a_replay_is_for_whoever_may_still_ask() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 1_000).await, app.user("bob").await);
    let first = right(&ann, &bob).send().await.done(201);
    app.freeze(&ann).await;
    right(&ann, &bob).send().await.replays(&first);
    app.suspend(&ann).await;
    right(&ann, &bob).send().await.refused(403, "account_suspended");
    app.reinstate(&ann).await;
    right(&ann, &bob).send().await.replays(&first);
    ann.post("/api/auth/logout").send().await.done(204);
    right(&ann, &bob).send().await.refused(401, "unauthenticated");
    right(&ann.sign_in().await, &bob).send().await.replays(&first);
}

#[tokio::test]
async fn only_headers_that_describe_the_answer_are_stored() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 100).await, app.user("bob").await);
    let first = right(&ann, &bob).send().await.done(201);
    app.drain();
    let again: Reply = right(&ann, &bob).send().await;
    assert!(again.is_replay() && again.header("connection") == "close", "{again}");
    assert_ne!(again.request_id(), first.request_id());
    let read = |view: &View<'_>| view.query("SELECT headers FROM idempotency_keys", &[], |row| row.get::<String>(0));
    let kept = app.database.read(read).await.unwrap();
    assert!(!kept.is_empty());
    for (name, _) in kept.iter().flat_map(|kept| serde_json::from_str::<Vec<(String, String)>>(kept).unwrap()) {
        assert!(["content-type", "location"].contains(&name.as_str()), "{name}");
    }
}
