//! Whom the webhook believes, and what it says to everybody else.

use super::{ROUTE, SECRET, ask, seconds, server, signed, status, succeeded, with_secrets};
use crate::harness::{Call, Reply, TestApp};
use serde_json::json;

const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

fn forged(reply: Reply) -> Reply {
    let reply = reply.refused(401, "invalid_signature");
    let detail = reply.json()["detail"].clone();
    assert_eq!(detail, "sign the event as Standard Webhooks says, with the secret of this server and the time of now");
    reply
}

/// A call with these headers as they are.
fn raw(app: &TestApp, headers: &[(&str, &[u8])], body: &[u8]) -> Call {
    let call = app.post(ROUTE).text(body.to_vec());
    headers.iter().fold(call, |call, (name, value)| call.header(name, value))
}

#[tokio::test]
async fn nothing_that_is_not_signed_credits_anything() {
    let app = server().await;
    let ann = app.user("ann").await;
    let deposit = ask(&ann, 100).await;
    let body = succeeded(&deposit, "pay_1").to_string();
    let now = seconds(&app);
    let signature = standardwebhooks::Webhook::new(SECRET).unwrap().sign("a", now, body.as_bytes()).unwrap();
    let (at, signature) = (now.to_string(), signature.as_bytes());
    let (id, time, sign) =
        (("webhook-id", &b"a"[..]), ("webhook-timestamp", at.as_bytes()), ("webhook-signature", signature));
    let later = (now + 1).to_string();
    let lists: Vec<Vec<(&str, &[u8])>> = vec![
        vec![],
        vec![time, sign],
        vec![id, sign],
        vec![id, time],
        vec![id, id, time, sign],
        vec![id, time, time, sign],
        vec![id, time, sign, sign],
        vec![("webhook-id", b"b"), time, sign],
        vec![("webhook-id", b"a\xe9"), time, sign],
        vec![id, ("webhook-timestamp", later.as_bytes()), sign],
        vec![id, time, ("webhook-signature", b"")],
        vec![id, time, ("webhook-signature", b"v1,")],
        vec![id, time, ("webhook-signature", b"v1,\xff\xff")],
        vec![id, time, ("webhook-signature", signature.strip_prefix(b"v1,").unwrap())],
    ];
    for headers in lists {
        forged(raw(&app, &headers, body.as_bytes()).send().await);
    }
    for index in 0..body.len() {
        let mut changed = body.clone().into_bytes();
        changed[index] ^= 1;
        forged(raw(&app, &[id, time, sign], &changed).send().await);
    }
    forged(signed(&app, OTHER, ("a", now), &body).send().await);
    forged(signed(&app, SECRET, ("a", now - 301), &body).send().await);
    forged(signed(&app, SECRET, ("a", now + 301), &body).send().await);
    ann.post(ROUTE).json(succeeded(&deposit, "pay_1")).send().await.refused(401, "invalid_signature");
    raw(&app, &[id, time, sign], &vec![b'x'; 10 << 20]).send().await.refused(413, "payload_too_large");
    assert_eq!(app.count("SELECT COUNT(*) FROM payment_events").await, 0);
    assert_eq!((status(&ann, &deposit).await.as_str(), ann.balance().await), ("pending", 0));
    raw(&app, &[id, time, sign], body.as_bytes()).send().await.done(200);
    assert_eq!(ann.balance().await, 100);
}

#[tokio::test]
async fn an_event_may_be_five_minutes_old_and_a_rotated_secret_is_good() {
    let app = with_secrets(&format!("{OTHER} {SECRET}")).await;
    let ann = app.user("ann").await;
    for (number, (secret, off)) in [(SECRET, -300), (OTHER, 300), (SECRET, 0)].into_iter().enumerate() {
        let deposit = ask(&ann, 100).await;
        let body = succeeded(&deposit, &format!("pay_{number}")).to_string();
        let reply = signed(&app, secret, (&format!("evt_{number}"), seconds(&app) + off), &body).send().await;
        assert_eq!(reply.done(200).json(), json!({ "outcome": "completed" }));
    }
    assert_eq!(ann.balance().await, 300);
}

#[tokio::test]
async fn a_signed_body_that_cannot_be_read_is_on_record_and_ignored() {
    let app = server().await;
    let bodies: [&[u8]; 6] = [
        b"",
        b"{",
        b"null",
        b"{\"type\":\"payment.succeeded\",\"type\":\"payment.failed\"}",
        b"\xef\xbb\xbf{}",
        b"{\"type\":\"\xff\"}",
    ];
    for (number, body) in bodies.into_iter().enumerate() {
        let (id, at) = (format!("evt_{number}"), seconds(&app).to_string());
        let reply = raw(
            &app,
            &[
                ("webhook-id", id.as_bytes()),
                ("webhook-timestamp", at.as_bytes()),
                ("webhook-signature", sign(&id, &at, body).as_bytes()),
            ],
            body,
        );
        assert_eq!(reply.send().await.done(200).json(), json!({ "outcome": "ignored" }));
    }
    let unreadable = "SELECT COUNT(*) FROM payment_events WHERE outcome = 'ignored' AND reason = 'unreadable'";
    assert_eq!(app.count(unreadable).await, 6);
}

/// The reference library signs texts only.
fn sign(id: &str, at: &str, body: &[u8]) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use hmac::{KeyInit, Mac};
    let key = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
    let mac = mac.chain_update(format!("{id}.{at}.")).chain_update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn a_provider_that_is_not_set_up_is_not_found() {
    let app = server().await;
    for provider in ["sandbox", "manual", "other", "ACME", "acme%20", "%ff", "{provider}", "..", &"a".repeat(40)] {
        let reply = app.post(format!("/api/webhooks/payments/{provider}")).json(json!({})).send().await;
        reply.refused(404, "not_found");
    }
    let without = TestApp::new().await;
    without.post(ROUTE).json(json!({})).send().await.refused(404, "not_found");
    app.get(ROUTE).send().await.refused(405, "method_not_allowed");
}
