//! Events in every order, and what is cut short.

use super::{ask, event, failed, outcome, server, status, succeeded};
use crate::harness::{Person, Reply, TestApp};
use domain::audit::Actor;
use domain::id::{DepositId, PaymentEventId};
use domain::payment::{EventId, PaymentEvent};
use domain::timestamp::Span;
use domain::wallet::Provider;
use serde_json::{Value, json};
use std::time::Duration;
use superapp::operations::{Context, payment_events};
use superapp::settlements::take_up;
use superapp::store::Work;
use tokio::time::Instant;

/// Where each event is about the one deposit of Ann, with its id and what becomes of it.
type Order = (&'static str, Vec<(&'static str, Value, &'static str)>, &'static str, i64);

fn orders(deposit: &Reply) -> Vec<Order> {
    let (good, bad) = (succeeded(deposit, "pay_1"), failed(deposit));
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body["data"][name] = value;
        body
    };
    let typed = |name: Value| {
        let mut body = good.clone();
        body["type"] = name;
        body
    };
    vec![
        ("success", vec![("a", good.clone(), "completed")], "completed", 100),
        ("again", vec![("a", good.clone(), "completed"), ("a", good.clone(), "completed")], "completed", 100),
        ("another event", vec![("a", good.clone(), "completed"), ("b", good.clone(), "ignored")], "completed", 100),
        (
            "paid twice",
            vec![("a", good.clone(), "completed"), ("b", succeeded(deposit, "pay_2"), "ignored")],
            "completed",
            100,
        ),
        (
            "held, then paid right",
            vec![("a", with("amount_cents", 99.into()), "held"), ("b", succeeded(deposit, "pay_2"), "completed")],
            "completed",
            100,
        ),
        (
            "an id at last",
            vec![("a", with("provider_tx_id", Value::Null), "held"), ("b", good.clone(), "completed")],
            "completed",
            100,
        ),
        ("fail then success", vec![("a", bad.clone(), "failed"), ("b", good.clone(), "held")], "held", 0),
        ("success then fail", vec![("a", good.clone(), "completed"), ("b", bad.clone(), "ignored")], "completed", 100),
        ("fail twice", vec![("a", bad.clone(), "failed"), ("b", bad.clone(), "ignored")], "failed", 0),
        ("another content", vec![("a", bad.clone(), "failed"), ("a", good.clone(), "failed")], "failed", 0),
        ("too much", vec![("a", with("amount_cents", 101.into()), "held"), ("b", good.clone(), "ignored")], "held", 0),
        ("too little", vec![("a", with("amount_cents", 99.into()), "held"), ("b", bad.clone(), "ignored")], "held", 0),
        ("a text", vec![("a", with("amount_cents", "100".into()), "held")], "held", 0),
        ("a fraction", vec![("a", with("amount_cents", json!(100.0)), "held")], "held", 0),
        ("no amount", vec![("a", with("amount_cents", Value::Null), "held")], "held", 0),
        ("another currency", vec![("a", with("currency", "EUR".into()), "held")], "held", 0),
        ("small letters", vec![("a", with("currency", "idr".into()), "held")], "held", 0),
        ("no payment", vec![("a", with("provider_tx_id", Value::Null), "held")], "held", 0),
        ("a long payment", vec![("a", with("provider_tx_id", "x".repeat(256).into()), "held")], "held", 0),
        ("more members", vec![("a", with("fee", json!({ "cents": 3 })), "completed")], "completed", 100),
        (
            "unknown deposit",
            vec![("a", with("deposit_id", "dep_00000000000000000000000001".into()), "ignored")],
            "pending",
            0,
        ),
        ("no deposit", vec![("a", with("deposit_id", json!(5)), "ignored")], "pending", 0),
        ("unknown type", vec![("a", typed("payment.created".into()), "ignored")], "pending", 0),
        ("almost the type", vec![("a", typed("payment.succeeded ".into()), "ignored")], "pending", 0),
        ("no type", vec![("a", typed(Value::Null), "ignored")], "pending", 0),
        ("no data", vec![("a", json!({ "type": "payment.succeeded" }), "ignored")], "pending", 0),
        ("no object", vec![("a", json!([1]), "ignored")], "pending", 0),
    ]
}

