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
        (&json!("completed"), &json!(99), &json!("pay_a"))
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
    assert_eq!((status(&ann, &deposit).await.as_str(), ann.balance().await), ("completed", 99));
    let shown = ann.get(deposit.header("location")).send().await.done(200).json();
    assert_eq!(shown["amount_cents"], 99, "what was credited");
    let owed = "SELECT balance_cents FROM wallets WHERE kind = 'clearing' AND provider = 'acme'";
    assert_eq!(app.count(owed).await, -99, "the provider owes what was paid, and not what was asked for");
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
async fn more_than_was_asked_for_is_credited_in_full() {
    let app = server().await;
    let (ann, eve) = (app.user("ann").await, app.admin("eve").await);
    let deposit = ask(&ann, 100).await;
    let mut body = succeeded(&deposit, "pay_1");
    body["data"]["amount_cents"] = 5_000.into();
    assert_eq!(outcome(&app, "a", &body).await, "held");
    let line = &eve.get("/api/admin/payment-events?outcome=held").send().await.done(200).json()["data"][0];
    let seen = ["amount_cents", "currency", "deposit_cents", "deposit_status"].map(|name| line[name].clone());
    assert_eq!(seen, [json!(5_000), json!("IDR"), json!(100), json!("held")], "an administrator sees what was paid");
    eve.post(path(&deposit, "release")).fresh_key().send().await.done(201);
    assert_eq!(ann.balance().await, 5_000);
}

#[tokio::test]
async fn what_is_no_money_of_ours_is_not_released_but_rejected() {
    let app = server().await;
    let (ann, eve) = (app.user("ann").await, app.admin("eve").await);
    for (id, member, value) in [
        ("a", "currency", json!("EUR")),
        ("b", "currency", json!(null)),
        ("c", "amount_cents", json!(null)),
        ("d", "amount_cents", json!(-100)),
    ] {
        let deposit = ask(&ann, 100).await;
        let mut body = succeeded(&deposit, &format!("pay_{id}"));
        body["data"][member] = value;
        assert_eq!(outcome(&app, id, &body).await, "held");
        eve.post(path(&deposit, "release")).key(id).send().await.refused(409, "payment_not_creditable");
        let reject = eve.post(path(&deposit, "reject")).json(json!({ "reason": "given back" })).fresh_key();
        reject.send().await.done(200);
        assert_eq!((status(&ann, &deposit).await.as_str(), ann.balance().await), ("failed", 0));
    }
}

#[tokio::test]
async fn a_second_payment_stays_visible() {
    let app = server().await;
    let (ann, eve) = (app.user("ann").await, app.admin("eve").await);
    let deposit = ask(&ann, 100).await;
    assert_eq!(outcome(&app, "a", &succeeded(&deposit, "pay_1")).await, "completed");
    assert_eq!(outcome(&app, "b", &succeeded(&deposit, "pay_2")).await, "ignored");
    // Held for 99, then paid with 98 more, then right, while the wallet is frozen: it is held for the 99.
    let held = held(&app, &ann, "c").await;
    let mut wrong = succeeded(&held, "pay_3");
    wrong["data"]["amount_cents"] = 98.into();
    assert_eq!(outcome(&app, "d", &wrong).await, "ignored");
    app.freeze(&ann).await;
    assert_eq!(outcome(&app, "e", &succeeded(&held, "pay_4")).await, "ignored");
    app.unfreeze(&ann).await;
    let lines = eve.get("/api/admin/payment-events?reason=second_payment").send().await.done(200).json();
    let mut ids: Vec<_> = lines["data"].as_array().unwrap().iter().map(|line| line["event_id"].clone()).collect();
    ids.sort_by_key(ToString::to_string);
    assert_eq!(ids, ["b", "d", "e"]);
    eve.post(path(&held, "release")).fresh_key().send().await.done(201);
    assert_eq!(ann.balance().await, 199);
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
    let expected = if status(&ann, &deposit).await == "completed" { 99 } else { 0 };
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
        "deposit_id": deposit.json()["id"], "deposit_cents": 100, "deposit_status": "completed", "provider_tx_id": "pay_1", "amount_cents": 100, "currency": "IDR",
        "outcome": "completed", "reason": null, "received_at": "2027-01-15T08:00:01Z",
    });
    assert_eq!(seen[2], expected);
    for (filter, count) in [
        ("outcome=ignored", 2),
        ("outcome=completed", 1),
        ("provider=acme", 3),
        ("provider=other", 0),
        ("reason=unknown_type", 1),
        ("reason=second_payment", 0),
    ] {
        let page = eve.get(format!("/api/admin/payment-events?{filter}")).send().await.done(200).json();
        assert_eq!(page["data"].as_array().unwrap().len(), count, "{filter}");
    }
    let long = format!("/api/admin/payment-events?reason={}", "x".repeat(101));
    eve.get(long).send().await.invalid(&["reason"]);
    eve.get("/api/admin/payment-events?outcome=lost&provider=A").send().await.invalid(&["outcome", "provider"]);
}
