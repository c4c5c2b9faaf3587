//! Hostile input at every member of every route, as the OpenAPI document lists them: always refused, never a 5xx.

use crate::harness::{Operation, PASSWORD, Person, TestApp, has_type, operations};
use serde_json::{Map, Value, json};

/// What no JSON reader may take for a whole number, and numbers that are no amount.
const NOT_AMOUNTS: &[&str] = &[
    "0",
    "-1",
    "-0",
    "1.0",
    "1.5",
    "0.1",
    "1e3",
    "1E0",
    "1e-1",
    "1e400",
    "-1e400",
    "\"5\"",
    "\"\"",
    "null",
    "true",
    "false",
    "[]",
    "[5]",
    "{}",
    "{\"a\":5}",
    "NaN",
    "Infinity",
    "-Infinity",
    "0x10",
    "01",
    "+1",
    "1_000",
    "1,000",
    ".5",
    "5.",
    "--5",
    "9007199254740992",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "100000000000000000000000000000000000000",
    "1000000000000001",
];

/// One value of each type that is none of the others.
const TYPES: &[&str] = &["5", "-1", "1.5", "1e3", "true", "false", "[]", "[\"x\"]", "{}", "{\"a\":1}", "null", "\"x\""];

/// Texts that have broken other systems.
const TEXTS: &[&str] = &[
    "",
    " ",
    "\u{0}",
    "\u{7f}",
    "\u{feff}",
    "\u{202e}",
    "\u{fffd}",
    "💸",
    "é",
    "e\u{301}",
    "null",
    "undefined",
    "true",
    "-1",
    "' OR 1=1 --",
    "'; DROP TABLE users; --",
    "\"",
    "\\",
    "%00",
    "%s%n",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "${jndi:ldap://x}",
    "{{7*7}}",
    "usr_",
    "usr_zzzzzzzzzzzzzzzzzzzzzzzzzz",
    "usr_00000000000000000000000000",
    "\r\nSet-Cookie: a=b",
];

/// A body of this operation that is right, so that one wrong member is all that is wrong.
fn right_body(operation: &Operation, person: &Person) -> Map<String, Value> {
    let value = |name: &str| match name {
        "email" => "new@example.com".into(),
        "password" | "current_password" => PASSWORD.into(),
        "new_password" => "a horse of another colour".into(),
        "username" => "somebody".into(),
        "refresh_token" => person.refresh_token.clone().into(),
        "to_user_id" => "usr_00000000000000000000000000".into(),
        "amount_cents" => 1.into(),
        "note" => "hello".into(),
        "provider" => "sandbox".into(),
        "type" => "video".into(),
        "title" => "A title".into(),
        "description" => "What it is".into(),
        "price_cents" => 1.into(),
        "subscriber_only" => false.into(),
        "is_active" => true.into(),
        "media_url" => "https://cdn.example.com/a.mp4".into(),
        "preview_url" => "https://cdn.example.com/b.mp4".into(),
        "expected_price_cents" | "quantity" => 1.into(),
        "creator_id" | "recipient_id" => "usr_00000000000000000000000000".into(),
        "tier" if operation.path.starts_with("/api/admin/") => "free".into(),
        "tier" => "monthly".into(),
        "role" => "admin".into(),
        "account_status" => "active".into(),
        "gift_type" => "rose".into(),
        "message" | "context" | "destination" | "reference" | "reason" | "name" => "a word".into(),
        "scopes" => json!(["wallet:read"]),
        "expires_at" => "2030-01-01T00:00:00Z".into(),
        "allowed_networks" => json!(["10.0.0.0/8"]),
        other => panic!("{other} is new: say here what a right value is"),
    };
    let members = operation.body.as_ref().unwrap()["properties"].as_object().unwrap();
    members.keys().map(|name| (name.clone(), value(name))).collect()
}

/// The right body with the text of one member replaced by any text, JSON or not.
fn with(body: &Map<String, Value>, name: &str, text: &str) -> String {
    let line = |(member, value): (&String, &Value)| {
        let value = if member == name { text.to_owned() } else { value.to_string() };
        format!("{}:{value}", json!(member))
    };
    format!("{{{}}}", body.iter().map(line).collect::<Vec<_>>().join(","))
}

/// Every route that takes a body from a person. What providers send is asked for its signature before it is read
/// for meaning, and has hostile tests of its own.
fn writes(app: &TestApp) -> Vec<Operation> {
    let of_people = |operation: &Operation| operation.method != "GET" && !operation.path.starts_with("/api/webhooks/");
    operations(app).into_iter().filter(of_people).collect()
}

