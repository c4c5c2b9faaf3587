//! `superapp serve`: starts everything, in order, and stops it in the opposite one.

use super::{End, runtime, say_error};
use crate::app::{App, backup_directory, location, open_database, with_replica};
use crate::auth::secrets::Secrets;
use crate::clock::Clock;
use crate::config::Config;
use crate::http;
use crate::http::metrics::{self, PrometheusHandle};
use crate::jobs::Jobs;
use crate::store::Location;
use crate::telemetry::is_json;
use anyhow::Context;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// How long a scrape of the metrics may take once everything else has ended.
const METRICS_FAREWELL: std::time::Duration = std::time::Duration::from_secs(1);

pub(super) fn run(config: Config, data_dir: &Path) -> anyhow::Result<End> {
    runtime()?.block_on(serve(config, data_dir))
}

async fn serve(config: Config, data_dir: &Path) -> anyhow::Result<End> {
    let location = location(&config, data_dir)?;
    let secrets = Secrets::load(&config.auth, data_dir)?;
    let clock = Clock::System;
    // Before anything that has figures to show.
    let figures = listen_for_metrics(&config).await?;
    let database = with_replica(open_database(&config, &location, &clock)?, &config, &location)?;
    let listen = config.server.listen;
    let listener = TcpListener::bind(listen).await.with_context(|| {
        format!("{listen} cannot be listened on; choose another address with `superapp serve --listen ADDR:PORT`")
    })?;
    let address = listener.local_addr()?;
    let (app, ledger) = App::build(config, secrets, database.clone(), clock).await?;
    if let Some(unknown) = http::unknown_cost(&app) {
        anyhow::bail!("`rate_limits.costs` names {unknown}, and there is no such route; docs/api.md lists them");
    }
    let jobs = Jobs::start(&app);
    let (stop, stopped) = watch::channel(false);
    let backups = matches!(location, Location::Sqlite(_)).then(|| backup_directory(&app.config, data_dir));
    let metrics = serve_metrics(&app, figures, backups, stopped)?;
    let mut signals = Signals::listen()?;
    greet(&app, address, &location, metrics.as_ref().map(|(address, _)| *address));

    let router = http::router(&app);
    let (tell, told) = oneshot::channel();
    let told = async {
        let _ = told.await;
    };
    let drained = tokio::select! {
        drained = http::server::serve(&app, router, listener, told) => drained,
        () = signals.conduct(tell) => false,
    };
    tracing::info!(drained, "no more requests; closing the ledger");
    let _ = stop.send(true);
    if let Some((_, mut task)) = metrics {
        // Nobody's figures are worth waiting for.
        if tokio::time::timeout(METRICS_FAREWELL, &mut task).await.is_err() {
            task.abort();
            let _ = task.await;
        }
    }
    jobs.stop().await;
    app.key_notes.settle().await;
    // The last door closes, the queue empties, and the log is folded into the file.
    drop(app);
    let _ = ledger.await;
    database.close().await;
    tracing::info!("stopped");
    Ok(if drained { End::Done } else { End::Failed })
}

/// SIGTERM and Ctrl-C.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "Ctrl-C",
        }
    }

    /// The first signal is passed on; at the second, this resolves: somebody has no more patience.
    async fn conduct(&mut self, tell: oneshot::Sender<()>) {
        let first = self.next().await;
        tracing::info!("{first}: finishing the requests under way");
        let _ = tell.send(());
        let second = self.next().await;
        tracing::warn!("{second} again: giving up the requests under way");
    }
}

/// Where metrics are asked for, and what records them.
async fn listen_for_metrics(config: &Config) -> anyhow::Result<Option<(TcpListener, PrometheusHandle)>> {
    let wanted = &config.metrics.listen;
    if wanted.is_empty() {
        return Ok(None);
    }
    match TcpListener::bind(wanted).await {
        Ok(listener) => Ok(Some((listener, metrics::install()?))),
        Err(error) if config.is_production() => {
            Err(error).with_context(|| format!("metrics cannot be served on {wanted}; set metrics.listen"))
        }
        Err(error) => {
            tracing::warn!(%error, wanted, "metrics are off: set SUPERAPP_METRICS__LISTEN to another address");
            Ok(None)
        }
    }
}

fn serve_metrics(
    app: &App,
    figures: Option<(TcpListener, PrometheusHandle)>,
    backups: Option<PathBuf>,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<Option<(SocketAddr, JoinHandle<()>)>> {
    let Some((listener, handle)) = figures else { return Ok(None) };
    let address = listener.local_addr()?;
    let (app, router, upkeep) = (app.clone(), metrics::router(app.clone(), handle.clone(), backups), handle);
    let task = tokio::spawn(async move {
        let mut stopping = stopped.clone();
        let stop = async move {
            let _ = stopping.changed().await;
        };
        // With the same limits and time-outs as the API.
        let serving = http::server::serve(&app, router, listener, stop);
        let keeping = async {
            while tokio::time::timeout(std::time::Duration::from_secs(5), stopped.changed()).await.is_err() {
                upkeep.run_upkeep();
            }
        };
        let _ = tokio::join!(serving, keeping);
    });
    Ok(Some((address, task)))
}

/// What a person sees first: where it is, where the data is, and what to type.
fn greet(app: &App, address: SocketAddr, location: &Location, metrics: Option<SocketAddr>) {
    let config = &app.config;
    if is_json(config) {
        // Whoever reads it is a program, here as everywhere.
        let (version, metrics) = (env!("CARGO_PKG_VERSION"), metrics.map(tracing::field::display));
        tracing::info!(version, %address, metrics, data = %location, "ready");
        return;
    }
    let mut lines = vec![
        format!("superapp {} is ready", env!("CARGO_PKG_VERSION")),
        String::new(),
        format!("  API      http://{address}/api/health"),
    ];
    if config.docs() {
        lines.push(format!("  Docs     http://{address}/docs"));
    }
    if let Some(metrics) = metrics {
        lines.push(format!("  Metrics  http://{metrics}/metrics"));
    }
    lines.push(format!("  Data     {location}"));
    if !config.is_production() {
        lines.push(String::new());
        lines.push("Try it:".to_owned());
        lines.push(String::new());
        lines.push(format!(
            "  curl -s http://{address}/api/auth/register -H 'Content-Type: application/json' \\\n    \
             -d '{{\"email\":\"ann@example.com\",\"password\":\"correct horse battery\",\"username\":\"ann\"}}'"
        ));
        lines.push(String::new());
    }
    say_error(&lines.join("\n"));
}
