//! Access tokens: which are believed, until when, and what they are worth when the account is not.

use crate::harness::{Person, START, TestApp, together};
use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::timestamp::Span;
use serde_json::{Value, json};
use superapp::auth::token::{Bearer, Tokens};
use uuid::Uuid;

async fn refused(app: &TestApp, authorization: &str) {
    let reply = app.get("/api/wallet/balance").header("authorization", authorization).send().await;
    reply.refused(401, "unauthenticated");
}

#[tokio::test]
async fn nothing_but_one_good_token_is_believed() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let token = &ann.access_token;
    app.get("/api/wallet/balance").send().await.refused(401, "unauthenticated");
    for authorization in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        token.clone(),
        format!("Basic {token}"),
        format!("Bearer {}", ann.refresh_token),
        format!("Bearer {token}, Bearer {token}"),
        format!("Bearer {token} {token}"),
        format!("Bearer \"{token}\""),
        format!("Bearer {}", "a.".repeat(5_000)),
        "Bearer null".to_owned(),
        "Bearer ..".to_owned(),
    ] {
        refused(&app, &authorization).await;
    }
    app.get(format!("/api/wallet/balance?access_token={token}")).send().await.refused(401, "unauthenticated");
    let twice = ann.get("/api/wallet/balance").bearer(token).send().await;
    twice.refused(401, "unauthenticated");
    let latin = app.get("/api/wallet/balance").header("authorization", b"Bearer \xff\xfe");
    latin.send().await.refused(401, "unauthenticated");
    for scheme in ["Bearer", "bearer", "BEARER"] {
        app.get("/api/wallet/balance").header("authorization", format!("{scheme} {token}")).send().await.done(200);
    }
}

fn parts(token: &str) -> (Value, Value, String) {
    let mut parts = token.split('.');
    let mut json = || serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts.next().unwrap()).unwrap()).unwrap();
    let (header, claims) = (json(), json());
    (header, claims, parts.next().unwrap().to_owned())
}

fn token(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

#[tokio::test]
async fn a_token_that_was_tampered_with_is_worth_nothing() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let (header, claims, signature) = parts(&ann.access_token);
    let with = |value: &Value, name: &str, change: Value| {
        let mut changed = value.clone();
        changed[name] = change;
        changed
    };
    let mut forged = vec![
        token(&with(&header, "alg", "none".into()), &claims, ""),
        token(&with(&header, "alg", "None".into()), &claims, &signature),
        token(&with(&header, "alg", "HS512".into()), &claims, &signature),
        token(&with(&header, "alg", "RS256".into()), &claims, &signature),
        token(&with(&header, "kid", "../../etc/passwd".into()), &claims, &signature),
        token(&with(&header, "jku", "https://example.com".into()), &claims, &signature),
        token(&header, &with(&claims, "sub", bob.id.to_string().into()), &signature),
        token(&header, &with(&claims, "exp", 9_999_999_999_i64.into()), &signature),
        token(&header, &with(&claims, "role", "admin".into()), &signature),
        token(&header, &claims, ""),
        token(&json!({}), &json!({}), &signature),
        ann.access_token.split('.').take(2).collect::<Vec<_>>().join("."),
        format!("{}.", ann.access_token),
    ];
    forged.extend((0..ann.access_token.len()).step_by(7).map(|index| {
        let mut bytes = ann.access_token.clone().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    }));
    for token in forged {
        refused(&app, &format!("Bearer {token}")).await;
    }
}

#[tokio::test]
async fn another_servers_token_is_refused_though_it_names_the_right_account() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let bearer = Bearer { user_id: ann.id, session_id: ann.session().await };
    let other = Tokens::new(&"another-key-for-tests-only-0123456789".into(), 900);
    let theirs = other.sign(bearer, Uuid::nil(), START).unwrap();
    refused(&app, &format!("Bearer {theirs}")).await;
    let ours = app.tokens.sign(bearer, Uuid::nil(), START).unwrap();
    app.get("/api/users/me").bearer(&ours).send().await.done(200);
}

#[tokio::test]
async fn a_token_of_ours_for_a_session_of_somebody_else_is_refused() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let mixed = Bearer { user_id: ann.id, session_id: bob.session().await };
    let token = app.tokens.sign(mixed, Uuid::nil(), START).unwrap();
    refused(&app, &format!("Bearer {token}")).await;
}

async fn is_believed(person: &Person) -> bool {
    person.get("/api/users/me").send().await.status == 200
}

#[tokio::test]
async fn a_token_lapses_after_its_time_and_the_leeway() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    app.advance_almost(Span::seconds(930));
    assert!(is_believed(&ann).await);
    app.advance(Span::MICROSECOND);
    ann.get("/api/users/me").send().await.refused(401, "unauthenticated");
    ann.transfer(&ann, 1).key("expired").send().await.refused(401, "unauthenticated");
    let again = ann.with(&ann.refresh().send().await.done(200));
    assert!(is_believed(&again).await);
}

#[tokio::test]
async fn a_token_is_not_good_before_its_time() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    app.advance(Span::seconds(-30));
    assert!(is_believed(&ann).await);
    app.advance(Span::seconds(-1));
    assert!(!is_believed(&ann).await);
}

#[tokio::test]
async fn the_settings_say_how_long_a_token_is_good() {
    let app = TestApp::with(&[("SUPERAPP_AUTH__ACCESS_TOKEN_SECONDS", "60")]).await;
    let ann = app.user("ann").await;
    assert_eq!(ann.refresh().send().await.done(200).json()["expires_in"], 60);
    app.advance(Span::seconds(89));
    assert!(is_believed(&ann).await);
    app.advance(Span::seconds(1));
    assert!(!is_believed(&ann).await);
}