/// Somebody for whom every route is open, with something under every id.
async fn somebody(app: &TestApp) -> (Person, String) {
    let ann = app.creator("ann").await;
    ann.deposit(1_000).fresh_key().send().await.done(201);
    let content = ann.publish(json!({})).await;
    app.promote(&ann).await;
    (ann, content)
}

/// The path of an operation, with something that is there.
async fn path(person: &Person, content: &str, operation: &Operation) -> String {
    let id = match operation.path.as_str() {
        path if path.starts_with("/api/content/") => content.to_owned(),
        path if path.starts_with("/api/admin/users/") => person.id.to_string(),
        path if path.starts_with("/api/admin/wallets/") => person.id.to_string().replace("usr_", "wal_"),
        path if path.starts_with("/api/api-keys/") => "key_00000000000000000000000000".to_owned(),
        path if path.starts_with("/api/subscriptions/") => "sub_00000000000000000000000000".to_owned(),
        path if path.starts_with("/api/admin/deposits/") => "dep_00000000000000000000000000".to_owned(),
        path if path.starts_with("/api/admin/payouts/") => "pay_00000000000000000000000000".to_owned(),
        _ => person.session().await.to_string(),
    };
    let path = operation.path.replace("{tx_id}", "tx_00000000000000000000000000");
    path.replace("{id}", &id).replace("{tier}", "monthly")
}

async fn send(person: &Person, content: &str, operation: &Operation, body: String) -> crate::harness::Reply {
    let call = person.call(operation.method.clone(), path(person, content, operation).await).text(body);
    let call = if operation.takes_key { call.fresh_key() } else { call };
    call.send().await
}

#[tokio::test]
async fn a_value_of_the_wrong_type_is_refused_at_every_member_of_every_route() {
    let app = TestApp::new().await;
    let (ann, content) = somebody(&app).await;
    let mut sent = 0;
    for operation in operations(&app).iter().filter(|operation| operation.body.is_some()) {
        let body = right_body(operation, &ann);
        for (name, schema) in operation.body.as_ref().unwrap()["properties"].as_object().unwrap() {
            for text in TYPES {
                let value: Value = serde_json::from_str(text).unwrap();
                if has_type(&schema["type"], &value) {
                    continue;
                }
                let reply = send(&ann, &content, operation, with(&body, name, text)).await;
                reply.invalid(&[&format!("/{name}")]);
                sent += 1;
            }
        }
    }
    assert!(sent > 140, "{sent}");
    assert_eq!(app.transactions().await, 1, "the deposit");
}

#[tokio::test]
async fn nothing_but_a_whole_number_from_one_to_the_cap_is_an_amount() {
    let app = TestApp::new().await;
    let (ann, content) = somebody(&app).await;
    for operation in operations(&app) {
        let Some(schema) = &operation.body else { continue };
        let body = right_body(&operation, &ann);
        let cents = schema["properties"].as_object().unwrap().iter().filter(|(name, _)| name.ends_with("_cents"));
        for (name, schema) in cents {
            for text in NOT_AMOUNTS {
                // Prices may be nothing, what is to stay as it is may be null, and what is only compared has no cap.
                let is_nothing = *text == "0" && schema["minimum"] == 0;
                let is_left_out = *text == "null" && has_type(&schema["type"], &Value::Null);
                let is_compared = *text == "1000000000000001" && name.starts_with("expected_");
                if is_nothing || is_left_out || is_compared {
                    continue;
                }
                let reply = send(&ann, &content, &operation, with(&body, name, text)).await;
                assert!(matches!(reply.code().as_str(), "invalid_request" | "malformed_request"), "{text}: {reply}");
            }
        }
    }
    assert_eq!((app.transactions().await, app.keys().await), (1, 1), "the deposit");
}

#[tokio::test]
async fn no_text_breaks_anything_at_any_member_of_any_route() {
    let app = TestApp::new().await;
    let (ann, content) = somebody(&app).await;
    let long = "x".repeat(60_000);
    for operation in operations(&app).iter().filter(|operation| operation.body.is_some()) {
        for name in operation.body.as_ref().unwrap()["properties"].as_object().unwrap().keys() {
            for text in TEXTS.iter().copied().chain([long.as_str()]) {
                let body = with(&right_body(operation, &ann), name, &json!(text).to_string());
                let reply = send(&ann, &content, operation, body).await;
                assert!(reply.status < 500, "{reply}");
            }
            for text in
                ["\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\x\"", "\"\\u00\"", "\"\n\"", "\"open", "'x'", "\"a\" \"b\""]
            {
                let reply = send(&ann, &content, operation, with(&right_body(operation, &ann), name, text)).await;
                reply.refused(400, "malformed_request");
            }
        }
    }
}

