//! Subscribing to a creator.

use crate::harness::TestApp;
use domain::subscription::PlanTier;
use domain::timestamp::Span;
use serde_json::json;

#[tokio::test]
async fn a_subscription_begins_with_its_first_period_paid() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 1_000).await, app.user("bob").await);
    app.plan(&bob, PlanTier::Monthly, 999).await;
    let sold = ann.subscribe(&bob).key("k").send().await.done(201);
    let body = sold.json();
    // It is 15 January 2027, 8 o'clock, in every test.
    let subscription = &body["subscription"];
    assert_eq!(subscription["period_start"], "2027-01-15T08:00:00Z");
    assert_eq!(subscription["period_end"], "2027-02-15T08:00:00Z");
    assert_eq!(subscription["expires_at"], "2027-02-18T08:00:00Z");
    assert_eq!((&subscription["status"], &subscription["auto_renew"]), (&json!("active"), &json!(true)));
    assert_eq!((&subscription["tier"], &subscription["price_cents"]), (&json!("monthly"), &json!(999)));
    assert_eq!(body["split"], json!({ "creator_cents": 701, "platform_cents": 249, "processor_cents": 49 }));
    assert_eq!(body["transaction"]["reference"], subscription["id"]);
    assert_eq!(sold.header("location"), format!("/api/subscriptions/{}", subscription["id"].as_str().unwrap()));
    ann.subscribe(&bob).key("k").send().await.replays(&sold);
    assert_eq!((ann.balance().await, bob.balance().await), (1, 701));
}

#[tokio::test]
async fn every_refusal_of_a_subscription_has_its_code_and_moves_nothing() {
    let app = TestApp::new().await;
    let (ann, bob, poor) = (app.rich("ann", 5_000).await, app.user("bob").await, app.user("poor").await);
    ann.subscribe(&bob).fresh_key().send().await.refused(404, "plan_not_found");
    app.plan(&bob, PlanTier::Monthly, 100).await;
    ann.subscribe(&bob).send().await.refused(400, "idempotency_key_required");
    bob.subscribe(&bob).fresh_key().send().await.refused(422, "self_subscription");
    poor.subscribe(&bob).fresh_key().send().await.refused(402, "insufficient_funds");
    let asked = |tier: &str, cents: i64| json!({ "creator_id": bob.id.to_string(), "tier": tier, "expected_price_cents": cents });
    let ask = |tier: &str, cents: i64| ann.post("/api/subscriptions").fresh_key().json(asked(tier, cents));
    ask("monthly", 99).send().await.refused(409, "price_changed");
    ask("yearly", 100).send().await.refused(404, "plan_not_found");
    ask("daily", 100).send().await.invalid(&["/tier"]);
    let inactive = "UPDATE plans SET is_active = 0 WHERE creator_id = $1";
    app.change_plan(&bob, inactive).await;
    ask("monthly", 100).send().await.refused(410, "plan_inactive");
    app.change_plan(&bob, "UPDATE plans SET is_active = 1 WHERE creator_id = $1").await;
    assert_eq!((ann.balance().await, bob.balance().await), (5_000, 0));
    ask("monthly", 100).send().await.done(201);
    ask("monthly", 100).send().await.refused(409, "already_subscribed");
    // A plan that is taken off leaves those alone who have it.
    app.change_plan(&bob, inactive).await;
    ask("monthly", 100).send().await.refused(409, "already_subscribed");
    app.advance(Span::days(60));
    let later = ann.sign_in().await;
    let ask = later.post("/api/subscriptions").fresh_key().json(asked("monthly", 100));
    ask.send().await.refused(410, "plan_inactive");
    assert_eq!(bob.sign_in().await.balance().await, 70);
}
