//! Transfers: the answer from the payer's side, and every way to be refused.

use crate::harness::{Person, TestApp};
use serde_json::{Value, json};

const ROUTE: &str = "/api/wallet/transfer";

#[tokio::test]
async fn a_transfer_moves_money_once() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 10_000).await, app.user("bob").await);
    let body = json!({ "to_user_id": bob.id.to_string(), "amount_cents": 2_500, "note": "thank you" });
    let reply = ann.post(ROUTE).key("k").json(body).send().await.done(201);
    let tx_id = reply.json()["tx_id"].as_str().unwrap().to_owned();
    let line = json!({
        "tx_id": tx_id, "type": "transfer", "status": "completed", "amount_cents": -2_500,
        "balance_after_cents": 7_500, "counterparty": { "id": bob.id.to_string(), "username": "bob" },
        "reference": null, "note": "thank you", "created_at": "2027-01-15T08:00:00.000001Z",
    });
    assert_eq!(reply.json(), line);
    assert_eq!(reply.header("location"), format!("/api/wallet/transactions/{tx_id}"));
    assert_eq!((ann.balance().await, bob.balance().await), (7_500, 2_500));

    assert_eq!(ann.get(reply.header("location")).send().await.done(200).json(), line);
    assert_eq!(ann.history().await[0], line);
    let theirs = bob.get(reply.header("location")).send().await.done(200).json();
    assert_eq!(bob.history().await, std::slice::from_ref(&theirs));
    assert_eq!((&theirs["amount_cents"], &theirs["balance_after_cents"]), (&2_500.into(), &2_500.into()));
    assert_eq!(theirs["counterparty"], json!({ "id": ann.id.to_string(), "username": "ann" }));
}

#[tokio::test]
async fn a_recipient_without_a_name_is_shown_by_id() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 100).await, app.user("bob").await);
    bob.patch("/api/users/me").json(json!({ "username": null })).send().await.done(200);
    let counterparty = ann.pay(&bob, 100).await.json()["counterparty"].clone();
    assert_eq!(counterparty, json!({ "id": bob.id.to_string(), "username": null }));
    assert_eq!(ann.history().await[0]["counterparty"], counterparty);
}

#[tokio::test]
async fn the_last_cent_can_be_spent_and_not_one_more() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 100).await, app.user("bob").await);
    let reply = ann.transfer(&bob, 101).key("more").send().await.refused(402, "insufficient_funds");
    let detail = "this needs 101 cents and 100 are available; deposit more and try again";
    assert_eq!(reply.json()["detail"], detail);
    ann.pay(&bob, 100).await;
    ann.transfer(&bob, 1).key("one").send().await.refused(402, "insufficient_funds");
    assert_eq!((ann.balance().await, bob.balance().await), (0, 100));
    assert_eq!(app.transactions().await, 2, "a refusal leaves no transaction");
}

#[tokio::test]
async fn a_recipient_must_exist() {
    let app = TestApp::new().await;
    let ann = app.rich("ann", 100).await;
    let to = |id: &str| ann.post(ROUTE).fresh_key().json(json!({ "to_user_id": id, "amount_cents": 1 }));
    to("usr_00000000000000000000000000").send().await.refused(404, "recipient_not_found");
    let wallet = ann.id.to_string().replace("usr_", "wal_");
    for id in ["", "usr_", "bob", "usr_zzzzzzzzzzzzzzzzzzzzzzzzzz", &wallet, &ann.id.to_string().to_uppercase()] {
        to(id).send().await.invalid(&["/to_user_id"]);
    }
    assert_eq!(ann.balance().await, 100);
}

#[tokio::test]
async fn nobody_pays_themselves() {
    let app = TestApp::new().await;
    let ann = app.rich("ann", 100).await;
    let reply = ann.transfer(&ann, 50).key("self").send().await.refused(422, "self_transfer");
    ann.transfer(&ann, 50).key("self").send().await.replays(&reply);
    ann.transfer(&ann, 5_000).key("more").send().await.refused(422, "self_transfer");
}

#[tokio::test]
async fn a_frozen_wallet_neither_pays_nor_is_paid_and_the_same_key_works_afterwards() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 100).await, app.rich("bob", 100).await);
    app.freeze(&ann).await;
    let reply = ann.transfer(&bob, 10).key("out").send().await.refused(403, "wallet_frozen");
    assert!(reply.json()["detail"].as_str().unwrap().starts_with("your wallet"), "{reply}");
    let reply = bob.transfer(&ann, 10).key("in").send().await.refused(403, "wallet_frozen");
    assert!(reply.json()["detail"].as_str().unwrap().starts_with("the recipient's wallet"), "{reply}");
    ann.deposit(10).key("deposit").send().await.refused(403, "wallet_frozen");
    assert_eq!(app.keys().await, 2, "only the two deposits are on record");
    app.unfreeze(&ann).await;
    ann.transfer(&bob, 10).key("out").send().await.done(201);
    bob.transfer(&ann, 10).key("in").send().await.done(201);
    ann.deposit(10).key("deposit").send().await.done(201);
    assert_eq!((ann.balance().await, bob.balance().await), (110, 100));
}

