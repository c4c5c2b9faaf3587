//! Freezing: on record, the same twice as once, and no movement gets past it.

use crate::harness::{Call, Person, TestApp};
use domain::id::WalletId;
use domain::wallet::SystemWallet;
use serde_json::json;

fn order(root: &Person, wallet: impl std::fmt::Display, verb: &str) -> Call {
    root.post(format!("/api/admin/wallets/{wallet}/{verb}")).json(json!({ "reason": "chargeback, ticket 4711" }))
}

#[tokio::test]
async fn a_frozen_wallet_neither_pays_nor_is_paid_until_it_is_unfrozen() {
    let app = TestApp::new().await;
    let root = app.admin("root").await;
    let (ann, bob) = (app.rich("ann", 100).await, app.rich("bob", 100).await);
    let wallet = WalletId::of_user(ann.id);
    let frozen = order(&root, wallet, "freeze").send().await.done(200).json();
    assert_eq!((&frozen["status"], &frozen["balance_cents"]), (&"frozen".into(), &100.into()));
    assert_eq!((&frozen["id"], &frozen["user_id"]), (&wallet.to_string().into(), &ann.id.to_string().into()));
    ann.transfer(&bob, 1).key("k").send().await.refused(403, "wallet_frozen");
    bob.transfer(&ann, 1).key("k").send().await.refused(403, "wallet_frozen");
    ann.deposit(1).key("d").send().await.refused(403, "wallet_frozen");
    assert_eq!(ann.get("/api/wallet/balance").send().await.done(200).json()["available_cents"], 0);
    order(&root, wallet, "unfreeze").send().await.done(200);
    ann.transfer(&bob, 1).key("k").send().await.done(201);
    bob.transfer(&ann, 1).key("k").send().await.done(201);
    ann.deposit(1).key("d").send().await.done(201);
}

#[tokio::test]
async fn it_is_on_record_with_its_reason_once() {
    let app = TestApp::new().await;
    let (root, ann) = (app.admin("root").await, app.user("ann").await);
    let wallet = WalletId::of_user(ann.id);
    for (verb, was, is, action) in
        [("freeze", "active", "frozen", "wallet.frozen"), ("unfreeze", "frozen", "active", "wallet.unfrozen")]
    {
        let first = order(&root, wallet, verb).send().await.done(200);
        let rows = app.audit_of(&first).await;
        let [row] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!((row.action.as_str(), row.actor), (action, Some(root.id)));
        assert_eq!((row.entity_type.as_str(), row.entity), ("wallet", Some(wallet.uuid())));
        assert_eq!(row.before, json!({ "status": was }));
        assert_eq!(row.after, json!({ "status": is, "reason": "chargeback, ticket 4711" }));
        let second = order(&root, wallet, verb).send().await.done(200);
        assert_eq!(second.json(), first.json());
        assert!(app.audit_of(&second).await.is_empty());
    }
    let first = order(&root, wallet, "freeze").key("k").send().await.done(200);
    order(&root, wallet, "unfreeze").send().await.done(200);
    order(&root, wallet, "freeze").key("k").send().await.replays(&first);
}

#[tokio::test]
async fn a_reason_is_needed() {
    let app = TestApp::new().await;
    let (root, ann) = (app.admin("root").await, app.user("ann").await);
    for verb in ["freeze", "unfreeze"] {
        let path = format!("/api/admin/wallets/{}/{verb}", WalletId::of_user(ann.id));
        for body in [json!({}), json!({ "reason": "" }), json!({ "reason": " " }), json!({ "reason": "x".repeat(501) })]
        {
            root.post(&path).json(body).send().await.invalid(&["/reason"]);
        }
        root.post(&path).json(json!({ "reason": "ü".repeat(500) })).send().await.done(200);
    }
}

#[tokio::test]
async fn only_wallets_of_users_can_be_frozen() {
    let app = TestApp::new().await;
    let (root, ann) = (app.admin("root").await, app.rich("ann", 100).await);
    for id in [
        SystemWallet::Platform.id().to_string(),
        WalletId::of_debt(ann.id).to_string(),
        "wal_01h2xcejqtf2nbrexx3vqjhp41".to_owned(),
        ann.id.to_string(),
        "nonsense".to_owned(),
    ] {
        for verb in ["freeze", "unfreeze"] {
            order(&root, &id, verb).send().await.refused(404, "not_found");
        }
    }
    ann.deposit(1).fresh_key().send().await.done(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn after_the_answer_to_a_freeze_no_transfer_succeeds_not_even_one_that_was_queued() {
    for round in 0..10 {
        let app = TestApp::new().await;
        let root = app.admin("root").await;
        let (ann, bob) = (app.rich("ann", 1_000).await, app.user("bob").await);
        let paying: Vec<_> = (0..50).map(|_| tokio::spawn(ann.transfer(&bob, 1).fresh_key().send())).collect();
        order(&root, WalletId::of_user(ann.id), "freeze").send().await.done(200);
        let paid = bob.balance().await;
        let mut succeeded = 0;
        for payment in paying {
            let reply = payment.await.unwrap();
            if reply.status == 201 {
                succeeded += 1;
            } else {
                reply.refused(403, "wallet_frozen");
            }
        }
        assert_eq!((bob.balance().await, succeeded), (paid, paid), "round {round}");
        assert_eq!(ann.balance().await, 1_000 - paid, "round {round}");
        ann.transfer(&bob, 1).fresh_key().send().await.refused(403, "wallet_frozen");
    }
}
