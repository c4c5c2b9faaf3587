//! API keys: what they open, until when, from where, and what is kept of them.

use crate::harness::{PASSWORD, Person, Reply, TestApp};
use axum::http::Method;
use domain::timestamp::Span;
use serde_json::{Value, json};

const EVERYTHING: &[&str] = &[
    "account:read",
    "wallet:read",
    "wallet:write",
    "content:read",
    "content:write",
    "content:unlock",
    "subscriptions:read",
    "subscriptions:write",
    "gifts:read",
    "gifts:write",
    "earnings:read",
    "payouts:read",
    "payouts:write",
];

async fn make(owner: &Person, more: Value) -> Value {
    let mut body = json!({ "name": "program", "scopes": EVERYTHING });
    more.as_object().unwrap().iter().for_each(|(name, value)| body[name] = value.clone());
    owner.post("/api/api-keys").json(body).send().await.done(201).json()
}

/// The owner as a program with a key of theirs.
async fn program(owner: &Person, more: Value) -> Person {
    owner.with_token(make(owner, more).await["secret"].as_str().unwrap().to_owned())
}

async fn me(program: &Person) -> Reply {
    program.get("/api/users/me").send().await
}

#[tokio::test]
async fn a_key_is_shown_once_and_opens_what_its_scopes_say() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 1_000).await, app.user("bob").await);
    let made = make(&ann, json!({ "name": " nightly ", "scopes": ["wallet:write", "wallet:read"] })).await;
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("sa_test_") && secret.len() == 46, "{made}");
    let mut shown = made.clone();
    shown.as_object_mut().unwrap().remove("secret");
    assert_eq!(shown["last_four"], secret[42..]);
    assert_eq!((&shown["name"], &shown["scopes"]), (&"nightly".into(), &json!(["wallet:read", "wallet:write"])));
    let listed = ann.get("/api/api-keys").send().await.done(200).json();
    assert_eq!(listed, json!({ "data": [shown], "next_cursor": null }));
    let program = ann.with_token(secret.to_owned());
    program.pay(&bob, 300).await;
    assert_eq!((program.balance().await, bob.balance().await), (700, 300));
    let refused = me(&program).await.refused(403, "insufficient_scope");
    assert!(refused.json()["detail"].as_str().unwrap().contains("account:read"), "{refused}");
}

#[tokio::test]
async fn no_key_reaches_credentials_or_what_is_for_people() {
    let app = TestApp::new().await;
    let root = app.admin("root").await;
    root.become_creator().await;
    let program = program(&root, json!({})).await;
    for (method, path) in [
        (Method::GET, "/api/api-keys"),
        (Method::POST, "/api/api-keys"),
        (Method::DELETE, "/api/api-keys/key_01h2xcejqtf2nbrexx3vqjhp41"),
        (Method::GET, "/api/auth/sessions"),
        (Method::POST, "/api/auth/logout"),
        (Method::POST, "/api/auth/password"),
        (Method::PATCH, "/api/users/me"),
        (Method::POST, "/api/users/me/creator"),
        (Method::GET, "/api/admin/users"),
        (Method::POST, "/api/admin/reconciliations"),
    ] {
        program.call(method, path).text("{").send().await.refused(403, "insufficient_scope");
    }
    me(&program).await.done(200);
}

#[tokio::test]
async fn a_role_is_asked_of_the_owner_as_it_is_now() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let program = program(&ann, json!({})).await;
    program.get("/api/creator/earnings").send().await.refused(403, "forbidden");
    ann.become_creator().await;
    program.get("/api/creator/earnings").send().await.done(200);
    app.suspend(&ann).await;
    me(&program).await.refused(403, "account_suspended");
}

