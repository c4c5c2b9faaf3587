//! What administrators see and do, and that nobody else does.

mod audit_logs;
mod holds;
mod jobs;
mod reconciliations;
mod transactions;
mod users;
mod wallets;

use crate::harness::{Person, TestApp};
use serde_json::Value;

/// Every line of a list, page by page.
async fn every_line(person: &Person, path: &str, limit: usize) -> Vec<Value> {
    let join = if path.contains('?') { '&' } else { '?' };
    let (mut lines, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = person.get(format!("{path}{join}limit={limit}{cursor}")).send().await.done(200).json();
        let data = page["data"].as_array().unwrap();
        assert!(data.len() <= limit);
        lines.extend(data.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return lines,
        }
    }
}

/// One member of every line, as text.
fn column(lines: &[Value], name: &str) -> Vec<String> {
    lines.iter().map(|line| line[name].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn the_role_is_read_at_each_request() {
    let app = TestApp::new().await;
    let (root, ann) = (app.admin("root").await, app.user("ann").await);
    ann.get("/api/admin/users").send().await.refused(403, "forbidden");
    app.get("/api/admin/users").send().await.refused(401, "unauthenticated");
    let path = format!("/api/admin/users/{}", ann.id);
    root.patch(&path).json(serde_json::json!({ "role": "admin" })).send().await.done(200);
    ann.get("/api/admin/users").send().await.done(200);
    root.patch(&path).json(serde_json::json!({ "role": "creator" })).send().await.done(200);
    let refused = ann.get("/api/admin/users").send().await.refused(403, "forbidden");
    assert!(refused.json()["detail"].as_str().unwrap().contains("administrators"), "{refused}");
}
