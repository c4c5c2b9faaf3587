//! Background work: each job has a name, an interval, a task, a row that makes it run once across processes, and
//! metrics.
//!
//! A job takes the time from the clock and may run again after a crash, so it must do what is due and no more.

mod hold;

pub use hold::{LEASE, RUN_MAX};

use crate::app::App;
use crate::clock::stopwatch;
use crate::config::Config;
use crate::operations::{Context, reconciliations};
use crate::renewals;
use crate::settlements;
use crate::store::jobs::{self, Outcome};
use crate::store::{StoreError, View, Work, idempotency_keys, sessions};
use domain::audit::Actor;
use domain::timestamp::{Span, Timestamp};
use hold::{Hold, Over};
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::Instrument;

/// Rows that one unit of work deletes, so that no payment waits behind a sweep.
const SWEEP_ROWS_MAX: i64 = 1_000;

/// How long an expired key is kept all the same: a request that arrived before the key's end may still
/// wait for its decision, and is judged by when it arrived.
pub const SWEEP_MARGIN: Span = Span::hours(1);

/// How often the task of a job looks whether it is due. A look is one read of a few rows.
const TICK: Duration = Duration::from_secs(1);

/// How soon a run that failed is tried again, if its interval is not shorter.
pub const RETRY: Span = Span::seconds(60);

/// One run of a job.
pub type Running = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;

/// Something that is done again and again.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// In the database, in metrics and in logs.
    pub name: &'static str,
    /// From the beginning of a run to the next one; none if it is off.
    pub interval: fn(&Config) -> Option<Span>,
    /// Does what is due. It may be dropped at any await, so what must not be half done is one unit of work.
    pub run: fn(App) -> Running,
}

/// Every job there is.
pub const JOBS: &[Job] = &[
    Job {
        name: "renew",
        interval: |config| interval(config.subscriptions.job_seconds),
        run: |app| Box::pin(async move { renewals::renew_due(&app).await.map(|_| ()) }),
    },
    Job {
        name: "end_lapsed",
        interval: |config| interval(config.subscriptions.job_seconds),
        run: |app| Box::pin(async move { renewals::end_lapsed(&app).await.map(|_| ()) }),
    },
    Job {
        name: "settle",
        interval: |config| {
            let has_provider = !config.payments.webhook_provider.is_empty();
            interval(config.payments.settle_seconds).filter(|_| has_provider)
        },
        run: |app| Box::pin(async move { settlements::take_up(&app).await.map(|_| ()) }),
    },
    Job {
        name: "sweep",
        interval: |config| interval(config.idempotency.sweep_seconds),
        run: |app| Box::pin(async move { sweep(&app).await.map(|_| ()) }),
    },
    Job {
        name: "reconcile",
        interval: |config| interval(config.reconciliation.interval_seconds),
        run: |app| Box::pin(async move { reconcile(&app).await }),
    },
];

/// An interval of the settings, where 0 is never.
fn interval(seconds: u64) -> Option<Span> {
    (seconds > 0).then(|| Span::seconds(i64::try_from(seconds).unwrap_or(i64::MAX)))
}

/// The background tasks of a server: one to a job, so that no job waits for another.
#[derive(Debug)]
pub struct Jobs {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Jobs {
    /// Starts them.
    #[must_use]
    pub fn start(app: &App) -> Self {
        let (stop, stopped) = watch::channel(false);
        let start = |job: &Job| {
            let interval = (job.interval)(&app.config)?;
            Some(tokio::spawn(keep_running(app.clone(), *job, interval, stopped.clone())))
        };
        Self { stop, tasks: JOBS.iter().filter_map(start).collect() }
    }

    /// Stops them. A run that is under way ends at its next step, because the server drains.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        for task in self.tasks {
            let _ = task.await;
        }
    }
}

async fn keep_running(app: App, job: Job, interval: Span, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            () = tokio::time::sleep(TICK) => {}
        }
        if let Err(error) = run_if_due(&app, job, interval).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(job = job.name, error, "a job cannot be looked up; trying again");
        }
    }
}

/// Runs every job that is due now and that nobody else runs, each once and all at the same time. Answers with the
/// names of those that ran, in the order of the list.
///
/// # Errors
/// If the database cannot be asked. A job that fails is no error: its row, the metrics and the log say it.
pub async fn run_due(app: &App, jobs: &[Job]) -> Result<Vec<&'static str>, StoreError> {
    let mut looks = Vec::new();
    for job in jobs {
        let Some(interval) = (job.interval)(&app.config) else { continue };
        let (app, job) = (app.clone(), *job);
        looks.push((job.name, tokio::spawn(async move { run_if_due(&app, job, interval).await })));
    }
    let mut ran = Vec::new();
    for (name, look) in looks {
        if look.await.map_err(|_| StoreError::Panicked)?? {
            ran.push(name);
        }
    }
    Ok(ran)
}

