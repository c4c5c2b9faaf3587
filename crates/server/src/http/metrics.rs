//! `GET /metrics`, on a listener of its own.

mod table;

pub use table::{Kind, METRICS};

use crate::app::App;
use crate::store::backup;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use std::path::PathBuf;

pub use metrics_exporter_prometheus::PrometheusHandle;

/// From half a millisecond to ten seconds.
const SECONDS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Work that nobody waits for: from ten milliseconds to the longest run of a job.
const LONG_SECONDS: &[f64] = &[0.01, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 21_600.0];
/// Commands in a batch.
const SIZES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];

/// Makes the process's recorder. Once, at its start.
///
/// # Errors
/// If there is one already.
pub fn install() -> anyhow::Result<PrometheusHandle> {
    let handle = builder()?.install_recorder()?;
    table::describe();
    ::metrics::gauge!("build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(handle)
}

/// What counts into which buckets.
///
/// # Errors
/// If there are no buckets.
pub fn builder() -> anyhow::Result<PrometheusBuilder> {
    Ok(PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full("job_duration_seconds".to_owned()), LONG_SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), SIZES)?)
}

/// The route. `backups` is the directory of the backups, if the database is backed up by us.
pub fn router(app: App, handle: PrometheusHandle, backups: Option<PathBuf>) -> Router {
    Router::new().route("/metrics", get(render)).with_state((app, handle, backups))
}

type Shown = (App, PrometheusHandle, Option<PathBuf>);

async fn render(State((app, handle, backups)): State<Shown>) -> String {
    let newest = tokio::task::spawn_blocking(move || backups.and_then(|directory| backup::newest(&directory))).await;
    if let Ok(Some(at)) = newest {
        let seconds = u32::try_from(at.as_micros() / 1_000_000).unwrap_or_default();
        ::metrics::gauge!("backup_last_success_timestamp_seconds").set(f64::from(seconds));
    }
    let disk = app.database.disk_bytes();
    let bytes = |bytes: u64| f64::from(u32::try_from(bytes / 1024).unwrap_or(u32::MAX)) * 1024.0;
    ::metrics::gauge!("database_file_bytes").set(bytes(disk.database));
    ::metrics::gauge!("database_wal_bytes").set(bytes(disk.wal));
    ::metrics::gauge!("process_uptime_seconds").set(app.uptime().as_secs_f64());
    handle.render()
}
