//! What makes two requests the same: every value and the route do, white space and order do not.

use crate::harness::{Call, Person, TestApp};
use proptest::prelude::{Just, Strategy, any};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

const TRANSFER: &str = "/api/wallet/transfer";

fn sent(person: &Person, body: &str) -> Call {
    person.post(TRANSFER).key("k").text(body.to_owned())
}

#[tokio::test]
async fn order_and_white_space_do_not_matter() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 100).await, app.user("bob").await);
    let id = bob.id;
    let first = sent(&ann, &format!(r#"{{"to_user_id":"{id}","amount_cents":5,"note":"hé"}}"#)).send().await.done(201);
    for same in [
        format!(r#"{{"note":"hé","amount_cents":5,"to_user_id":"{id}"}}"#),
        format!("\r\n {{ \"amount_cents\" :\t5 ,\n\"note\": \"hé\", \"to_user_id\":\"{id}\" }} \n"),
        format!(r#"{{"to_user_id":"{id}","amount_cents":5,"note":"h\u00e9"}}"#),
        format!(r#"{{"to_user_id":"{id}","amount_cents":5,"note":"\u0068\u00E9"}}"#),
        format!(r#"{{"to_user_\u0069d":"{id}","amount_cents":5,"note":"hé"}}"#),
        format!(r#"{{"to_user_id":"{id}","idempotency_key":"k","amount_cents":5,"note":"hé"}}"#),
    ] {
        sent(&ann, &same).send().await.replays(&first);
    }
    let body = format!(r#"{{"to_user_id":"{id}","amount_cents":5,"note":"hé"}}"#);
    for media_type in ["application/json; charset=utf-8", "Application/JSON", " application/json ;charset=utf-8"] {
        let call = ann.post(TRANSFER).key("k").header("content-type", media_type).body(body.clone());
        call.send().await.replays(&first);
    }
    assert_eq!(bob.balance().await, 5);
}

#[tokio::test]
async fn every_single_value_matters() {
    let app = TestApp::new().await;
    let (ann, bob, eve) = (app.rich("ann", 100).await, app.user("bob").await, app.user("eve").await);
    let body = json!({ "to_user_id": bob.id.to_string(), "amount_cents": 5, "note": "hello" });
    let first = sent(&ann, &body.to_string()).send().await.done(201);
    let mut changes: Vec<Value> = Vec::new();
    for cents in [1, 4, 6, 50, 500] {
        changes.push(json!({ "amount_cents": cents }));
    }
    changes.push(json!({ "to_user_id": eve.id.to_string() }));
    changes.push(json!({ "to_user_id": ann.id.to_string() }));
    for note in ["", "Hello", "hello ", " hello", "hell", "he\u{301}llo", "h\u{e9}llo"] {
        changes.push(json!({ "note": note }));
    }
    changes.push(json!({ "note": null }));
    for change in &changes {
        let mut other = body.clone();
        for (name, value) in change.as_object().unwrap() {
            other[name] = value.clone();
        }
        sent(&ann, &other.to_string()).send().await.refused(422, "idempotency_key_reused");
    }
    let without_note = json!({ "to_user_id": bob.id.to_string(), "amount_cents": 5 });
    sent(&ann, &without_note.to_string()).send().await.refused(422, "idempotency_key_reused");
    sent(&ann, &body.to_string()).send().await.replays(&first);
    assert_eq!((ann.balance().await, eve.balance().await), (95, 0));
}

#[tokio::test]
async fn the_route_and_its_query_matter() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 100).await, app.user("bob").await);
    let body = json!({ "to_user_id": bob.id.to_string(), "amount_cents": 5 });
    ann.post(TRANSFER).key("k").json(body.clone()).send().await.done(201);
    ann.deposit(5).key("k").send().await.refused(422, "idempotency_key_reused");
    ann.post("/api/users/me/creator").key("k").send().await.refused(422, "idempotency_key_reused");
    ann.patch("/api/users/me").key("k").json(json!({})).send().await.refused(422, "idempotency_key_reused");
    for query in ["?a=1", "?a=2", "?a", "?amount_cents=9"] {
        let call = ann.post(format!("{TRANSFER}{query}")).key("k").json(body.clone());
        call.send().await.refused(422, "idempotency_key_reused");
    }
    assert_eq!((ann.balance().await, bob.balance().await), (95, 5));
}

/// Two routes may be sent the same body: what stands in the path, and the method, count by themselves.
#[tokio::test]
async fn the_path_and_the_method_matter_where_the_body_is_the_same() {
    let app = TestApp::new().await;
    let (ann, cleo) = (app.rich("ann", 1_000).await, app.creator("cleo").await);
    let (one, other) = (app.content(&cleo, 100).await, app.content(&cleo, 100).await);
    let paid = ann.unlock(one).key("k").send().await.done(201);
    ann.unlock(other).key("k").send().await.refused(422, "idempotency_key_reused");
    ann.unlock(one).key("k").send().await.replays(&paid);
    assert_eq!(ann.balance().await, 900);
    let path = format!("/api/content/{one}");
    cleo.patch(&path).key("k").json(json!({})).send().await.done(200);
    cleo.delete(&path).key("k").json(json!({})).send().await.refused(422, "idempotency_key_reused");
}

#[tokio::test]
async fn a_member_that_is_given_twice_is_refused() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 100).await, app.user("bob").await);
    let id = bob.id;
    for body in [
        format!(r#"{{"to_user_id":"{id}","amount_cents":5,"amount_cents":5}}"#),
        format!(r#"{{"to_user_id":"{id}","amount_cents":5,"amount_cents":6}}"#),
        format!(r#"{{"to_user_id":"{id}","amount_cents":5,"amount_\u0063ents":6}}"#),
        format!(r#"{{"to_user_id":"{id}","to_user_id":"{}","amount_cents":5}}"#, ann.id),
        format!(r#"{{"to_user_id":"{id}","amount_cents":5,"idempotency_key":"k","idempotency_key":"k"}}"#),
        format!(r#"{{"to_user_id":"{id}","amount_cents":5,"note":{{"a":1,"a":2}}}}"#),
    ] {
        sent(&ann, &body).send().await.refused(400, "malformed_request");
    }
    ann.transfer(&bob, 5).key("k").send().await.done(201);
}

/// A body with the members in any order, any white space between, and letters escaped at random.
fn written(members: Vec<(String, String)>) -> impl Strategy<Value = String> {
    let spaces = proptest::collection::vec("[ \t\r\n]{0,3}", 16);
    let escapes = proptest::collection::vec(any::<bool>(), 256);
    (Just(members).prop_shuffle(), spaces, escapes).prop_map(|(members, spaces, escapes)| {
        let (mut space, mut escape) = (spaces.iter().cycle(), escapes.iter().cycle());
        let mut quoted = |text: &str| {
            let letter = |letter: char| {
                if *escape.next().unwrap() { format!("\\u{:04x}", u32::from(letter)) } else { letter.to_string() }
            };
            format!("\"{}\"", text.chars().map(letter).collect::<String>())
        };
        let mut next = || space.next().unwrap().as_str();
        let mut lines = Vec::new();
        for (name, value) in members {
            let value = if name == "amount_cents" { value } else { quoted(&value) };
            lines.push(format!("{}{}{}:{}{value}{}", next(), quoted(&name), next(), next(), next()));
        }
        format!("{}{{{}}}{}", next(), lines.join(","), next())
    })
}

#[tokio::test]
async fn however_a_request_is_written_it_is_the_same() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 100).await, app.user("bob").await);
    let member = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let members =
        vec![member("to_user_id", &bob.id.to_string()), member("amount_cents", "5"), member("note", "Zoë & co")];
    let (strategy, mut runner) = (written(members), TestRunner::deterministic());
    let mut body = || strategy.new_tree(&mut runner).unwrap().current();
    let first = sent(&ann, &body()).send().await.done(201);
    for _ in 0..200 {
        sent(&ann, &body()).send().await.replays(&first);
    }
    assert_eq!(bob.balance().await, 5);
}
