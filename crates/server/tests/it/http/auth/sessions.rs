//! Sessions: signing out, seeing where one is signed in, and ending it there.

use crate::harness::TestApp;
use domain::timestamp::Span;
use serde_json::{Value, json};

#[tokio::test]
async fn signing_out_bites_on_the_next_request() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let elsewhere = ann.sign_in().await;
    ann.post("/api/auth/logout").send().await.done(204);
    ann.get("/api/users/me").send().await.refused(401, "unauthenticated");
    ann.refresh().send().await.refused(401, "invalid_refresh_token");
    ann.post("/api/auth/logout").send().await.refused(401, "unauthenticated");
    elsewhere.get("/api/users/me").send().await.done(200);
}

#[tokio::test]
async fn signing_out_takes_no_body_or_an_empty_one() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    ann.sign_in().await.post("/api/auth/logout").json(json!({})).send().await.done(204);
    ann.post("/api/auth/logout").json(json!({ "everywhere": true })).send().await.invalid(&["/everywhere"]);
    ann.post("/api/auth/logout").text("[]").send().await.refused(400, "malformed_request");
    ann.get("/api/users/me").send().await.done(200);
}

#[tokio::test]
async fn a_replay_of_signing_out_is_refused_because_its_session_is_over() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    ann.post("/api/auth/logout").key("out").send().await.done(204);
    ann.post("/api/auth/logout").key("out").send().await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn sessions_are_listed_newest_first_and_the_own_one_is_marked() {
    let app = TestApp::new().await;
    let first = app.user("ann").await;
    app.user("bob").await;
    app.advance(Span::seconds(60));
    let body = json!({ "email": first.email, "password": crate::harness::PASSWORD });
    let agent = "Mozilla/5.0 (X11; Linux) é";
    let login = app.post("/api/auth/login").header("user-agent", agent.replace('é', "e")).json(body);
    let second = first.with(&login.send().await.done(200));
    let list = second.sessions().await;
    let shown: Vec<_> = list.iter().map(|session| (&session["current"], &session["user_agent"])).collect();
    assert_eq!(shown, [(&true.into(), &agent.replace('é', "e").into()), (&false.into(), &Value::Null)]);
    assert_eq!(list[0]["created_at"], "2027-01-15T08:01:00Z");
    assert_eq!(list[1]["expires_at"], "2027-02-14T08:00:00Z");
    assert!(list.iter().all(|session| session["id"].as_str().unwrap().starts_with("ses_")));
    assert_eq!(first.session().await.to_string(), list[1]["id"]);

    app.advance(Span::seconds(60));
    let first = first.with(&first.refresh().send().await.done(200));
    let used = |list: &[Value]| list.iter().map(|session| session["used_at"].clone()).collect::<Vec<_>>();
    assert_eq!(used(&first.sessions().await), ["2027-01-15T08:01:00Z", "2027-01-15T08:02:00Z"]);
}

#[tokio::test]
async fn a_session_can_be_ended_from_another_one() {
    let app = TestApp::new().await;
    let here = app.user("ann").await;
    let stolen = here.sign_in().await;
    let path = format!("/api/auth/sessions/{}", stolen.session().await);
    here.delete(&path).send().await.done(204);
    stolen.get("/api/users/me").send().await.refused(401, "unauthenticated");
    stolen.refresh().send().await.refused(401, "invalid_refresh_token");
    here.delete(&path).send().await.refused(404, "not_found");
    assert_eq!(here.sessions().await.len(), 1);
}

#[tokio::test]
async fn ones_own_session_can_be_ended_by_its_id() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    ann.delete(format!("/api/auth/sessions/{}", ann.session().await)).send().await.done(204);
    ann.get("/api/users/me").send().await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_session_of_somebody_else_does_not_exist() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let foreign = bob.session().await.to_string();
    let none = "ses_00000000000000000000000000".to_owned();
    let other_kind = ann.id.to_string();
    let mut details = Vec::new();
    for id in [&foreign, &none] {
        let reply = ann.delete(format!("/api/auth/sessions/{id}")).send().await.refused(404, "not_found");
        details.push(reply.json()["detail"].clone());
    }
    assert_eq!(details[0], details[1], "what exists and what does not look the same");
    for id in [other_kind.as_str(), "x", "%00", "%ff", "..%2f..", "ses_", &"a".repeat(1_000), &foreign.to_uppercase()] {
        ann.delete(format!("/api/auth/sessions/{id}")).send().await.refused(404, "not_found");
    }
    bob.get("/api/users/me").send().await.done(200);
}

#[tokio::test]
async fn ending_a_session_takes_a_key() {
    let app = TestApp::new().await;
    let here = app.user("ann").await;
    let there = here.sign_in().await;
    let path = format!("/api/auth/sessions/{}", there.session().await);
    let first = here.delete(&path).key("end").send().await.done(204);
    here.delete(&path).key("end").send().await.replays(&first);
    let missing = here.delete(&path).key("again").send().await.refused(404, "not_found");
    here.delete(&path).key("again").send().await.refused(404, "not_found").replays(&missing);
    here.post("/api/users/me/creator").key("end").send().await.refused(422, "idempotency_key_reused");
}

#[tokio::test]
async fn sessions_disappear_at_their_end_and_are_swept_a_while_later() {
    let app = TestApp::new().await;
    let old = app.user("ann").await;
    app.advance(Span::days(30));
    old.get("/api/users/me").send().await.refused(401, "unauthenticated");
    let new = old.sign_in().await;
    assert_eq!(new.sessions().await.len(), 1);
    assert_eq!(superapp::jobs::sweep(&app).await.unwrap().sessions, 0);
    app.advance(Span::days(30));
    app.advance(Span::MICROSECOND);
    assert_eq!(superapp::jobs::sweep(&app).await.unwrap().sessions, 1);
    assert_eq!(app.count("SELECT COUNT(*) FROM sessions").await, 1);
    assert_eq!(app.count("SELECT COUNT(*) FROM refresh_tokens").await, 1);
}
