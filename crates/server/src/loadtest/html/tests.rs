//! That the page has what it should, and nothing from elsewhere.

use super::page;
use crate::loadtest::Options;
use crate::loadtest::client::Target;
use crate::loadtest::plan::{Mix, Plan, Scenario, quick};
use crate::loadtest::record::{Outcome, Recorder, Sample};
use crate::loadtest::report::{Reconciliation, Report, Thresholds};
use domain::timestamp::Timestamp;
use serde_json::json;
use std::time::Duration;

fn options(p99_micros: u64) -> Options {
    let thresholds = Thresholds { p95_micros: p99_micros, p99_micros, failed_permille: 10, unavailable_permille: 0 };
    Options {
        target: Target::parse("http://127.0.0.1:8080").unwrap(),
        profile: "quick".to_owned(),
        phases: quick(),
        find_limit: None,
        seed: 1,
        admin: None,
        thresholds,
        sign_in: Thresholds {
            p95_micros: u64::MAX,
            p99_micros: u64::MAX,
            failed_permille: 10,
            unavailable_permille: 500,
        },
        timeout: Duration::from_secs(1),
    }
}

/// A run in which each arrival is one request; `failed` in a hundred fail, and sign-in has no room for `busy`.
fn report(p99_micros: u64, failed: usize, busy: usize) -> Report {
    let (options, plan) = (options(p99_micros), Plan::new(&quick(), Mix::Everything, 1));
    let mut report = Report::new(&options, "<1.0>".to_owned(), Timestamp::from_micros(1_790_000_000_000_000));
    let recorder = Recorder::new(&plan).unwrap();
    for (number, arrival) in plan.arrivals.iter().enumerate() {
        let scenario = arrival.scenario;
        let outcome = match number % 100 {
            at if at < failed => Outcome::Failed("500 <script>".to_owned()),
            at if scenario == Scenario::SignIn && at < busy => Outcome::Unavailable,
            99 => Outcome::Limited,
            _ => Outcome::Good,
        };
        let waited = Duration::from_micros(900 + 10 * u64::try_from(number % 50).unwrap());
        let (due, phase) = (arrival.at, arrival.phase);
        recorder.add(&Sample { phase, scenario, route: "GET /a", due, waited, outcome });
    }
    report.add(&plan, &recorder.take(), Duration::from_millis(1));
    report.reconciliation = Reconciliation::Clean(json!({ "transactions": 1, "wallets": 2 }));
    report.judge();
    report
}

#[test]
fn a_page_needs_nothing_from_elsewhere_and_shows_every_scenario_phase_and_route() {
    let report = report(500_000, 0, 0);
    assert!(report.passed, "{}", report.text());
    let page = page(&report);
    for wanted in ["Passed", "sign-in", "subscriptions", "spike", "GET /a", "clean", "polyline", "&lt;1.0&gt;"] {
        assert!(page.contains(wanted), "{wanted}");
    }
    for unwanted in ["<script", "src=", "href=", "url(", "@import", "<1.0>"] {
        assert!(!page.contains(unwanted), "{unwanted}");
    }
    // What is not shown is the address of the target alone.
    assert_eq!(page.matches("http").count(), page.matches("http://127.0.0.1:8080").count());
}

#[test]
fn what_is_broken_is_named_and_fails_the_run() {
    let slow = report(1_000, 0, 0);
    assert!(!slow.passed && slow.text().contains("p99 1.39 ms is not below 1.00 ms"), "{}", slow.text());
    let failing = report(500_000, 3, 0);
    assert!(!failing.passed && failing.text().contains("times 500 <script>"), "{}", failing.text());
    assert!(page(&failing).contains("500 &lt;script&gt;") && page(&failing).contains("Failed"));
}

#[test]
fn limits_are_no_failures_and_busy_sign_ins_are_counted_apart() {
    let report_with = |busy| report(500_000, 0, busy);
    assert!(report_with(40).passed, "{}", report_with(40).text());
    let busy = report_with(60);
    assert!(!busy.passed && busy.text().contains("answered with 503, not below 50 %"), "{}", busy.text());
    let limited: u64 = report_with(0).scenarios.iter().map(|scenario| scenario.line.limited).sum();
    assert_eq!(limited, 49);
}

#[test]
fn a_ledger_that_does_not_add_up_fails_the_run_and_one_that_was_not_looked_at_does_not() {
    let mut report = report(500_000, 0, 0);
    for (reconciliation, passes) in [
        (Reconciliation::Skipped, true),
        (Reconciliation::Discrepancies(json!({ "discrepancies": [{ "code": "imbalance" }] })), false),
        (Reconciliation::Failed("nobody knows".to_owned()), false),
    ] {
        report.reconciliation = reconciliation;
        report.judge();
        assert_eq!(report.passed, passes, "{}", report.text());
    }
}
