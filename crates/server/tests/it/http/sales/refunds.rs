//! Giving sales back, by administrators alone.

use crate::harness::{TestApp, transaction_of};
use domain::subscription::PlanTier;
use serde_json::json;

#[tokio::test]
async fn a_refund_in_parts_gives_back_every_cent_and_locks_the_item_again() {
    let app = TestApp::new().await;
    let (ann, bob, admin) = (app.rich("ann", 1_000).await, app.user("bob").await, app.admin("eve").await);
    let item = app.content(&bob, 999).await;
    let sale = transaction_of(&ann.unlock(item).fresh_key().send().await.done(201).json());
    let part = admin.refund(sale, Some(333)).key("part").send().await.done(201);
    assert_eq!(part.json()["split"], json!({ "creator_cents": 267, "platform_cents": 50, "processor_cents": 16 }));
    assert_eq!((&part.json()["in_full"], &part.json()["debt_cents"]), (&json!(false), &json!(0)));
    admin.refund(sale, Some(333)).key("part").send().await.replays(&part);
    ann.unlock(item).fresh_key().send().await.refused(409, "already_unlocked");
    assert_eq!(ann.history().await[1]["status"], "completed");
    let over = admin.refund(sale, Some(667)).fresh_key().send().await.refused(422, "refund_exceeds_original");
    assert!(over.json()["detail"].as_str().unwrap().starts_with("666 cents"), "{over}");
    let rest = admin.refund(sale, None).fresh_key().send().await.done(201);
    assert_eq!((&rest.json()["amount_cents"], &rest.json()["in_full"]), (&json!(666), &json!(true)));
    admin.refund(sale, None).fresh_key().send().await.refused(422, "refund_exceeds_original");
    assert_eq!((ann.balance().await, bob.balance().await), (1_000, 0));
    // The sale stays on record as it was; what is shown of it is that it was given back.
    let history = ann.history().await;
    let shown = ann.get(format!("/api/wallet/transactions/{sale}")).send().await.done(200).json();
    assert_eq!((&history[2]["status"], &shown["status"]), (&json!("reversed"), &json!("reversed")));
    assert_eq!((&history[0]["type"], &history[0]["reference"]), (&json!("refund"), &json!(sale.to_string())));
    let reversed = ann.get("/api/wallet/transactions?status=reversed").send().await.done(200).json();
    assert_eq!(reversed["data"].as_array().unwrap().len(), 1);
    let [record] = app.audit_of(&rest).await.try_into().unwrap();
    assert_eq!((record.action.as_str(), record.actor), ("transaction.refund", Some(admin.id)));
    assert_eq!(record.after["reason"], "a mistake");
    ann.unlock(item).fresh_key().send().await.done(201);
}

#[tokio::test]
async fn a_full_refund_ends_a_subscription_at_once() {
    let app = TestApp::new().await;
    let (ann, bob, admin) = (app.rich("ann", 1_000).await, app.user("bob").await, app.admin("eve").await);
    app.plan(&bob, PlanTier::Monthly, 100).await;
    let sale = transaction_of(&ann.subscribe(&bob).fresh_key().send().await.done(201).json());
    ann.subscribe(&bob).fresh_key().send().await.refused(409, "already_subscribed");
    admin.refund(sale, None).fresh_key().send().await.done(201);
    assert_eq!(app.count("SELECT COUNT(*) FROM subscriptions WHERE status = 'revoked'").await, 1);
    ann.subscribe(&bob).fresh_key().send().await.done(201);
}

#[tokio::test]
async fn a_creator_who_spent_it_owes_it_even_when_suspended() {
    let app = TestApp::new().await;
    let (ann, bob, admin) = (app.rich("ann", 500_000).await, app.user("bob").await, app.admin("eve").await);
    let sale = transaction_of(&ann.roses(&bob, 1).fresh_key().send().await.done(201).json());
    bob.pay(&ann, 85_000).await;
    app.suspend(&bob).await;
    let refund = admin.refund(sale, None).fresh_key().send().await.done(201);
    assert_eq!(refund.json()["debt_cents"], 85_000);
    assert_eq!(ann.balance().await, 585_000);
    app.reinstate(&bob).await;
    ann.roses(&bob, 2).fresh_key().send().await.done(201);
    assert_eq!(bob.balance().await, 85_000);
}

#[tokio::test]
async fn every_refusal_of_a_refund_has_its_code_and_moves_nothing() {
    let app = TestApp::new().await;
    let (ann, bob, admin) = (app.rich("ann", 1_000).await, app.user("bob").await, app.admin("eve").await);
    let paid = ann.pay(&bob, 10).await.json();
    let transfer: domain::id::TransactionId = paid["tx_id"].as_str().unwrap().parse().unwrap();
    admin.refund(transfer, None).fresh_key().send().await.refused(404, "transaction_not_found");
    let item = app.content(&bob, 100).await;
    let sale = transaction_of(&ann.unlock(item).fresh_key().send().await.done(201).json());
    for stranger in [&ann, &bob] {
        stranger.refund(sale, None).fresh_key().send().await.refused(403, "forbidden");
        stranger.refund(sale, None).text("{").fresh_key().send().await.refused(403, "forbidden");
    }
    admin.refund(sale, None).send().await.refused(400, "idempotency_key_required");
    admin.refund(sale, Some(0)).fresh_key().send().await.invalid(&["/amount_cents"]);
    let path = format!("/api/admin/transactions/{sale}/refund");
    admin.post(path).json(json!({})).fresh_key().send().await.invalid(&["/reason"]);
    app.freeze(&bob).await;
    admin.refund(sale, None).key("later").send().await.refused(403, "wallet_frozen");
    app.unfreeze(&bob).await;
    assert_eq!((ann.balance().await, bob.balance().await), (890, 90));
    // What an administrator can lift is not final.
    admin.refund(sale, None).key("later").send().await.done(201);
}