/// Runs one job if it is due, unless another process was faster.
async fn run_if_due(app: &App, job: Job, interval: Span) -> Result<bool, StoreError> {
    let rows = app.database.look_up(jobs::list).await?;
    let now = app.clock.now();
    let row = rows.iter().find(|row| row.name == job.name);
    if let Some(success) = row.and_then(jobs::Job::last_success) {
        // Whichever process it was: an alert must not come from one that was always late.
        metrics::gauge!("job_last_success_timestamp_seconds", "job" => job.name).set(seconds(success));
    }
    let is_due = row.is_none_or(|row| row.is_due(now));
    if !is_due || app.is_draining() {
        return Ok(false);
    }
    let Some(hold) = Hold::take(app, job.name, now).await? else { return Ok(false) };
    // Every line of the run bears its id, as every line of a request does.
    let span = tracing::error_span!("job", request_id = hold.run_id(), job = job.name);
    run_held(app, job, interval, hold, now).instrument(span).await.map(|()| true)
}

/// Runs a job that is held, tells how it went, and gives it back.
async fn run_held(app: &App, job: Job, interval: Span, hold: Hold, now: Timestamp) -> Result<(), StoreError> {
    let started = stopwatch();
    metrics::gauge!("job_running", "job" => job.name).set(1.0);
    let outcome = run(app, job, &hold).await;
    let ended = app.clock.now();
    let shown = outcome.map_or("lost", Outcome::as_str);
    metrics::counter!("job_runs_total", "job" => job.name, "outcome" => shown).increment(1);
    metrics::gauge!("job_running", "job" => job.name).set(0.0);
    metrics::histogram!("job_duration_seconds", "job" => job.name).record(started.elapsed());
    metrics::gauge!("job_last_run_timestamp_seconds", "job" => job.name).set(seconds(ended));
    if outcome == Some(Outcome::Done) {
        metrics::gauge!("job_last_success_timestamp_seconds", "job" => job.name).set(seconds(ended));
    }
    // What was missed meanwhile is not made up for: a run does all that is due.
    let next = now.plus(if outcome == Some(Outcome::Failed) { interval.min(RETRY) } else { interval });
    let is_given_back = match outcome {
        Some(outcome) => hold.give_back(app, ended, next, outcome).await?,
        None => false,
    };
    if !is_given_back {
        tracing::warn!("this run lost its hold, and another one has begun");
    }
    Ok(())
}

/// A moment as metrics have it.
fn seconds(moment: Timestamp) -> f64 {
    f64::from(u32::try_from(moment.as_micros() / 1_000_000).unwrap_or_default())
}

/// One run, on a task of its own, so that a panic ends this run and no other. `None` if it was ended because another
/// one holds the job.
async fn run(app: &App, job: Job, hold: &Hold) -> Option<Outcome> {
    let mut task = tokio::spawn((job.run)(app.clone()).in_current_span());
    let ended = tokio::select! {
        ended = &mut task => ended,
        over = hold.keep(app) => {
            task.abort();
            // It may have ended at this very moment; what it did is done either way.
            let _ = task.await;
            tracing::error!(?over, "a run was ended before it was done");
            return (over == Over::Late).then_some(Outcome::Failed);
        }
    };
    Some(match ended {
        Ok(Ok(())) => Outcome::Done,
        Ok(Err(error)) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "a job failed; it will be tried again");
            Outcome::Failed
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a job panicked");
            Outcome::Failed
        }
    })
}

fn deadline(app: &App) -> Instant {
    Instant::now() + app.config.request_deadline()
}

/// Recomputes the whole ledger, and keeps and tells what was found.
async fn reconcile(app: &App) -> Result<(), StoreError> {
    // As in its record.
    let request_id = format!("job-{}", app.ids.uuid());
    let span = tracing::error_span!("reconciliation", request_id);
    reconcile_as(app, request_id).instrument(span).await
}

async fn reconcile_as(app: &App, request_id: String) -> Result<(), StoreError> {
    let (started_at, watched) = (app.clock.now(), app.clone());
    let look = move |view: &View<'_>| reconciliations::look(view, started_at, || !watched.is_draining());
    let findings = app.database.read(look).await?;
    let actor = Actor { id: None, credential: None, address: None, request_id };
    let context = Context { now: app.clock.now(), actor, ids: app.ids.clone() };
    let kept = findings.clone();
    let keep = move |work: &mut Work<'_>| reconciliations::keep(work, &context, &kept, started_at);
    let result = app.database.write(keep, deadline(app)).await?;
    reconciliations::tell(&findings, &result);
    Ok(())
}

/// What a sweep deleted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Swept {
    /// Idempotency keys.
    pub keys: usize,
    /// Sessions.
    pub sessions: usize,
}

/// Deletes what stopped counting: expired idempotency keys, and sessions a while after their end.
///
/// # Errors
/// If the database fails; what was deleted before stays deleted.
pub async fn sweep(app: &App) -> Result<Swept, StoreError> {
    let now = app.clock.now();
    let keys_before = now.minus(SWEEP_MARGIN);
    let ended_before = now.minus(domain::session::ABSOLUTE);
    let limit = usize::try_from(SWEEP_ROWS_MAX).unwrap_or(usize::MAX);
    let mut swept = Swept::default();
    loop {
        let step = move |work: &mut Work<'_>| {
            let keys = idempotency_keys::sweep(work, keys_before, SWEEP_ROWS_MAX)?;
            Ok((keys, sessions::sweep(work, ended_before, SWEEP_ROWS_MAX)?))
        };
        let (keys, sessions) = app.database.write(step, deadline(app)).await?;
        swept = Swept { keys: swept.keys + keys, sessions: swept.sessions + sessions };
        if (keys < limit && sessions < limit) || app.is_draining() {
            return Ok(swept);
        }
    }
}
