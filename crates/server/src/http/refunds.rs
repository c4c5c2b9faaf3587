//! Giving a sale back, by an administrator.

use super::extract::{Fields, Id, Origin};
use super::once::{self, Payment};
use super::parameters::{Problems, RequiredKey};
use super::problem::{Problem, ProblemBody};
use super::receipts::{Asker, RefundBody};
use super::roles::Admin;
use crate::app::App;
use crate::store::transactions;
use axum::extract::State;
use axum::response::Response;
use domain::command::{Command, Parties, Refund};
use domain::id::TransactionId;
use domain::text::Reason;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// How much is given back, and why.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundRequest {
    /// How much; all that is left if it is not said.
    #[schema(example = 2500, minimum = 1, maximum = 9_007_199_254_740_991i64)]
    amount_cents: Option<i64>,
    /// Why: 1 to 500 characters, for the audit log.
    #[schema(example = "the video does not play")]
    reason: String,
}

/// Gives an unlock, a period of a subscription or a gift back, in part or in full. A full refund ends the access.
#[utoipa::path(post, path = "/api/admin/transactions/{tx_id}/refund", tag = "admin", security(("bearer" = [])),
    params(("tx_id" = String, Path, description = "The transaction that paid"), RequiredKey), request_body = RefundRequest,
    responses((status = 201, description = "The refund", body = RefundBody),
        (status = 404, description = "`transaction_not_found`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`refund_exceeds_original`, `balance_limit_exceeded`, `idempotency_key_reused`", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn refund(
    State(app): State<App>,
    Admin(caller): Admin,
    origin: Origin,
    Id(original): Id<TransactionId>,
    Payment { body, key }: Payment<RefundRequest>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let cents_max = app.config.money.amount_cents_max;
    let amount = body.amount_cents.map(|cents| fields.amount("/amount_cents", cents, cents_max));
    let reason = fields.check("/reason", Reason::parse(&body.reason));
    let reason = fields.finish(reason)?;
    let (user_id, request_id) = (caller.id(), Arc::clone(&origin.request_id));
    let plan = move |parties: Option<Parties>| {
        let asker = Asker { user_id, payee_username: None, request_id };
        (Command::Refund(Refund { original, parties, amount: amount.flatten(), reason }), asker.renderer())
    };
    once::pay(&app, &caller, &origin, key, Some(transactions::parties(original)), plan).await
}
