//! Limits of requests, as callers meet them: how many are let through, whom they count for, and what every answer
//! says about it.

mod addresses;

use crate::harness::{Reply, START, TestApp};
use axum::http::Method;
use domain::timestamp::Span;
use serde_json::json;

const ON: &[(&str, &str)] = &[("SUPERAPP_RATE_LIMITS__ENABLED", "true")];

/// A header that is a number.
fn number(reply: &Reply, name: &str) -> i64 {
    reply.header(name).parse().unwrap_or_else(|_| panic!("{name} is {:?} in {reply}", reply.header(name)))
}

#[tokio::test]
async fn a_free_account_has_ten_requests_in_any_minute_and_every_answer_counts_them() {
    let app = TestApp::with(ON).await;
    let ann = app.user("ann").await;
    for left in (0..10).rev() {
        let reply = ann.get("/api/users/me").send().await.done(200);
        assert_eq!(number(&reply, "x-ratelimit-limit"), 10);
        assert_eq!(number(&reply, "x-ratelimit-remaining"), left);
        let oldest_leaves = 60 - (9 - left);
        assert_eq!(reply.header("ratelimit-policy"), "\"free\";q=10;w=60");
        assert_eq!(reply.header("ratelimit"), format!("\"free\";r={left};t={oldest_leaves}"));
        assert_eq!(number(&reply, "x-ratelimit-reset"), START.as_micros() / 1_000_000 + 60);
        assert_eq!(reply.header("retry-after"), "");
        app.advance(Span::seconds(1));
    }
    let refused = ann.get("/api/users/me").send().await.refused(429, "rate_limited");
    assert_eq!((number(&refused, "retry-after"), number(&refused, "x-ratelimit-remaining")), (50, 0));
    assert_eq!(refused.header("ratelimit"), "\"free\";r=0;t=50");
    assert_eq!(refused.header("cache-control"), "no-store");
    app.advance(Span::seconds(49));
    ann.get("/api/users/me").send().await.refused(429, "rate_limited");
    app.advance(Span::seconds(1));
    ann.get("/api/users/me").send().await.done(200);
    ann.get("/api/users/me").send().await.refused(429, "rate_limited");
}

#[tokio::test]
async fn all_tokens_of_an_account_share_its_limit_and_another_account_has_its_own() {
    let app = TestApp::with(ON).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let mut accepted = 0;
    for _ in 0..10 {
        let device = ann.sign_in().await;
        for _ in 0..3 {
            accepted += u64::from(device.get("/api/wallet/balance").send().await.status == 200);
        }
    }
    assert_eq!(accepted, 10);
    bob.get("/api/wallet/balance").send().await.done(200);
}

#[tokio::test]
async fn every_tier_has_its_limit_and_a_change_bites_on_the_next_request() {
    let app = TestApp::with(ON).await;
    let (root, ann) = (app.admin("root").await, app.user("ann").await);
    let path = format!("/api/admin/users/{}", ann.id);
    for (members, name, limit) in [
        (json!({ "tier": "free" }), "free", 10),
        (json!({ "tier": "premium" }), "premium", 100),
        (json!({ "tier": "creator" }), "creator", 500),
        (json!({ "tier": "free", "role": "creator" }), "creator", 500),
        (json!({ "role": "user" }), "free", 10),
    ] {
        root.patch(&path).json(members).send().await.done(200);
        app.advance(Span::seconds(60));
        for _ in 0..limit {
            let reply = ann.get("/api/users/me").send().await.done(200);
            assert_eq!(reply.header("ratelimit-policy"), format!("\"{name}\";q={limit};w=60"));
        }
        ann.get("/api/users/me").send().await.refused(429, "rate_limited");
    }
    root.patch(&path).json(json!({ "tier": "premium" })).send().await.done(200);
    ann.get("/api/users/me").send().await.done(200);
    root.patch(&path).json(json!({ "tier": "free" })).send().await.done(200);
    let refused = ann.get("/api/users/me").send().await.refused(429, "rate_limited");
    assert_eq!(number(&refused, "x-ratelimit-remaining"), 0);
}

#[tokio::test]
async fn administrators_are_not_limited_and_told_so() {
    let app = TestApp::with(ON).await;
    let root = app.admin("root").await;
    for _ in 0..600 {
        let reply = root.get("/api/users/me").send().await.done(200);
        assert_eq!(reply.header("x-ratelimit-limit"), "unlimited");
        assert!(
            ["x-ratelimit-remaining", "x-ratelimit-reset", "ratelimit"]
                .iter()
                .all(|name| reply.header(name).is_empty())
        );
    }
}

