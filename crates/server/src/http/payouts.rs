//! Payouts: creators ask, administrators decide.

use super::extract::{Fields, Id, Origin, Parameters};
use super::once::{self, Payment};
use super::parameters::{Page, Problems, RequiredKey, limit, rfc3339};
use super::problem::{Problem, ProblemBody};
use super::receipts::{Asker, PayoutBody};
use super::roles::{Admin, Creator};
use crate::app::App;
use crate::store::payouts::{self, Listed};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use domain::command::{Command, DecidePayout, RequestPayout};
use domain::id::{PayoutId, UserId};
use domain::payout::{Destination, PayoutStatus};
use domain::text::Reason;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// How much a creator wants to have, and where.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PayoutRequest {
    /// How much; at least what the settings say.
    #[schema(example = 500_000, minimum = 1, maximum = 9_007_199_254_740_991i64)]
    amount_cents: i64,
    /// Where to, in 1 to 200 characters, for the administrator who pays.
    #[schema(example = "BCA 1234567890")]
    destination: String,
}

/// Asks for a payout. The money is held at once.
#[utoipa::path(post, path = "/api/payouts", operation_id = "request_payout", tag = "payouts", security(("bearer" = [])), params(RequiredKey),
    request_body = PayoutRequest,
    responses((status = 201, description = "The payout", body = PayoutBody),
        (status = 402, description = "`insufficient_funds`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`payout_pending`, `debt_outstanding`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`idempotency_key_reused`", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn request(
    State(app): State<App>,
    Creator(caller): Creator,
    origin: Origin,
    Payment { body, key }: Payment<PayoutRequest>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let min = app.payout_min;
    let amount = fields.amount("/amount_cents", body.amount_cents, app.config.money.amount_cents_max);
    let amount = amount.and_then(|amount| {
        let enough = if amount < min { Err(format!("must be at least {}", min.credit().get())) } else { Ok(amount) };
        fields.check("/amount_cents", enough)
    });
    let destination = fields.check("/destination", Destination::parse(&body.destination));
    let (amount, destination) = fields.finish(amount.zip(destination))?;
    let (creator_id, request_id) = (caller.id(), Arc::clone(&origin.request_id));
    let plan = move |_: Option<()>| {
        let asker = Asker { user_id: creator_id, payee_username: None, request_id };
        (Command::RequestPayout(RequestPayout { creator_id, amount, destination }), asker.renderer())
    };
    once::pay(&app, &caller, &origin, key, once::NOTHING, plan).await
}

/// Which payouts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Only `pending`, `paid` or `rejected` ones.
    #[param(example = "pending")]
    status: Option<String>,
    /// Lines on a page, 20 by default, at most 100.
    #[param(minimum = 1, example = 20)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

impl From<Listed> for PayoutBody {
    fn from(Listed { payout, decided_at, repaid, .. }: Listed) -> Self {
        Self {
            id: payout.id.to_string(),
            creator_id: payout.creator_id.to_string(),
            amount_cents: payout.amount.credit().get(),
            destination: payout.destination.as_str().to_owned(),
            status: payout.status.as_str(),
            remark: payout.remark.map(|remark| remark.as_str().to_owned()),
            repaid_cents: repaid.get(),
            debt_cents: None,
            created_at: rfc3339(payout.created_at),
            decided_at: decided_at.map(rfc3339),
        }
    }
}

/// One's own payouts, newest first.
#[utoipa::path(get, path = "/api/payouts", operation_id = "list_payouts", tag = "payouts", security(("bearer" = [])), params(Filter),
    responses((status = 200, description = "A page of payouts", body = Page<PayoutBody>), Problems))]
pub async fn list(
    State(app): State<App>,
    Creator(caller): Creator,
    Parameters(filter): Parameters<Filter>,
) -> Result<Json<Page<PayoutBody>>, Problem> {
    page(&app, Some(caller.id()), filter).await
}

/// Everybody's payouts, newest first.
#[utoipa::path(get, path = "/api/admin/payouts", operation_id = "list_all_payouts", tag = "admin", security(("bearer" = [])), params(Filter),
    responses((status = 200, description = "A page of payouts", body = Page<PayoutBody>), Problems))]
