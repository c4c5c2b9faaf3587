//! Looking at the whole ledger on request, and the results that were kept.

use crate::app::App;
use crate::http::extract::{Id, Origin, Parameters};
use crate::http::once::{self, Once};
use crate::http::parameters::{OptionalKey, Page, Problems, limit, rfc3339};
use crate::http::problem::{Problem, ProblemBody};
use crate::http::roles::Admin;
use crate::http::users::{Nothing, json_response};
use crate::operations::{Context, reconciliations as operations};
use crate::store::reconciliations::{self as results, Named, Reconciliation};
use crate::store::{View, Work};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use domain::id::ReconciliationId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// One thing that does not add up.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DiscrepancyBody {
    /// Stable; `docs/running.md` explains each.
    #[schema(example = "balance_mismatch")]
    code: String,
    /// What does not add up, with ids and numbers.
    detail: String,
}

/// What one look at the whole ledger found.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReconciliationBody {
    /// Its id.
    #[schema(example = "rec_01h2xcejqtf2nbrexx3vqjhp41")]
    id: String,
    /// `clean` or `discrepancies`.
    #[schema(example = "clean")]
    status: &'static str,
    /// Who asked for it; null for the scheduled ones.
    requested_by: Option<String>,
    /// Wallets that were looked at.
    wallets: i64,
    /// Transactions that were looked at.
    transactions: i64,
    /// How many discrepancies were found.
    discrepancies_total: i64,
    /// The first ten of each kind. `superapp reconcile` names more.
    discrepancies: Vec<DiscrepancyBody>,
    /// The moment that it is about.
    started_at: String,
    /// When it was over.
    finished_at: String,
}

impl From<Reconciliation> for ReconciliationBody {
    fn from(result: Reconciliation) -> Self {
        let line = |Named { code, detail }| DiscrepancyBody { code, detail };
        Self {
            id: result.id.to_string(),
            status: if result.found == 0 { "clean" } else { "discrepancies" },
            requested_by: result.requested_by.map(|id| id.to_string()),
            wallets: result.wallets,
            transactions: result.transactions,
            discrepancies_total: result.found,
            discrepancies: result.named.into_iter().map(line).collect(),
            started_at: rfc3339(result.started_at),
            finished_at: rfc3339(result.finished_at),
        }
    }
}

/// Recomputes the whole ledger in one snapshot, and keeps what was found. It changes nothing else.
#[utoipa::path(post, path = "/api/admin/reconciliations", tag = "admin", security(("bearer" = [])),
    params(OptionalKey),
    responses((status = 201, description = "What was found", body = ReconciliationBody), Problems))]
pub async fn reconcile(
    State(app): State<App>,
    Admin(caller): Admin,
    origin: Origin,
    once: Once<Nothing>,
) -> Result<Response, Problem> {
    let (Nothing {}, key) = once.into_parts();
    if let Some(answer) = once::stored(&app, key.as_ref()).await? {
        return Ok(answer);
    }
    let (started_at, watched) = (app.clock.now(), app.clone());
    let look = move |view: &View<'_>| operations::look(view, started_at, || !watched.is_draining());
    let findings = app.database.read(look).await?;
    let context: Context = origin.context(&app, Some(&caller));
    let keep = move |work: &mut Work<'_>| {
        let result = operations::keep(work, &context, &findings, started_at)?;
        Ok(Ok((findings.clone(), result)))
    };
    once::write(&app, &origin, key, keep, |(findings, result)| {
        operations::tell(&findings, &result);
        let location = format!("/api/admin/reconciliations/{}", result.id);
        let mut answer = json_response(201, &ReconciliationBody::from(result))?;
        answer.headers.push(("location".to_owned(), location));
        Ok(answer)
    })
    .await
}

/// Where a list goes on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Lines on a page, 20 by default, at most 100.
    #[param(minimum = 1, example = 20)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

/// The results that were kept, newest first, the scheduled ones included.
#[utoipa::path(get, path = "/api/admin/reconciliations", tag = "admin", security(("bearer" = [])), params(Filter),
    responses((status = 200, description = "A page of results", body = Page<ReconciliationBody>), Problems))]
pub async fn reconciliations(
    State(app): State<App>,
    _admin: Admin,
    Parameters(filter): Parameters<Filter>,
) -> Result<Json<Page<ReconciliationBody>>, Problem> {
    const SCOPE: &str = "admin/reconciliations";
    let shown = limit(filter.limit)?;
    let before = filter.cursor.as_deref().map(|cursor| app.cursors.read(SCOPE, cursor)).transpose()?;
    let before = before.map(|(_, id)| ReconciliationId::new(id));
    let lines = app.database.read(move |view| results::list(view, before, shown.saturating_add(1))).await?;
    let cursor = |result: &Reconciliation| app.cursors.write(SCOPE, (result.started_at, result.id.uuid()));
    Ok(Json(Page::cut(lines, shown, cursor, ReconciliationBody::from)))
}

/// One result.
#[utoipa::path(get, path = "/api/admin/reconciliations/{id}", tag = "admin", security(("bearer" = [])),
    params(("id" = String, Path, description = "The result")),
    responses((status = 200, description = "What was found", body = ReconciliationBody),
        (status = 404, description = "`not_found`", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn reconciliation(
    State(app): State<App>,
    _admin: Admin,
    Id(id): Id<ReconciliationId>,
) -> Result<Json<ReconciliationBody>, Problem> {
    let result = app.database.look_up(move |view| results::find(view, id)).await?;
    result.map(|result| Json(result.into())).ok_or_else(|| Problem::not_found("there is no such reconciliation"))
}
