//! Accounts: found by every filter, changed on record, and stopped on their next request.

use super::{column, every_line};
use crate::harness::TestApp;
use domain::id::WalletId;
use domain::timestamp::Span;
use serde_json::{Value, json};

fn path(id: impl std::fmt::Display) -> String {
    format!("/api/admin/users/{id}")
}

#[tokio::test]
async fn accounts_are_listed_newest_first_page_by_page() {
    let app = TestApp::new().await;
    let root = app.admin("root").await;
    for name in ["ann", "bob", "cy", "dee"] {
        app.advance(Span::seconds(1));
        app.user(name).await;
    }
    let names = ["dee", "cy", "bob", "ann", "root"];
    for limit in [1, 2, 3, 5, 100] {
        assert_eq!(column(&every_line(&root, "/api/admin/users", limit).await, "username"), names);
    }
}

#[tokio::test]
async fn every_filter_narrows_the_list() {
    let app = TestApp::new().await;
    let root = app.admin("root").await;
    let (ann, bob, anton) = (app.user("ann").await, app.user("bob").await, app.user("Anton").await);
    root.patch(path(bob.id)).json(json!({ "tier": "premium", "role": "creator" })).send().await.done(200);
    root.patch(path(ann.id)).json(json!({ "account_status": "suspended" })).send().await.done(200);
    anton.patch("/api/users/me").json(json!({ "email": "zoe@example.com" })).send().await.done(200);
    for (query, names) in [
        ("email=BOB@example.com", vec!["bob"]),
        ("email=nobody@example.com", vec![]),
        ("email=bob@example.com&role=admin", vec![]),
        ("role=admin", vec!["root"]),
        ("role=user", vec!["Anton", "ann"]),
        ("tier=premium", vec!["bob"]),
        ("account_status=suspended", vec!["ann"]),
        ("account_status=active&role=user", vec!["Anton"]),
        ("q=AN", vec!["Anton", "ann"]),
        ("q=zoe@", vec!["Anton"]),
        ("q=nn", vec![]),
        ("q=%25", vec![]),
        ("q=_nn", vec![]),
    ] {
        let found = every_line(&root, &format!("/api/admin/users?{query}"), 1).await;
        assert_eq!(column(&found, "username"), names, "{query}");
    }
    for (query, pointer) in [
        ("email=x", "email"),
        ("role=emperor", "role"),
        ("tier=gold", "tier"),
        ("account_status=dead", "account_status"),
        ("q=", "q"),
        ("limit=0", "limit"),
        ("cursor=x", "cursor"),
    ] {
        root.get(format!("/api/admin/users?{query}")).send().await.invalid(&[pointer]);
    }
    root.get("/api/admin/users?name=ann").send().await.refused(400, "malformed_request");
    let page = root.get("/api/admin/users?limit=1").send().await.done(200).json();
    let cursor = page["next_cursor"].as_str().unwrap();
    root.get(format!("/api/admin/users?role=user&cursor={cursor}")).send().await.invalid(&["cursor"]);
}

#[tokio::test]
async fn one_account_is_shown_with_its_wallet() {
    let app = TestApp::new().await;
    let (root, ann) = (app.admin("root").await, app.user("ann").await);
    let shown = root.get(path(ann.id)).send().await.done(200).json();
    assert_eq!(shown["wallet_id"], WalletId::of_user(ann.id).to_string());
    assert_eq!(
        (&shown["email"], &shown["role"], &shown["tier"]),
        (&"ann@example.com".into(), &"user".into(), &"free".into())
    );
    for id in ["usr_01h2xcejqtf2nbrexx3vqjhp41", "nonsense", &WalletId::of_user(ann.id).to_string()] {
        root.get(path(id)).send().await.refused(404, "not_found");
        root.patch(path(id)).json(json!({ "tier": "free" })).send().await.refused(404, "not_found");
    }
}

