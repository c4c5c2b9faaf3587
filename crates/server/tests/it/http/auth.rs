//! Registering and signing in; what follows from it is in the modules below.

mod attacks;
mod password;
mod refresh;
mod sessions;
mod throttle;
mod tokens;

use crate::harness::{PASSWORD, Reply, TestApp, together};
use serde_json::{Value, json};

async fn register(app: &TestApp, body: Value) -> Reply {
    app.post("/api/auth/register").json(body).send().await
}

async fn login(app: &TestApp, email: &str, password: &str) -> Reply {
    app.post("/api/auth/login").json(json!({ "email": email, "password": password })).send().await
}

#[tokio::test]
async fn whoever_registers_is_signed_in_and_has_an_empty_wallet() {
    let app = TestApp::new().await;
    let body = json!({ "email": "ann@example.com", "password": PASSWORD, "username": "Ann" });
    let reply = register(&app, body).await.done(201).json();
    assert_eq!((&reply["token_type"], &reply["expires_in"]), (&"Bearer".into(), &900.into()));
    let mut user = reply["user"].clone();
    assert!(user["id"].as_str().unwrap().starts_with("usr_"));
    user["id"] = "…".into();
    let expected = json!({
        "id": "…", "email": "ann@example.com", "username": "Ann", "role": "user", "tier": "free",
        "account_status": "active", "created_at": "2027-01-15T08:00:00Z",
    });
    assert_eq!(user, expected);
    let token = reply["access_token"].as_str().unwrap();
    let wallet = app.get("/api/wallet/balance").bearer(token).send().await.done(200).json();
    assert_eq!((&wallet["balance_cents"], &wallet["last_transaction_at"]), (&0.into(), &Value::Null));
    assert_eq!(app.get("/api/users/me").bearer(token).send().await.done(200).json(), reply["user"]);
}

#[tokio::test]
async fn a_name_is_not_needed() {
    let app = TestApp::new().await;
    for (email, body) in [
        ("ann@example.com", json!({ "email": "ann@example.com", "password": PASSWORD })),
        ("bob@example.com", json!({ "email": "bob@example.com", "password": PASSWORD, "username": null })),
    ] {
        let user = register(&app, body).await.done(201).json()["user"].clone();
        assert_eq!((&user["email"], &user["username"]), (&email.into(), &Value::Null));
    }
}

