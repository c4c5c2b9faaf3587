//! Pages in browsers: origins of an exact list may call the API, and every other one may not.

use crate::harness::{Reply, TestApp};
use axum::http::Method;

const ORIGINS: &[(&str, &str)] = &[("SUPERAPP_SERVER__CORS_ORIGINS", "https://app.example.com, http://localhost:3000")];
const ALLOWED: [&str; 2] = ["https://app.example.com", "http://localhost:3000"];

async fn preflight(app: &TestApp, origin: &str) -> Reply {
    let call = app.call(Method::OPTIONS, "/api/wallet/transfer").peer("192.0.2.1:1");
    call.header("origin", origin).header("access-control-request-method", "POST").send().await
}

fn allowed(reply: &Reply) -> &str {
    reply.header("access-control-allow-origin")
}

/// Origins that look like `origin` to somebody who does not look closely.
fn lookalikes(origin: &str) -> Vec<String> {
    let (scheme, host) = origin.split_once("://").unwrap();
    let mut found: Vec<String> = ["null", "*", "", "https://", "file://", "app.example.com"].map(String::from).into();
    found.extend([origin.to_uppercase(), format!("{origin}/"), format!("{origin}:443"), format!("{origin}:8080")]);
    found.extend(["ftp", "ws", "HTTPS", "chrome-extension"].map(|other| format!("{other}://{host}")));
    if scheme == "https" {
        found.push(format!("http://{host}"));
    }
    for letter in b'!'..=b'~' {
        let letter = char::from(letter);
        found.extend([format!("{origin}{letter}"), format!("{letter}{origin}"), format!("{scheme}://{letter}{host}")]);
        found.extend([format!("{origin}{letter}evil.example"), format!("{scheme}://evil{letter}{host}")]);
    }
    for (at, _) in origin.char_indices() {
        let (left, right) = origin.split_at(at);
        found.extend([left.to_owned(), format!("{left}x{right}"), format!("{left}{}", &right[1..])]);
    }
    found.retain(|other| !ALLOWED.contains(&other.as_str()));
    found
}

#[tokio::test]
async fn an_origin_of_the_list_may_and_says_so_in_every_answer() {
    let app = TestApp::with(ORIGINS).await;
    let ann = app.user("ann").await;
    for origin in ALLOWED {
        let reply = preflight(&app, origin).await;
        assert_eq!((reply.status, allowed(&reply)), (200, origin));
        assert!(reply.header("access-control-allow-methods").contains("POST"), "{reply}");
        assert!(reply.header("access-control-allow-headers").contains("idempotency-key"), "{reply}");
        let done = ann.get("/api/wallet/balance").header("origin", origin).send().await.done(200);
        let refused = app.get("/api/wallet/balance").header("origin", origin).send().await;
        for reply in [done, refused.refused(401, "unauthenticated")] {
            assert_eq!(allowed(&reply), origin);
            assert!(reply.header("access-control-expose-headers").contains("x-request-id"), "{reply}");
            assert!(reply.header("vary").contains("origin"), "{reply}");
            assert_eq!(reply.header("access-control-allow-credentials"), "", "{reply}");
        }
    }
}

#[tokio::test]
async fn a_thousand_lookalikes_of_an_origin_may_not() {
    let app = TestApp::with(ORIGINS).await;
    let mut tried = 0;
    for other in ALLOWED.iter().flat_map(|origin| lookalikes(origin)) {
        tried += 1;
        let reply = preflight(&app, &other).await;
        assert_eq!(allowed(&reply), "", "{other}");
    }
    assert!(tried >= 1_000, "{tried}");
}

#[tokio::test]
async fn without_a_list_no_origin_may() {
    let app = TestApp::new().await;
    preflight(&app, "https://app.example.com").await.refused(405, "method_not_allowed");
    let health = app.get("/api/health").header("origin", "https://app.example.com").send().await.done(200);
    assert_eq!(allowed(&health), "");
}

#[tokio::test]
async fn the_questions_of_browsers_are_counted_by_address() {
    let limited = [("SUPERAPP_RATE_LIMITS__ENABLED", "true"), ("SUPERAPP_RATE_LIMITS__ANONYMOUS", "3"), ORIGINS[0]];
    let app = TestApp::with(&limited).await;
    for _ in 0..3 {
        assert_eq!(preflight(&app, ALLOWED[0]).await.status, 200);
    }
    preflight(&app, ALLOWED[0]).await.refused(429, "rate_limited");
}

#[test]
fn what_is_no_origin_is_refused_at_the_start() {
    for wrong in ["*", "app.example.com", "https://app.example.com/", "https://", "https://App.example.com", "null"] {
        let settings = [("SUPERAPP_SERVER__CORS_ORIGINS".to_owned(), wrong.to_owned())];
        let sources = superapp::config::Sources { environment: settings.into(), ..Default::default() };
        let error = sources.load().unwrap_err().to_string();
        assert!(error.contains("`server.cors_origins`"), "{wrong}: {error}");
    }
}
