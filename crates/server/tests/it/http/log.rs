//! The one line that the log has of each request.

use crate::harness::TestApp;
use serde_json::Value;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

/// Lines that are kept.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// The status and the code of each request.
    fn requests(&self) -> Vec<(u64, Option<String>)> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let requests = lines.filter(|line| line["message"] == "request");
        requests.map(|line| (line["status"].as_u64().unwrap(), line["code"].as_str().map(str::to_owned))).collect()
    }
}

#[tokio::test]
async fn a_refusal_is_logged_with_its_code_whoever_made_its_answer() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 100).await, app.user("bob").await);
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || writer.clone()).finish();
    // The whole server runs on this thread.
    let _listening = tracing::subscriber::set_default(subscriber);
    // By the ledger, which stores it, and again from the store.
    ann.transfer(&bob, 101).key("a").send().await.refused(402, "insufficient_funds");
    ann.transfer(&bob, 101).key("a").send().await.refused(402, "insufficient_funds");
    // By a layer, and by an operation that stores its denial.
    ann.transfer(&bob, 1).send().await.refused(400, "idempotency_key_required");
    let wrong = serde_json::json!({"current_password": "not this one", "new_password": "another horse battery"});
    ann.call(axum::http::Method::POST, "/api/auth/password")
        .key("b")
        .json(wrong)
        .send()
        .await
        .refused(422, "wrong_password");
    // A success is not worth a line at this level.
    ann.transfer(&bob, 1).key("c").send().await.done(201);
    let expected = [
        (402, "insufficient_funds"),
        (402, "insufficient_funds"),
        (400, "idempotency_key_required"),
        (422, "wrong_password"),
    ];
    assert_eq!(lines.requests(), expected.map(|(status, code)| (status, Some(code.to_owned()))));
}