#[tokio::test]
async fn events_of_a_deposit_in_any_order_credit_it_once_or_not_at_all() {
    let app = server().await;
    let count = {
        let ann = app.user("zoe").await;
        orders(&ask(&ann, 100).await).len()
    };
    for index in 0..count {
        let ann = app.user(&format!("ann{index}")).await;
        let deposit = ask(&ann, 100).await;
        let (name, events, standing, balance) = orders(&deposit).swap_remove(index);
        for (id, body, expected) in events {
            // A payment of one order is not the payment of another.
            let text = body.to_string().replace("pay_", &format!("pay_{index}_"));
            let body: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(outcome(&app, &format!("{id}{index}"), &body).await, expected, "{name}");
        }
        assert_eq!((status(&ann, &deposit).await.as_str(), ann.balance().await), (standing, balance), "{name}");
    }
}

#[tokio::test]
async fn one_payment_is_not_credited_to_two_deposits() {
    let app = server().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let (first, second) = (ask(&ann, 100).await, ask(&bob, 100).await);
    assert_eq!(outcome(&app, "a", &succeeded(&first, "pay_1")).await, "completed");
    assert_eq!(outcome(&app, "b", &succeeded(&second, "pay_1")).await, "held");
    assert_eq!((ann.balance().await, bob.balance().await), (100, 0));
    assert_eq!(reason(&app, "b").await, "payment_known");
}

#[tokio::test]
async fn a_wallet_that_takes_nothing_leaves_the_deposit_held() {
    let app = server().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let (frozen, suspended) = (ask(&ann, 100).await, ask(&bob, 100).await);
    app.freeze(&ann).await;
    app.suspend(&bob).await;
    assert_eq!(outcome(&app, "a", &succeeded(&frozen, "pay_1")).await, "held");
    assert_eq!(outcome(&app, "b", &succeeded(&suspended, "pay_2")).await, "held");
    app.unfreeze(&ann).await;
    assert_eq!(outcome(&app, "a", &succeeded(&frozen, "pay_1")).await, "held", "a repeated event changes nothing");
    assert_eq!(
        (reason(&app, "a").await, reason(&app, "b").await),
        ("wallet_frozen".into(), "account_suspended".into())
    );
    assert_eq!((status(&ann, &frozen).await.as_str(), ann.balance().await), ("held", 0));
}

/// Why an event did not do what it says.
async fn reason(app: &TestApp, event_id: &str) -> String {
    let id = event_id.to_owned();
    let text = "SELECT COALESCE(reason, '') FROM payment_events WHERE event_id = $1";
    let read =
        move |view: &superapp::store::View<'_>| view.query_opt(text, &[id.as_str().into()], |row| row.get::<String>(0));
    app.database.read(read).await.unwrap().unwrap()
}

/// Records an event as the server does, and goes no further: the process died there.
async fn record_only(app: &TestApp, event_id: &str, deposit: &Reply, payment: &str) {
    let deposit = deposit.json();
    let event = PaymentEvent {
        provider: Provider::parse("acme").unwrap(),
        event_id: EventId::parse(event_id).unwrap(),
        event_type: "payment.succeeded".to_owned(),
        deposit_id: Some(deposit["id"].as_str().unwrap().parse::<DepositId>().unwrap()),
        provider_tx_id: Some(payment.to_owned()),
        amount_cents: deposit["amount_cents"].as_i64(),
        currency: Some("IDR".to_owned()),
    };
    let actor = Actor { id: None, credential: None, address: None, request_id: "request".to_owned() };
    let context = Context { now: app.clock.now(), actor, ids: app.ids.clone() };
    let id = PaymentEventId::new(app.ids.uuid());
    let receive = move |work: &mut Work<'_>| payment_events::receive(work, &context, id, &event, "IDR");
    app.database.write(receive, Instant::now() + Duration::from_secs(10)).await.unwrap();
}

/// Forgets what became of every event: the process died after the ledger's commit.
async fn forget_outcomes(app: &TestApp) {
    let forget =
        |work: &mut Work<'_>| work.execute("UPDATE payment_events SET outcome = 'settling', reason = NULL", &[]);
    app.database.write(forget, Instant::now() + Duration::from_secs(10)).await.unwrap();
}

