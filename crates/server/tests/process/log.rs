//! The one line that the log has of each request, and the files that it may be kept in. In a process of its own, because the places in the code that
//! log are known to a whole process at once, whichever test listens.

use crate::client::Client;
use crate::server::{GLANCE, Server};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const WRITTEN_WITHIN: Duration = Duration::from_secs(10);

/// Every line of a log is one object.
fn lines(log: &str) -> Vec<Value> {
    log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// The status and the code of each request in a log that was refused.
fn refusals(log: &str) -> Vec<(u64, Option<String>)> {
    let requests = lines(log).into_iter().filter(|line| line["message"] == "request" && line["level"] != "INFO");
    requests.map(|line| (line["status"].as_u64().unwrap(), line["code"].as_str().map(str::to_owned))).collect()
}

#[tokio::test]
async fn a_refusal_is_logged_with_its_code_whoever_made_its_answer() {
    let directory = tempfile::tempdir().unwrap();
    let settings = [("SUPERAPP_LOG__LEVEL", "info"), ("SUPERAPP_LOG__FORMAT", "json")];
    let server = Server::start(directory.path(), &settings).await;
    let mut client = Client::connect(server.address).await.unwrap();
    let (ann, bob) = (client.newcomer("ann", 100).await, client.newcomer("bob", 100).await);
    // By the ledger, which stores it, and again from the store.
    for _ in 0..2 {
        let answer = client.transfer(&ann.token, "a", (&bob.id, 101, "")).await.unwrap();
        assert_eq!(answer.body["code"], "insufficient_funds", "{}", answer.body);
    }
    // By a layer, and by an operation that stores its denial.
    let answer = client.transfer(&ann.token, "", (&bob.id, 1, "")).await.unwrap();
    assert_eq!(answer.body["code"], "idempotency_key_invalid", "{}", answer.body);
    let wrong = json!({ "current_password": "not this one", "new_password": "another horse battery" });
    let answer = client.post("/api/auth/password", &ann.token, "b", &wrong).await.unwrap();
    assert_eq!(answer.body["code"], "wrong_password", "{}", answer.body);
    client.transfer(&ann.token, "c", (&bob.id, 1, "")).await.unwrap();
    // Lines gather for a moment before they are written.
    let since = Instant::now();
    while !server.log().contains("wrong_password") {
        assert!(since.elapsed() < WRITTEN_WITHIN, "{}", server.log());
        sleep(GLANCE).await;
    }
    let log = server.log();
    server.stop().await;
    let expected = [
        (402, "insufficient_funds"),
        (402, "insufficient_funds"),
        (400, "idempotency_key_invalid"),
        (422, "wrong_password"),
    ];
    assert_eq!(refusals(&log), expected.map(|(status, code)| (status, Some(code.to_owned()))), "{log}");
}

#[tokio::test]
async fn what_was_told_until_the_end_is_in_the_files_and_a_start_puts_them_away() {
    let directory = tempfile::tempdir().unwrap();
    let logs = directory.path().join("logs");
    let settings = [("SUPERAPP_LOG__LEVEL", "info"), ("SUPERAPP_LOG__DIRECTORY", logs.to_str().unwrap())];
    for _ in 0..2 {
        let server = Server::start(directory.path(), &settings).await;
        let mut client = Client::connect(server.address).await.unwrap();
        let answer = client.get("/nowhere", "").await.unwrap();
        assert_eq!(answer.status, 404);
        server.stop().await;
        let kept = lines(&std::fs::read_to_string(logs.join("combined.log")).unwrap());
        assert_eq!(kept.iter().filter(|line| line["code"] == "route_not_found").count(), 1, "{kept:?}");
        assert_eq!(kept.last().unwrap()["message"], "stopped");
        assert_eq!(std::fs::read_to_string(logs.join("error.log")).unwrap(), "");
    }
    let names = std::fs::read_dir(&logs).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.starts_with("combined.log.") && name.ends_with(".gz")).count(), 1);
}
