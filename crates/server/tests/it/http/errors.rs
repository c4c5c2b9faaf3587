//! What every route has in common when something is wrong, down to requests that reach no handler.

mod fuzz;
mod hostile;

use crate::harness::{OddBody, TestApp, operations};
use axum::http::Method;
use serde_json::json;
use std::collections::BTreeMap;

#[tokio::test]
async fn a_route_that_does_not_exist_is_a_problem() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    for path in [
        "/",
        "/api",
        "/api/",
        "/api/nothing",
        "/API/HEALTH",
        "/api/health/",
        "//api/health",
        "/api//health",
        "/metrics",
        "/api/wallet",
        "/api/users/me/",
        "/api/auth/sessions/",
        "/favicon.ico",
        "/.env",
        "/api/../api/health",
        "/api/%68ealth/x",
    ] {
        for method in [Method::GET, Method::POST, Method::DELETE, Method::OPTIONS, Method::TRACE] {
            app.call(method.clone(), path).send().await.refused(404, "route_not_found");
            ann.call(method, path).send().await.refused(404, "route_not_found");
        }
    }
}

#[tokio::test]
async fn a_wrong_method_is_a_problem_that_lists_the_right_ones() {
    let app = TestApp::new().await;
    let mut paths: BTreeMap<String, Vec<Method>> = BTreeMap::new();
    for operation in operations(&app) {
        paths.entry(operation.path).or_default().push(operation.method);
    }
    let known = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"];
    for (path, mut right) in paths {
        if right.contains(&Method::GET) {
            right.push(Method::HEAD);
        }
        right.sort_by_key(ToString::to_string);
        for name in known {
            let method: Method = name.parse().unwrap();
            if right.contains(&method) {
                continue;
            }
            let reply = app.call(method, &path).send().await.refused(405, "method_not_allowed");
            let mut allowed: Vec<_> = reply.header("allow").split(',').map(|name| name.trim().to_owned()).collect();
            allowed.sort();
            assert_eq!(allowed, right.iter().map(ToString::to_string).collect::<Vec<_>>(), "{reply}");
        }
    }
}

#[tokio::test]
async fn head_answers_as_get_does_without_the_body() {
    let app = TestApp::new().await;
    let ann = app.rich("ann", 100).await;
    for path in ["/api/users/me", "/api/wallet/balance", "/api/wallet/transactions", "/api/auth/sessions", "/livez"] {
        let id = |call: crate::harness::Call| call.header("x-request-id", "the-same-id");
        let get = id(ann.get(path)).send().await.done(200);
        let head = id(ann.call(Method::HEAD, path)).send().await.done(200);
        assert_eq!(get.headers, head.headers, "{path}");
    }
    assert_eq!(app.call(Method::HEAD, "/api/users/me").send().await.status, 401);
    assert_eq!(ann.call(Method::HEAD, "/api/wallet/transactions/x").send().await.status, 404);
    assert_eq!(ann.call(Method::HEAD, "/api/nothing").send().await.status, 404);
    assert_eq!(ann.call(Method::HEAD, "/api/wallet/transfer").send().await.status, 405);
}

#[tokio::test]
async fn a_request_id_is_kept_if_it_is_sane_and_made_if_it_is_not() {
    let app = TestApp::new().await;
    // Whether it was kept is checked for every answer that any test receives.
    for id in ["12345678", "8e03978e-40d5-43e8-bc93-6894a57f9324", "A_b-C_d-0", &"x".repeat(64)] {
        let reply = app.get("/api/nothing").header("x-request-id", id).send().await;
        assert_eq!(reply.json()["request_id"], id);
    }
    let insane = ["", "1234567", "has space", "line\tfeed", "semi;colon", "<script>", "eicar/../..", &"x".repeat(65)];
    let mut made = std::collections::HashSet::new();
    for id in insane {
        let reply = app.get("/api/nothing").header("x-request-id", id).send().await;
        assert!(reply.request_id().parse::<uuid::Uuid>().is_ok(), "{reply}");
        assert!(made.insert(reply.request_id()), "each has an id of its own");
    }
    let latin = app.get("/livez").header("x-request-id", b"caf\xe9-caf\xe9").send().await;
    assert!(latin.request_id().parse::<uuid::Uuid>().is_ok(), "{latin}");
}

