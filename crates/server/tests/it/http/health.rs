//! Whether the server is alive, ready and well, and what it says to questions that it does not have.

use crate::harness::TestApp;
use axum::http::Method;

#[tokio::test]
async fn a_server_with_its_database_is_healthy() {
    let app = TestApp::new().await;
    let health = app.get("/api/health").send().await.done(200).json();
    assert_eq!(health["status"], "healthy");
    assert_eq!(health["checks"]["database"], "up");
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(health["uptime_seconds"], 0);
}

#[tokio::test]
async fn alive_and_ready_are_one_word() {
    let app = TestApp::new().await;
    for path in ["/livez", "/readyz"] {
        let reply = app.get(path).send().await.done(200);
        assert_eq!((reply.content_type(), reply.bytes.as_ref()), ("text/plain", b"ok".as_slice()), "{path}");
    }
}

#[tokio::test]
async fn a_draining_server_is_alive_and_not_ready() {
    let app = TestApp::new().await;
    app.drain();
    app.get("/readyz").send().await.refused(503, "not_ready");
    let reply = app.get("/livez").send().await.done(200);
    assert_eq!(reply.header("connection"), "close", "clients are asked to connect elsewhere");
    app.get("/api/health").send().await.done(200);
}

#[tokio::test]
async fn a_server_without_its_database_is_alive_and_neither_ready_nor_healthy() {
    let mut app = TestApp::new().await;
    let ann = app.user("ann").await;
    app.lose_the_database().await;
    app.get("/livez").send().await.done(200);
    app.get("/readyz").send().await.refused(503, "not_ready");
    let health = app.get("/api/health").send().await.done(503).json();
    assert_eq!((&health["status"], &health["checks"]["database"]), (&"unhealthy".into(), &"down".into()));
    ann.get("/api/wallet/balance").send().await.refused(503, "overloaded");
}

#[tokio::test]
async fn health_is_told_without_a_credential_and_with_a_bad_one() {
    let app = TestApp::new().await;
    for path in ["/api/health", "/livez", "/readyz"] {
        app.get(path).bearer("garbage").send().await.done(200);
        app.call(Method::HEAD, path).send().await.done(200);
        app.post(path).send().await.refused(405, "method_not_allowed");
    }
}