#[tokio::test]
async fn an_address_is_taken_in_any_case() {
    let app = TestApp::new().await;
    app.user("ann").await;
    for email in ["ann@example.com", "ANN@Example.com", "  ann@example.com  "] {
        register(&app, json!({ "email": email, "password": PASSWORD })).await.refused(409, "email_taken");
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM users").await, 1);
}

#[tokio::test]
async fn a_name_is_taken_in_any_case() {
    let app = TestApp::new().await;
    let first = json!({ "email": "ann@example.com", "password": PASSWORD, "username": "Ann" });
    register(&app, first).await.done(201);
    for name in ["Ann", "ann", "ANN"] {
        let body = json!({ "email": "other@example.com", "password": PASSWORD, "username": name });
        register(&app, body).await.refused(409, "username_taken");
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM users").await, 1);
    assert_eq!(app.count("SELECT COUNT(*) FROM wallets WHERE kind = 'user'").await, 1);
}

#[tokio::test]
async fn what_cannot_be_an_account_is_refused_with_the_member_that_is_wrong() {
    let app = TestApp::new().await;
    let good = json!({ "email": "ann@example.com", "password": PASSWORD, "username": "ann" });
    let long = format!("ann@{}.com", "a".repeat(254));
    let cases: [(&str, &[&str]); 3] = [
        (
            "email",
            &["", "ann", "@example.com", "ann@", "a b@example.com", "a@b@c", "ann@example..com", "ann@\u{7f}", &long],
        ),
        ("password", &["", "short-1", "password", "PASSWORD", "12345678", "iloveyou", &"x".repeat(257)]),
        ("username", &["", "a", "ann b", "änn", "ann\n", "<b>ann</b>", &"a".repeat(65)]),
    ];
    for (name, texts) in cases {
        for text in texts {
            let mut body = good.clone();
            body[name] = (*text).into();
            register(&app, body).await.invalid(&[&format!("/{name}")]);
        }
    }
    let all = json!({ "email": "ann", "password": "password", "username": "a" });
    register(&app, all).await.invalid(&["/email", "/password", "/username"]);
    assert_eq!(app.count("SELECT COUNT(*) FROM users").await, 0);
}

#[tokio::test]
async fn a_common_password_is_refused_with_the_reason() {
    let app = TestApp::new().await;
    let reply = register(&app, json!({ "email": "ann@example.com", "password": "iloveyou" })).await;
    assert!(reply.json()["detail"].as_str().unwrap().contains("one of the most common passwords"), "{reply}");
}

#[tokio::test]
async fn members_that_do_not_exist_are_refused_and_missing_ones_are_named() {
    let app = TestApp::new().await;
    for extra in ["role", "tier", "balance_cents", "account_status", "id", "idempotency_key", "passwort"] {
        let mut body = json!({ "email": "ann@example.com", "password": PASSWORD });
        body[extra] = "admin".into();
        register(&app, body).await.invalid(&[&format!("/{extra}")]);
    }
    register(&app, json!({ "email": "ann@example.com" })).await.invalid(&["/password"]);
    register(&app, json!({ "password": PASSWORD })).await.invalid(&["/email"]);
    app.post("/api/auth/login").json(json!({ "email": "ann@example.com" })).send().await.invalid(&["/password"]);
    app.post("/api/auth/refresh").json(json!({})).send().await.invalid(&["/refresh_token"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_want_one_address_one_gets_it() {
    let app = TestApp::new().await;
    let calls = (0..16).map(|number| {
        let body = json!({ "email": "ann@example.com", "password": PASSWORD, "username": format!("ann{number}") });
        app.post("/api/auth/register").json(body).send()
    });
    let replies = together(calls).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
    assert_eq!(replies.iter().filter(|reply| reply.code() == "email_taken").count(), 15);
}

#[tokio::test]
async fn signing_in_takes_address_and_password() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    for email in ["ann@example.com", "Ann@EXAMPLE.com", " ann@example.com "] {
        let reply = login(&app, email, PASSWORD).await.done(200);
        let again = ann.with(&reply);
        assert_eq!(again.id, ann.id);
        assert_ne!(again.refresh_token, ann.refresh_token);
        again.get("/api/users/me").send().await.done(200);
    }
    assert_eq!(ann.sessions().await.len(), 4);
}

#[tokio::test]
async fn two_ways_to_type_a_letter_are_one_password() {
    let app = TestApp::new().await;
    register(&app, json!({ "email": "ann@example.com", "password": "caf\u{e9} au lait" })).await.done(201);
    login(&app, "ann@example.com", "cafe\u{301} au lait").await.done(200);
    login(&app, "ann@example.com", "cafe au lait").await.refused(401, "invalid_credentials");
}

#[tokio::test]
async fn nobody_learns_who_is_registered() {
    let app = TestApp::new().await;
    app.user("ann").await;
    let suspended = app.user("sue").await;
    app.suspend(&suspended).await;
    let mut answers = Vec::new();
    for (email, password) in [
        ("ann@example.com", "wrong password"),
        ("bob@example.com", "wrong password"),
        ("sue@example.com", "wrong password"),
        ("bob@example.com", "nobody"),
        ("not an address", PASSWORD),
        ("", ""),
        ("ann@example.com", ""),
        ("ann@example.com", &"x".repeat(10_000)),
        ("bob@example.com", &"x".repeat(10_000)),
    ] {
        let call = app.post("/api/auth/login").header("x-request-id", "same-for-all");
        let reply = call.json(json!({ "email": email, "password": password })).send().await;
        let reply = reply.refused(401, "invalid_credentials");
        answers.push((reply.bytes, reply.headers));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "bodies and headers are the same for all");
}

#[tokio::test]
async fn a_suspended_account_cannot_sign_in_until_it_is_reinstated() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    app.suspend(&ann).await;
    login(&app, "ann@example.com", PASSWORD).await.refused(403, "account_suspended");
    app.reinstate(&ann).await;
    login(&app, "ann@example.com", PASSWORD).await.done(200);
    assert_eq!(ann.sessions().await.len(), 2, "the refused sign-in made no session");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sign_ins_beyond_what_can_be_hashed_are_told_to_come_back() {
    let settings = [("SUPERAPP_AUTH__HASHERS", "1"), ("SUPERAPP_AUTH__HASH_QUEUE", "0")];
    let app = TestApp::with(&settings).await;
    let ann = app.user("ann").await;
    let body = json!({ "email": ann.email, "password": PASSWORD });
    let replies = together((0..64).map(|_| app.post("/api/auth/login").json(body.clone()).send())).await;
    assert!(replies.iter().any(|reply| reply.status == 200));
    for reply in replies.into_iter().filter(|reply| reply.status != 200) {
        assert_eq!(reply.refused(503, "overloaded").header("retry-after"), "1");
    }
    ann.sign_in().await;
}