#[tokio::test]
async fn a_key_that_is_ended_opens_nothing_from_the_next_request_on() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    for _ in 0..20 {
        let made = make(&ann, json!({})).await;
        let (path, program) = (format!("/api/api-keys/{}", made["id"].as_str().unwrap()), &made["secret"]);
        let program = ann.with_token(program.as_str().unwrap().to_owned());
        me(&program).await.done(200);
        bob.call(Method::DELETE, &path).send().await.refused(404, "not_found");
        me(&program).await.done(200);
        ann.call(Method::DELETE, &path).send().await.done(204);
        me(&program).await.refused(401, "unauthenticated");
        ann.call(Method::DELETE, &path).send().await.refused(404, "not_found");
    }
    let listed = ann.get("/api/api-keys").send().await.done(200).json();
    assert_eq!(listed["data"], json!([]));
    me(&ann).await.done(200);
}

#[tokio::test]
async fn a_key_lapses_at_its_moment_and_outlives_sessions_and_passwords() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let program = program(&ann, json!({ "expires_at": "2027-01-15T09:00:00Z" })).await;
    let body = json!({ "current_password": PASSWORD, "new_password": "a horse of another colour" });
    ann.post("/api/auth/password").json(body).send().await.done(204);
    ann.post("/api/auth/logout").send().await.done(204);
    app.advance_almost(Span::hours(1));
    me(&program).await.done(200);
    app.advance(Span::MICROSECOND);
    me(&program).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_key_with_networks_is_good_from_there_alone() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let bound = program(&ann, json!({ "allowed_networks": ["192.0.2.7", " 2001:db8::/32"] })).await;
    let from = |peer: &'static str| bound.get("/api/users/me").peer(peer).send();
    from("192.0.2.7:4711").await.done(200);
    from("[::ffff:192.0.2.7]:4711").await.done(200);
    from("[2001:db8:7::1]:4711").await.done(200);
    for elsewhere in ["192.0.2.8:4711", "[2001:db9::1]:4711", "127.0.0.1:1"] {
        from(elsewhere).await.refused(401, "unauthenticated");
    }
    me(&bound).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn what_cannot_be_a_key_is_refused_with_the_member_that_is_wrong() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let good = json!({ "name": "program", "scopes": ["wallet:read"] });
    let long = vec!["10.0.0.1"; 21];
    for (name, wrong) in [
        ("name", json!("")),
        ("name", json!("a".repeat(101))),
        ("name", json!("a\u{7}b")),
        ("scopes", json!([])),
        ("scopes", json!(["admin"])),
        ("scopes", json!(["wallet:read", "Wallet:write"])),
        ("expires_at", json!("tomorrow")),
        ("expires_at", json!("2027-01-15T08:00:00Z")),
        ("allowed_networks", json!([])),
        ("allowed_networks", json!(["localhost"])),
        ("allowed_networks", json!(["10.0.0.0/33"])),
        ("allowed_networks", json!(["10.0.0.0/8 11.0.0.0/8"])),
        ("allowed_networks", json!(long)),
        ("user_id", json!("usr_x")),
    ] {
        let mut body = good.clone();
        body[name] = wrong;
        ann.post("/api/api-keys").json(body).send().await.invalid(&[&format!("/{name}")]);
    }
    ann.post("/api/api-keys").json(json!({ "name": "program" })).send().await.invalid(&["/scopes"]);
    assert_eq!(app.count("SELECT COUNT(*) FROM api_keys").await, 0);
}

#[tokio::test]
async fn fifty_keys_are_good_at_once_and_no_more() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let short = json!({ "expires_at": "2027-01-15T08:01:00Z" });
    for _ in 0..49 {
        make(&ann, json!({})).await;
    }
    make(&ann, short).await;
    let one_more = || ann.post("/api/api-keys").json(json!({ "name": "n", "scopes": ["wallet:read"] })).send();
    one_more().await.refused(409, "too_many_api_keys");
    make(&bob, json!({})).await;
    app.advance(Span::seconds(60));
    one_more().await.done(201);
    one_more().await.refused(409, "too_many_api_keys");
    let mut seen = 0;
    let mut path = "/api/api-keys?limit=20".to_owned();
    loop {
        let page = ann.get(&path).send().await.done(200).json();
        seen += page["data"].as_array().unwrap().len();
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/api-keys?limit=20&cursor={cursor}");
    }
    assert_eq!(seen, 51, "one that has lapsed is listed, too");
}

