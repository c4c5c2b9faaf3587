//! Limits of whoever is not signed in: by the address of the peer, or of whom a trusted proxy speaks for.

use super::{ON, number};
use crate::harness::{Call, TestApp, unique};
use axum::http::Method;
use domain::timestamp::Span;
use serde_json::json;

fn sign_in(app: &TestApp) -> Call {
    app.post("/api/auth/login").json(json!({ "email": "nobody@example.com", "password": "no password at all" }))
}

async fn limited(anonymous: &str, more: &[(&str, &str)]) -> TestApp {
    TestApp::with(&[ON, &[("SUPERAPP_RATE_LIMITS__ANONYMOUS", anonymous)], more].concat()).await
}

#[tokio::test]
async fn an_address_has_its_own_limit_and_a_network_of_ipv6_one_for_all() {
    let app = limited("3", &[]).await;
    for peer in ["203.0.113.1:5", "203.0.113.2:5", "[2001:db8:0:1::1]:5"] {
        for left in (0..3).rev() {
            let reply = sign_in(&app).peer(peer).send().await.refused(401, "invalid_credentials");
            assert_eq!(reply.header("ratelimit"), format!("\"anonymous\";r={left};t=60"));
        }
        let reply = sign_in(&app).peer(peer).send().await.refused(429, "rate_limited");
        assert_eq!(number(&reply, "retry-after"), 60);
    }
    sign_in(&app).peer("[2001:db8:0:1:ffff::9]:5").send().await.refused(429, "rate_limited");
    sign_in(&app).peer("[::ffff:203.0.113.1]:5").send().await.refused(429, "rate_limited");
    sign_in(&app).peer("[2001:db8:0:2::1]:5").send().await.refused(401, "invalid_credentials");
    app.advance(Span::seconds(60));
    sign_in(&app).peer("203.0.113.1:5").send().await.refused(401, "invalid_credentials");
}

#[tokio::test]
async fn tokens_that_are_not_believed_and_routes_that_do_not_exist_count_for_the_address() {
    let app = limited("4", &[]).await;
    let ann = app.user("ann").await;
    let peer = "203.0.113.9:5";
    app.get("/api/users/me").bearer("guess").peer(peer).send().await.refused(401, "unauthenticated");
    app.get("/api/users/me").peer(peer).send().await.refused(401, "unauthenticated");
    app.get("/wp-login.php").peer(peer).send().await.refused(404, "route_not_found");
    let reply = app.call(Method::DELETE, "/api/users/me").peer(peer).send().await.refused(405, "method_not_allowed");
    assert_eq!(number(&reply, "x-ratelimit-remaining"), 0);
    app.get("/api/users/me").bearer("guess").peer(peer).send().await.refused(429, "rate_limited");
    app.get("/wp-login.php").peer(peer).send().await.refused(429, "rate_limited");
    let own = ann.get("/api/users/me").peer(peer).send().await.done(200);
    assert_eq!(own.header("ratelimit-policy"), "\"free\";q=10;w=60", "who is signed in has their own");
}

#[tokio::test]
async fn the_loopback_address_is_exempt_outside_of_production() {
    let app = limited("1", &[]).await;
    for peer in ["127.0.0.1:5", "127.9.9.9:5", "[::1]:5", "[::ffff:127.0.0.1]:5"] {
        for _ in 0..3 {
            // Nobody's account: the attempts at each are limited wherever they come from.
            let body = json!({ "email": format!("{}@example.com", unique("nobody")), "password": "wrong password" });
            let reply = app.post("/api/auth/login").json(body).peer(peer).send().await;
            assert_eq!(reply.refused(401, "invalid_credentials").header("x-ratelimit-limit"), "");
        }
    }
    let production = [
        ("SUPERAPP_ENVIRONMENT", "production"),
        ("JWT_SECRET", "q8Zr1nVwX2yTb5uKd7PfHs9LmGc3JeAo4RiB6NvC"),
        ("SUPERAPP_AUTH__SERVER_SECRET", "T0pWx8yZa1bC2dE3fG4hI5jK6lM7nO8pQ9rS0tUv"),
        ("SUPERAPP_AUTH__ARGON2_MEMORY_KIB", "19456"),
        ("SUPERAPP_AUTH__ARGON2_PASSES", "2"),
    ];
    let app = limited("1", &production).await;
    sign_in(&app).peer("127.0.0.1:5").send().await.refused(401, "invalid_credentials");
    sign_in(&app).peer("127.0.0.1:5").send().await.refused(429, "rate_limited");
}

#[tokio::test]
async fn a_stranger_cannot_choose_another_address_and_a_trusted_proxy_can() {
    let app = limited("2", &[("SUPERAPP_SERVER__TRUSTED_PROXIES", "10.0.0.0/8")]).await;
    for spoofed in 0..10 {
        let status = if spoofed < 2 { 401 } else { 429 };
        let call = sign_in(&app).peer("203.0.113.5:5").header("x-forwarded-for", format!("198.51.100.{spoofed}"));
        let reply = call.header("x-real-ip", "198.51.100.7").header("forwarded", "for=198.51.100.8").send().await;
        assert_eq!(reply.status, status, "{spoofed}");
    }
    for (client, status) in [("198.51.100.1", 401), ("198.51.100.1", 401), ("198.51.100.1", 429), ("198.51.100.2", 401)]
    {
        // The client wrote the first one itself.
        let call = sign_in(&app).peer("10.0.0.1:5").header("x-forwarded-for", format!("1.1.1.1, {client}, 10.0.0.2"));
        assert_eq!(call.send().await.status, status, "{client}");
    }
}

#[tokio::test]
async fn sessions_show_the_address_that_a_trusted_proxy_said() {
    let app = limited("100", &[("SUPERAPP_SERVER__TRUSTED_PROXIES", "10.0.0.0/8")]).await;
    let new = json!({ "email": "ann@example.com", "password": crate::harness::PASSWORD });
    let call = app.post("/api/auth/register").json(new).peer("10.0.0.1:5");
    let reply = call.header("x-forwarded-for", "203.0.113.77").send().await.done(201);
    let token = reply.json()["access_token"].as_str().unwrap().to_owned();
    let sessions = app.get("/api/auth/sessions").bearer(&token).send().await.done(200).json();
    assert_eq!(sessions["data"][0]["address"], "203.0.113.77");
}

#[tokio::test]
async fn the_events_of_a_payment_provider_are_not_limited() {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let provider = [("SUPERAPP_PAYMENTS__WEBHOOK_PROVIDER", "acme"), ("SUPERAPP_PAYMENTS__WEBHOOK_SECRET", secret)];
    let app = limited("1", &provider).await;
    for _ in 0..5 {
        let call = app.post("/api/webhooks/payments/acme").json(json!({})).peer("203.0.113.1:5");
        call.send().await.refused(401, "invalid_signature");
    }
}
