//! Transactions, as administrators look them up: what somebody initiated, and what a provider's payment became.

use crate::app::App;
use crate::http::extract::{Fields, Parameters};
use crate::http::parameters::{Page, Problems, limit, rfc3339};
use crate::http::problem::Problem;
use crate::http::roles::Admin;
use crate::store::transactions::{self as store, Listed};
use axum::Json;
use axum::extract::State;
use domain::id::{TransactionId, UserId};
use domain::wallet::Provider;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A transaction, as an administrator sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TransactionLine {
    /// Its id.
    #[schema(example = "tx_01h2xcejqtf2nbrexx3vqjhp41")]
    tx_id: String,
    /// Its reason: `deposit`, `transfer`, `unlock`, `subscription`, `gift`, `refund` or `payout`.
    #[serde(rename = "type")]
    #[schema(example = "transfer")]
    kind: &'static str,
    /// `completed`: a correction is a transaction of its own.
    status: String,
    /// Who initiated it.
    #[schema(example = "usr_01h2xcejqtf2nbrexx3vqjhp41")]
    user_id: String,
    /// Who paid, if a user did.
    payer_id: Option<String>,
    /// Who was paid, if a user was.
    payee_id: Option<String>,
    /// Over how much it is, in cents.
    #[schema(example = 2500)]
    amount_cents: i64,
    /// Through whom money came in.
    provider: Option<String>,
    /// The provider's own id of the payment.
    provider_tx_id: Option<String>,
    /// When it happened.
    created_at: String,
}

impl From<Listed> for TransactionLine {
    fn from(line: Listed) -> Self {
        Self {
            tx_id: line.id.to_string(),
            kind: line.kind.as_str(),
            status: line.status,
            user_id: line.user_id.to_string(),
            payer_id: line.payer_id.map(|id| id.to_string()),
            payee_id: line.payee_id.map(|id| id.to_string()),
            amount_cents: line.amount.credit().get(),
            provider: line.provider,
            provider_tx_id: line.provider_tx_id,
            created_at: rfc3339(line.created_at),
        }
    }
}

/// Which transactions: those of a user, or the one of a provider's payment.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// What this account initiated.
    #[param(example = "usr_01h2xcejqtf2nbrexx3vqjhp41")]
    user_id: Option<String>,
    /// The provider of a payment; `provider_tx_id` goes with it.
    #[param(example = "acme")]
    provider: Option<String>,
    /// The provider's own id of the payment; `provider` goes with it.
    #[param(example = "pi_3MtwBwLkdIwHu7ix28a3tqPa")]
    provider_tx_id: Option<String>,
    /// Lines on a page, 20 by default, at most 100.
    #[param(minimum = 1, example = 20)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

/// What is looked for.
enum Wanted {
    Initiated(UserId),
    Payment(Provider, String),
}

impl Filter {
    fn wanted(&self) -> Result<Wanted, Problem> {
        let mut fields = Fields::default();
        match (&self.user_id, &self.provider, &self.provider_tx_id) {
            (Some(user), None, None) => {
                let user = fields.check("user_id", user.parse::<UserId>());
                Ok(Wanted::Initiated(fields.finish(user)?))
            }
            (None, Some(provider), Some(id)) => {
                let provider = fields.check("provider", Provider::parse(provider));
                Ok(Wanted::Payment(fields.finish(provider)?, id.clone()))
            }
            (None, Some(_), None) => Err(Problem::field("provider_tx_id", "must go with provider")),
            (None, None, Some(_)) => Err(Problem::field("provider", "must go with provider_tx_id")),
            _ => Err(Problem::field("user_id", "must be there, or else provider and provider_tx_id")),
        }
    }
}

/// What a user initiated, newest first, or the transaction of a provider's payment.
#[utoipa::path(get, path = "/api/admin/transactions", tag = "admin", security(("bearer" = [])), params(Filter),
    responses((status = 200, description = "A page of transactions", body = Page<TransactionLine>), Problems))]
pub async fn admin_transactions(
    State(app): State<App>,
    _admin: Admin,
    Parameters(filter): Parameters<Filter>,
) -> Result<Json<Page<TransactionLine>>, Problem> {
    let shown = limit(filter.limit)?;
    let (lines, scope) = match filter.wanted()? {
        Wanted::Initiated(user) => {
            let scope = format!("admin/transactions {user}");
            let before = filter.cursor.as_deref().map(|cursor| app.cursors.read(&scope, cursor)).transpose()?;
            let before = before.map(|(at, id)| (at, TransactionId::new(id)));
            let some = shown.saturating_add(1);
            (app.database.read(move |view| store::initiated(view, user, before, some)).await?, scope)
        }
        Wanted::Payment(provider, id) => {
            let found = app.database.look_up(move |view| store::of_payment(view, &provider, &id)).await?;
            (found.into_iter().collect(), String::new())
        }
    };
    let cursor = |line: &Listed| app.cursors.write(&scope, (line.created_at, line.id.uuid()));
    Ok(Json(Page::cut(lines, shown, cursor, TransactionLine::from)))
}