#[tokio::test]
async fn a_change_is_on_record_from_what_to_what_and_no_change_is_not() {
    let app = TestApp::new().await;
    let (root, ann) = (app.admin("root").await, app.user("ann").await);
    let change = json!({ "tier": "premium", "role": "creator", "account_status": "active" });
    let reply = root.patch(path(ann.id)).json(change.clone()).send().await.done(200);
    assert_eq!((&reply.json()["tier"], &reply.json()["role"]), (&"premium".into(), &"creator".into()));
    let rows = app.audit_of(&reply).await;
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((row.action.as_str(), row.actor), ("user.standing_changed", Some(root.id)));
    assert_eq!((row.entity_type.as_str(), row.entity), ("user", Some(ann.id.uuid())));
    assert_eq!(row.before, json!({ "role": "user", "tier": "free" }));
    assert_eq!(row.after, json!({ "role": "creator", "tier": "premium" }));
    for same in [change, json!({})] {
        let reply = root.patch(path(ann.id)).json(same).send().await.done(200);
        assert!(app.audit_of(&reply).await.is_empty());
    }
    assert_eq!(ann.get("/api/users/me").send().await.done(200).json()["tier"], "premium");
    assert_eq!(root.get(path(ann.id)).send().await.done(200).json()["role"], "creator");
}

#[tokio::test]
async fn only_words_that_exist_are_accepted() {
    let app = TestApp::new().await;
    let (root, ann) = (app.admin("root").await, app.user("ann").await);
    for (change, pointers) in [
        (json!({ "tier": "gold" }), vec!["/tier"]),
        (json!({ "role": "Admin" }), vec!["/role"]),
        (json!({ "account_status": true }), vec!["/account_status"]),
        (json!({ "role": "x", "tier": "y", "account_status": "z" }), vec!["/role", "/tier", "/account_status"]),
        (json!({ "email": "new@example.com" }), vec!["/email"]),
        (json!({ "id": "usr_1" }), vec!["/id"]),
    ] {
        root.patch(path(ann.id)).json(change).send().await.invalid(&pointers);
    }
}

#[tokio::test]
async fn administrators_cannot_lock_themselves_out() {
    let app = TestApp::new().await;
    let (root, other) = (app.admin("root").await, app.admin("other").await);
    for change in [json!({ "role": "creator" }), json!({ "role": "user" }), json!({ "account_status": "suspended" })] {
        let refused = root.patch(path(root.id)).json(change.clone()).send().await.refused(409, "own_account");
        assert!(app.audit_of(&refused).await.is_empty());
        other.patch(path(root.id)).json(json!({ "role": "admin" })).send().await.done(200);
    }
    root.patch(path(root.id)).json(json!({ "tier": "admin", "role": "admin" })).send().await.done(200);
    let change = json!({ "role": "user", "account_status": "suspended" });
    other.patch(path(root.id)).json(change).send().await.done(200);
    root.get(path(root.id)).send().await.refused(403, "account_suspended");
}

#[tokio::test]
async fn a_suspension_bites_on_the_next_request_and_can_be_lifted() {
    let app = TestApp::new().await;
    let root = app.admin("root").await;
    let (ann, bob) = (app.rich("ann", 100).await, app.rich("bob", 100).await);
    let suspend = |status: &str| root.patch(path(ann.id)).json(json!({ "account_status": status })).send();
    suspend("suspended").await.done(200);
    ann.get("/api/users/me").send().await.refused(403, "account_suspended");
    ann.transfer(&bob, 1).key("k").send().await.refused(403, "account_suspended");
    bob.transfer(&ann, 1).key("k").send().await.refused(403, "account_suspended");
    ann.refresh().send().await.refused(403, "account_suspended");
    let login = json!({ "email": ann.email, "password": crate::harness::PASSWORD });
    app.post("/api/auth/login").json(login).send().await.refused(403, "account_suspended");
    suspend("active").await.done(200);
    ann.transfer(&bob, 1).key("k").send().await.done(201);
    bob.transfer(&ann, 1).key("k").send().await.done(201);
    ann.with(&ann.refresh().send().await.done(200)).get("/api/users/me").send().await.done(200);
}

#[tokio::test]
async fn a_change_takes_a_key() {
    let app = TestApp::new().await;
    let (root, ann) = (app.admin("root").await, app.user("ann").await);
    let change = |tier: &str| root.patch(path(ann.id)).key("k").json(json!({ "tier": tier })).send();
    let first = change("premium").await.done(200);
    root.patch(path(ann.id)).json(json!({ "tier": "free" })).send().await.done(200);
    change("premium").await.replays(&first);
    change("creator").await.refused(422, "idempotency_key_reused");
    assert_eq!(root.get(path(ann.id)).send().await.done(200).json()["tier"], Value::from("free"));
}