#[tokio::test]
async fn no_secret_is_kept_and_a_repeated_key_is_told_so() {
    let app = TestApp::on_a_file().await;
    let ann = app.user("ann").await;
    let body = json!({ "name": "program", "scopes": ["wallet:read"] });
    let ask = |key: &str, body: &Value| ann.post("/api/api-keys").key(key).json(body.clone()).send();
    let mut secrets = Vec::new();
    for number in 0..20 {
        let key = format!("make-{number}");
        let made = ask(&key, &body).await.done(201).json();
        secrets.push(made["secret"].as_str().unwrap().to_owned());
        let again = ask(&key, &body).await.refused(409, "secret_already_issued");
        assert!(again.is_replay());
        ask(&key, &body).await.replays(&again);
        let other = json!({ "name": "another", "scopes": ["wallet:read"] });
        ask(&key, &other).await.refused(422, "idempotency_key_reused");
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM api_keys").await, 20);
    let disk = app.disk();
    for secret in &secrets {
        // Neither the secret, nor what makes it one.
        assert!(!disk.windows(32).any(|bytes| bytes == &secret.as_bytes()[8..40]), "a secret is on the disk");
    }
    // The question finds what is there.
    let kept = b"secret_already_issued";
    assert!(disk.windows(kept.len()).any(|bytes| bytes == kept));
}

#[tokio::test]
async fn texts_that_are_no_keys_cost_no_look_up() {
    let mut app = TestApp::new().await;
    let ann = app.user("ann").await;
    let good = make(&ann, json!({})).await["secret"].as_str().unwrap().to_owned();
    let live = good.replace("sa_test_", "sa_live_");
    let texts = ["sa_test_", &good[..45], &format!("{good}0"), &live, &good.to_uppercase(), &"sa_test_0".repeat(5_000)];
    // With the database gone a look-up would be told from a refusal.
    app.lose_the_database().await;
    for text in texts {
        app.get("/api/users/me").bearer(text).send().await.refused(401, "unauthenticated");
    }
    app.get("/api/users/me").bearer(&good).send().await.refused(503, "overloaded");
}

#[tokio::test]
async fn keys_in_a_url_are_not_looked_at() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let key = make(&ann, json!({})).await["secret"].as_str().unwrap().to_owned();
    for path in ["api_key", "access_token", "token", "key"].map(|name| format!("/api/users/me?{name}={key}")) {
        app.get(path).send().await.refused(401, "unauthenticated");
    }
    app.get("/api/users/me").header("x-api-key", &key).send().await.refused(401, "unauthenticated");
    app.get("/api/users/me")
        .header("authorization", format!("Basic {key}"))
        .send()
        .await
        .refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_use_is_noted_once_a_minute_and_off_the_path() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let program = program(&ann, json!({})).await;
    let used = async || {
        app.key_notes.settle().await;
        let keys = ann.get("/api/api-keys").send().await.done(200).json();
        keys["data"][0]["last_used_at"].clone()
    };
    assert_eq!(used().await, Value::Null);
    for _ in 0..10 {
        me(&program).await.done(200);
    }
    assert_eq!(used().await, "2027-01-15T08:00:00Z");
    app.advance_almost(Span::seconds(60));
    me(&program).await.done(200);
    assert_eq!(used().await, "2027-01-15T08:00:00Z");
    app.advance(Span::MICROSECOND);
    me(&program).await.done(200);
    assert_eq!(used().await, "2027-01-15T08:01:00Z");
}

