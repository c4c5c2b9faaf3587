//! Deposits through a provider that signs its events: what a test says in the provider's name, and the plain way.

mod admin;
mod orders;
mod signatures;

use crate::harness::{Call, Person, Reply, TestApp, together};
use domain::timestamp::Span;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub const ROUTE: &str = "/api/webhooks/payments/acme";

/// A server with a provider that signs its events.
pub async fn server() -> TestApp {
    with_secrets(SECRET).await
}

pub async fn with_secrets(secrets: &str) -> TestApp {
    let provider = ("SUPERAPP_PAYMENTS__WEBHOOK_PROVIDER", "acme");
    TestApp::with(&[provider, ("SUPERAPP_PAYMENTS__WEBHOOK_SECRET", secrets)]).await
}

/// The server's time in seconds.
pub fn seconds(app: &TestApp) -> i64 {
    app.clock.now().as_micros() / 1_000_000
}

/// An event with its headers, signed by the reference library.
pub fn signed(app: &TestApp, secret: &str, (id, seconds): (&str, i64), body: &str) -> Call {
    let signature = Webhook::new(secret).unwrap().sign(id, seconds, body.as_bytes()).unwrap();
    let call = app.post(ROUTE).text(body.to_owned());
    call.header("webhook-id", id)
        .header("webhook-timestamp", seconds.to_string())
        .header("webhook-signature", signature)
}

/// An event as the provider sends it.
pub fn event(app: &TestApp, id: &str, body: &Value) -> Call {
    signed(app, SECRET, (id, seconds(app)), &body.to_string())
}

/// What became of an event.
pub async fn outcome(app: &TestApp, id: &str, body: &Value) -> String {
    let reply = event(app, id, body).send().await.done(200);
    reply.json()["outcome"].as_str().unwrap().to_owned()
}

/// A pending deposit.
pub async fn ask(person: &Person, cents: i64) -> Reply {
    let body = json!({ "amount_cents": cents, "provider": "acme" });
    person.post("/api/wallet/deposits").fresh_key().json(body).send().await.done(201)
}

/// The provider's good news of a deposit.
pub fn succeeded(deposit: &Reply, payment: &str) -> Value {
    let deposit = deposit.json();
    json!({
        "type": "payment.succeeded",
        "data": {
            "deposit_id": deposit["id"], "provider_tx_id": payment, "amount_cents": deposit["amount_cents"],
            "currency": "IDR",
        },
    })
}

/// The provider's bad news of a deposit.
pub fn failed(deposit: &Reply) -> Value {
    json!({ "type": "payment.failed", "data": { "deposit_id": deposit.json()["id"] } })
}

