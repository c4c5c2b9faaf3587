//! One's own account: reading it, changing it, becoming a creator.

use crate::harness::{PASSWORD, TestApp};
use serde_json::{Value, json};

const ME: &str = "/api/users/me";
const CREATOR: &str = "/api/users/me/creator";

#[tokio::test]
async fn everybody_sees_their_own_account() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let me = ann.get(ME).send().await.done(200).json();
    let expected = json!({
        "id": ann.id.to_string(), "email": "ann@example.com", "username": "ann", "role": "user", "tier": "free",
        "account_status": "active", "created_at": "2027-01-15T08:00:00Z",
    });
    assert_eq!(me, expected);
    assert_eq!(bob.get(ME).send().await.done(200).json()["id"], bob.id.to_string());
    app.get(ME).send().await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn address_and_name_can_be_changed_one_by_one_and_together() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let mut expected = ann.get(ME).send().await.done(200).json();
    for change in [
        json!({ "email": "anna@example.com" }),
        json!({ "username": "Anna" }),
        json!({ "email": "a@example.com", "username": "a.n-n_a" }),
        json!({ "username": null }),
        json!({ "username": "ann" }),
    ] {
        for (name, value) in change.as_object().unwrap() {
            expected[name] = value.clone();
        }
        assert_eq!(ann.patch(ME).json(change.clone()).send().await.done(200).json(), expected, "{change}");
        assert_eq!(ann.get(ME).send().await.done(200).json(), expected, "{change}");
    }
    let old = app.post("/api/auth/login").json(json!({ "email": "ann@example.com", "password": PASSWORD }));
    old.send().await.refused(401, "invalid_credentials");
    let new = app.post("/api/auth/login").json(json!({ "email": "a@example.com", "password": PASSWORD }));
    new.send().await.done(200);
}

#[tokio::test]
async fn an_address_is_stored_in_lower_case() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let reply = ann.patch(ME).json(json!({ "email": " Anna@Example.COM " })).send().await.done(200);
    assert_eq!(reply.json()["email"], "anna@example.com");
}

#[tokio::test]
async fn what_is_left_out_stays_as_it_is() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let before = ann.get(ME).send().await.done(200).json();
    assert_eq!(ann.patch(ME).json(json!({})).send().await.done(200).json(), before);
    ann.patch(ME).send().await.refused(400, "malformed_request");
    assert_eq!(ann.patch(ME).json(json!({ "email": null })).send().await.done(200).json(), before);
}

#[tokio::test]
async fn what_somebody_else_has_is_taken_in_any_case() {
    let app = TestApp::new().await;
    let (ann, _bob) = (app.user("ann").await, app.user("bob").await);
    let before = ann.get(ME).send().await.done(200).json();
    for (change, code) in [
        (json!({ "email": "bob@example.com" }), "email_taken"),
        (json!({ "email": "BOB@example.com" }), "email_taken"),
        (json!({ "username": "bob" }), "username_taken"),
        (json!({ "username": "BoB" }), "username_taken"),
        (json!({ "email": "new@example.com", "username": "bob" }), "username_taken"),
    ] {
        ann.patch(ME).json(change).send().await.refused(409, code);
    }
    assert_eq!(ann.get(ME).send().await.done(200).json(), before, "a refusal changes nothing");
}

#[tokio::test]
async fn ones_own_address_and_name_are_not_taken() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let same = json!({ "email": "ANN@example.com", "username": "ANN" });
    let me = ann.patch(ME).json(same).send().await.done(200).json();
    assert_eq!((&me["email"], &me["username"]), (&"ann@example.com".into(), &"ANN".into()));
}

#[tokio::test]
async fn a_name_that_was_given_up_is_free() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    ann.patch(ME).json(json!({ "username": null, "email": "x@example.com" })).send().await.done(200);
    let change = json!({ "username": "ann", "email": "ann@example.com" });
    assert_eq!(bob.patch(ME).json(change).send().await.done(200).json()["username"], "ann");
}

#[tokio::test]
async fn what_cannot_be_an_account_is_refused() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    for (change, pointers) in [
        (json!({ "email": "ann" }), ["/email"].as_slice()),
        (json!({ "email": "" }), &["/email"]),
        (json!({ "username": "a" }), &["/username"]),
        (json!({ "username": "" }), &["/username"]),
        (json!({ "email": "x", "username": "y" }), &["/email", "/username"]),
        (json!({ "role": "admin" }), &["/role"]),
        (json!({ "tier": "premium" }), &["/tier"]),
        (json!({ "account_status": "active" }), &["/account_status"]),
        (json!({ "id": "usr_1" }), &["/id"]),
        (json!({ "password": "a new one 123" }), &["/password"]),
        (json!({ "email": 5 }), &["/email"]),
        (json!({ "username": ["ann"] }), &["/username"]),
    ] {
        ann.patch(ME).json(change).send().await.invalid(pointers);
    }
}

#[tokio::test]
async fn a_change_takes_a_key_in_the_header_or_in_the_body() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let change = json!({ "username": "anna" });
    let first = ann.patch(ME).key("name").json(change.clone()).send().await.done(200);
    ann.patch(ME).json(json!({ "username": "other" })).send().await.done(200);
    ann.patch(ME).key("name").json(change).send().await.replays(&first);
    let in_body = json!({ "username": "anna", "idempotency_key": "name" });
    ann.patch(ME).json(in_body).send().await.replays(&first);
    assert_eq!(ann.get(ME).send().await.done(200).json()["username"], "other", "a replay changes nothing");
    ann.patch(ME).key("name").json(json!({ "username": "anne" })).send().await.refused(422, "idempotency_key_reused");

    let taken = ann.patch(ME).key("bob").json(json!({ "username": "bob" })).send().await;
    let taken = taken.refused(409, "username_taken");
    bob.patch(ME).json(json!({ "username": null })).send().await.done(200);
    ann.patch(ME).key("bob").json(json!({ "username": "bob" })).send().await.replays(&taken);
    ann.patch(ME).key("bob-2").json(json!({ "username": "bob" })).send().await.done(200);
}

#[tokio::test]
async fn becoming_a_creator_twice_is_becoming_one_once() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let first = ann.post(CREATOR).send().await.done(200);
    assert_eq!((&first.json()["role"], &first.json()["tier"]), (&"creator".into(), &"free".into()));
    let second = ann.post(CREATOR).json(json!({})).send().await.done(200);
    assert_eq!(first.json(), second.json());
    assert_eq!(ann.get(ME).send().await.done(200).json(), first.json());
    assert_eq!(app.audit_of(&first).await.len(), 1);
    assert!(app.audit_of(&second).await.is_empty(), "nothing changed, so nothing is on record");
}

#[tokio::test]
async fn an_administrator_stays_one_on_becoming_a_creator() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    app.promote(&ann).await;
    assert_eq!(ann.post(CREATOR).send().await.done(200).json()["role"], "admin");
}

#[tokio::test]
async fn becoming_a_creator_takes_a_key_and_no_members() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let first = ann.post(CREATOR).key("up").send().await.done(200);
    ann.post(CREATOR).key("up").send().await.replays(&first);
    ann.post(CREATOR).key("up").json(json!({})).send().await.replays(&first);
    ann.post(CREATOR).json(json!({ "idempotency_key": "up" })).send().await.replays(&first);
    ann.post(CREATOR).json(json!({ "role": "admin" })).send().await.invalid(&["/role"]);
    ann.post(CREATOR).text("null").send().await.refused(400, "malformed_request");
    app.post(CREATOR).send().await.refused(401, "unauthenticated");
    assert_eq!(first.json()["username"], Value::from("ann"));
}