#[tokio::test]
async fn keys_are_on_record_when_they_are_made_ended_and_refused_and_a_flood_is_once_a_minute() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let reply =
        ann.post("/api/api-keys").json(json!({ "name": "n", "scopes": ["wallet:read"] })).send().await.done(201);
    let (made, secret) = (app.audit_of(&reply).await, reply.json()["secret"].as_str().unwrap().to_owned());
    assert_eq!(made.len(), 1);
    assert_eq!((made[0].action.as_str(), made[0].actor), ("api_key.created", Some(ann.id)));
    assert_eq!(made[0].after["scopes"], "wallet:read");
    assert!(!made[0].after.to_string().contains(&secret[8..40]));
    let program = ann.with_token(secret);
    for minute in 1..=3 {
        for _ in 0..20 {
            me(&program).await.refused(403, "insufficient_scope");
        }
        app.key_notes.settle().await;
        let refused = app.count("SELECT COUNT(*) FROM audit_logs WHERE action = 'api_key.refused'").await;
        assert_eq!(refused, minute);
        app.advance(Span::seconds(60));
    }
    let path = format!("/api/api-keys/{}", reply.json()["id"].as_str().unwrap());
    let ended = app.audit_of(&ann.call(Method::DELETE, &path).send().await.done(204)).await;
    assert_eq!(ended[0].action, "api_key.revoked");
    me(&program).await.refused(401, "unauthenticated");
    app.key_notes.settle().await;
    let root = app.admin("root").await;
    let log = root.get("/api/admin/audit-logs?action=api_key.refused").send().await.done(200).json();
    assert_eq!(log["data"].as_array().unwrap().len(), 4);
    assert_eq!(log["data"][0]["after"], json!({ "reason": "revoked" }));
    assert_eq!(
        (&log["data"][0]["entity_id"], &log["data"][0]["actor_id"]),
        (&reply.json()["id"], &ann.id.to_string().into())
    );
    assert_eq!(log["data"][0]["credential_id"], reply.json()["id"], "a key is told from a session");
}

#[tokio::test]
async fn what_a_program_does_is_on_record_with_its_key() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 1_000).await, app.user("bob").await);
    let made = make(&ann, json!({})).await;
    let paid = ann.with_token(made["secret"].as_str().unwrap().to_owned()).pay(&bob, 1).await;
    let record = &app.audit_of(&paid).await[0];
    assert_eq!(record.actor, Some(ann.id));
    let id: domain::id::ApiKeyId = made["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(record.credential, Some(id.uuid()));
}

#[tokio::test]
async fn nothing_is_replayed_to_a_key_that_may_not_do_it() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 1_000).await, app.user("bob").await);
    let paid = ann.transfer(&bob, 5).key("once").send().await.done(201);
    let reader = program(&ann, json!({ "scopes": ["wallet:read"] })).await;
    let writer = program(&ann, json!({ "scopes": ["wallet:write"] })).await;
    let refused = reader.transfer(&bob, 5).key("once").send().await.refused(403, "insufficient_scope");
    assert!(!refused.is_replay());
    writer.transfer(&bob, 5).key("once").send().await.replays(&paid);
    assert_eq!(bob.balance().await, 5);
}

#[tokio::test]
async fn tokens_and_keys_of_an_account_share_its_limit() {
    let app = TestApp::with(&[("SUPERAPP_RATE_LIMITS__ENABLED", "true"), ("SUPERAPP_RATE_LIMITS__FREE", "10")]).await;
    let ann = app.user("ann").await;
    let (first, second) = (program(&ann, json!({})).await, program(&ann, json!({})).await);
    let tablet = ann.sign_in().await;
    for caller in [&ann, &first, &second, &tablet].into_iter().cycle().take(8) {
        me(caller).await.done(200);
    }
    for caller in [&ann, &first, &second, &tablet] {
        me(caller).await.refused(429, "rate_limited");
    }
    let unscoped = program(&app.user("bob").await, json!({ "scopes": ["gifts:read"] })).await;
    for _ in 0..9 {
        me(&unscoped).await.refused(403, "insufficient_scope");
    }
    me(&unscoped).await.refused(429, "rate_limited");
}

#[tokio::test]
async fn a_key_that_floods_is_refused_without_a_look_up() {
    let limits = [("SUPERAPP_RATE_LIMITS__ENABLED", "true"), ("SUPERAPP_RATE_LIMITS__FREE", "10")];
    let mut app = TestApp::with(&limits).await;
    let program = program(&app.user("ann").await, json!({})).await;
    for _ in 0..120 {
        me(&program).await;
    }
    app.lose_the_database().await;
    me(&program).await.refused(429, "rate_limited");
    app.advance(Span::seconds(1));
    me(&program).await.refused(503, "overloaded");
}