/// Where a deposit stands.
pub async fn status(person: &Person, deposit: &Reply) -> String {
    let shown = person.get(format!("/api/wallet/deposits/{}", deposit.json()["id"].as_str().unwrap()));
    shown.send().await.done(200).json()["status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_deposit_waits_for_its_provider_and_is_completed_by_it() {
    let app = server().await;
    let ann = app.user("ann").await;
    let body = json!({ "amount_cents": 500, "provider": "acme" });
    let deposit = ann.post("/api/wallet/deposits").key("k").json(body.clone()).send().await.done(201);
    let asked = deposit.json();
    let expected = json!({
        "id": asked["id"], "status": "pending", "amount_cents": 500, "provider": "acme",
        "created_at": "2027-01-15T08:00:00Z",
    });
    assert_eq!(asked, expected);
    ann.post("/api/wallet/deposits").key("k").json(body).send().await.replays(&deposit);
    assert_eq!((ann.balance().await, app.transactions().await), (0, 0));
    let row = &app.audit_of(&deposit).await[0];
    assert_eq!(
        (row.action.as_str(), row.entity_type.as_str(), row.actor),
        ("deposit.requested", "deposit", Some(ann.id))
    );
    assert_eq!(row.after, json!({ "amount_cents": 500, "provider": "acme", "status": "pending" }));
    app.advance(Span::seconds(60));
    let reply = event(&app, "evt_1", &succeeded(&deposit, "payment 1")).send().await.done(200);
    assert_eq!(reply.json(), json!({ "outcome": "held" }), "a space is no part of an id");
    let second = ask(&ann, 700).await;
    let reply = event(&app, "evt_2", &succeeded(&second, "pay_2")).send().await.done(200);
    assert_eq!(reply.json(), json!({ "outcome": "completed" }));
    let row = &app.audit_of(&reply).await[0];
    assert_eq!((row.action.as_str(), row.actor), ("transaction.deposit", None));
    let shown = ann.get(second.header("location")).send().await.done(200).json();
    assert_eq!((&shown["status"], &shown["provider_tx_id"]), (&json!("completed"), &json!("pay_2")));
    let line = ann.get(format!("/api/wallet/transactions/{}", shown["tx_id"].as_str().unwrap()));
    assert_eq!(line.send().await.done(200).json()["reference"], second.json()["id"]);
    assert_eq!(ann.balance().await, 700);
    let owed = "SELECT balance_cents FROM wallets WHERE kind = 'clearing' AND provider = 'acme'";
    assert_eq!(app.count(owed).await, -700, "the provider owes what came in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_deliveries_of_one_event_at_once_are_one_credit() {
    let app = server().await;
    let ann = app.user("ann").await;
    for round in 1..=5 {
        let deposit = ask(&ann, 100).await;
        let (id, body) = (format!("evt_{round}"), succeeded(&deposit, &format!("pay_{round}")));
        let replies = together((0..50).map(|_| event(&app, &id, &body).send())).await;
        for reply in replies {
            assert_eq!(reply.done(200).json()["outcome"], "completed");
        }
        assert_eq!((ann.balance().await, app.transactions().await), (round * 100, round));
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM payment_events").await, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_events_of_one_payment_at_once_are_one_credit() {
    let app = server().await;
    let ann = app.user("ann").await;
    let deposit = ask(&ann, 100).await;
    let body = succeeded(&deposit, "pay_1");
    let replies = together((0..50).map(|number| event(&app, &format!("evt_{number}"), &body).send())).await;
    let completed = replies.iter().filter(|reply| reply.json()["outcome"] == "completed").count();
    let ignored = replies.iter().filter(|reply| reply.json()["outcome"] == "ignored").count();
    assert_eq!((completed, ignored), (1, 49));
    assert_eq!((ann.balance().await, app.transactions().await), (100, 1));
    assert_eq!(status(&ann, &deposit).await, "completed");
}

#[tokio::test]
async fn deposits_are_listed_to_their_owner_alone() {
    let app = server().await;
    let (ann, bob) = (app.rich("ann", 5).await, app.user("bob").await);
    for cents in 1..=4 {
        app.advance(Span::seconds(1));
        ask(&ann, cents).await;
    }
    let (mut seen, mut next) = (Vec::new(), String::new());
    loop {
        let page = ann.get(format!("/api/wallet/deposits?limit=2{next}")).send().await.done(200).json();
        seen.extend(page["data"].as_array().unwrap().clone());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        bob.get(format!("/api/wallet/deposits?cursor={cursor}")).send().await.invalid(&["cursor"]);
        next = format!("&cursor={cursor}");
    }
    let amounts: Vec<_> = seen.iter().map(|deposit| deposit["amount_cents"].as_i64().unwrap()).collect();
    assert_eq!(amounts, [4, 3, 2, 1, 5]);
    let own = format!("/api/wallet/deposits/{}", seen[0]["id"].as_str().unwrap());
    assert_eq!(ann.get(&own).send().await.done(200).json(), seen[0]);
    bob.get(&own).send().await.refused(404, "not_found");
    bob.get("/api/wallet/deposits/dep_00000000000000000000000001").send().await.refused(404, "not_found");
    assert_eq!(bob.get("/api/wallet/deposits").send().await.done(200).json()["data"], json!([]));
    ann.get("/api/wallet/deposits?limit=0").send().await.invalid(&["limit"]);
}

#[tokio::test]
async fn twenty_deposits_may_wait_and_one_that_is_decided_makes_room() {
    let app = server().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let first = ask(&ann, 1).await;
    for _ in 1..20 {
        ask(&ann, 1).await;
    }
    let body = json!({ "amount_cents": 1, "provider": "acme" });
    let call = || ann.post("/api/wallet/deposits").json(body.clone());
    call().send().await.refused(400, "idempotency_key_required");
    call().fresh_key().send().await.refused(409, "too_many_pending_deposits");
    ask(&bob, 1).await;
    assert_eq!(outcome(&app, "evt_1", &failed(&first)).await, "failed");
    call().fresh_key().send().await.done(201);
    call().fresh_key().send().await.refused(409, "too_many_pending_deposits");
}

#[tokio::test]
async fn a_deposit_that_nobody_pays_lapses_after_a_day_and_is_completed_by_a_late_payment() {
    let app = server().await;
    let ann = app.user("ann").await;
    let mut waiting = Vec::new();
    for _ in 0..20 {
        waiting.push(ask(&ann, 100).await);
    }
    app.advance_almost(Span::days(1));
    let ann = ann.sign_in().await;
    let body = json!({ "amount_cents": 1, "provider": "acme" });
    let call = || ann.post("/api/wallet/deposits").fresh_key().json(body.clone()).send();
    call().await.refused(409, "too_many_pending_deposits");
    assert_eq!(status(&ann, &waiting[0]).await, "pending");
    app.advance(Span::MICROSECOND);
    assert_eq!(status(&ann, &waiting[0]).await, "failed");
    let listed = ann.get("/api/wallet/deposits").send().await.done(200).json();
    assert!(listed["data"].as_array().unwrap().iter().all(|deposit| deposit["status"] == "failed"), "{listed}");
    call().await.done(201);
    assert_eq!(outcome(&app, "late", &succeeded(&waiting[0], "pay_1")).await, "completed");
    assert_eq!((status(&ann, &waiting[0]).await.as_str(), ann.balance().await), ("completed", 100));
}

#[tokio::test]
async fn a_lost_database_asks_the_provider_to_come_again() {
    let mut app = server().await;
    let ann = app.user("ann").await;
    let deposit = ask(&ann, 100).await;
    app.lose_the_database().await;
    event(&app, "evt_1", &succeeded(&deposit, "pay_1")).send().await.refused(503, "overloaded");
}
