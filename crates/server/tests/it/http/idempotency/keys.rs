//! What an idempotency key may look like, and where it may be.

use crate::harness::{Call, Person, TestApp};
use serde_json::{Value, json};

const TRANSFER: &str = "/api/wallet/transfer";
const CREATOR: &str = "/api/users/me/creator";

/// A transfer of one cent whose body has these members beside its own.
fn pay(from: &Person, to: &Person, extra: &[(&str, Value)]) -> Call {
    let mut body = json!({ "to_user_id": to.id.to_string(), "amount_cents": 1 });
    for (name, value) in extra {
        body[name] = value.clone();
    }
    from.post(TRANSFER).json(body)
}

#[tokio::test]
async fn a_money_route_needs_a_key() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 100).await, app.user("bob").await);
    ann.transfer(&bob, 1).send().await.refused(400, "idempotency_key_required");
    ann.deposit(1).send().await.refused(400, "idempotency_key_required");
    assert_eq!((ann.balance().await, bob.balance().await), (100, 0));
}

#[tokio::test]
async fn other_writes_do_without_one_and_reads_ignore_it() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    ann.post(CREATOR).send().await.done(200);
    for key in ["k", "", "not a key", &"k".repeat(300)] {
        ann.get("/api/wallet/balance").key(key).send().await.done(200);
    }
    assert_eq!(app.keys().await, 0);
}

#[tokio::test]
async fn a_key_is_one_to_255_visible_ascii_characters() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let (longest, too_long) = ("k".repeat(255), "k".repeat(256));
    let quoted = [format!("\"{longest}\""), format!("\"{too_long}\"")];
    let good = [
        "k",
        "0",
        "~!@#$%^&*()_+-=[]{}|;':,./<>?`",
        "8e03978e-40d5-43e8-bc93-6894a57f9324",
        "\"quoted\"",
        "\"",
        "\"\"\"",
        "a\"b",
        "k;v=1",
        "k,l",
        &longest,
        &quoted[0],
    ];
    for key in good {
        let first = ann.post(CREATOR).key(key).send().await;
        assert_eq!(first.status, 200, "{first}");
        let again = ann.post(CREATOR).json(json!({ "idempotency_key": key })).send().await;
        assert!(again.is_replay() && again.bytes == first.bytes, "{again}");
    }
    assert_eq!(app.keys().await, 10, "the quotes of a string are no part of its key");
    let bad: [&[u8]; 14] = [
        b"",
        b"\"\"",
        b"two words",
        b"\"two words\"",
        b"tab\there",
        b"caf\xc3\xa9",
        b"\xff",
        b"\x80",
        b"k\xc2\xa0",
        "ключ".as_bytes(),
        "🔑".as_bytes(),
        too_long.as_bytes(),
        quoted[1].as_bytes(),
        &[b'k'; 5_000],
    ];
    for key in bad {
        ann.post(CREATOR).header("idempotency-key", key).send().await.refused(400, "idempotency_key_invalid");
        if let Ok(key) = std::str::from_utf8(key) {
            let in_body = ann.post(CREATOR).json(json!({ "idempotency_key": key }));
            in_body.send().await.refused(400, "idempotency_key_invalid");
        }
    }
    for value in
        [json!(5), json!(null), json!(true), json!([]), json!(["k"]), json!({}), json!("nul\u{0}"), json!("\n")]
    {
        for member in ["idempotency_key", "idempotencyKey"] {
            let call = ann.post(CREATOR).json(json!({ member: value }));
            call.send().await.refused(400, "idempotency_key_invalid");
        }
    }
}

#[tokio::test]
async fn header_body_and_quotes_are_ways_to_write_one_key() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 100).await, app.user("bob").await);
    let first = pay(&ann, &bob, &[]).key("k").send().await.done(201);
    for same in [
        pay(&ann, &bob, &[]).key("\"k\""),
        pay(&ann, &bob, &[]).header("IDEMPOTENCY-KEY", "k"),
        pay(&ann, &bob, &[("idempotency_key", "k".into())]),
        pay(&ann, &bob, &[("idempotencyKey", "k".into())]),
        pay(&ann, &bob, &[("idempotency_key", "\"k\"".into())]),
        pay(&ann, &bob, &[("idempotency_key", "k".into()), ("idempotencyKey", "k".into())]),
        pay(&ann, &bob, &[("idempotency_key", "k".into())]).key("k"),
        pay(&ann, &bob, &[("idempotencyKey", "k".into())]).key("\"k\""),
    ] {
        same.send().await.replays(&first);
    }
    for other in ["K", "k ", "'k'", "k1"].map(str::trim_end).into_iter().filter(|key| *key != "k") {
        pay(&ann, &bob, &[]).key(other).send().await.done(201);
    }
    assert_eq!(bob.balance().await, 4);
}

#[tokio::test]
async fn two_keys_that_differ_are_refused_and_so_are_two_headers() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 100).await, app.user("bob").await);
    let two = [("idempotency_key", "a".into()), ("idempotencyKey", "b".into())];
    for call in [
        pay(&ann, &bob, &[("idempotency_key", "b".into())]).key("a"),
        pay(&ann, &bob, &[("idempotencyKey", "b".into())]).key("a"),
        pay(&ann, &bob, &[("idempotency_key", "A".into())]).key("a"),
        pay(&ann, &bob, &two),
        pay(&ann, &bob, &two).key("a"),
        pay(&ann, &bob, &[("idempotency_key", Value::Null)]).key("a"),
        pay(&ann, &bob, &[]).key("a").key("b"),
        pay(&ann, &bob, &[]).key("a").key("a"),
        pay(&ann, &bob, &[]).key("").key("a"),
    ] {
        call.send().await.refused(400, "idempotency_key_invalid");
    }
    assert_eq!((bob.balance().await, app.keys().await), (0, 1), "one key is the deposit's");
}

#[tokio::test]
async fn keys_belong_to_their_users() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 100).await, app.rich("bob", 100).await);
    let (carl, phone) = (app.user("carl").await, ann.sign_in().await);
    let anns = ann.transfer(&carl, 7).key("k").send().await.done(201);
    let bobs = bob.transfer(&carl, 7).key("k").send().await.done(201);
    assert_ne!(anns.json()["tx_id"], bobs.json()["tx_id"]);
    phone.transfer(&carl, 7).key("k").send().await.replays(&anns);
    bob.transfer(&carl, 7).key("k").send().await.replays(&bobs);
    bob.transfer(&carl, 8).key("k").send().await.refused(422, "idempotency_key_reused");
    assert_eq!(carl.balance().await, 14);
}

#[tokio::test]
async fn keys_of_many_users_never_meet() {
    let app = TestApp::new().await;
    let shop = app.user("shop").await;
    let mut people = Vec::new();
    for number in 0..8 {
        people.push(app.rich(&format!("user{number}"), 100).await);
    }
    let mut seen = std::collections::HashSet::new();
    for key in ["1", "2", "3"] {
        for person in &people {
            let reply = person.transfer(&shop, 1).key(key).send().await.done(201);
            assert!(seen.insert(reply.json()["tx_id"].to_string()), "{reply}");
        }
    }
    assert_eq!(shop.balance().await, 24);
}
