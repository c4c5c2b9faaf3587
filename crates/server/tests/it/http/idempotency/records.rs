//! What the database holds for a key, and what nobody finds there, or anywhere on the disk.

use crate::harness::{PASSWORD, Person, TestApp};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::idempotency::Fingerprint;
use serde_json::json;

const NEW: &str = "a horse of another colour";

fn contains(disk: &[u8], needle: &[u8]) -> bool {
    disk.windows(needle.len()).any(|window| window == needle)
}

#[tokio::test]
async fn a_record_says_who_asked_what_and_what_the_answer_was() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 100).await, app.user("bob").await);
    let first = ann.transfer(&bob, 10).key("k").send().await.done(201);
    ann.transfer(&bob, 1_000).key("poor").send().await.refused(402, "insufficient_funds");
    ann.patch("/api/users/me").key("name").json(json!({})).send().await.done(200);
    assert_eq!(app.count("SELECT COUNT(*) FROM idempotency_keys WHERE tx_id IS NOT NULL").await, 2);
    assert_eq!(app.count("SELECT COUNT(*) FROM idempotency_keys WHERE status = 402 AND tx_id IS NULL").await, 1);
    let routes = "SELECT COUNT(DISTINCT route) FROM idempotency_keys WHERE expires_at = created_at + 86400000000
        AND route IN ('/api/wallet/deposits', '/api/wallet/transfer', '/api/users/me')";
    assert_eq!(app.count(routes).await, 3);
    let (principal, id) = (ann.id, first.request_id());
    let body = app.database.read(move |view| {
        let text = "SELECT body FROM idempotency_keys WHERE principal_id = $1 AND request_id = $2 AND status = 201";
        view.query_opt(text, &[principal.into(), id.as_str().into()], |row| row.get::<Vec<u8>>(0))
    });
    assert_eq!(body.await.unwrap().unwrap(), first.bytes);
}

#[tokio::test]
async fn answers_with_credentials_are_not_stored() {
    let app = TestApp::new().await;
    let credentials = json!({ "email": "ann@example.com", "password": PASSWORD });
    app.post("/api/auth/register").key("k").json(credentials.clone()).send().await.done(201);
    let first = app.post("/api/auth/login").key("k").json(credentials.clone()).send().await.done(200);
    let second = app.post("/api/auth/login").key("k").json(credentials).send().await.done(200);
    assert_ne!(first.json()["refresh_token"], second.json()["refresh_token"]);
    assert_eq!(app.keys().await, 0);
}

/// A life with every kind of secret in it; everything that must not be found afterwards.
async fn secrets(ann: &Person, bob: &Person) -> Vec<String> {
    let phone = ann.sign_in().await;
    let refreshed = phone.with(&phone.refresh().send().await.done(200));
    let change = json!({ "current_password": PASSWORD, "new_password": NEW });
    ann.post("/api/auth/password").key("the-key-of-the-change").json(change).send().await.done(204);
    let wrong = json!({ "current_password": "a password that is wrong", "new_password": NEW });
    ann.post("/api/auth/password")
        .key("the-key-of-the-mistake")
        .json(wrong)
        .send()
        .await
        .refused(422, "wrong_password");
    ann.transfer(bob, 10).key("the-key-of-the-transfer").send().await.done(201);
    phone.refresh().send().await.refused(401, "refresh_token_reused");
    let mut secrets: Vec<String> = [
        PASSWORD,
        NEW,
        "a password that is wrong",
        "the-key-of-the-change",
        "the-key-of-the-mistake",
        "the-key-of-the-transfer",
    ]
    .map(str::to_owned)
    .into();
    for person in [ann, bob, &phone, &refreshed] {
        secrets.push(person.refresh_token.clone());
        secrets.extend(person.access_token.split('.').map(str::to_owned));
    }
    secrets
}

#[tokio::test]
async fn no_secret_is_anywhere_on_the_disk() {
    let app = TestApp::on_a_file().await;
    let (ann, bob) = (app.rich("ann", 100).await, app.user("bob").await);
    let secrets = secrets(&ann, &bob).await;
    let disk = app.disk();
    assert!(contains(&disk, b"ann@example.com") && contains(&disk, b"$argon2id$"), "the right files are searched");
    let header = ann.access_token.split('.').next().unwrap();
    for secret in secrets.iter().filter(|secret| *secret != header) {
        assert!(!contains(&disk, secret.as_bytes()), "{secret} is on the disk");
        assert!(!contains(&disk, secret.trim_start_matches("sar_").as_bytes()), "{secret} is on the disk");
        if let Ok(bytes) = URL_SAFE_NO_PAD.decode(secret.trim_start_matches("sar_")) {
            assert!(!contains(&disk, &bytes), "the bytes of {secret} are on the disk");
        }
    }
}

#[tokio::test]
async fn a_password_cannot_be_guessed_from_the_fingerprint_of_its_change() {
    let app = TestApp::on_a_file().await;
    let ann = app.user("ann").await;
    let change = json!({ "current_password": PASSWORD, "new_password": NEW });
    ann.post("/api/auth/password").key("k").json(change.clone()).send().await.done(204);
    let change = change.to_string();
    // A fingerprint that anybody can compute would be a fast hash of the password beside the slow one.
    let parts: [&[u8]; 6] = [b"POST", b"/api/auth/password", b"", b"1", b"application/json", change.as_bytes()];
    assert!(!contains(&app.disk(), &Fingerprint::of(&parts).0));
}
