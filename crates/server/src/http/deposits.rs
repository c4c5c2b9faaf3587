//! Deposits into one's own wallet: asking for one, and seeing what became of it.

use super::extract::{Caller, Fields, Id, Origin, Parameters};
use super::once::{self, Payment};
use super::parameters::{Page, Problems, RequiredKey, limit};
use super::problem::{Problem, ProblemBody};
use super::receipts::{Asker, DepositBody};
use super::roles::Admin;
use super::users::{Nothing, json_response};
use crate::app::App;
use crate::gateway::PaymentProvider;
use crate::operations::{Denial, deposits as acts};
use crate::store::deposits::{self, Deposit};
use crate::store::{View, Work, payment_events};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use domain::command::{self, Command};
use domain::id::DepositId;
use domain::idempotency::StoredResponse;
use domain::payment::{NotCreditable, creditable, standing};
use domain::receipt::{DepositAsked, DepositStatus};
use domain::text::Reason;
use domain::timestamp::Timestamp;
use domain::wallet::Provider;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// A deposit into one's own wallet.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DepositRequest {
    /// How much, in cents.
    #[schema(example = 10000, minimum = 1, maximum = 9_007_199_254_740_991i64)]
    amount_cents: i64,
    /// Through whom. `sandbox` completes at once, and exists in development only.
    #[schema(example = "sandbox")]
    provider: String,
}

/// Asks for a deposit into one's own wallet. It is completed at once through the sandbox, and otherwise when the
/// provider says that the money is there.
#[utoipa::path(post, path = "/api/wallet/deposits", tag = "wallet", security(("bearer" = [])), params(RequiredKey),
    request_body = DepositRequest,
    responses((status = 201, description = "The deposit", body = DepositBody),
        (status = 409, description = "`too_many_pending_deposits`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`balance_limit_exceeded`, `idempotency_key_reused`", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn deposit(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    Payment { body, key }: Payment<DepositRequest>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let amount = fields.amount("/amount_cents", body.amount_cents, app.config.money.amount_cents_max);
    let provider = fields.check("/provider", Provider::parse(&body.provider));
    let (amount, provider) = fields.finish(amount.zip(provider))?;
    let user_id = caller.id();
    match app.gateway.find(&provider) {
        None => Err(Problem::unknown_provider()),
        Some(PaymentProvider::Sandbox) => {
            let asker = Asker { user_id, payee_username: None, request_id: Arc::clone(&origin.request_id) };
            let deposit =
                command::Deposit { user_id, amount, provider, provider_tx_id: None, pending: None, is_release: false };
            let plan = |_: Option<()>| (Command::Deposit(deposit), asker.renderer());
            once::pay(&app, &caller, &origin, key, once::NOTHING, plan).await
        }
        Some(PaymentProvider::Webhook(_)) => {
            let id = DepositId::new(app.ids.uuid());
            let status = DepositStatus::Pending;
            let asked = DepositAsked { id, user_id, amount, provider, provider_tx_id: None, status };
            let context = origin.context(&app, Some(&caller));
            let lifetime = app.deposit_lifetime;
            let operation = move |work: &mut Work<'_>| acts::request(work, &context, &asked, lifetime);
            once::write(&app, &origin, Some(key), operation, requested).await
        }
    }
}

fn requested(deposit: Deposit) -> Result<StoredResponse, Problem> {
    let location = format!("/api/wallet/deposits/{}", deposit.asked.id);
    let mut response = json_response(201, &DepositBody::from(deposit))?;
    response.headers.push(("location".to_owned(), location));
    Ok(response)
}

/// Which deposits.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DepositPage {
    /// Lines on a page, 20 by default, at most 100.
    #[param(minimum = 1, example = 20)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

/// One's own deposits, newest first.
#[utoipa::path(get, path = "/api/wallet/deposits", tag = "wallet", security(("bearer" = [])), params(DepositPage),
    responses((status = 200, description = "A page of deposits", body = Page<DepositBody>), Problems))]
pub async fn deposits(
    State(app): State<App>,
    caller: Caller,
    Parameters(page): Parameters<DepositPage>,
) -> Result<Json<Page<DepositBody>>, Problem> {
    let user = caller.id();
    let scope = format!("wallet/deposits {user}");
    let shown = limit(page.limit)?;
    let before = page.cursor.as_deref().map(|cursor| app.cursors.read(&scope, cursor)).transpose()?;
    let before = before.map(|(at, id)| (at, DepositId::new(id)));
    // One line more than is shown tells whether there is another page.
    let wanted = deposits::Page { before, limit: shown.saturating_add(1) };
    let lines = app.database.read(move |view| deposits::list(view, user, wanted)).await?;
    let now = app.clock.now();
    let cursor = |line: &deposits::Deposit| app.cursors.write(&scope, (line.created_at, line.asked.id.uuid()));
    Ok(Json(Page::cut(lines, shown, cursor, |line| seen(&app, line, now))))
}

