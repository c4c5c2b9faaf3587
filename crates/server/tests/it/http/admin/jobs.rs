//! Background work: once when it is due, by one of several processes, and what became of it.

use super::{column, every_line};
use crate::harness::{TestApp, together};
use domain::timestamp::Span;
use serde_json::{Value, json};
use superapp::jobs::{JOBS, LEASE, RETRY, run_due};
use superapp::store::{Work, jobs};
use tokio::time::Instant;

const PATH: &str = "/api/admin/jobs";
const RESULTS: &str = "/api/admin/reconciliations";

/// A server without the jobs of subscriptions, which have tests of their own.
async fn quiet(settings: &[(&str, &str)]) -> TestApp {
    TestApp::with(&[settings, &[("SUPERAPP_SUBSCRIPTIONS__JOB_SECONDS", "0")]].concat()).await
}

async fn job(root: &crate::harness::Person, name: &str) -> Value {
    let lines = every_line(root, PATH, 100).await;
    lines.into_iter().find(|line| line["name"] == name).unwrap()
}

#[tokio::test]
async fn what_is_due_runs_once_and_again_after_its_interval() {
    let app = quiet(&[]).await;
    let root = app.admin("root").await;
    assert_eq!(every_line(&root, PATH, 100).await, [] as [Value; 0]);
    assert_eq!(run_due(&app, JOBS).await.unwrap(), ["sweep", "reconcile"]);
    assert_eq!(run_due(&app, JOBS).await.unwrap(), [""; 0]);
    let expected = json!({
        "name": "reconcile", "is_running": false, "last_run_at": "2027-01-15T08:00:00Z",
        "last_finished_at": "2027-01-15T08:00:00Z", "last_outcome": "done", "next_run_at": "2027-01-15T09:00:00Z",
        "runs": 1, "failures": 0,
    });
    assert_eq!(job(&root, "reconcile").await, expected);
    app.advance(Span::seconds(300));
    assert_eq!(run_due(&app, JOBS).await.unwrap(), ["sweep"]);
    app.advance_almost(Span::seconds(3_300));
    assert_eq!(run_due(&app, JOBS).await.unwrap(), ["sweep"]);
    app.advance(Span::MICROSECOND);
    assert_eq!(run_due(&app, JOBS).await.unwrap(), ["reconcile"]);
    // After downtime each runs once, and not once for each interval that was missed.
    app.advance(Span::days(2));
    assert_eq!(run_due(&app, JOBS).await.unwrap(), ["sweep", "reconcile"]);
    assert_eq!(run_due(&app, JOBS).await.unwrap(), [""; 0]);
    let root = root.sign_in().await;
    assert_eq!(job(&root, "reconcile").await["runs"], 3);
    assert_eq!(column(&every_line(&root, PATH, 100).await, "name"), ["reconcile", "sweep"]);
}

#[tokio::test]
async fn a_scheduled_reconciliation_is_kept_without_anybody_who_asked() {
    let mut app = quiet(&[]).await;
    let (root, ann) = (app.admin("root").await, app.rich("ann", 100).await);
    run_due(&app, JOBS).await.unwrap();
    app.unbalance(&[ann]).await;
    app.advance(Span::hours(1));
    run_due(&app, JOBS).await.unwrap();
    let root = root.sign_in().await;
    let results = every_line(&root, RESULTS, 100).await;
    assert_eq!(column(&results, "status"), ["discrepancies", "clean"]);
    assert_eq!(column(&results, "started_at"), ["2027-01-15T09:00:00Z", "2027-01-15T08:00:00Z"]);
    assert!(results.iter().all(|result| result["requested_by"].is_null()));
    assert_eq!(job(&root, "reconcile").await["last_outcome"], "done", "the job did what it is for");
    app.give_up_the_ledger();
}

#[tokio::test]
async fn an_interval_of_0_is_never() {
    let app = quiet(&[("SUPERAPP_RECONCILIATION__INTERVAL_SECONDS", "0")]).await;
    assert_eq!(run_due(&app, JOBS).await.unwrap(), ["sweep"]);
    assert_eq!(app.count("SELECT COUNT(*) FROM reconciliations").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_who_look_at_once_run_it_once() {
    let app = quiet(&[]).await;
    for round in 1..=5 {
        let looks = (0..8).map(|_| {
            let app = (*app).clone();
            async move { run_due(&app, JOBS).await.unwrap() }
        });
        let mut ran = together(looks).await.concat();
        ran.sort_unstable();
        assert_eq!(ran, ["reconcile", "sweep"]);
        assert_eq!(app.count("SELECT COUNT(*) FROM reconciliations").await, round);
        app.advance(Span::hours(1));
    }
}

#[tokio::test]
async fn a_job_of_a_process_that_died_is_taken_over_after_its_lease() {
    let app = quiet(&[]).await;
    let root = app.admin("root").await;
    let (holder, now) = (app.ids.uuid(), app.clock.now());
    let claim = move |work: &mut Work<'_>| jobs::claim(work, "reconcile", holder, now, LEASE);
    assert!(app.database.write(claim, Instant::now() + app.config.request_deadline()).await.unwrap());
    assert_eq!(run_due(&app, JOBS).await.unwrap(), ["sweep"]);
    assert_eq!(job(&root, "reconcile").await["is_running"], true);
    app.advance_almost(LEASE);
    assert_eq!(run_due(&app, JOBS).await.unwrap(), ["sweep"]);
    app.advance(Span::MICROSECOND);
    assert_eq!(run_due(&app, JOBS).await.unwrap(), ["reconcile"]);
    let after = job(&root, "reconcile").await;
    assert_eq!((&after["is_running"], &after["runs"]), (&false.into(), &1.into()));
}

#[tokio::test]
async fn a_run_that_fails_is_counted_and_tried_again_soon() {
    let app = quiet(&[]).await;
    let root = app.admin("root").await;
    let rename = |text: &'static str| {
        let change = move |work: &mut Work<'_>| work.execute(text, &[]);
        app.database.write(change, Instant::now() + app.config.request_deadline())
    };
    rename("ALTER TABLE deposits RENAME TO gone").await.unwrap();
    assert_eq!(run_due(&app, JOBS).await.unwrap(), ["sweep", "reconcile"]);
    let failed = job(&root, "reconcile").await;
    assert_eq!((&failed["last_outcome"], &failed["failures"]), (&"failed".into(), &1.into()));
    rename("ALTER TABLE gone RENAME TO deposits").await.unwrap();
    assert_eq!(run_due(&app, JOBS).await.unwrap(), [""; 0]);
    app.advance(RETRY);
    assert_eq!(run_due(&app, JOBS).await.unwrap(), ["reconcile"]);
    let done = job(&root, "reconcile").await;
    assert_eq!((&done["last_outcome"], &done["failures"], &done["runs"]), (&"done".into(), &1.into(), &2.into()));
}
