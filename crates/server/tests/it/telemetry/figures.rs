//! What `GET /metrics` answers: every name is explained, has a unit and is documented, and nothing is documented that is
//! not there.

use super::recording::{count, figures};
use crate::harness::TestApp;
use crate::tidy::source::{files, read};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use superapp::http::metrics::{Kind, METRICS};
use superapp::jobs::{JOBS, run_due};

const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    }
}

#[tokio::test]
async fn every_figure_is_explained_and_named_as_prometheus_has_it() {
    count();
    let app = TestApp::with(&[("SUPERAPP_RATE_LIMITS__ENABLED", "true")]).await;
    let (ann, bob) = (app.rich("ann", 100).await, app.user("bob").await);
    let pay = || ann.post("/api/wallet/transfer").json(json!({ "to_user_id": bob.id.to_string(), "amount_cents": 5 }));
    pay().key("one").send().await.done(201);
    assert!(pay().key("one").send().await.is_replay());
    let poor = bob.post("/api/wallet/transfer").json(json!({ "to_user_id": ann.id.to_string(), "amount_cents": 50 }));
    poor.fresh_key().send().await.refused(402, "insufficient_funds");
    for _ in 0..20 {
        ann.get("/api/wallet/balance").send().await;
    }
    assert!(run_due(&app, JOBS).await.unwrap().contains(&"reconcile"));
    let text = figures(&app).await;
    let mut kinds = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split(' ');
        match (words.next(), words.next()) {
            (Some("#"), Some("TYPE")) => {
                kinds.insert(words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
            }
            (Some("#"), Some("HELP")) => assert!(words.clone().count() > 1, "{line}"),
            _ => {}
        }
    }
    for (name, kind) in &kinds {
        let known = METRICS.iter().find(|(known, ..)| known == name);
        let (_, known, meaning) = known.unwrap_or_else(|| panic!("{name} is not in the table"));
        assert_eq!(word(*known), kind, "{name}");
        assert!(text.contains(&format!("# HELP {name} {meaning}\n")), "{name} is not explained");
    }
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        assert!(
            kinds.contains_key(name)
                || base.is_some_and(|base| kinds.get(base).is_some_and(|kind| kind == "histogram")),
            "{line}"
        );
    }
    for sample in [
        "http_requests_total{method=\"POST\",route=\"/api/wallet/transfer\",status=\"402\"}",
        "rate_limit_decisions_total{tier=\"free\",decision=\"accepted\"",
        "rate_limit_decisions_total{tier=\"free\",decision=\"rejected\"",
        "idempotency_outcomes_total{outcome=\"executed\"}",
        "idempotency_outcomes_total{outcome=\"replayed\"}",
        "ledger_refusals_total{code=\"insufficient_funds\"}",
        "ledger_imbalance_cents ",
        "wallet_balance_cents{kind=\"user\"}",
        "reconciliation_last_success_timestamp_seconds ",
        "job_runs_total{job=\"reconcile\",outcome=\"done\"}",
        "job_last_success_timestamp_seconds{job=\"reconcile\"}",
        "job_duration_seconds_bucket{job=\"reconcile\"",
        "database_connections{pool=\"reader\",state=\"idle\"}",
        "ledger_queue_wait_seconds_bucket{le=\"0.0005\"}",
    ] {
        assert!(text.lines().any(|line| line.starts_with(sample)), "{sample} is not in\n{text}");
    }
    if let Ok(path) = std::env::var("METRICS_TO") {
        std::fs::write(path, text).unwrap();
    }
}

#[test]
fn names_have_the_units_that_prometheus_asks_for() {
    for (name, kind, meaning) in METRICS {
        let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
        assert_eq!(*kind == Kind::Counter, ends(&["_total"]), "{name}");
        assert!(*kind != Kind::Histogram || ends(&["_seconds", "_size", "_bytes"]), "{name} has no unit");
        assert!(!ends(&["_milliseconds", "_ms", "_minutes", "_kib", "_count", "_sum", "_bucket"]), "{name}");
        assert!(meaning.len() > 5 && !meaning.ends_with('.') && !meaning.contains('\n'), "{name}");
    }
    let names: Vec<&str> = METRICS.iter().map(|(name, ..)| *name).collect();
    assert!(names.is_sorted(), "in the order of the alphabet, each once");
}

/// The names in the calls that count something.
fn counted() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in files("crates/server/src", "rs") {
        for call in ["counter!(", "gauge!(", "histogram!("] {
            for rest in file.text.split(call).skip(1) {
                if let Some(name) = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next()) {
                    names.insert(name.to_owned());
                }
            }
        }
    }
    names
}

#[test]
fn what_is_counted_is_in_the_table_and_the_table_is_in_the_documentation() {
    let table: BTreeSet<String> = METRICS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(counted(), table, "http/metrics/table.rs lists what the code counts");
    let rows = read("docs/metrics.md");
    let rows = rows.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let documented: BTreeSet<String> =
        rows.map(|(name, rest)| format!("{name} {}", rest.split(' ').next().unwrap())).collect();
    let expected: BTreeSet<String> = METRICS.iter().map(|(name, kind, _)| format!("{name} {}", word(*kind))).collect();
    assert_eq!(documented, expected, "docs/metrics.md lists every metric with its kind");
}
