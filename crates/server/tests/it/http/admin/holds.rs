//! Runs of jobs that last for longer than their hold on the job, in two processes on one database.

use crate::harness::TestApp;
use domain::timestamp::Span;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use superapp::app::App;
use superapp::jobs::{Job, LEASE, RUN_MAX, run_due};
use superapp::store::Work;
use superapp::store::jobs::{self as rows, Job as Row};
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// A job whose runs wait at a door, and how many of them are before it.
macro_rules! waiting_job {
    ($name:literal) => {{
        static DOOR: Semaphore = Semaphore::const_new(0);
        static INSIDE: AtomicUsize = AtomicUsize::new(0);
        static MOST: AtomicUsize = AtomicUsize::new(0);
        struct Run;
        impl Drop for Run {
            fn drop(&mut self) {
                INSIDE.fetch_sub(1, Ordering::SeqCst);
            }
        }
        let run = |_: App| -> superapp::jobs::Running {
            Box::pin(async {
                MOST.fetch_max(INSIDE.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let _run = Run;
                let _ = DOOR.acquire().await;
                Ok(())
            })
        };
        (Job { name: $name, interval: |_| Some(Span::seconds(60)), run }, &DOOR, &INSIDE, &MOST)
    }};
}

async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so().await {
        assert!(Instant::now() < deadline, "it did not come to that");
        tokio::task::yield_now().await;
    }
}

async fn row(app: &App, name: &str) -> Row {
    let rows = app.database.read(rows::list).await.unwrap();
    rows.into_iter().find(|row| row.name == name).unwrap()
}

#[tokio::test]
async fn a_job_that_outlives_its_lease_is_run_by_one_process_at_a_time() {
    let app = TestApp::new().await;
    let other = app.another_process().await;
    let (job, door, inside, most) = waiting_job!("slow");
    let first = (*app).clone();
    let first = tokio::spawn(async move { run_due(&first, &[job]).await.unwrap() });
    until(async || inside.load(Ordering::SeqCst) == 1).await;
    // Two and a half leases.
    for _ in 0..5 {
        app.advance(Span::seconds(300));
        let end = app.clock.now().plus(LEASE);
        until(async || row(&app, "slow").await.held_until == end).await;
        assert_eq!(run_due(&other, &[job]).await.unwrap(), [""; 0]);
    }
    door.add_permits(1);
    assert_eq!(first.await.unwrap(), ["slow"]);
    let ended = row(&app, "slow").await;
    assert_eq!((ended.runs, ended.holder, ended.last_outcome.as_str()), (1, None, "done"));
    app.advance(Span::seconds(60));
    assert_eq!(run_due(&other, &[job]).await.unwrap(), ["slow"]);
    assert_eq!(most.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_run_whose_job_was_taken_over_is_ended_and_leaves_no_trace() {
    let app = TestApp::new().await;
    let (job, _, inside, _) = waiting_job!("lost");
    let first = (*app).clone();
    let first = tokio::spawn(async move { run_due(&first, &[job]).await.unwrap() });
    until(async || inside.load(Ordering::SeqCst) == 1).await;
    let holder = app.ids.uuid();
    let take_over = move |work: &mut Work<'_>| {
        work.execute_one("UPDATE jobs SET holder = $1 WHERE name = 'lost'", &[holder.into()])
    };
    app.database.write(take_over, Instant::now() + Duration::from_secs(10)).await.unwrap();
    app.advance(LEASE);
    first.await.unwrap();
    assert_eq!(inside.load(Ordering::SeqCst), 0, "nobody waits at the door any more");
    let ended = row(&app, "lost").await;
    assert_eq!((ended.runs, ended.holder), (0, Some(holder)));
}

#[tokio::test]
async fn a_run_that_hangs_is_ended_and_counts_as_failed() {
    let app = TestApp::new().await;
    let (job, _, inside, _) = waiting_job!("hanging");
    let first = (*app).clone();
    let first = tokio::spawn(async move { run_due(&first, &[job]).await.unwrap() });
    until(async || inside.load(Ordering::SeqCst) == 1).await;
    app.advance(RUN_MAX);
    assert_eq!(first.await.unwrap(), ["hanging"]);
    let ended = row(&app, "hanging").await;
    assert_eq!((ended.runs, ended.failures, ended.holder), (1, 1, None));
}

#[tokio::test]
async fn a_job_that_takes_its_time_is_in_no_other_jobs_way() {
    let app = TestApp::new().await;
    let (slow, door, inside, _) = waiting_job!("long");
    let quick = Job { name: "quick", interval: |_| Some(Span::seconds(60)), run: |_| Box::pin(async { Ok(()) }) };
    let both = (*app).clone();
    let both = tokio::spawn(async move { run_due(&both, &[slow, quick]).await.unwrap() });
    until(async || inside.load(Ordering::SeqCst) == 1).await;
    until(async || app.database.read(rows::list).await.unwrap().iter().any(|row| row.name == "quick" && row.runs == 1))
        .await;
    assert_eq!(row(&app, "long").await.runs, 0);
    door.add_permits(1);
    assert_eq!(both.await.unwrap(), ["long", "quick"]);
}