pub async fn list_all(
    State(app): State<App>,
    _: Admin,
    Parameters(filter): Parameters<Filter>,
) -> Result<Json<Page<PayoutBody>>, Problem> {
    page(&app, None, filter).await
}

async fn page(app: &App, creator: Option<UserId>, filter: Filter) -> Result<Json<Page<PayoutBody>>, Problem> {
    let status = filter.status.as_deref().map(|word| {
        PayoutStatus::parse(word).ok_or_else(|| Problem::field("status", "must be `pending`, `paid` or `rejected`"))
    });
    let status = status.transpose()?;
    let shown = limit(filter.limit)?;
    let owner = creator.map_or("all".to_owned(), |creator| creator.to_string());
    let scope = format!("payouts {owner} {}", status.map_or("", PayoutStatus::as_str));
    let before = filter.cursor.as_deref().map(|cursor| app.cursors.read(&scope, cursor)).transpose()?;
    let before = before.map(|(at, id)| (at, PayoutId::new(id)));
    let wanted = shown.saturating_add(1);
    let lines = app.database.read(move |view| payouts::list(view, creator, status, before, wanted)).await?;
    let cursor = |line: &Listed| app.cursors.write(&scope, (line.payout.created_at, line.payout.id.uuid()));
    let body = |line: Listed| {
        let debt_cents = creator.is_none().then_some(line.debt.get());
        PayoutBody { debt_cents, ..line.into() }
    };
    Ok(Json(Page::cut(lines, shown, cursor, body)))
}

/// The reference of the payment that was made outside of here.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveRequest {
    /// What the bank calls it: 1 to 500 characters.
    #[schema(example = "transfer 2027-01-15/0042")]
    reference: String,
}

/// Marks a payout as paid: the money is out.
#[utoipa::path(post, path = "/api/admin/payouts/{id}/approve", operation_id = "approve_payout", tag = "admin", security(("bearer" = [])),
    params(("id" = String, Path, description = "The payout"), RequiredKey), request_body = ApproveRequest,
    responses((status = 200, description = "The payout", body = PayoutBody),
        (status = 404, description = "`payout_not_found`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`payout_decided`, `debt_outstanding`", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn approve(
    State(app): State<App>,
    admin: Admin,
    origin: Origin,
    Id(payout): Id<PayoutId>,
    Payment { body, key }: Payment<ApproveRequest>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let remark = fields.check("/reference", Reason::parse(&body.reference));
    let remark = fields.finish(remark)?;
    decide(&app, &admin, &origin, key, (payout, true, remark)).await
}

/// Why a payout is not paid.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectRequest {
    /// For the creator: 1 to 500 characters.
    #[schema(example = "the account number is wrong")]
    reason: String,
}

/// Rejects a payout: the money repays what the creator owes, and the rest goes back to their wallet.
#[utoipa::path(post, path = "/api/admin/payouts/{id}/reject", operation_id = "reject_payout", tag = "admin", security(("bearer" = [])),
    params(("id" = String, Path, description = "The payout"), RequiredKey), request_body = RejectRequest,
    responses((status = 200, description = "The payout", body = PayoutBody),
        (status = 404, description = "`payout_not_found`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`payout_decided`", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn reject(
    State(app): State<App>,
    admin: Admin,
    origin: Origin,
    Id(payout): Id<PayoutId>,
    Payment { body, key }: Payment<RejectRequest>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let remark = fields.check("/reason", Reason::parse(&body.reason));
    let remark = fields.finish(remark)?;
    decide(&app, &admin, &origin, key, (payout, false, remark)).await
}

async fn decide(
    app: &App,
    Admin(caller): &Admin,
    origin: &Origin,
    key: domain::idempotency::Idempotency,
    (payout_id, is_paid, remark): (PayoutId, bool, Reason),
) -> Result<Response, Problem> {
    let (user_id, request_id) = (caller.id(), Arc::clone(&origin.request_id));
    let plan = move |creator_id: Option<UserId>| {
        let asker = Asker { user_id, payee_username: None, request_id };
        (Command::DecidePayout(DecidePayout { payout_id, creator_id, is_paid, remark }), asker.renderer())
    };
    once::pay(app, caller, origin, key, Some(payouts::creator(payout_id)), plan).await
}
