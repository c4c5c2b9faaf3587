//! The line of a request: one for each, with what it must have and nothing that it must not.

use super::recording::Recording;
use crate::harness::{OddBody, TestApp, unique};
use axum::http::Method;
use serde_json::{Value, json};
use superapp::jobs::{JOBS, run_due};

fn only(lines: &[Value]) -> &Value {
    let requests: Vec<&Value> = lines.iter().filter(|line| line["message"] == "request").collect();
    let [line] = requests.as_slice() else { panic!("{lines:#?}") };
    line
}

#[tokio::test]
async fn a_request_has_one_line_with_everything_that_is_asked_for_later() {
    let lines = Recording::start();
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 100).await, app.user("bob").await);
    let id = unique("request-id");
    let call = ann
        .post("/api/wallet/transfer?secret=query")
        .json(json!({ "to_user_id": bob.id.to_string(), "amount_cents": 5, "note": "a private note" }));
    call.fresh_key()
        .header("x-request-id", &id)
        .header("user-agent", "app/1.0")
        .peer("203.0.113.9:5000")
        .send()
        .await
        .done(201);
    let told = lines.of(&id);
    let line = only(&told);
    let user = ann.id.to_string();
    for (name, value) in [
        ("level", "INFO"),
        ("target", "superapp::http"),
        ("method", "POST"),
        ("route", "/api/wallet/transfer"),
        ("address", "203.0.113.9"),
        ("user_agent", "app/1.0"),
        ("user_id", user.as_str()),
    ] {
        assert_eq!(line[name], value, "{line:#}");
    }
    assert_eq!(line["status"], 201);
    assert!(line["duration_ms"].as_f64().unwrap() > 0.0);
    assert!(line["time"].as_str().unwrap().ends_with('Z') && line.get("code").is_none() && line.get("error").is_none());
    let all = format!("{told:?}");
    assert!(!all.contains("query") && !all.contains("a private note"), "{all}");
}

#[tokio::test]
async fn levels_follow_the_status_and_refusals_have_their_code() {
    let lines = Recording::start();
    let mut app = TestApp::new().await;
    let ann = app.user("ann").await;
    let (poor, lost, nobody, gone) =
        (unique("request-id"), unique("request-id"), unique("request-id"), unique("request-id"));
    let body = json!({ "to_user_id": ann.id.to_string(), "amount_cents": 5 });
    ann.post("/api/wallet/transfer")
        .json(body)
        .fresh_key()
        .header("x-request-id", &poor)
        .send()
        .await
        .refused(422, "self_transfer");
    app.get("/nowhere/eyJhbGciOiJIUzI1NiJ9.e30.x")
        .header("x-request-id", &lost)
        .send()
        .await
        .refused(404, "route_not_found");
    app.call(Method::GET, "/api/users/me").header("x-request-id", &nobody).send().await.refused(401, "unauthenticated");
    for (id, route, code) in [
        (&poor, "/api/wallet/transfer", "self_transfer"),
        (&lost, "unmatched", "route_not_found"),
        (&nobody, "/api/users/me", "unauthenticated"),
    ] {
        let told = lines.of(id);
        let line = only(&told);
        assert_eq!((&line["level"], &line["route"], &line["code"]), (&"WARN".into(), &route.into(), &code.into()));
    }
    app.lose_the_database().await;
    ann.get("/api/wallet/balance").header("x-request-id", &gone).send().await.refused(503, "overloaded");
    let told = lines.of(&gone);
    let line = only(&told);
    assert_eq!((&line["level"], &line["error"]), (&"ERROR".into(), &"the database is closed".into()));
}

#[tokio::test]
async fn the_lines_of_a_job_bear_the_id_of_their_run() {
    let lines = Recording::start();
    let app = TestApp::new().await;
    let renew: Vec<_> = JOBS.iter().filter(|job| job.name == "sweep").copied().collect();
    let failing = superapp::jobs::Job {
        run: |_| Box::pin(async { Err(superapp::store::StoreError::Broken("it is a test")) }),
        ..renew[0]
    };
    assert_eq!(run_due(&app, &[failing]).await.unwrap(), ["sweep"]);
    let told: Vec<Value> = lines.texts().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ours = |line: &&Value| line["job"] == "sweep" && line["error"] == "the unit of work is broken: it is a test";
    let line = told.iter().find(ours).unwrap();
    assert!(line["request_id"].as_str().unwrap().starts_with("job-"), "{line}");
}

#[tokio::test]
async fn a_slow_statement_is_told_in_its_request_without_its_values() {
    let lines = Recording::start();
    let place = crate::place::Place::new();
    let options = superapp::store::Options { slow_query: Some(std::time::Duration::ZERO), ..crate::place::options() };
    let database = superapp::store::Database::open(&place.location, &options).unwrap();
    let id = unique("request-id");
    let span = tracing::error_span!(target: "superapp::http", "request", request_id = id);
    let asked = tracing::Instrument::instrument(
        async {
            let wanted = "a value that is nobody's business".to_owned();
            database.read(move |view| superapp::store::wallets::other_currency(view, &wanted)).await.unwrap()
        },
        span,
    );
    asked.await;
    database.close().await;
    let told = lines.of(&id);
    let line = told.iter().find(|line| line["message"] == "a slow statement").unwrap();
    assert!(line["statement"].as_str().unwrap().contains("wallets") && line["level"] == "WARN", "{line}");
    assert!(!format!("{told:?}").contains("nobody's business"));
}

#[tokio::test]
async fn what_a_database_says_about_an_error_repeats_no_row() {
    let place = crate::place::Place::new();
    let database = superapp::store::Database::open(&place.location, &crate::place::options()).unwrap();
    let refused = |work: &mut superapp::store::Work<'_>| {
        // A user's wallet without a user.
        let text = "INSERT INTO wallets (id, kind, status, currency, balance_cents, created_at) \
            VALUES ($1, 'user', 'active', $2, 0, 0)";
        work.execute(text, &[uuid::Uuid::from_u128(0x5ec2e7).into(), "KnR".into()])
    };
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(5);
    let error = database.write(refused, deadline).await.unwrap_err();
    database.close().await;
    let told = superapp::telemetry::line::chain(&error);
    assert!(told.starts_with("the database refused a statement: "), "{told}");
    assert!(!told.contains("KnR") && !told.contains("5ec2e7") && !told.contains('\n'), "{told}");
}

#[tokio::test]
async fn a_client_that_does_not_wait_has_a_line_too() {
    let lines = Recording::start();
    let app = TestApp::new().await;
    let id = unique("request-id");
    let call = app.post("/api/auth/login").body(OddBody::NeverEnds).header("x-request-id", &id).send();
    tokio::select! {
        biased;
        _ = call => panic!("its body never ends"),
        // Polled once, and then given up.
        () = std::future::ready(()) => {}
    }
    let told = lines.of(&id);
    let [line] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(line["message"], "the client did not wait for its answer");
    assert_eq!((&line["route"], line.get("status")), (&"/api/auth/login".into(), None));
}