#[tokio::test]
async fn what_is_not_one_json_object_is_refused_by_every_route() {
    let app = TestApp::new().await;
    let (ann, content) = somebody(&app).await;
    let deep = |open: &str, levels: usize| format!("{{\"note\":{}", open.repeat(levels));
    let bombs = [deep("[", 60_000), deep("{\"a\":", 12_000), format!("{}1}}", deep("[", 40)), "[".repeat(65_000)];
    let texts = [
        "[]",
        "[{}]",
        "1",
        "1.5",
        "null",
        "true",
        "\"x\"",
        "{",
        "}",
        "{]",
        "{}{}",
        "{} x",
        "{,}",
        "{\"a\"}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":1,}",
        "// {}",
        "/**/{}",
        "\u{feff}{}",
        "\u{0}",
        " ",
        "\n",
        "a=b",
        "<a/>",
        "{\"\":{\"\":{\"\":",
        "\u{1f4b8}",
        "undefined",
        "NaN",
        "{\"a\":1,\"a\":1}",
        "{\"a\":01}",
    ];
    let bytes: [&[u8]; 6] = [
        b"{\"email\":\"\xff\"}",
        b"\xff\xfe{\x00}\x00",
        b"{\"a\":\"\xc3\"}",
        b"\x00\x00",
        b"{\"\xf0\x9f\":1}",
        b"\x1f\x8b\x08",
    ];
    let mut bodies: Vec<Vec<u8>> = bytes.iter().map(|bytes| bytes.to_vec()).collect();
    bodies.extend(texts.iter().map(|text| text.as_bytes().to_vec()));
    bodies.extend(bombs.map(String::into_bytes));
    for operation in &writes(&app) {
        for body in &bodies {
            let call = ann.call(operation.method.clone(), path(&ann, &content, operation).await);
            let reply = call.fresh_key().text(body.clone()).send().await;
            reply.refused(400, "malformed_request");
        }
        if operation.body.as_ref().is_some_and(|schema| schema.contains_key("required")) {
            ann.call(operation.method.clone(), path(&ann, &content, operation).await)
                .fresh_key()
                .send()
                .await
                .refused(400, "invalid_request");
        }
    }
    assert_eq!(ann.sessions().await.len(), 1);
}

#[tokio::test]
async fn nesting_ends_at_thirty_two_levels_on_every_route() {
    let app = TestApp::new().await;
    let (ann, content) = somebody(&app).await;
    // The outermost level is the body itself.
    let nested = |levels: usize| format!("{{\"x\":{}1{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    let objects = |levels: usize| format!("{}1{}", "{\"x\":".repeat(levels), "}".repeat(levels));
    for operation in &writes(&app) {
        let path = path(&ann, &content, operation).await;
        let send = |body: String| ann.call(operation.method.clone(), &path).fresh_key().text(body).send();
        for levels in [33, 100, 127, 128, 129, 5_000] {
            send(nested(levels)).await.refused(400, "malformed_request");
            send(objects(levels)).await.refused(400, "malformed_request");
        }
        send(nested(32)).await.refused(400, "invalid_request");
        send(objects(32)).await.refused(400, "invalid_request");
    }
}

#[tokio::test]
async fn a_member_that_does_not_exist_is_refused_by_every_route() {
    let app = TestApp::new().await;
    let (ann, content) = somebody(&app).await;
    for operation in &writes(&app) {
        let path = path(&ann, &content, operation).await;
        let role = (!operation.path.starts_with("/api/admin/users/")).then_some("role");
        for name in role.into_iter().chain([
            "id",
            "user_id",
            "balance_cents",
            "is_admin",
            "__proto__",
            "constructor",
            "",
            "a/b~c",
            "💸",
        ]) {
            let mut body = operation.body.as_ref().map(|_| right_body(operation, &ann)).unwrap_or_default();
            body.insert(name.to_owned(), "admin".into());
            let call = ann.call(operation.method.clone(), &path).fresh_key().text(Value::Object(body).to_string());
            let reply = call.send().await.refused(400, "invalid_request");
            assert_eq!(reply.json()["errors"][0]["pointer"], format!("/{name}"), "{reply}");
        }
    }
    assert_eq!(ann.get("/api/users/me").send().await.done(200).json()["role"], "admin");
}