#[tokio::test]
async fn a_suspended_recipient_is_not_paid_and_the_same_key_works_afterwards() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 100).await, app.user("bob").await);
    app.suspend(&bob).await;
    let reply = ann.transfer(&bob, 10).key("k").send().await.refused(403, "account_suspended");
    assert!(reply.json()["detail"].as_str().unwrap().starts_with("the recipient's account"), "{reply}");
    app.reinstate(&bob).await;
    ann.transfer(&bob, 10).key("k").send().await.done(201);
}

/// Fills a wallet to the last cent that it can hold.
async fn fill(person: &Person) {
    for _ in 0..9 {
        person.deposit(1_000_000_000_000_000).fresh_key().send().await.done(201);
    }
    person.deposit(7_199_254_740_991).fresh_key().send().await.done(201);
    assert_eq!(person.balance().await, (1 << 53) - 1);
}

#[tokio::test]
async fn a_wallet_holds_what_json_can_tell_exactly_and_not_a_cent_more() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 100).await, app.user("bob").await);
    fill(&bob).await;
    bob.deposit(1).key("deposit").send().await.refused(422, "balance_limit_exceeded");
    let first = ann.transfer(&bob, 1).key("k").send().await.refused(422, "balance_limit_exceeded");
    assert!(first.json()["detail"].as_str().unwrap().starts_with("the recipient's wallet"), "{first}");
    bob.pay(&ann, 1).await;
    ann.transfer(&bob, 1).key("k").send().await.replays(&first);
    ann.pay(&bob, 1).await;
    assert_eq!((ann.balance().await, bob.balance().await), (100, (1 << 53) - 1));
}

#[tokio::test]
async fn the_settings_cap_an_amount() {
    let app = TestApp::with(&[
        ("SUPERAPP_MONEY__AMOUNT_CENTS_MAX", "500"),
        // What is sold and paid out keeps to the cap, too.
        ("SUPERAPP_GIFTS__CATALOGUE", ""),
        ("SUPERAPP_PAYOUTS__AMOUNT_CENTS_MIN", "500"),
    ])
    .await;
    let (ann, bob) = (app.rich("ann", 500).await, app.user("bob").await);
    ann.deposit(501).fresh_key().send().await.invalid(&["/amount_cents"]);
    ann.transfer(&bob, 501).fresh_key().send().await.invalid(&["/amount_cents"]);
    ann.transfer(&bob, 500).fresh_key().send().await.done(201);
}

#[tokio::test]
async fn a_note_is_short_and_kept_as_it_was_written() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 100).await, app.user("bob").await);
    let pay = |note: Value| {
        let body = json!({ "to_user_id": bob.id.to_string(), "amount_cents": 1, "note": note });
        ann.post(ROUTE).fresh_key().json(body).send()
    };
    let longest = "ж".repeat(200);
    for note in ["x", " spaced ", "<b>&\"'\\</b>", "Grüße 🎁", "'); DROP TABLE wallets; --", &longest] {
        assert_eq!(pay(note.into()).await.done(201).json()["note"], note);
        assert_eq!(bob.history().await[0]["note"], note);
    }
    for none in [Value::Null, "".into()] {
        assert_eq!(pay(none).await.done(201).json()["note"], Value::Null);
    }
    for bad in ["ж".repeat(201).as_str(), "line\nbreak", "\u{0}", "bell\u{7}", "\u{85}"] {
        pay(bad.into()).await.invalid(&["/note"]);
    }
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_once() {
    let app = TestApp::new().await;
    let ann = app.rich("ann", 100).await;
    let body = json!({ "to_user_id": "bob", "amount_cents": 0, "note": "\n" });
    ann.post(ROUTE).fresh_key().json(body).send().await.invalid(&["/to_user_id", "/amount_cents", "/note"]);
    for extra in ["from_user_id", "currency", "fee_cents", "status", "tx_id"] {
        let mut body = json!({ "to_user_id": ann.id.to_string(), "amount_cents": 1 });
        body[extra] = 1.into();
        ann.post(ROUTE).fresh_key().json(body).send().await.invalid(&[&format!("/{extra}")]);
    }
    app.post(ROUTE).key("k").json(json!({})).send().await.refused(401, "unauthenticated");
}
