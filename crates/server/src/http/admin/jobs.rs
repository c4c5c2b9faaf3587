//! Background work: when each job last ran, how it went, and when it runs next.

use crate::app::App;
use crate::http::parameters::{Page, Problems, rfc3339};
use crate::http::problem::Problem;
use crate::http::roles::Admin;
use crate::store::jobs::{self as rows, Job};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// A job, as it stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct JobBody {
    /// Its name.
    #[schema(example = "reconcile")]
    name: String,
    /// Whether a run is under way.
    is_running: bool,
    /// When the last run began.
    last_run_at: Option<String>,
    /// When the last run that ended did.
    last_finished_at: Option<String>,
    /// How that one ended, `done` or `failed`; null before the first.
    last_outcome: Option<String>,
    /// When the next run is due.
    next_run_at: String,
    /// How many runs ended, in all processes.
    runs: i64,
    /// How many of them failed.
    failures: i64,
}

impl From<Job> for JobBody {
    fn from(job: Job) -> Self {
        Self {
            name: job.name,
            is_running: job.holder.is_some(),
            last_run_at: job.started_at.map(rfc3339),
            last_finished_at: job.finished_at.map(rfc3339),
            last_outcome: (!job.last_outcome.is_empty()).then_some(job.last_outcome),
            next_run_at: rfc3339(job.next_run_at),
            runs: job.runs,
            failures: job.failures,
        }
    }
}

/// Every job that was ever started, by name, on one page.
#[utoipa::path(get, path = "/api/admin/jobs", tag = "admin", security(("bearer" = [])),
    responses((status = 200, description = "The jobs", body = Page<JobBody>), Problems))]
pub async fn jobs(State(app): State<App>, _admin: Admin) -> Result<Json<Page<JobBody>>, Problem> {
    let lines = app.database.look_up(rows::list).await?;
    Ok(Json(Page::cut(lines, i64::MAX, |_| String::new(), JobBody::from)))
}
