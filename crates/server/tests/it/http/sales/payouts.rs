//! Payouts: asked for by creators, decided by administrators, each once.

use crate::harness::{Person, Reply, TestApp, transaction_of};
use serde_json::{Value, json};

async fn creator(app: &TestApp, name: &str) -> Person {
    let person = app.rich(name, 1_000_000).await;
    person.become_creator().await;
    person
}

fn path(payout: &Value, act: &str) -> String {
    format!("/api/admin/payouts/{}/{act}", payout["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_payout_is_held_listed_and_paid_once() {
    let app = TestApp::new().await;
    let (bob, admin) = (creator(&app, "bob").await, app.admin("eve").await);
    let asked = bob.ask_payout(400_000).key("k").send().await.done(201);
    bob.ask_payout(400_000).key("k").send().await.replays(&asked);
    let payout = asked.json();
    assert_eq!((&payout["status"], &payout["decided_at"]), (&json!("pending"), &Value::Null));
    assert_eq!(bob.balance().await, 600_000);
    bob.ask_payout(100_000).fresh_key().send().await.refused(409, "payout_pending");
    let listed = admin.get("/api/admin/payouts?status=pending").send().await.done(200).json();
    let mut seen = payout.clone();
    seen["debt_cents"] = json!(0);
    assert_eq!(listed["data"], json!([seen]));
    app.advance(domain::timestamp::Span::seconds(600));
    let approve = || admin.post(path(&payout, "approve")).json(json!({ "reference": "bank 42" }));
    let paid = approve().key("decide").send().await.done(200);
    assert_eq!((&paid.json()["status"], &paid.json()["remark"]), (&json!("paid"), &json!("bank 42")));
    assert_eq!(paid.json()["created_at"], payout["created_at"]);
    approve().key("decide").send().await.replays(&paid);
    approve().fresh_key().send().await.refused(409, "payout_decided");
    let reject = admin.post(path(&payout, "reject")).json(json!({ "reason": "too late" })).fresh_key();
    reject.send().await.refused(409, "payout_decided");
    let own = bob.get("/api/payouts").send().await.done(200).json();
    assert_eq!(own["data"], json!([paid.json()]));
    assert_eq!(bob.balance().await, 600_000);
}

#[tokio::test]
async fn a_rejected_payout_gives_the_money_back() {
    let app = TestApp::new().await;
    let (bob, admin) = (creator(&app, "bob").await, app.admin("eve").await);
    let payout = bob.ask_payout(400_000).fresh_key().send().await.done(201).json();
    let reject = admin.post(path(&payout, "reject")).json(json!({ "reason": "no such account" })).fresh_key();
    let rejected = reject.send().await.done(200).json();
    assert_eq!((&rejected["status"], &rejected["remark"]), (&json!("rejected"), &json!("no such account")));
    assert_eq!(bob.balance().await, 1_000_000);
    let history = bob.history().await;
    let amounts: Vec<_> = history.iter().take(2).map(|line| line["amount_cents"].as_i64().unwrap()).collect();
    assert_eq!(amounts, [400_000, -400_000]);
    bob.ask_payout(100_000).fresh_key().send().await.done(201);
}

/// The refusal says what is owed, and what to do about it.
fn assert_owes(reply: &Reply, cents: &str, advice: &str) {
    let detail = reply.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains(cents) && detail.contains(advice), "{detail}");
}

#[tokio::test]
async fn a_payout_whose_creator_came_to_owe_is_not_paid_and_repays_the_debt_when_rejected() {
    let app = TestApp::new().await;
    let (ann, bob, admin) = (app.rich("ann", 500_000).await, creator(&app, "bob").await, app.admin("eve").await);
    let sale = transaction_of(&ann.roses(&bob, 1).fresh_key().send().await.done(201).json());
    let payout = bob.ask_payout(1_050_000).fresh_key().send().await.done(201).json();
    assert_eq!(payout["repaid_cents"], 0);
    let refund = admin.refund(sale, None).fresh_key().send().await.done(201).json();
    assert_eq!((refund["debt_cents"].as_i64(), bob.balance().await), (Some(50_000), 0));
    bob.ask_payout(100_000).fresh_key().send().await.refused(409, "payout_pending");
    let approve = admin.post(path(&payout, "approve")).json(json!({ "reference": "bank 42" })).fresh_key();
    let refused = approve.send().await.refused(409, "debt_outstanding");
    assert_owes(&refused, "50000", "reject the payout");
    let listed = admin.get("/api/admin/payouts").send().await.done(200).json();
    assert_eq!((&listed["data"][0]["status"], &listed["data"][0]["debt_cents"]), (&json!("pending"), &json!(50_000)));
    let reject = || admin.post(path(&payout, "reject")).json(json!({ "reason": "owes" })).key("no");
    let rejected = reject().send().await.done(200);
    assert_eq!(rejected.json()["repaid_cents"], 50_000);
    reject().send().await.replays(&rejected);
    assert_eq!(bob.balance().await, 1_000_000);
    assert_eq!(bob.history().await[0]["amount_cents"], 1_000_000);
    let own = bob.get("/api/payouts").send().await.done(200).json();
    assert_eq!(own["data"], json!([rejected.json()]));
    bob.ask_payout(100_000).fresh_key().send().await.done(201);
}

#[tokio::test]
async fn nobody_who_owes_is_paid_out_before_their_earnings_have_repaid_it() {
    let app = TestApp::new().await;
    let (ann, bob, admin) = (app.rich("ann", 500_000).await, creator(&app, "bob").await, app.admin("eve").await);
    let sale = transaction_of(&ann.roses(&bob, 1).fresh_key().send().await.done(201).json());
    bob.pay(&ann, 1_085_000).await;
    admin.refund(sale, None).fresh_key().send().await.done(201);
    ann.pay(&bob, 300_000).await;
    let refused = bob.ask_payout(300_000).key("k").send().await.refused(409, "debt_outstanding");
    assert_owes(&refused, "85000", "what you earn repays them first");
    assert_eq!(bob.balance().await, 300_000);
    ann.roses(&bob, 1).fresh_key().send().await.done(201);
    bob.ask_payout(300_000).key("k").send().await.replays(&refused);
    let payout = bob.ask_payout(300_000).key("new").send().await.done(201).json();
    admin.post(path(&payout, "approve")).json(json!({ "reference": "bank 42" })).fresh_key().send().await.done(200);
}

#[tokio::test]
async fn a_rejected_payout_that_is_smaller_than_the_debt_repays_a_part_of_it() {
    let app = TestApp::new().await;
    let (ann, bob, admin) = (app.rich("ann", 500_000).await, creator(&app, "bob").await, app.admin("eve").await);
    let sale = transaction_of(&ann.roses(&bob, 2).fresh_key().send().await.done(201).json());
    let payout = bob.ask_payout(120_000).fresh_key().send().await.done(201).json();
    bob.pay(&ann, 1_050_000).await;
    admin.refund(sale, None).fresh_key().send().await.done(201);
    app.freeze(&bob).await;
    let reject = || admin.post(path(&payout, "reject")).json(json!({ "reason": "owes" })).key("no");
    reject().send().await.refused(403, "wallet_frozen");
    app.unfreeze(&bob).await;
    app.suspend(&bob).await;
    assert_eq!(reject().send().await.done(200).json()["repaid_cents"], 120_000);
    app.reinstate(&bob).await;
    assert_eq!(bob.balance().await, 0);
    let listed = admin.get("/api/admin/payouts?status=rejected").send().await.done(200).json();
    assert_eq!(
        (&listed["data"][0]["repaid_cents"], &listed["data"][0]["debt_cents"]),
        (&json!(120_000), &json!(50_000))
    );
}

#[tokio::test]
async fn held_money_of_a_frozen_wallet_stays_where_it_is() {
    let app = TestApp::new().await;
    let (bob, admin) = (creator(&app, "bob").await, app.admin("eve").await);
    let payout = bob.ask_payout(400_000).fresh_key().send().await.done(201).json();
    app.freeze(&bob).await;
    let approve = || admin.post(path(&payout, "approve")).json(json!({ "reference": "bank 42" }));
    approve().key("later").send().await.refused(403, "wallet_frozen");
    let reject = admin.post(path(&payout, "reject")).json(json!({ "reason": "no" })).fresh_key();
    reject.send().await.refused(403, "wallet_frozen");
    app.unfreeze(&bob).await;
    approve().key("later").send().await.done(200);
    assert_eq!(bob.balance().await, 600_000);
}

#[tokio::test]
async fn every_refusal_of_a_payout_has_its_code_and_moves_nothing() {
    let app = TestApp::new().await;
    let (ann, bob, admin) = (app.rich("ann", 1_000_000).await, creator(&app, "bob").await, app.admin("eve").await);
    ann.ask_payout(400_000).fresh_key().send().await.refused(403, "forbidden");
    bob.ask_payout(400_000).send().await.refused(400, "idempotency_key_required");
    bob.ask_payout(99_999).fresh_key().send().await.invalid(&["/amount_cents"]);
    bob.ask_payout(1_000_001).fresh_key().send().await.refused(402, "insufficient_funds");
    let nowhere = json!({ "amount_cents": 400_000, "destination": " " });
    bob.post("/api/payouts").json(nowhere).fresh_key().send().await.invalid(&["/destination"]);
    let unknown = "/api/admin/payouts/pay_00000000000000000000000001/approve";
    let reference = json!({ "reference": "bank 42" });
    admin.post(unknown).json(reference.clone()).fresh_key().send().await.refused(404, "payout_not_found");
    bob.post(unknown).json(reference).fresh_key().send().await.refused(403, "forbidden");
    bob.get("/api/admin/payouts").send().await.refused(403, "forbidden");
    ann.get("/api/payouts").send().await.refused(403, "forbidden");
    admin.get("/api/admin/payouts?status=lost").send().await.invalid(&["status"]);
    app.freeze(&bob).await;
    bob.ask_payout(400_000).fresh_key().send().await.refused(403, "wallet_frozen");
    assert_eq!(bob.balance().await, 1_000_000);
}

#[tokio::test]
async fn payouts_are_listed_in_pages_to_their_owners_alone() {
    let app = TestApp::new().await;
    let (bob, carl, admin) = (creator(&app, "bob").await, creator(&app, "carl").await, app.admin("eve").await);
    for _ in 0..3 {
        for person in [&bob, &carl] {
            app.advance(domain::timestamp::Span::seconds(1));
            let payout = person.ask_payout(100_000).fresh_key().send().await.done(201).json();
            admin.post(path(&payout, "reject")).json(json!({ "reason": "no" })).fresh_key().send().await.done(200);
        }
    }
    let mut seen = Vec::new();
    let mut next = String::new();
    loop {
        let page = bob.get(format!("/api/payouts?limit=2{next}")).send().await.done(200).json();
        seen.extend(page["data"].as_array().unwrap().clone());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        carl.get(format!("/api/payouts?limit=2&cursor={cursor}")).send().await.invalid(&["cursor"]);
        next = format!("&cursor={cursor}");
    }
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|payout| payout["creator_id"] == bob.id.to_string()));
    assert!(seen.is_sorted_by(|newer, older| newer["created_at"].as_str() > older["created_at"].as_str()));
    let all = admin.get("/api/admin/payouts").send().await.done(200).json();
    assert_eq!(all["data"].as_array().unwrap().len(), 6);
}
