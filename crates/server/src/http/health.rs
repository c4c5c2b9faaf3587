//! Is it alive, is it ready, how is it.

use super::parameters::Problems;
use super::problem::Problem;
use crate::app::App;
use crate::store::ReplicaState;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;
use utoipa::ToSchema;

/// How long the database may take to answer before it counts as down.
const DATABASE_WAIT: Duration = Duration::from_secs(1);

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `healthy`, `degraded` or `unhealthy`.
    #[schema(example = "healthy")]
    status: &'static str,
    /// The version of superapp.
    version: &'static str,
    /// For how long it has been up.
    uptime_seconds: u64,
    /// Each dependency: `up` or `down`.
    #[schema(example = json!({"database": "up", "redis": "up"}))]
    checks: BTreeMap<&'static str, &'static str>,
}

async fn database_is_up(app: &App) -> bool {
    matches!(tokio::time::timeout(DATABASE_WAIT, app.database.ping()).await, Ok(Ok(())))
}

/// How the server is, with each of its dependencies.
#[utoipa::path(get, path = "/api/health", tag = "health",
    responses((status = 200, description = "Healthy or degraded", body = Health), (status = 503, description = "Unhealthy", body = Health), Problems))]
pub async fn health(State(app): State<App>) -> (StatusCode, Json<Health>) {
    let database = database_is_up(&app).await;
    let redis = app.redis.as_ref().map(crate::gateway::redis::Redis::is_up);
    let replica = app.database.replica().map(|state| state == ReplicaState::Up);
    // What the others are for, the process or the database does in their place.
    let (code, status) = match (database, redis, replica) {
        (false, ..) => (StatusCode::SERVICE_UNAVAILABLE, "unhealthy"),
        (true, Some(false), _) | (true, _, Some(false)) => (StatusCode::OK, "degraded"),
        (true, ..) => (StatusCode::OK, "healthy"),
    };
    let word = |is_up| if is_up { "up" } else { "down" };
    let checks = [("database", Some(database)), ("redis", redis), ("replica", replica)];
    let health = Health {
        status,
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: app.uptime().as_secs(),
        checks: checks.into_iter().filter_map(|(name, is_up)| Some((name, word(is_up?)))).collect(),
    };
    (code, Json(health))
}

/// Whether the process is alive. Touches nothing else.
#[utoipa::path(get, path = "/livez", tag = "health", responses((status = 200, description = "Alive", body = String), Problems))]
pub async fn livez() -> &'static str {
    "ok"
}

/// Whether requests may be sent here: the database answers, and the server is not on its way down.
#[utoipa::path(get, path = "/readyz", tag = "health", responses((status = 200, description = "Ready", body = String), Problems))]
pub async fn readyz(State(app): State<App>) -> Result<&'static str, Problem> {
    if app.is_draining() {
        return Err(Problem::not_ready("the server is shutting down; send requests elsewhere"));
    }
    if !database_is_up(&app).await {
        return Err(Problem::not_ready("the database does not answer; look at the log"));
    }
    Ok("ok")
}
