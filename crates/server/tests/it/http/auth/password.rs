//! Changing the password: with the current one, and every other session ends.

use crate::harness::{Call, PASSWORD, Person, TestApp};
use serde_json::json;

const NEW: &str = "a horse of another colour";

fn change(person: &Person, current: &str, new: &str) -> Call {
    person.post("/api/auth/password").json(json!({ "current_password": current, "new_password": new }))
}

#[tokio::test]
async fn a_change_ends_every_other_session_and_keeps_this_one() {
    let app = TestApp::new().await;
    let here = app.user("ann").await;
    let (phone, tablet, bob) = (here.sign_in().await, here.sign_in().await, app.user("bob").await);
    change(&here, PASSWORD, NEW).send().await.done(204);
    for other in [&phone, &tablet] {
        other.get("/api/users/me").send().await.refused(401, "unauthenticated");
        other.refresh().send().await.refused(401, "invalid_refresh_token");
    }
    here.get("/api/users/me").send().await.done(200);
    here.refresh().send().await.done(200);
    bob.get("/api/users/me").send().await.done(200);
    let old = app.post("/api/auth/login").json(json!({ "email": here.email, "password": PASSWORD }));
    old.send().await.refused(401, "invalid_credentials");
    here.sign_in_with(NEW).await;
}

#[tokio::test]
async fn a_wrong_current_password_changes_nothing() {
    let app = TestApp::new().await;
    let here = app.user("ann").await;
    let phone = here.sign_in().await;
    for wrong in ["", "wrong", "wrong password", &PASSWORD.to_uppercase(), &"x".repeat(300)] {
        change(&here, wrong, NEW).send().await.refused(422, "wrong_password");
    }
    phone.get("/api/users/me").send().await.done(200);
    here.sign_in().await;
}

#[tokio::test]
async fn a_new_password_must_be_one() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    for bad in ["", "short-1", "password", "12345678", &"x".repeat(257)] {
        change(&ann, PASSWORD, bad).send().await.invalid(&["/new_password"]);
    }
    let missing = ann.post("/api/auth/password").json(json!({ "new_password": NEW }));
    missing.send().await.invalid(&["/current_password"]);
    let extra = json!({ "current_password": PASSWORD, "new_password": NEW, "user_id": "usr_x" });
    ann.post("/api/auth/password").json(extra).send().await.invalid(&["/user_id"]);
    ann.sign_in().await;
}

#[tokio::test]
async fn a_change_takes_a_key() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let first = change(&ann, PASSWORD, NEW).key("change").send().await.done(204);
    let phone = ann.sign_in_with(NEW).await;
    change(&ann, PASSWORD, NEW).key("change").send().await.replays(&first);
    phone.get("/api/users/me").send().await.done(200);
    change(&ann, PASSWORD, "yet another horse").key("change").send().await.refused(422, "idempotency_key_reused");
    let wrong = change(&ann, PASSWORD, NEW).key("wrong").send().await.refused(422, "wrong_password");
    change(&ann, PASSWORD, NEW).key("wrong").send().await.replays(&wrong);
}
