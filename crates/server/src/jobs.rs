//! Background work: each task has a name, an owner that stops it, and a metric.

use crate::app::App;
use crate::store::{StoreError, Work, idempotency_keys, sessions};
use domain::timestamp::Span;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Rows that one unit of work deletes, so that no payment waits behind a sweep.
const SWEEP_ROWS_MAX: i64 = 1_000;

/// How long an expired key is kept all the same: a request that arrived before the key's end may still
/// wait for its decision, and is judged by when it arrived.
pub const SWEEP_MARGIN: Span = Span::hours(1);

/// The background tasks of a server.
#[derive(Debug)]
pub struct Jobs {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Jobs {
    /// Starts them all.
    #[must_use]
    pub fn start(app: &App) -> Self {
        let (stop, stopped) = watch::channel(false);
        let interval = Duration::from_secs(app.config.idempotency.sweep_seconds);
        let sweeper = tokio::spawn(every(interval, stopped, app.clone()));
        Self { stop, tasks: vec![sweeper] }
    }

    /// Stops them all, each between two units of work.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        for task in self.tasks {
            let _ = task.await;
        }
    }
}

async fn every(interval: Duration, mut stopped: watch::Receiver<bool>, app: App) {
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            () = tokio::time::sleep(interval) => {}
        }
        let outcome = match sweep(&app).await {
            Ok(_) => "done",
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the sweeper failed; it will try again");
                "failed"
            }
        };
        metrics::counter!("job_runs_total", "job" => "sweep", "outcome" => outcome).increment(1);
    }
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
        let (keys, sessions) = app.database.write(step, Instant::now() + app.config.request_deadline()).await?;
        swept = Swept { keys: swept.keys + keys, sessions: swept.sessions + sessions };
        if keys < limit && sessions < limit {
            return Ok(swept);
        }
    }
}