#[tokio::test]
async fn refusals_errors_and_replays_count_and_say_so() {
    let app = TestApp::with(&[ON, &[("SUPERAPP_RATE_LIMITS__FREE", "8")]].concat()).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let first = ann.deposit(500).key("k").send().await.done(201);
    let again = ann.deposit(500).key("k").send().await.replays(&first);
    let replies = [
        first,
        again,
        ann.transfer(&bob, 9_999).key("poor").send().await.refused(402, "insufficient_funds"),
        ann.post("/api/wallet/transfer").text("{").send().await.refused(400, "malformed_request"),
        ann.get("/api/admin/users").send().await.refused(403, "forbidden"),
        ann.get("/api/wallet/transactions/nothing").send().await.refused(404, "not_found"),
        ann.call(Method::POST, "/api/users/me/creator").body("x").send().await.refused(415, "unsupported_media_type"),
    ];
    for (before, reply) in replies.iter().enumerate() {
        assert_eq!(number(reply, "x-ratelimit-remaining"), 7 - i64::try_from(before).unwrap(), "{reply}");
    }
    // Before the role and before the body is read for meaning; but a replay is an answer like any other.
    ann.get("/api/users/me").send().await.done(200);
    ann.get("/api/admin/users").send().await.refused(429, "rate_limited");
    ann.post("/api/wallet/transfer").text("{").send().await.refused(429, "rate_limited");
    ann.deposit(500).key("k").send().await.refused(429, "rate_limited");
}

#[tokio::test]
async fn an_answer_that_is_the_servers_fault_says_it_too() {
    let mut app = TestApp::with(ON).await;
    let ann = app.user("ann").await;
    app.lose_the_database().await;
    let down = ann.get("/api/users/me").peer("203.0.113.1:5").send().await;
    assert_eq!(down.status, 503);
    assert_eq!(down.header("ratelimit-policy"), "\"anonymous\";q=120;w=60", "nobody is known without a database");
}

#[tokio::test]
async fn a_refused_request_uses_neither_its_key_nor_the_limit() {
    let app = TestApp::with(&[ON, &[("SUPERAPP_RATE_LIMITS__FREE", "2")]].concat()).await;
    let ann = app.user("ann").await;
    for _ in 0..2 {
        ann.get("/api/users/me").send().await.done(200);
    }
    for _ in 0..100 {
        ann.deposit(700).key("late").send().await.refused(429, "rate_limited");
    }
    app.advance(Span::seconds(60));
    assert!(!ann.deposit(700).key("late").send().await.done(201).is_replay());
    assert_eq!(ann.balance().await, 700);
}

#[tokio::test]
async fn routes_may_cost_more_or_nothing() {
    let costs =
        "GET /api/creators = 4, GET /api/wallet/balance = 0, POST /api/creators = 9, GET /api/gifts/catalog = 99";
    let app = TestApp::with(&[ON, &[("SUPERAPP_RATE_LIMITS__COSTS", costs)]].concat()).await;
    let ann = app.user("ann").await;
    assert_eq!(number(&ann.get("/api/creators").send().await.done(200), "x-ratelimit-remaining"), 6);
    assert_eq!(number(&ann.call(Method::HEAD, "/api/creators").send().await, "x-ratelimit-remaining"), 2);
    let refused = ann.get("/api/creators").send().await.refused(429, "rate_limited");
    assert_eq!(number(&refused, "x-ratelimit-remaining"), 2, "and two cheaper ones are still accepted");
    for _ in 0..50 {
        assert_eq!(ann.get("/api/wallet/balance").send().await.done(200).header("x-ratelimit-limit"), "");
    }
    ann.get("/api/users/me").send().await.done(200);
    app.advance(Span::seconds(60));
    let dear = ann.get("/api/gifts/catalog").send().await.done(200);
    assert_eq!(number(&dear, "x-ratelimit-remaining"), 0, "a cost above the limit is the whole of it");
    assert_eq!(superapp::http::unknown_cost(&app).as_deref(), Some("POST /api/creators"));
}

#[tokio::test]
async fn what_watches_over_the_server_is_not_limited_and_neither_is_anything_when_it_is_off() {
    let app = TestApp::with(&[ON, &[("SUPERAPP_RATE_LIMITS__ANONYMOUS", "1")]].concat()).await;
    for path in ["/api/health", "/livez", "/readyz", "/api/openapi.json", "/docs/"] {
        for _ in 0..5 {
            let reply = app.get(path).peer("203.0.113.1:5").send().await.done(200);
            assert_eq!(reply.header("x-ratelimit-limit"), "", "{path}");
        }
    }
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    for _ in 0..50 {
        assert_eq!(ann.get("/api/users/me").send().await.done(200).header("x-ratelimit-limit"), "");
    }
}

#[tokio::test]
async fn who_floods_is_refused_without_a_look_at_the_account_for_a_second_at_most() {
    let mut app = TestApp::with(ON).await;
    let (root, ann) = (app.admin("root").await, app.user("ann").await);
    let path = format!("/api/admin/users/{}", ann.id);
    for number in 0..100 {
        assert_eq!(ann.get("/api/users/me").send().await.status, if number < 10 { 200 } else { 429 });
    }
    root.patch(&path).json(json!({ "tier": "premium" })).send().await.done(200);
    let refused = ann.get("/api/users/me").send().await.refused(429, "rate_limited");
    assert_eq!((refused.header("ratelimit"), number(&refused, "retry-after")), ("\"free\";r=0;t=60", 60));
    app.advance(Span::seconds(1));
    ann.get("/api/users/me").send().await.done(200);
    root.patch(&path).json(json!({ "tier": "free" })).send().await.done(200);
    for _ in 0..100 {
        ann.get("/api/users/me").send().await.refused(429, "rate_limited");
    }
    app.lose_the_database().await;
    ann.get("/api/users/me").send().await.refused(429, "rate_limited");
    app.advance(Span::seconds(1));
    assert_eq!(ann.get("/api/users/me").send().await.status, 503, "it is looked up again");
}