/// A deposit as its owner sees it: one that nobody paid for in time has failed.
fn seen(app: &App, mut deposit: Deposit, now: Timestamp) -> DepositBody {
    let status = deposit.asked.status;
    deposit.asked.status = standing(status, deposit.created_at, app.deposit_lifetime, now);
    deposit.into()
}

/// One of one's own deposits.
#[utoipa::path(get, path = "/api/wallet/deposits/{id}", tag = "wallet", security(("bearer" = [])),
    params(("id" = String, Path, description = "The deposit")), operation_id = "find_deposit",
    responses((status = 200, description = "The deposit", body = DepositBody),
        (status = 404, description = "No deposit of yours", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn find(State(app): State<App>, caller: Caller, Id(id): Id<DepositId>) -> Result<Json<DepositBody>, Problem> {
    let deposit = app.database.look_up(move |view| deposits::find(view, id)).await?;
    let own = deposit.filter(|deposit| deposit.asked.user_id == caller.id());
    own.map(|deposit| Json(seen(&app, deposit, app.clock.now())))
        .ok_or_else(|| Problem::not_found("you have no such deposit"))
}

/// Credits a deposit that is held with all that was paid, as its provider told it, whatever was asked for.
#[utoipa::path(post, path = "/api/admin/deposits/{id}/release", tag = "admin", security(("bearer" = [])),
    params(("id" = String, Path, description = "The deposit"), RequiredKey),
    responses((status = 201, description = "The deposit", body = DepositBody),
        (status = 403, description = "`forbidden`, `wallet_frozen`, `account_suspended`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`deposit_not_found`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`deposit_not_held`, `deposit_mismatch`, `payment_known`, `payment_not_creditable`", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn release_deposit(
    State(app): State<App>,
    Admin(caller): Admin,
    origin: Origin,
    Id(id): Id<DepositId>,
    Payment { body: Nothing {}, key }: Payment<Nothing>,
) -> Result<Response, Problem> {
    let look = move |view: &View<'_>| Ok((deposits::find(view, id)?, payment_events::holding(view, id)?));
    let (found, paid) = app.database.look_up(look).await?;
    let Deposit { asked, .. } = found.ok_or(Denial::DepositNotFound)?;
    let amount = match (asked.status, paid) {
        (DepositStatus::Held, Some(paid)) => creditable(&paid, &app.config.money.currency).map_err(Denial::from)?,
        (DepositStatus::Held, None) => return Err(Denial::from(NotCreditable::Amount).into()),
        // The ledger refuses it, or the key has its answer.
        _ => asked.amount,
    };
    let asker = Asker { user_id: caller.id(), payee_username: None, request_id: Arc::clone(&origin.request_id) };
    let deposit = command::Deposit {
        user_id: asked.user_id,
        amount,
        provider: asked.provider,
        provider_tx_id: asked.provider_tx_id,
        pending: Some(id),
        is_release: true,
    };
    let plan = |_: Option<()>| (Command::Deposit(deposit), asker.renderer());
    once::pay(&app, &caller, &origin, key, once::NOTHING, plan).await
}

/// Why no money comes of a deposit.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectDepositRequest {
    /// For the audit log: 1 to 500 characters.
    #[schema(example = "the payer was refunded by the provider")]
    reason: String,
}

/// Gives up a deposit that is held, or that still waits for its provider. It has failed then.
#[utoipa::path(post, path = "/api/admin/deposits/{id}/reject", tag = "admin", security(("bearer" = [])),
    params(("id" = String, Path, description = "The deposit"), RequiredKey), request_body = RejectDepositRequest,
    responses((status = 200, description = "The deposit", body = DepositBody),
        (status = 404, description = "`deposit_not_found`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`deposit_decided`", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn reject_deposit(
    State(app): State<App>,
    Admin(caller): Admin,
    origin: Origin,
    Id(id): Id<DepositId>,
    Payment { body, key }: Payment<RejectDepositRequest>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let reason = fields.check("/reason", Reason::parse(&body.reason));
    let reason = fields.finish(reason)?;
    let context = origin.context(&app, Some(&caller));
    let operation = move |work: &mut Work<'_>| acts::reject(work, &context, id, &reason);
    let render = |deposit| json_response(200, &DepositBody::from(deposit));
    once::write(&app, &origin, Some(key), operation, render).await
}