async fn stands(person: &Person, deposit: &Reply) -> (String, i64) {
    (status(person, deposit).await, person.balance().await)
}

#[tokio::test]
async fn what_was_cut_short_before_the_ledger_is_taken_up_by_the_next_delivery() {
    let app = server().await;
    let ann = app.user("ann").await;
    let deposit = ask(&ann, 100).await;
    record_only(&app, "a", &deposit, "pay_1").await;
    assert_eq!(stands(&ann, &deposit).await, ("pending".to_owned(), 0));
    // The first hearing counts: what the event says this time is not even read.
    assert_eq!(outcome(&app, "a", &failed(&deposit)).await, "completed");
    assert_eq!(stands(&ann, &deposit).await, ("completed".to_owned(), 100));
}

#[tokio::test]
async fn what_was_cut_short_after_the_ledger_is_not_credited_again() {
    let app = server().await;
    let ann = app.user("ann").await;
    let deposit = ask(&ann, 100).await;
    let body = succeeded(&deposit, "pay_1");
    assert_eq!(outcome(&app, "a", &body).await, "completed");
    forget_outcomes(&app).await;
    assert_eq!(outcome(&app, "a", &body).await, "completed");
    forget_outcomes(&app).await;
    // No key is remembered any more, and the deposit itself still is.
    app.advance(Span::hours(25));
    assert_eq!(outcome(&app, "a", &body).await, "completed");
    assert_eq!(reason(&app, "a").await, "");
    assert_eq!(outcome(&app, "b", &body).await, "ignored", "another event of the same payment did not credit it");
    let ann = ann.sign_in().await;
    assert_eq!(stands(&ann, &deposit).await, ("completed".to_owned(), 100));
}

#[tokio::test]
async fn what_was_cut_short_is_taken_up_by_the_job_after_a_minute() {
    let app = server().await;
    let ann = app.user("ann").await;
    let (first, second, third) = (ask(&ann, 100).await, ask(&ann, 200).await, ask(&ann, 400).await);
    // Nothing is paid to a frozen wallet, one event died before the ledger, and one after it.
    assert_eq!(outcome(&app, "a", &succeeded(&first, "pay_1")).await, "completed");
    forget_outcomes(&app).await;
    record_only(&app, "b", &second, "pay_2").await;
    record_only(&app, "c", &third, "pay_1").await;
    assert_eq!(take_up(&app).await.unwrap(), 0, "they may still be under way");
    app.advance(Span::hours(25));
    assert_eq!(take_up(&app).await.unwrap(), 3);
    assert_eq!(take_up(&app).await.unwrap(), 0);
    let ann = ann.sign_in().await;
    assert_eq!(stands(&ann, &first).await, ("completed".to_owned(), 300));
    assert_eq!(status(&ann, &second).await, "completed");
    assert_eq!((status(&ann, &third).await.as_str(), reason(&app, "c").await.as_str()), ("held", "payment_known"));
    assert_eq!(app.count("SELECT COUNT(*) FROM payment_events WHERE outcome = 'completed'").await, 2);
    assert_eq!(app.count("SELECT COUNT(*) FROM payment_events WHERE outcome = 'settling'").await, 0);
    let ran = superapp::jobs::run_due(&app, superapp::jobs::JOBS).await.unwrap();
    assert!(ran.contains(&"settle"), "{ran:?}");
}

#[tokio::test]
async fn a_failure_between_the_two_commits_holds_the_deposit() {
    let app = server().await;
    let ann = app.user("ann").await;
    let deposit = ask(&ann, 100).await;
    record_only(&app, "a", &deposit, "pay_1").await;
    assert_eq!(outcome(&app, "b", &failed(&deposit)).await, "failed");
    let reply = event(&app, "a", &succeeded(&deposit, "pay_1")).send().await.done(200);
    assert_eq!(reply.json()["outcome"], "held");
    assert_eq!(stands(&ann, &deposit).await, ("held".to_owned(), 0));
    let row = &app.audit_of(&reply).await[0];
    assert_eq!((row.action.as_str(), &row.before), ("deposit.held", &json!({ "status": "failed" })));
    assert_eq!(row.after, json!({ "status": "held", "reason": "after_failure" }));
}
