//! The one line that the log has of each request. In a process of its own, because the places in the code that
//! log are known to a whole process at once, whichever test listens.

use crate::client::Client;
use crate::server::Server;
use serde_json::{Value, json};

/// The status and the code of each request in a log.
fn requests(log: &str) -> Vec<(u64, Option<String>)> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let requests = lines.filter(|line| line["message"] == "request");
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
    // A success is not worth a line at this level.
    client.transfer(&ann.token, "c", (&bob.id, 1, "")).await.unwrap();
    let log = server.log();
    server.stop().await;
    let expected = [
        (402, "insufficient_funds"),
        (402, "insufficient_funds"),
        (400, "idempotency_key_invalid"),
        (422, "wrong_password"),
    ];
    assert_eq!(requests(&log), expected.map(|(status, code)| (status, Some(code.to_owned()))), "{log}");
}
