//! More requests at once than there are places: what matters most has places of its own, and everybody else is told
//! to come again, before anything is done. And long answers, made shorter.

use crate::harness::{TestApp, operations};
use superapp::limits::admission::Admission;

/// Ten places, of which two are kept.
const FEW: &[(&str, &str)] =
    &[("SUPERAPP_SERVER__REQUESTS_MAX", "10"), ("SUPERAPP_RATE_LIMITS__CONCURRENCY_PER_USER", "2")];

fn all(admission: &Admission, kept: bool) -> Vec<impl Drop + use<>> {
    std::iter::from_fn(|| admission.request(kept)).collect()
}

#[tokio::test]
async fn when_all_places_are_taken_money_and_sign_in_go_on_and_others_come_again() {
    let app = TestApp::with(FEW).await;
    let (ann, bob) = (app.rich("ann", 100).await, app.user("bob").await);
    let open = all(&app.admission, false);
    let shed = ann.get("/api/users/me").send().await.refused(503, "overloaded");
    assert_eq!(shed.header("retry-after"), "1");
    ann.get("/api/content").send().await.refused(503, "overloaded");
    ann.transfer(&bob, 10).fresh_key().send().await.done(201);
    ann.get("/api/wallet/balance").send().await.done(200);
    ann.sign_in().await;
    app.get("/api/health").send().await.done(200);
    app.get("/livez").send().await.done(200);
    let kept = all(&app.admission, true);
    ann.transfer(&bob, 10).fresh_key().send().await.refused(503, "overloaded");
    app.get("/readyz").send().await.done(200);
    drop((open, kept));
    ann.get("/api/users/me").send().await.done(200);
    assert_eq!(bob.balance().await, 10);
}

#[tokio::test]
async fn one_account_takes_no_more_than_its_places() {
    let app = TestApp::with(FEW).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let places: Vec<_> = (0..2).map(|_| app.admission.account(ann.id).unwrap()).collect();
    ann.get("/api/users/me").send().await.refused(503, "overloaded");
    bob.get("/api/users/me").send().await.done(200);
    drop(places);
    ann.get("/api/users/me").send().await.done(200);
}

#[tokio::test]
async fn a_key_whose_request_was_sent_away_is_unused() {
    let app = TestApp::with(FEW).await;
    let (ann, bob) = (app.rich("ann", 100).await, app.user("bob").await);
    let places = (all(&app.admission, false), all(&app.admission, true));
    ann.transfer(&bob, 10).key("later").send().await.refused(503, "overloaded");
    drop(places);
    let done = ann.transfer(&bob, 10).key("later").send().await.done(201);
    assert!(!done.is_replay());
}

#[tokio::test]
async fn places_are_kept_for_routes_that_there_are_and_for_all_that_move_money() {
    let app = TestApp::new().await;
    let operations = operations(&app);
    let kept = superapp::http::KEPT_FOR;
    for (method, path) in &kept {
        assert!(operations.iter().any(|one| one.method == *method && one.path == *path), "{method} {path}");
    }
    for operation in operations.iter().filter(|one| one.needs_key) {
        let is_kept = kept.iter().any(|(method, path)| operation.method == *method && operation.path == *path);
        assert!(is_kept || operation.path.starts_with("/api/admin/"), "{}", operation.path);
    }
}

#[tokio::test]
async fn long_answers_to_get_are_compressed_for_those_who_ask() {
    let app = TestApp::new().await;
    let plain = app.get("/api/openapi.json").send().await.done(200);
    let short = app.get("/api/openapi.json").header("accept-encoding", "gzip").send().await;
    assert_eq!((plain.header("content-encoding"), short.header("content-encoding")), ("", "gzip"));
    assert!(short.bytes.len() * 3 < plain.bytes.len() && short.bytes.starts_with(&[0x1f, 0x8b]));
    assert!(short.header("vary").contains("accept-encoding"), "{:?}", short.headers);
    let health = app.get("/api/health").header("accept-encoding", "gzip").send().await.done(200);
    assert_eq!(health.header("content-encoding"), "", "too short to be worth it");
    let off = TestApp::with(&[("SUPERAPP_SERVER__COMPRESSION", "false")]).await;
    let reply = off.get("/api/openapi.json").header("accept-encoding", "gzip").send().await.done(200);
    assert_eq!(reply.header("content-encoding"), "");
}
