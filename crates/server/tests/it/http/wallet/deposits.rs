//! Deposits through the sandbox, which completes them at once, and what happens where there is none.

use crate::harness::TestApp;
use serde_json::json;

const ROUTE: &str = "/api/wallet/deposits";

#[tokio::test]
async fn a_deposit_through_the_sandbox_is_there_at_once() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let reply = ann.deposit(10_000).key("k").send().await.done(201);
    let body = reply.json();
    let id = body["id"].as_str().unwrap();
    let tx_id = id.replace("dep_", "tx_");
    let expected = json!({
        "id": id, "status": "completed", "amount_cents": 10_000, "provider": "sandbox", "tx_id": tx_id,
        "created_at": "2027-01-15T08:00:00Z",
    });
    assert_eq!(body, expected);
    assert_eq!(ann.balance().await, 10_000);
    let line = ann.get(reply.header("location")).send().await.done(200).json();
    let expected = json!({
        "tx_id": tx_id, "type": "deposit", "status": "completed", "amount_cents": 10_000,
        "balance_after_cents": 10_000, "counterparty": null, "reference": id, "note": null,
        "created_at": "2027-01-15T08:00:00Z",
    });
    assert_eq!(line, expected);
    ann.deposit(10_000).key("k").send().await.replays(&reply);
    assert_eq!(ann.balance().await, 10_000);
    let owed = "SELECT balance_cents FROM wallets WHERE kind = 'clearing' AND provider = 'sandbox'";
    assert_eq!(app.count(owed).await, -10_000, "the provider owes what came in");
}

#[tokio::test]
async fn a_provider_that_is_not_set_up_is_refused() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    for provider in ["stripe", "", "Sandbox", "sandbox ", "sand box", "../sandbox", &"s".repeat(33)] {
        let body = json!({ "amount_cents": 100, "provider": provider });
        ann.post(ROUTE).key("k").json(body).send().await.invalid(&["/provider"]);
    }
    ann.deposit(100).key("k").send().await.done(201);
}

#[tokio::test]
async fn without_the_sandbox_nobody_gives_themselves_money() {
    let app = TestApp::with(&[("SUPERAPP_PAYMENTS__SANDBOX", "off")]).await;
    let ann = app.user("ann").await;
    ann.deposit(100).key("k").send().await.invalid(&["/provider"]);
    assert_eq!((ann.balance().await, app.transactions().await, app.keys().await), (0, 0, 0));
}

#[tokio::test]
async fn the_largest_amount_can_be_deposited_and_one_more_cannot() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    ann.deposit(1_000_000_000_000_001).fresh_key().send().await.invalid(&["/amount_cents"]);
    ann.deposit(1_000_000_000_000_000).fresh_key().send().await.done(201);
    ann.deposit(1).fresh_key().send().await.done(201);
    assert_eq!(ann.balance().await, 1_000_000_000_000_001);
}

#[tokio::test]
async fn a_deposit_is_for_oneself_alone() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    for (name, value) in [("user_id", bob.id.to_string()), ("status", "held".into()), ("provider_tx_id", "x".into())] {
        let mut body = json!({ "amount_cents": 100, "provider": "sandbox" });
        body[name] = value.into();
        ann.post(ROUTE).fresh_key().json(body).send().await.invalid(&[&format!("/{name}")]);
    }
    app.post(ROUTE).key("k").json(json!({})).send().await.refused(401, "unauthenticated");
    ann.post(ROUTE).key("k").json(json!({ "amount_cents": 1 })).send().await.invalid(&["/provider"]);
    ann.post(ROUTE).key("k").json(json!({ "provider": "sandbox" })).send().await.invalid(&["/amount_cents"]);
}
