//! Buying a content.

use crate::harness::{TestApp, transaction_of};
use domain::id::ContentId;
use serde_json::json;
use uuid::Uuid;

#[tokio::test]
async fn an_unlock_tells_what_was_bought_what_was_paid_and_who_has_it() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 20_000).await, app.user("bob").await);
    let item = app.content(&bob, 9_999).await;
    let sold = ann.unlock(item).key("k").json(json!({ "expected_price_cents": 9_999 })).send().await.done(201);
    let body = sold.json();
    assert_eq!(body["unlock"]["content_id"], item.to_string());
    assert_eq!(body["unlock"]["amount_cents"], 9_999);
    assert_eq!(body["split"], json!({ "creator_cents": 8_001, "platform_cents": 1_499, "processor_cents": 499 }));
    assert_eq!(body["transaction"]["split"], body["split"]);
    assert_eq!(body["transaction"]["type"], "unlock");
    assert_eq!(body["transaction"]["amount_cents"], -9_999);
    assert_eq!(body["transaction"]["balance_after_cents"], 10_001);
    assert_eq!(body["transaction"]["counterparty"]["username"], "bob");
    assert_eq!(body["transaction"]["reference"], item.to_string());
    ann.unlock(item).key("k").json(json!({ "expected_price_cents": 9_999 })).send().await.replays(&sold);
    // What the receipt tells, the history tells as well, from either side.
    assert_eq!(ann.history().await[0], body["transaction"]);
    let theirs = &bob.history().await[0];
    assert_eq!((&theirs["amount_cents"], &theirs["counterparty"]["username"]), (&json!(8_001), &json!("ann")));
    let [record] = app.audit_of(&sold).await.try_into().unwrap();
    assert_eq!((record.action.as_str(), record.actor), ("transaction.unlock", Some(ann.id)));
    assert_eq!(record.after, json!({ "payer_balance_cents": 10_001, "payee_balance_cents": 8_001 }));
}

#[tokio::test]
async fn every_refusal_of_an_unlock_has_its_code_and_moves_nothing() {
    let app = TestApp::new().await;
    let (ann, bob, poor) = (app.rich("ann", 5_000).await, app.user("bob").await, app.user("poor").await);
    let item = app.content(&bob, 100).await;
    let expecting = |cents: i64| json!({ "expected_price_cents": cents });
    ann.unlock(ContentId::new(Uuid::from_u128(1))).fresh_key().send().await.refused(404, "content_not_found");
    ann.post("/api/content/nonsense/unlock").fresh_key().send().await.refused(404, "not_found");
    ann.unlock(item).send().await.refused(400, "idempotency_key_required");
    ann.unlock(item).fresh_key().json(expecting(-1)).send().await.invalid(&["/expected_price_cents"]);
    ann.unlock(item).fresh_key().json(json!({ "price_cents": 1 })).send().await.invalid(&["/price_cents"]);
    bob.unlock(item).fresh_key().send().await.refused(422, "own_content");
    poor.unlock(item).key("poor").send().await.refused(402, "insufficient_funds");
    let changed = ann.unlock(item).key("shown").json(expecting(99)).send().await.refused(409, "price_changed");
    assert!(changed.json()["detail"].as_str().unwrap().contains("100"), "{changed}");
    app.change_content(item, "UPDATE contents SET subscriber_only = 1 WHERE id = $1").await;
    ann.unlock(item).fresh_key().send().await.refused(422, "subscriber_only");
    app.change_content(item, "UPDATE contents SET subscriber_only = 0, price_cents = 0 WHERE id = $1").await;
    ann.unlock(item).fresh_key().send().await.refused(422, "content_is_free");
    app.change_content(item, "UPDATE contents SET is_active = 0, price_cents = 100 WHERE id = $1").await;
    ann.unlock(item).fresh_key().send().await.refused(410, "content_inactive");
    app.change_content(item, "UPDATE contents SET is_active = 1 WHERE id = $1").await;
    // The stored refusal is final for its key, whatever has changed since.
    ann.unlock(item).key("shown").json(expecting(99)).send().await.refused(409, "price_changed");
    assert_eq!((ann.balance().await, bob.balance().await), (5_000, 0));
    let sold = ann.unlock(item).key("now").send().await.done(201);
    ann.unlock(item).fresh_key().send().await.refused(409, "already_unlocked");
    // Whoever has it, has it, though it is not on offer any more.
    app.change_content(item, "UPDATE contents SET is_active = 0 WHERE id = $1").await;
    ann.unlock(item).fresh_key().send().await.refused(409, "already_unlocked");
    ann.get(format!("/api/wallet/transactions/{}", transaction_of(&sold.json()))).send().await.done(200);
    app.freeze(&poor).await;
    poor.deposit(100).fresh_key().send().await.refused(403, "wallet_frozen");
    assert_eq!(app.count("SELECT COUNT(*) FROM unlocks").await, 1);
}
