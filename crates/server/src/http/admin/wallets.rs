//! Stopping the wallet of a user, and letting it move again.

use crate::app::App;
use crate::http::extract::{Fields, Id, Origin};
use crate::http::once::{self, Once};
use crate::http::parameters::{OptionalKey, Problems, rfc3339};
use crate::http::problem::{Problem, ProblemBody};
use crate::http::roles::Admin;
use crate::http::users::json_response;
use crate::operations::wallets;
use crate::store::Work;
use crate::store::wallets::Wallet;
use axum::extract::State;
use axum::response::Response;
use domain::id::{UserId, WalletId};
use domain::text::Reason;
use domain::wallet::WalletStatus;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A wallet, as an administrator sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WalletBody {
    /// Its id.
    #[schema(example = "wal_01h2xcejqtf2nbrexx3vqjhp41")]
    id: String,
    /// Its owner.
    #[schema(example = "usr_01h2xcejqtf2nbrexx3vqjhp41")]
    user_id: String,
    /// What it holds, in cents.
    #[schema(example = 25000)]
    balance_cents: i64,
    /// ISO 4217.
    #[schema(example = "IDR")]
    currency: String,
    /// `active` or `frozen`.
    #[schema(example = "frozen")]
    status: &'static str,
    /// When money last moved.
    last_transaction_at: Option<String>,
}

impl From<Wallet> for WalletBody {
    fn from(wallet: Wallet) -> Self {
        Self {
            id: wallet.id.to_string(),
            // Only users' wallets are shown here, and those have their owner's UUID.
            user_id: UserId::new(wallet.id.uuid()).to_string(),
            balance_cents: wallet.balance.get(),
            currency: wallet.currency,
            status: wallet.status.as_str(),
            last_transaction_at: wallet.last_transaction_at.map(rfc3339),
        }
    }
}

/// Why it is done.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WithReason {
    /// For the audit log: 1 to 500 characters.
    #[schema(example = "chargeback, ticket 4711")]
    reason: String,
}

/// Stops every movement of a wallet, those that wait in the queue included.
#[utoipa::path(post, path = "/api/admin/wallets/{id}/freeze", tag = "admin", security(("bearer" = [])),
    params(("id" = String, Path, description = "The wallet of a user"), OptionalKey), request_body = WithReason,
    responses((status = 200, description = "The wallet, which is frozen now", body = WalletBody),
        (status = 404, description = "`not_found`", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn freeze_wallet(
    State(app): State<App>,
    admin: Admin,
    origin: Origin,
    Id(id): Id<WalletId>,
    once: Once<WithReason>,
) -> Result<Response, Problem> {
    set_status(&app, &admin, &origin, id, once, WalletStatus::Frozen).await
}

/// Lets a wallet move again.
#[utoipa::path(post, path = "/api/admin/wallets/{id}/unfreeze", tag = "admin", security(("bearer" = [])),
    params(("id" = String, Path, description = "The wallet of a user"), OptionalKey), request_body = WithReason,
    responses((status = 200, description = "The wallet, which is active now", body = WalletBody),
        (status = 404, description = "`not_found`", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn unfreeze_wallet(
    State(app): State<App>,
    admin: Admin,
    origin: Origin,
    Id(id): Id<WalletId>,
    once: Once<WithReason>,
) -> Result<Response, Problem> {
    set_status(&app, &admin, &origin, id, once, WalletStatus::Active).await
}

async fn set_status(
    app: &App,
    Admin(caller): &Admin,
    origin: &Origin,
    id: WalletId,
    once: Once<WithReason>,
    status: WalletStatus,
) -> Result<Response, Problem> {
    let (body, key) = once.into_parts();
    let mut fields = Fields::default();
    let reason = fields.check("/reason", Reason::parse(&body.reason));
    let reason = fields.finish(reason)?;
    let context = origin.context(app, Some(caller));
    let operation = move |work: &mut Work<'_>| wallets::set_status(work, &context, id, status, &reason);
    once::write_locked(app, origin, key, operation, |wallet| json_response(200, &WalletBody::from(wallet))).await
}
