//! What administrators see of events, and how they decide what is held.

use super::{ask, failed, outcome, server, status, succeeded};
use crate::harness::{Person, Reply, TestApp, together};
use domain::timestamp::Span;
use serde_json::json;

fn path(deposit: &Reply, act: &str) -> String {
    format!("/api/admin/deposits/{}/{act}", deposit.json()["id"].as_str().unwrap())
}

/// A deposit of 100 that is held because 99 were paid.
async fn held(app: &TestApp, person: &Person, id: &str) -> Reply {
    let deposit = ask(person, 100).await;
    let mut body = succeeded(&deposit, &format!("pay_{id}"));
    body["data"]["amount_cents"] = 99.into();
    assert_eq!(outcome(app, id, &body).await, "held");
    deposit
}

#[tokio::test]
async fn a_held_deposit_is_released_once() {
    let app = server().await;
    let (ann, eve) = (app.user("ann").await, app.admin("eve").await);
    let deposit = held(&app, &ann, "a").await;
    let release = || eve.post(path(&deposit, "release"));
    release().send().await.refused(400, "idempotency_key_required");
    ann.post(path(&deposit, "release")).fresh_key().send().await.refused(403, "forbidden");
    app.freeze(&ann).await;
    release().key("k").send().await.refused(403, "wallet_frozen");
    app.unfreeze(&ann).await;
    let released = release().key("k").send().await.done(201);
    let shown = released.json();
    assert_eq!(
        (&shown["status"], &shown["amount_cents"], &shown["provider_tx_id"]),
        (&json!("completed"), &json!(100), &json!("pay_a"))
    );
    let row = &app.audit_of(&released).await[0];
    assert_eq!((row.action.as_str(), row.actor), ("transaction.deposit_released", Some(eve.id)));
    let log = eve.get(format!("/api/admin/audit-logs?entity_id={}", deposit.json()["id"].as_str().unwrap()));
    let log = log.send().await.done(200).json();
    let lines: Vec<_> = log["data"].as_array().unwrap().iter().map(|line| &line["action"]).collect();
    assert_eq!(lines, ["deposit.held", "deposit.requested"]);
    assert_eq!(log["data"][0]["entity_id"], deposit.json()["id"]);
    release().key("k").send().await.replays(&released);
    release().fresh_key().send().await.refused(409, "deposit_not_held");
    let reject = eve.post(path(&deposit, "reject")).json(json!({ "reason": "too late" })).fresh_key();
    reject.send().await.refused(409, "deposit_decided");
    assert_eq!((status(&ann, &deposit).await.as_str(), ann.balance().await), ("completed", 100));
    // The payment that it was held for is spent.
    let another = ask(&ann, 100).await;
    assert_eq!(outcome(&app, "b", &succeeded(&another, "pay_a")).await, "held");
    eve.post(path(&another, "release")).fresh_key().send().await.refused(409, "payment_known");
}

#[tokio::test]
async fn a_held_deposit_is_rejected_once_and_what_comes_late_is_held_again() {
    let app = server().await;
    let (ann, eve) = (app.user("ann").await, app.admin("eve").await);
    let deposit = held(&app, &ann, "a").await;
    let reject = || eve.post(path(&deposit, "reject")).json(json!({ "reason": "the payer was refunded" }));
    reject().send().await.refused(400, "idempotency_key_required");
    eve.post(path(&deposit, "reject")).json(json!({ "reason": " " })).fresh_key().send().await.invalid(&["/reason"]);
    let rejected = reject().key("k").send().await.done(200);
    assert_eq!(rejected.json()["status"], "failed");
    let row = &app.audit_of(&rejected).await[0];
    assert_eq!((row.action.as_str(), row.actor), ("deposit.rejected", Some(eve.id)));
    assert_eq!(
        (&row.before, &row.after),
        (&json!({ "status": "held" }), &json!({ "status": "failed", "reason": "the payer was refunded" }))
    );
    reject().key("k").send().await.replays(&rejected);
    reject().fresh_key().send().await.refused(409, "deposit_decided");
    eve.post(path(&deposit, "release")).fresh_key().send().await.refused(409, "deposit_not_held");
    assert_eq!(outcome(&app, "b", &succeeded(&deposit, "pay_b")).await, "held");
    assert_eq!(ann.balance().await, 0);
}

