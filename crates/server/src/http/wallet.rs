//! One's own wallet: what it holds, what moved, and moving more.

use super::extract::{Caller, Fields, Id, Origin, Parameters};
use super::once::{self, Payment};
use super::parameters::{Page, Problems, RequiredKey, limit, moment, rfc3339};
use super::problem::{Problem, ProblemBody};
use super::receipts::{Asker, TransactionBody};
use crate::app::App;
use crate::store::{entries, users, wallets};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use domain::command::{Command, Transfer};
use domain::id::{TransactionId, UserId};
use domain::text::Note;
use domain::transaction::TransactionType;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// What a wallet holds.
#[derive(Debug, Serialize, ToSchema)]
pub struct Balance {
    /// The wallet.
    #[schema(example = "wal_01h2xcejqtf2nbrexx3vqjhp41")]
    wallet_id: String,
    /// Cents.
    #[schema(example = 25000)]
    balance_cents: i64,
    /// Whole coins, rounded down.
    #[schema(example = 2)]
    balance_coins: i64,
    /// Cents that can be spent now.
    #[schema(example = 25000)]
    available_cents: i64,
    /// ISO 4217.
    #[schema(example = "IDR")]
    currency: String,
    /// `active` or `frozen`.
    status: &'static str,
    /// When money last moved.
    last_transaction_at: Option<String>,
}

/// What one's own wallet holds.
#[utoipa::path(get, path = "/api/wallet/balance", tag = "wallet", security(("bearer" = [])),
    responses((status = 200, description = "The balance", body = Balance), Problems))]
pub async fn balance(State(app): State<App>, caller: Caller) -> Result<Json<Balance>, Problem> {
    let wallet = app.database.find(wallets::find_by_user(caller.id())).await?;
    let wallet = wallet.ok_or_else(|| Problem::not_found("this account has no wallet"))?;
    Ok(Json(Balance {
        wallet_id: wallet.id.to_string(),
        balance_cents: wallet.balance.get(),
        balance_coins: app.coin_size.coins(wallet.balance),
        available_cents: if wallet.status == domain::wallet::WalletStatus::Active { wallet.balance.get() } else { 0 },
        currency: wallet.currency,
        status: wallet.status.as_str(),
        last_transaction_at: wallet.last_transaction_at.map(rfc3339),
    }))
}

/// Which transactions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Only this reason.
    #[param(example = "transfer")]
    r#type: Option<String>,
    /// Only this status.
    #[param(example = "completed")]
    status: Option<String>,
    /// Not before this time.
    #[param(format = DateTime, example = "2026-01-31T12:00:00Z")]
    from: Option<String>,
    /// Before this time.
    #[param(format = DateTime, example = "2026-01-31T12:00:00Z")]
    to: Option<String>,
    /// Lines on a page, 20 by default, at most 100.
    #[param(minimum = 1, example = 20)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

impl Filter {
    /// Names the list, its owner and its filters, so that a cursor is good for nothing else.
    fn scope(&self, user: UserId) -> String {
        format!("wallet/transactions {user} {:?} {:?} {:?} {:?}", self.r#type, self.status, self.from, self.to)
    }

    fn page(&self, app: &App, user: UserId) -> Result<entries::Page, Problem> {
        let mut fields = Fields::default();
        let kind = self.r#type.as_deref().map(|word| {
            let unknown = || "must be deposit, transfer, unlock, subscription, gift, refund or payout";
            fields.check("type", TransactionType::parse(word).ok_or_else(unknown))
        });
        let known = |word: &String| matches!(word.as_str(), "completed" | "reversed");
        let status = self.status.as_ref();
        let status = status.map(|word| {
            fields.check("status", known(word).then(|| word.clone()).ok_or("must be completed or reversed"))
        });
        let from = self.from.as_deref().map(|text| fields.check("from", moment(text)));
        let to = self.to.as_deref().map(|text| fields.check("to", moment(text)));
        fields.finish(Some(()))?;
        let cursor = self.cursor.as_deref().map(|cursor| app.cursors.read(&self.scope(user), cursor)).transpose()?;
        Ok(entries::Page {
            before: cursor.map(|(at, id)| (at, TransactionId::new(id))),
            kind: kind.flatten(),
            status: status.flatten(),
            from: from.flatten(),
            to: to.flatten(),
            limit: limit(self.limit)?,
        })
    }
}

