//! Thousands of random requests over every route: none of them breaks the server, and each answer passes the
//! checks that the harness makes of all answers.

use crate::harness::{Call, Operation, PASSWORD, Person, TestApp, operations};
use axum::http::Method;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value};

const CASES: u32 = 3_000;

/// One request, as random as it may be and still be one.
#[derive(Clone, Debug)]
struct Shot {
    route: usize,
    method: Option<&'static str>,
    id: String,
    query: Option<String>,
    credential: Credential,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Credential {
    Good,
    Bad,
    None,
}

const MEMBERS: &[&str] = &[
    "email",
    "password",
    "username",
    "refresh_token",
    "current_password",
    "new_password",
    "to_user_id",
    "amount_cents",
    "note",
    "provider",
    "idempotency_key",
    "idempotencyKey",
    "role",
    "type",
    "title",
    "description",
    "price_cents",
    "subscriber_only",
    "media_url",
    "preview_url",
    "is_active",
];

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (1..100_i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[a-z]{2,12}@[a-z]{2,12}\\.com".prop_map(Value::from),
        "(usr|tx|ses|wal)_[0-7][0-9a-hjkmnp-tv-z]{25}".prop_map(Value::from),
        "sar_[A-Za-z0-9_-]{43}".prop_map(Value::from),
        Just(Value::from("sandbox")),
        Just(Value::from(PASSWORD)),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec(("[a-z]{1,5}", inner), 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_object() -> impl Strategy<Value = Vec<u8>> {
    vec((proptest::sample::select(MEMBERS), any_value()), 0..6).prop_map(|members| {
        let object: Map<String, Value> = members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Value::Object(object).to_string().into_bytes()
    })
}

/// A value that is often right for a member of this name.
fn fitting_value(name: &str) -> impl Strategy<Value = Value> + use<> {
    let right = match name {
        "email" => "[a-z]{2,12}@[a-z]{2,12}\\.com".prop_map(Value::from).boxed(),
        "amount_cents" | "price_cents" => (1..100_i64).prop_map(Value::from).boxed(),
        "type" => Just(Value::from("video")).boxed(),
        "media_url" | "preview_url" => "https://[a-z]{2,12}\\.com/[a-z]{0,9}".prop_map(Value::from).boxed(),
        "subscriber_only" | "is_active" => any::<bool>().prop_map(Value::from).boxed(),
        "provider" => Just(Value::from("sandbox")).boxed(),
        "username" => "[a-z]{2,12}".prop_map(Value::from).boxed(),
        "to_user_id" => "usr_[0-7][0-9a-hjkmnp-tv-z]{25}".prop_map(Value::from).boxed(),
        "refresh_token" => "sar_[A-Za-z0-9_-]{43}".prop_map(Value::from).boxed(),
        _ => "[a-z ]{8,40}".prop_map(Value::from).boxed(),
    };
    prop_oneof![6 => right, 1 => any_value()]
}

/// A body that is often right for a route with these members.
fn fitting_body(members: &[String]) -> impl Strategy<Value = Vec<u8>> + use<> {
    let member = |name: &String| (Just(name.clone()), proptest::option::weighted(0.9, fitting_value(name)));
    members.iter().map(member).collect::<Vec<_>>().prop_map(|members| {
        let object: Map<String, Value> = members.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        Value::Object(object).to_string().into_bytes()
    })
}

fn any_body(members: &[String]) -> impl Strategy<Value = Vec<u8>> + use<> {
    // A right body with a few bytes changed is more dangerous than noise.
    let damaged = (fitting_body(members), vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4)).prop_map(
        |(mut body, changes): (Vec<u8>, Vec<(proptest::sample::Index, u8)>)| {
            for (index, byte) in changes {
                let index = index.index(body.len());
                body[index] = byte;
            }
            body
        },
    );
    let json = any_value().prop_map(|value| value.to_string().into_bytes());
    prop_oneof![6 => fitting_body(members), 2 => any_object(), 2 => damaged, 1 => json, 1 => vec(any::<u8>(), 0..200), 1 => Just(Vec::new())]
}

fn any_headers() -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> {
    // Every byte that a header value may have.
    let value = vec(prop_oneof![Just(b'\t'), 0x20..0x7f_u8, 0x80..=0xff_u8], 0..40);
    let media = prop_oneof![8 => Just(b"application/json".to_vec()), 1 => value.clone()];
    let key = prop_oneof![3 => "[a-c]{1,2}".prop_map(String::into_bytes), 1 => value.clone()];
    let name = proptest::sample::select(
        ["idempotency-key", "authorization", "x-request-id", "user-agent", "content-type", "accept", "x-forwarded-for"]
            .as_slice(),
    );
    let rest = vec((name, value), 0..3);
    (proptest::option::weighted(0.9, media), proptest::option::weighted(0.7, key), rest).prop_map(
        |(media, key, rest)| {
            let named =
                media.map(|media| ("content-type", media)).into_iter().chain(key.map(|key| ("idempotency-key", key)));
            named.chain(rest).collect()
        },
    )
}

fn any_shot(routes: Vec<Vec<String>>) -> impl Strategy<Value = Shot> {
    let method = proptest::option::weighted(
        0.1,
        proptest::sample::select(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "X"].as_slice()),
    );
    let id = prop_oneof![
        "[!$&'()*+,;=:@A-Za-z0-9._~-]{0,40}",
        "(%[0-9a-f]{2}){1,8}",
        "(ses|tx|usr|cnt)_[0-7][0-9a-hjkmnp-tv-z]{25}"
    ];
    let name = proptest::sample::select(
        ["type", "status", "from", "to", "limit", "cursor", "q", "sort", "creator_id", "content_id", "x", ""]
            .as_slice(),
    );
    let pair = (name, prop_oneof!["[A-Za-z0-9:._~-]{0,30}", "(%[0-9a-f]{2}){0,8}"])
        .prop_map(|(name, value)| format!("{name}={value}"));
    let query = proptest::option::weighted(0.4, vec(pair, 0..4).prop_map(|pairs| pairs.join("&")));
    let credential = prop_oneof![8 => Just(Credential::Good), 1 => Just(Credential::Bad), 1 => Just(Credential::None)];
    let body = (0..routes.len()).prop_flat_map(move |route| (Just(route), any_body(&routes[route])));
    (body, method, id, query, credential, any_headers()).prop_map(
        |((route, body), method, id, query, credential, headers)| Shot {
            route,
            method,
            id,
            query,
            credential,
            headers,
            body,
        },
    )
}

fn call(app: &TestApp, person: &Person, operation: &Operation, shot: &Shot) -> Call {
    let method = shot.method.map_or(operation.method.clone(), |name| name.parse::<Method>().unwrap());
    let mut path = operation.path.replace("{id}", &shot.id).replace("{tx_id}", &shot.id).replace("{tier}", "yearly");
    if let Some(query) = &shot.query {
        path = format!("{path}?{query}");
    }
    let call = match shot.credential {
        Credential::Good => person.call(method, path),
        Credential::Bad => app.call(method, path).bearer("garbage"),
        Credential::None => app.call(method, path),
    };
    shot.headers.iter().fold(call, |call, (name, value)| call.header(name, value)).body(shot.body.clone())
}

#[test]
fn no_request_however_random_breaks_the_server() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();
    let (app, ann) = runtime.block_on(async {
        let app = TestApp::new().await;
        let ann = app.rich("ann", 1_000_000).await;
        (app, ann)
    });
    let operations = operations(&app);
    let members = |operation: &Operation| {
        let properties = operation.body.as_ref().and_then(|schema| schema["properties"].as_object());
        properties.map_or_else(Vec::new, |properties| properties.keys().cloned().collect())
    };
    let shots = any_shot(operations.iter().map(members).collect());
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let statuses = std::cell::RefCell::new(std::collections::BTreeMap::<u16, u32>::new());
    let outcome = runner.run(&shots, |shot| {
        let reply = runtime.block_on(async {
            // Some of them sign out, so each comes from a session of its own.
            let person = app.another_session(&ann).await;
            call(&app, &person, &operations[shot.route], &shot).send().await
        });
        *statuses.borrow_mut().entry(reply.status).or_default() += 1;
        proptest::prop_assert!(reply.status < 500, "{}", reply);
        Ok(())
    });
    outcome.unwrap();
    let statuses = statuses.into_inner();
    for status in [200, 201, 204, 400, 401, 404, 405, 415] {
        assert!(statuses.contains_key(&status), "no random request reached a {status}: {statuses:?}");
    }
}