#[tokio::test]
async fn a_deposit_that_waits_can_be_given_up_but_not_released() {
    let app = server().await;
    let (ann, eve) = (app.user("ann").await, app.admin("eve").await);
    let deposit = ask(&ann, 100).await;
    eve.post(path(&deposit, "release")).fresh_key().send().await.refused(409, "deposit_not_held");
    let reject = eve.post(path(&deposit, "reject")).json(json!({ "reason": "abandoned" })).fresh_key();
    reject.send().await.done(200);
    assert_eq!((status(&ann, &deposit).await.as_str(), ann.balance().await), ("failed", 0));
    for act in ["release", "reject"] {
        let unknown = format!("/api/admin/deposits/dep_00000000000000000000000001/{act}");
        let body = if act == "reject" { json!({ "reason": "x" }) } else { json!({}) };
        eve.post(unknown).json(body).fresh_key().send().await.refused(404, "deposit_not_found");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_decisions_at_once_are_one() {
    let app = server().await;
    let (ann, eve) = (app.user("ann").await, app.admin("eve").await);
    let deposit = held(&app, &ann, "a").await;
    let calls = (0..10).map(|number| {
        let (path, body) = if number % 2 == 0 {
            (path(&deposit, "release"), json!({}))
        } else {
            (path(&deposit, "reject"), json!({ "reason": "no" }))
        };
        eve.post(path).json(body).fresh_key().send()
    });
    let replies = together(calls).await;
    assert_eq!(replies.iter().filter(|reply| reply.status < 300).count(), 1);
    let expected = if status(&ann, &deposit).await == "completed" { 100 } else { 0 };
    assert_eq!(ann.balance().await, expected);
}

#[tokio::test]
async fn events_are_listed_to_administrators_newest_first() {
    let app = server().await;
    let (ann, eve) = (app.user("ann").await, app.admin("eve").await);
    ann.get("/api/admin/payment-events").send().await.refused(403, "forbidden");
    let deposit = ask(&ann, 100).await;
    for (id, body) in
        [("first", succeeded(&deposit, "pay_1")), ("second", failed(&deposit)), ("third", json!({ "type": "x" }))]
    {
        app.advance(Span::seconds(1));
        outcome(&app, id, &body).await;
    }
    let (mut seen, mut next) = (Vec::new(), String::new());
    loop {
        let page = eve.get(format!("/api/admin/payment-events?limit=2{next}")).send().await.done(200).json();
        seen.extend(page["data"].as_array().unwrap().clone());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        let other = eve.get(format!("/api/admin/payment-events?outcome=held&cursor={cursor}"));
        other.send().await.invalid(&["cursor"]);
        next = format!("&cursor={cursor}");
    }
    let shown: Vec<_> = seen.iter().map(|line| (line["event_id"].as_str().unwrap(), line["reason"].as_str())).collect();
    assert_eq!(shown, [("third", Some("unknown_type")), ("second", Some("already_completed")), ("first", None)]);
    let expected = json!({
        "id": seen[2]["id"], "provider": "acme", "event_id": "first", "type": "payment.succeeded",
        "deposit_id": deposit.json()["id"], "provider_tx_id": "pay_1", "amount_cents": 100, "currency": "IDR",
        "outcome": "completed", "reason": null, "received_at": "2027-01-15T08:00:01Z",
    });
    assert_eq!(seen[2], expected);
    for (filter, count) in
        [("outcome=ignored", 2), ("outcome=completed", 1), ("provider=acme", 3), ("provider=other", 0)]
    {
        let page = eve.get(format!("/api/admin/payment-events?{filter}")).send().await.done(200).json();
        assert_eq!(page["data"].as_array().unwrap().len(), count, "{filter}");
    }
    eve.get("/api/admin/payment-events?outcome=lost&provider=A").send().await.invalid(&["outcome", "provider"]);
}
