//! Wallets, as administrators see them, and stopping that of a user or letting it move again.

use super::word;
use crate::app::App;
use crate::http::extract::{Fields, Id, Origin, Parameters};
use crate::http::once::{self, Once};
use crate::http::parameters::{OptionalKey, Page, Problems, limit, rfc3339};
use crate::http::problem::{Problem, ProblemBody};
use crate::http::roles::Admin;
use crate::http::users::json_response;
use crate::operations::wallets;
use crate::store::Work;
use crate::store::wallets::{self as wallets_store, Listed, Wallet};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use domain::id::{UserId, WalletId};
use domain::text::Reason;
use domain::timestamp::Timestamp;
use domain::wallet::WalletStatus;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

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

/// A wallet of any kind, as an administrator sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WalletLine {
    /// Its id.
    #[schema(example = "wal_01h2xcejqtf2nbrexx3vqjhp41")]
    id: String,
    /// `user`, `debt`, `platform`, `processor`, `clearing`, `payouts` or `promotion`.
    #[schema(example = "user")]
    kind: String,
    /// Its owner, if it is a user's.
    user_id: Option<String>,
    /// What it holds, in cents.
    #[schema(example = 25000)]
    balance_cents: i64,
    /// ISO 4217.
    #[schema(example = "IDR")]
    currency: String,
    /// `active` or `frozen`.
    #[schema(example = "active")]
    status: &'static str,
    /// When money last moved.
    last_transaction_at: Option<String>,
}

impl From<Listed> for WalletLine {
    fn from(Listed { wallet, kind, user_id }: Listed) -> Self {
        Self {
            id: wallet.id.to_string(),
            kind,
            user_id: user_id.map(|id| id.to_string()),
            balance_cents: wallet.balance.get(),
            currency: wallet.currency,
            status: wallet.status.as_str(),
            last_transaction_at: wallet.last_transaction_at.map(rfc3339),
        }
    }
}

/// Which wallets.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Only those of this account: its wallet, and its debt if it has one.
    #[param(example = "usr_01h2xcejqtf2nbrexx3vqjhp41")]
    user_id: Option<String>,
    /// Only `active` or only `frozen` ones.
    #[param(example = "frozen")]
    status: Option<String>,
    /// Lines on a page, 20 by default, at most 100.
    #[param(minimum = 1, example = 20)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

/// The wallets of an account, or all that money ever moved on, the latest first.
#[utoipa::path(get, path = "/api/admin/wallets", tag = "admin", security(("bearer" = [])), params(Filter),
    responses((status = 200, description = "A page of wallets", body = Page<WalletLine>), Problems))]
pub async fn admin_wallets(
    State(app): State<App>,
    _admin: Admin,
    Parameters(filter): Parameters<Filter>,
) -> Result<Json<Page<WalletLine>>, Problem> {
    let mut fields = Fields::default();
    let user = filter.user_id.as_deref().map(|text| fields.check("user_id", text.parse::<UserId>()));
    let statuses = &["active", "frozen"];
    let status = filter.status.as_deref();
    let status = status.map(|text| fields.check("status", word(text, WalletStatus::parse, statuses)));
    fields.finish(Some(()))?;
    let scope = format!("admin/wallets {:?} {:?}", filter.user_id, filter.status);
    let before = filter.cursor.as_deref().map(|cursor| app.cursors.read(&scope, cursor)).transpose()?;
    let shown = limit(filter.limit)?;
    let wanted = wallets_store::Page {
        user: user.flatten(),
        status: status.flatten(),
        before: before.map(|(at, id)| (at, WalletId::new(id))),
        limit: shown.saturating_add(1),
    };
    let lines = app.database.read(move |view| wallets_store::list(view, &wanted)).await?;
    // A list that goes on is one of wallets that money moved on.
    let at = |line: &Listed| line.wallet.last_transaction_at.unwrap_or(Timestamp::from_micros(i64::MIN));
    let cursor = |line: &Listed| app.cursors.write(&scope, (at(line), line.wallet.id.uuid()));
    Ok(Json(Page::cut(lines, shown, cursor, WalletLine::from)))
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