#[tokio::test]
async fn a_body_may_have_its_limit_and_not_a_byte_more() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let padded = |bytes: usize| {
        let body = json!({ "amount_cents": 1, "provider": "sandbox" }).to_string();
        format!("{body}{}", " ".repeat(bytes - body.len()))
    };
    let deposit = |body: String| ann.post("/api/wallet/deposits").fresh_key().text(body).send();
    deposit(padded(65_536)).await.done(201);
    let reply = deposit(padded(65_537)).await.refused(413, "payload_too_large");
    assert_eq!(reply.header("connection"), "close");
    assert_eq!(reply.json()["detail"], "the body may have at most 65536 bytes");
    let small = TestApp::with(&[("SUPERAPP_SERVER__BODY_BYTES_MAX", "100")]).await;
    let body = |bytes: usize| " ".repeat(bytes);
    small.post("/api/auth/login").text(body(100)).send().await.refused(400, "malformed_request");
    small.post("/api/auth/login").text(body(101)).send().await.refused(413, "payload_too_large");
}

#[tokio::test]
async fn size_comes_before_the_credential_and_the_credential_before_everything_else() {
    let app = TestApp::new().await;
    let transfer = || app.post("/api/wallet/transfer");
    transfer().text(vec![b' '; 70_000]).send().await.refused(413, "payload_too_large");
    transfer().text("{").send().await.refused(401, "unauthenticated");
    transfer().body("x").send().await.refused(401, "unauthenticated");
    transfer().key("").send().await.refused(401, "unauthenticated");
    app.get("/api/wallet/transactions?limit=abc").send().await.refused(401, "unauthenticated");
    app.get("/api/wallet/transactions/x").send().await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn ten_megabytes_are_refused_by_every_route() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    for operation in operations(&app) {
        let call = || ann.call(operation.method.clone(), &operation.path);
        call().text(vec![b'x'; 10 << 20]).send().await.refused(413, "payload_too_large");
        call().text(OddBody::Breaks).send().await.refused(400, "malformed_request");
    }
    // Beyond what is read for the sake of the client.
    ann.post("/api/auth/logout").text(vec![b'x'; 40 << 20]).send().await.refused(413, "payload_too_large");
}

#[tokio::test]
async fn a_panic_is_an_internal_error_and_the_process_lives() {
    let app = TestApp::new().await;
    let ann = app.rich("ann", 100).await;
    for operation in operations(&app) {
        let call = ann.call(operation.method, &operation.path).text(OddBody::Panics).that_may_break();
        let reply = call.send().await.refused(500, "internal");
        assert!(reply.json()["detail"].as_str().unwrap().contains("request id"), "{reply}");
    }
    assert_eq!(ann.balance().await, 100);
}

#[tokio::test]
async fn a_body_must_call_itself_json() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let body = json!({ "username": "anna" }).to_string();
    let typed = |name: &[u8]| ann.patch("/api/users/me").header("content-type", name).body(body.clone()).send();
    let good: [&[u8]; 6] = [
        b"application/json",
        b"application/json; charset=utf-8",
        b"application/json;charset=UTF-8",
        b"APPLICATION/JSON",
        b" application/json ",
        b"application/json ; x=y",
    ];
    for name in good {
        typed(name).await.done(200);
    }
    let bad: [&[u8]; 12] = [
        b"",
        b"text/plain",
        b"text/json",
        b"application/x-www-form-urlencoded",
        b"multipart/form-data; boundary=x",
        b"application/xml",
        b"application/jsonx",
        b"application/json-patch+json",
        b"application/problem+json",
        b"application",
        b"*/*",
        b"application/json\xff",
    ];
    for name in bad {
        typed(name).await.refused(415, "unsupported_media_type");
    }
    ann.patch("/api/users/me").body(body.clone()).send().await.refused(415, "unsupported_media_type");
    let empty = ann.post("/api/users/me/creator").header("content-type", "text/plain");
    empty.send().await.refused(415, "unsupported_media_type");
}

#[tokio::test]
async fn headers_that_mean_nothing_here_change_nothing() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let long = "x".repeat(8_000);
    for (name, value) in [
        ("x-http-method-override", "DELETE"),
        ("x-forwarded-for", "127.0.0.1, ::1, garbage"),
        ("x-forwarded-host", "evil.example.com"),
        ("host", "evil.example.com"),
        ("forwarded", "for=127.0.0.1"),
        ("x-original-url", "/api/auth/logout"),
        ("cookie", "session=1; admin=true"),
        ("origin", "https://evil.example.com"),
        ("accept", "text/html"),
        ("accept-encoding", "gzip, br"),
        ("accept-language", "xx"),
        ("range", "bytes=0-0"),
        ("if-none-match", "*"),
        ("expect", "100-continue"),
        ("user-agent", &long),
        ("x-user-id", "usr_00000000000000000000000000"),
        ("x-role", "admin"),
    ] {
        let reply = ann.get("/api/users/me").header(name, value).send().await.done(200);
        assert_eq!(reply.json()["id"], ann.id.to_string(), "{name}");
        assert!(!reply.headers.keys().any(|name| name.as_str().starts_with("access-control-")), "{reply}");
    }
}
