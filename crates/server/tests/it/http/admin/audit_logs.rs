//! The audit log, from outside: everything once, newest first, found by each of its ids.

use super::{column, every_line};
use crate::harness::{PASSWORD, TestApp};
use domain::id::WalletId;
use domain::timestamp::Span;
use serde_json::json;

const LOG: &str = "/api/admin/audit-logs";

#[tokio::test]
async fn everything_is_there_once_newest_first_whatever_the_page() {
    let app = TestApp::new().await;
    let root = app.admin("root").await;
    let (ann, bob) = (app.rich("ann", 100).await, app.user("bob").await);
    for _ in 0..5 {
        app.advance(Span::seconds(1));
        ann.pay(&bob, 1).await;
    }
    let all = every_line(&root, LOG, 100).await;
    assert_eq!(i64::try_from(all.len()), Ok(app.count("SELECT COUNT(*) FROM audit_logs").await));
    let times = column(&all, "created_at");
    assert!(times.windows(2).all(|pair| pair[0] >= pair[1]), "{times:?}");
    for limit in [1, 3, 7] {
        assert_eq!(every_line(&root, LOG, limit).await, all);
    }
    assert_eq!(all[0]["action"], "transaction.transfer");
    assert_eq!(all.last().unwrap()["action"], "user.registered");
}

#[tokio::test]
async fn a_record_shows_who_did_what_to_what_in_ids_of_the_api() {
    let app = TestApp::new().await;
    let (root, ann) = (app.admin("root").await, app.rich("ann", 100).await);
    let wallet = WalletId::of_user(ann.id);
    let freeze = root.post(format!("/api/admin/wallets/{wallet}/freeze")).peer("192.0.2.7:1234");
    let freeze = freeze.json(json!({ "reason": "why" })).send().await.done(200);
    let lines = every_line(&root, &format!("{LOG}?entity_id={wallet}"), 20).await;
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    let session = root.session().await;
    assert!(line["id"].as_str().unwrap().starts_with("aud_"));
    let expected = json!({
        "id": line["id"], "action": "wallet.frozen", "actor_id": root.id.to_string(),
        "credential_id": session.to_string(), "address": "192.0.2.7", "request_id": freeze.request_id(),
        "entity_type": "wallet", "entity_id": wallet.to_string(), "tx_id": null,
        "before": { "status": "active" }, "after": { "status": "frozen", "reason": "why" },
        "created_at": "2027-01-15T08:00:00Z",
    });
    assert_eq!(line, &expected);
}

#[tokio::test]
async fn each_filter_finds_what_it_names_and_nothing_else() {
    let app = TestApp::new().await;
    let root = app.admin("root").await;
    let (ann, bob) = (app.rich("ann", 100).await, app.user("bob").await);
    app.advance(Span::hours(1));
    let (root, ann) = (root.sign_in().await, ann.sign_in().await);
    let tx = ann.pay(&bob, 1).await.json()["tx_id"].as_str().unwrap().to_owned();
    let deposit = ann.deposit(5).fresh_key().send().await.done(201).json();
    let (dep, dep_tx) = (deposit["id"].as_str().unwrap(), deposit["tx_id"].as_str().unwrap());
    ann.patch("/api/users/me").json(json!({ "username": "anna" })).send().await.done(200);
    let session = ann.session().await;
    for (query, actions) in [
        (format!("tx_id={tx}"), vec!["transaction.transfer"]),
        (format!("entity_id={tx}"), vec!["transaction.transfer"]),
        (format!("entity_id={tx}&action=transaction.deposit"), vec![]),
        (format!("entity_id={dep}"), vec!["transaction.deposit"]),
        (format!("tx_id={dep_tx}&actor_id={}", ann.id), vec!["transaction.deposit"]),
        (format!("tx_id={dep_tx}&actor_id={}", bob.id), vec![]),
        (format!("entity_id={}", ann.id), vec!["user.updated", "user.registered"]),
        (format!("entity_id={session}"), vec!["session.created"]),
        (format!("entity_id={session}&entity_type=session&tx_id={tx}"), vec![]),
        (format!("entity_id={}", WalletId::of_user(ann.id)), vec![]),
        ("entity_id=cnt_01h2xcejqtf2nbrexx3vqjhp41".to_owned(), vec![]),
        ("entity_type=user&from=2027-01-15T08:30:00Z".to_owned(), vec!["user.updated"]),
        (format!("actor_id={}&action=session.created", bob.id), vec!["session.created"]),
        (
            format!("actor_id={}&from=2027-01-15T09:00:00Z", ann.id),
            vec!["user.updated", "transaction.deposit", "transaction.transfer", "session.created"],
        ),
        (format!("actor_id={}&to=2027-01-15T09:00:00Z", ann.id), vec!["transaction.deposit", "session.created"]),
        ("from=2027-01-15T10:00:00Z".to_owned(), vec![]),
        ("to=2027-01-15T08:00:00Z".to_owned(), vec![]),
    ] {
        for limit in [1, 100] {
            let found = every_line(&root, &format!("{LOG}?{query}"), limit).await;
            assert_eq!(column(&found, "action"), actions, "{query}");
        }
    }
    for (query, pointer) in [
        ("tx_id=x", "tx_id"),
        ("entity_id=x_y", "entity_id"),
        ("entity_id=aud_01h2xcejqtf2nbrexx3vqjhp41", "entity_id"),
        ("entity_type=x", "entity_type"),
        ("actor_id=tx_01h2xcejqtf2nbrexx3vqjhp41", "actor_id"),
        ("action=x", "action"),
        ("from=x", "from"),
        ("to=x", "to"),
        ("cursor=x", "cursor"),
    ] {
        root.get(format!("{LOG}?{query}")).send().await.invalid(&[pointer]);
    }
}

#[tokio::test]
async fn the_log_holds_no_secret() {
    let app = TestApp::new().await;
    let (root, ann) = (app.admin("root").await, app.user("ann").await);
    let change = json!({ "current_password": PASSWORD, "new_password": "a horse of another colour" });
    ann.post("/api/auth/password").key("the-key-itself").json(change).send().await.done(204);
    let fresh = ann.with(&ann.refresh().send().await.done(200));
    let told = serde_json::to_string(&every_line(&root, LOG, 100).await).unwrap();
    for secret in [
        PASSWORD,
        "another colour",
        "the-key-itself",
        "argon2",
        &ann.refresh_token,
        &fresh.refresh_token,
        &ann.access_token,
    ] {
        assert!(!told.contains(secret), "{secret}");
    }
}