#[tokio::test]
async fn suspending_an_account_bites_on_its_next_request() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 1_000).await, app.user("bob").await);
    app.suspend(&ann).await;
    ann.get("/api/users/me").send().await.refused(403, "account_suspended");
    ann.transfer(&bob, 100).key("k").send().await.refused(403, "account_suspended");
    ann.post("/api/auth/logout").send().await.refused(403, "account_suspended");
    app.reinstate(&ann).await;
    ann.transfer(&bob, 100).key("k").send().await.done(201);
}

const OLD: (&str, &str) = ("JWT_SECRET", "q8Zr1nVwX2yTb5uKd7PfHs9LmGc3JeAo4RiB6NvC");
const NEW: (&str, &str) = ("JWT_SECRET", "Xq3vT8mKd0Lz5Rw7Yb2Jf9Hs4Gc6Np1AeUiOoVtB");
const PREVIOUS: &str = "SUPERAPP_AUTH__PREVIOUS_JWT_SECRET";

/// Three settings one after the other, on two processes that change one after the other, while people go on.
#[tokio::test]
async fn the_signing_key_is_rotated_under_load_and_no_good_token_is_refused() {
    let app = TestApp::on_a_file_with(&[OLD]).await;
    let phases = [vec![OLD], vec![OLD, (PREVIOUS, NEW.1)], vec![NEW, (PREVIOUS, OLD.1)], vec![NEW]];
    let mut people = Vec::new();
    for index in 0..4 {
        people.push(app.user(&format!("person-{index}")).await);
    }
    let mut tokens: Vec<String> = people.iter().map(|person| person.access_token.clone()).collect();
    let mut renewals: Vec<String> = people.iter().map(|person| person.refresh_token.clone()).collect();
    let mut processes = [app.beside(&phases[0]).await, app.beside(&phases[0]).await];
    let mut asked = 0;
    for phase in &phases[1..] {
        for changed in 0..2 {
            processes[changed] = app.beside(phase).await;
            let calls = processes.iter().cloned().flat_map(|process| {
                tokens
                    .iter()
                    .cloned()
                    .cycle()
                    .take(200)
                    .map(move |token| process.call(Method::GET, "/api/users/me").bearer(&token).send())
            });
            for reply in together(calls).await {
                assert_eq!(reply.status, 200, "{phase:?}");
                asked += 1;
            }
            // Half of the people renew their tokens at whichever process.
            for index in [changed, changed + 2] {
                let body = json!({ "refresh_token": renewals[index] });
                let reply = processes[index % 2]
                    .call(Method::POST, "/api/auth/refresh")
                    .json(body)
                    .send()
                    .await
                    .done(200)
                    .json();
                tokens[index] = reply["access_token"].as_str().unwrap().to_owned();
                renewals[index] = reply["refresh_token"].as_str().unwrap().to_owned();
            }
        }
        // Whatever was signed before this phase began has run out before the next one begins.
        app.advance(Span::seconds(15 * 60 + 31));
        for index in 0..4 {
            let body = json!({ "refresh_token": renewals[index] });
            let reply =
                processes[index % 2].call(Method::POST, "/api/auth/refresh").json(body).send().await.done(200).json();
            tokens[index] = reply["access_token"].as_str().unwrap().to_owned();
            renewals[index] = reply["refresh_token"].as_str().unwrap().to_owned();
        }
    }
    assert_eq!(asked, 2_400);
    // A token of the key that was taken out opens nothing, however young it is.
    let old = app.beside(&[OLD]).await;
    let body = json!({ "refresh_token": renewals[0] });
    let reply = old.call(Method::POST, "/api/auth/refresh").json(body).send().await.done(200).json();
    let token = reply["access_token"].as_str().unwrap();
    old.call(Method::GET, "/api/users/me").bearer(token).send().await.done(200);
    processes[0].call(Method::GET, "/api/users/me").bearer(token).send().await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn another_signing_key_changes_nothing_but_access_tokens() {
    let app = TestApp::on_a_file_with(&[OLD]).await;
    let ann = app.rich("ann", 1_000).await;
    let bob = app.user("bob").await;
    let body = json!({ "name": "program", "scopes": ["account:read"] });
    let key = ann.post("/api/api-keys").json(body).send().await.done(201).json()["secret"].as_str().unwrap().to_owned();
    let paid = ann.transfer(&bob, 5).key("before-rotation").send().await.done(201);
    let page = ann.get("/api/wallet/transactions?limit=1").send().await.done(200).json();
    let cursor = page["next_cursor"].as_str().unwrap();

    let other = app.beside(&[NEW]).await;
    let me = |token: &str| other.call(Method::GET, "/api/users/me").bearer(token).send();
    me(&ann.access_token).await.refused(401, "unauthenticated");
    me(&key).await.done(200);
    let refreshed = other.call(Method::POST, "/api/auth/refresh").json(json!({ "refresh_token": ann.refresh_token }));
    let token = refreshed.send().await.done(200).json()["access_token"].as_str().unwrap().to_owned();
    me(&token).await.done(200);
    let next = format!("/api/wallet/transactions?limit=1&cursor={cursor}");
    other.call(Method::GET, next).bearer(&token).send().await.done(200);
    let again = other.call(Method::POST, "/api/wallet/transfer").bearer(&token);
    let again = again.json(json!({ "to_user_id": bob.id.to_string(), "amount_cents": 5 })).key("before-rotation");
    again.send().await.replays(&paid);
}