/// The history of one's own wallet, newest first.
#[utoipa::path(get, path = "/api/wallet/transactions", tag = "wallet", security(("bearer" = [])), params(Filter),
    responses((status = 200, description = "A page of transactions", body = Page<TransactionBody>), Problems))]
pub async fn transactions(
    State(app): State<App>,
    caller: Caller,
    Parameters(filter): Parameters<Filter>,
) -> Result<Json<Page<TransactionBody>>, Problem> {
    let user = caller.id();
    let page = filter.page(&app, user)?;
    let shown = page.limit;
    // One line more than is shown tells whether there is another page.
    let wanted = entries::Page { limit: page.limit.saturating_add(1), ..page };
    let lines = match wanted.before {
        // Nothing will be added there any more.
        Some((before, _)) if app.is_long_past(before) => {
            app.database.read_stale(move |reader| entries::history(reader, user, &wanted)).await?
        }
        _ => app.database.read(move |view| entries::history(view, user, &wanted)).await?,
    };
    let cursor = |line: &entries::Line| app.cursors.write(&filter.scope(user), (line.created_at, line.tx_id.uuid()));
    Ok(Json(Page::cut(lines, shown, cursor, TransactionBody::from)))
}

/// One transaction of one's own wallet.
#[utoipa::path(get, path = "/api/wallet/transactions/{tx_id}", tag = "wallet", security(("bearer" = [])),
    params(("tx_id" = String, Path, description = "The transaction")),
    responses((status = 200, description = "The transaction", body = TransactionBody),
        (status = 404, description = "No transaction of yours", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn transaction(
    State(app): State<App>,
    caller: Caller,
    Id(tx_id): Id<TransactionId>,
) -> Result<Json<TransactionBody>, Problem> {
    let user = caller.id();
    let line = app.database.look_up(move |view| entries::find(view, user, tx_id)).await?;
    line.map(|line| Json(line.into())).ok_or_else(|| Problem::not_found("you have no such transaction"))
}

/// A transfer to another user.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferRequest {
    /// Who is paid.
    #[schema(example = "usr_01h2xcejqtf2nbrexx3vqjhp41")]
    to_user_id: String,
    /// How much, in cents.
    #[schema(example = 2500, minimum = 1, maximum = 9_007_199_254_740_991i64)]
    amount_cents: i64,
    /// A word to the recipient, at most 200 characters.
    #[schema(example = "thank you")]
    note: Option<String>,
}

/// Transfers money to another user.
#[utoipa::path(post, path = "/api/wallet/transfer", tag = "wallet", security(("bearer" = [])), params(RequiredKey),
    request_body = TransferRequest,
    responses((status = 201, description = "The transaction, from the payer's side", body = TransactionBody),
        (status = 402, description = "`insufficient_funds`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`recipient_not_found`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`self_transfer`, `balance_limit_exceeded`, `idempotency_key_reused`", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn transfer(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    Payment { body, key }: Payment<TransferRequest>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let to = fields.check("/to_user_id", body.to_user_id.parse::<UserId>());
    let amount = fields.amount("/amount_cents", body.amount_cents, app.config.money.amount_cents_max);
    let note = fields.check("/note", Note::parse(body.note.as_deref().unwrap_or_default()));
    let checked = to.zip(amount).zip(note);
    let ((to, amount), note) = fields.finish(checked)?;
    let (from, request_id) = (caller.id(), Arc::clone(&origin.request_id));
    let plan = move |payee_username: Option<Option<String>>| {
        let asker = Asker { user_id: from, payee_username: payee_username.flatten(), request_id };
        (Command::Transfer(Transfer { from, to, amount, note }), asker.renderer())
    };
    once::pay(&app, &caller, &origin, key, Some(users::username(to)), plan).await
}
