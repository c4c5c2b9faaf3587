//! Time passes: renewals, grace, cancelling, and jobs that run twice, late, or beside themselves.

use crate::harness::{Person, TestApp, together};
use domain::subscription::PlanTier;
use domain::timestamp::Span;
use serde_json::{Value, json};
use superapp::jobs::{JOBS, run_due};
use superapp::renewals::{end_lapsed, renew_due};

/// A fan with money who subscribes to a creator for 1 000 cents a month, from 15 January on.
async fn subscribed(app: &TestApp, cents: i64) -> (Person, Person, String) {
    let (ann, bob) = (app.rich("ann", cents).await, app.user("bob").await);
    app.plan(&bob, PlanTier::Monthly, 1_000).await;
    let sold = ann.subscribe(&bob).fresh_key().send().await.done(201).json();
    let id = sold["subscription"]["id"].as_str().unwrap().to_owned();
    (ann, bob, id)
}

async fn shown(person: &Person, id: &str) -> Value {
    person.sign_in().await.get(format!("/api/subscriptions/{id}")).send().await.done(200).json()
}

#[tokio::test]
async fn a_period_is_charged_once_however_often_the_job_runs() {
    let app = TestApp::new().await;
    let (ann, bob, id) = subscribed(&app, 10_000).await;
    app.advance_almost(Span::days(31));
    assert_eq!(renew_due(&app).await.unwrap(), 0);
    app.advance(Span::MICROSECOND);
    assert_eq!(renew_due(&app).await.unwrap(), 1);
    assert_eq!(renew_due(&app).await.unwrap(), 0);
    let subscription = shown(&ann, &id).await;
    assert_eq!(subscription["period_start"], "2027-02-15T08:00:00Z");
    assert_eq!(subscription["period_end"], "2027-03-15T08:00:00Z");
    assert_eq!((ann.sign_in().await.balance().await, bob.sign_in().await.balance().await), (8_000, 1_400));
    let history = ann.sign_in().await.history().await;
    assert_eq!((&history[0]["type"], &history[0]["reference"]), (&json!("subscription"), &json!(id)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_jobs_at_once_charge_each_of_a_hundred_fans_once() {
    let app = TestApp::new().await;
    let bob = app.user("bob").await;
    app.plan(&bob, PlanTier::Monthly, 1_000).await;
    for index in 0..100 {
        let fan = app.rich(&format!("fan{index}"), 10_000).await;
        fan.subscribe(&bob).fresh_key().send().await.done(201);
    }
    app.advance(Span::days(31));
    let server: superapp::app::App = (*app).clone();
    let runs = together((0..8).map(|_| {
        let server = server.clone();
        async move { renew_due(&server).await.unwrap() }
    }));
    assert_eq!(runs.await.iter().sum::<usize>(), 100);
    assert_eq!(app.count("SELECT COUNT(*) FROM subscription_periods").await, 200);
    assert_eq!(app.count("SELECT COUNT(*) FROM wallets WHERE balance_cents = 8000").await, 100);
    assert_eq!(app.count("SELECT COUNT(*) FROM subscriptions WHERE renewals_tried <> 0").await, 0);
}

#[tokio::test]
async fn a_fan_without_money_keeps_access_through_the_grace_and_then_loses_it() {
    let app = TestApp::new().await;
    let (ann, bob, id) = subscribed(&app, 1_000).await;
    app.advance(Span::days(31));
    // Each day a try, three of them, and not one more.
    for tried in 1..=3 {
        assert_eq!(renew_due(&app).await.unwrap(), 0);
        assert_eq!(renew_due(&app).await.unwrap(), 0);
        assert_eq!(app.count("SELECT renewals_tried FROM subscriptions").await, tried);
        assert_eq!(end_lapsed(&app).await.unwrap(), 0);
        let active = ann.sign_in().await.get("/api/subscriptions/active").send().await.done(200).json();
        assert_eq!(active["data"].as_array().unwrap().len(), 1);
        app.advance(Span::days(1));
    }
    let active = ann.sign_in().await.get("/api/subscriptions/active").send().await.done(200).json();
    assert_eq!(active["data"], json!([]));
    assert_eq!((end_lapsed(&app).await.unwrap(), end_lapsed(&app).await.unwrap()), (1, 0));
    assert_eq!(shown(&ann, &id).await["status"], "ended");
    assert_eq!(bob.sign_in().await.balance().await, 700);
    let failed = "SELECT COUNT(*) FROM audit_logs WHERE action = 'subscription.renewal_failed'";
    assert_eq!(app.count(failed).await, 3);
    assert_eq!(app.count("SELECT COUNT(*) FROM audit_logs WHERE action = 'subscription.ended'").await, 1);
}

#[tokio::test]
async fn money_that_comes_within_the_grace_pays_for_the_period_that_has_begun() {
    let app = TestApp::new().await;
    let (ann, _, id) = subscribed(&app, 1_000).await;
    app.advance(Span::days(31));
    assert_eq!(renew_due(&app).await.unwrap(), 0);
    ann.sign_in().await.deposit(5_000).fresh_key().send().await.done(201);
    assert_eq!(renew_due(&app).await.unwrap(), 0);
    app.advance(Span::days(1));
    assert_eq!(renew_due(&app).await.unwrap(), 1);
    assert_eq!(shown(&ann, &id).await["period_start"], "2027-02-15T08:00:00Z");
    assert_eq!(ann.sign_in().await.balance().await, 4_000);
}

#[tokio::test]
async fn after_downtime_the_running_period_is_charged_and_the_missed_ones_are_not() {
    let app = TestApp::new().await;
    let (ann, _, id) = subscribed(&app, 10_000).await;
    app.advance(Span::days(100));
    // Its access is over by the clock, but nobody has tried to renew it: that comes first.
    assert_eq!(end_lapsed(&app).await.unwrap(), 0);
    assert_eq!(renew_due(&app).await.unwrap(), 1);
    assert_eq!(end_lapsed(&app).await.unwrap(), 0);
    let subscription = shown(&ann, &id).await;
    assert_eq!(subscription["period_start"], "2027-04-15T08:00:00Z");
    assert_eq!(subscription["period_end"], "2027-05-15T08:00:00Z");
    assert_eq!(ann.sign_in().await.balance().await, 8_000);
}

#[tokio::test]
async fn cancelling_keeps_the_period_and_resuming_brings_the_renewal_back() {
    let app = TestApp::new().await;
    let (ann, bob, id) = subscribed(&app, 10_000).await;
    let path = |act: &str| format!("/api/subscriptions/{id}/{act}");
    let cancelled = ann.post(path("cancel")).key("c").send().await.done(200);
    assert_eq!((&cancelled.json()["auto_renew"], &cancelled.json()["status"]), (&json!(false), &json!("active")));
    assert_eq!(cancelled.json()["expires_at"], "2027-02-15T08:00:00Z");
    ann.post(path("cancel")).key("c").send().await.replays(&cancelled);
    let again = ann.post(path("cancel")).send().await.done(200);
    assert_eq!(again.json(), cancelled.json());
    assert!(app.audit_of(&again).await.is_empty(), "nothing was changed");
    let [record] = app.audit_of(&cancelled).await.try_into().unwrap();
    assert_eq!((record.action.as_str(), record.actor), ("subscription.cancelled", Some(ann.id)));
    assert_eq!(ann.post(path("resume")).send().await.done(200).json()["expires_at"], "2027-02-18T08:00:00Z");
    ann.post(path("cancel")).send().await.done(200);
    for (person, act) in [(&bob, "cancel"), (&bob, "resume")] {
        person.post(path(act)).send().await.refused(404, "subscription_not_found");
    }
    bob.get(format!("/api/subscriptions/{id}")).send().await.refused(404, "not_found");
    assert_eq!(bob.get("/api/subscriptions").send().await.done(200).json()["data"], json!([]));
    app.advance(Span::days(31));
    assert_eq!(renew_due(&app).await.unwrap(), 0);
    assert_eq!(end_lapsed(&app).await.unwrap(), 1);
    let ann = ann.sign_in().await;
    for act in ["cancel", "resume"] {
        ann.post(path(act)).send().await.refused(409, "subscription_ended");
    }
    assert_eq!(ann.balance().await, 9_000);
    let listed = ann.get("/api/subscriptions").send().await.done(200).json();
    assert_eq!((&listed["data"][0]["status"], &listed["next_cursor"]), (&json!("ended"), &Value::Null));
}

#[tokio::test]
async fn a_frozen_wallet_is_tried_again_and_the_same_attempt_is_never_charged_twice() {
    let app = TestApp::new().await;
    let (ann, _, _) = subscribed(&app, 10_000).await;
    app.advance(Span::days(31));
    app.freeze(&ann).await;
    assert_eq!(renew_due(&app).await.unwrap(), 0);
    app.unfreeze(&ann).await;
    // A process that died before it put the failed try off leaves the row as it was: the attempt is made again.
    app.change_plan(
        &ann,
        "UPDATE subscriptions SET renewals_tried = 0, renew_at = period_end WHERE subscriber_id = $1",
    )
    .await;
    assert_eq!(renew_due(&app).await.unwrap(), 1);
    app.change_plan(&ann, "UPDATE subscriptions SET renew_at = period_start WHERE subscriber_id = $1").await;
    assert_eq!(renew_due(&app).await.unwrap(), 0);
    assert_eq!(ann.sign_in().await.balance().await, 8_000);
}

#[tokio::test]
async fn the_jobs_run_by_their_clock() {
    let app = TestApp::new().await;
    let (ann, _, id) = subscribed(&app, 10_000).await;
    run_due(&app, JOBS).await.unwrap();
    app.advance(Span::days(31));
    let ran = run_due(&app, JOBS).await.unwrap();
    assert!(ran.contains(&"renew") && ran.contains(&"end_lapsed"), "{ran:?}");
    assert_eq!(shown(&ann, &id).await["period_start"], "2027-02-15T08:00:00Z");
    let ran = run_due(&app, JOBS).await.unwrap();
    assert!(!ran.contains(&"renew"), "{ran:?}");
}
