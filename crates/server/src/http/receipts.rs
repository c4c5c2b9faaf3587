//! What the ledger's outcomes look like from outside. Pure: the result commits together with the effect.

mod sales;

pub use sales::{
    GiftBody, GiftReceipt, PayoutBody, RefundBody, SplitBody, SubscriptionBody, SubscriptionReceipt, UnlockBody,
    UnlockReceipt,
};

use super::parameters::rfc3339;
use super::problem::Problem;
use super::users::json_response;
use crate::ledger::Render;
use crate::store::deposits::Deposit;
use crate::store::entries::Line;
use domain::id::{ContentId, DepositId, GiftId, PayoutId, SubscriptionId, TransactionId, UserId};
use domain::idempotency::StoredResponse;
use domain::money::Cents;
use domain::receipt::{Act, DepositRow, Outcome, Receipt};
use domain::text::Note;
use domain::transaction::{Transaction, TransactionType};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// A transaction, from the side of the one who asks.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TransactionBody {
    /// Its id.
    #[schema(example = "tx_01h2xcejqtf2nbrexx3vqjhp41")]
    tx_id: String,
    /// Its reason.
    #[schema(example = "transfer")]
    r#type: &'static str,
    /// Where it stands.
    #[schema(example = "completed")]
    status: String,
    /// Cents: positive for what came in, negative for what went out.
    #[schema(example = -2500)]
    amount_cents: i64,
    /// What the wallet held with it.
    #[schema(example = 7500)]
    balance_after_cents: Option<i64>,
    /// The user on the other side, if there is one.
    counterparty: Option<Counterparty>,
    /// The id of what it was for: a deposit, a content, a subscription, a gift.
    reference: Option<String>,
    /// A word from the payer.
    note: Option<String>,
    /// How the amount was divided, for what fans pay for.
    #[serde(skip_serializing_if = "Option::is_none")]
    split: Option<SplitBody>,
    /// When it happened.
    created_at: String,
}

/// The user on the other side.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Counterparty {
    /// Their id.
    #[schema(example = "usr_01h2xcejqtf2nbrexx3vqjhp41")]
    id: String,
    /// Their public name, if they have one.
    username: Option<String>,
}

/// A deposit.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DepositBody {
    /// Its id.
    #[schema(example = "dep_01h2xcejqtf2nbrexx3vqjhp41")]
    id: String,
    /// `pending`, `completed`, `failed` or `held`.
    status: &'static str,
    /// How much.
    amount_cents: i64,
    /// Through whom.
    provider: String,
    /// The provider's own id of the payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_tx_id: Option<String>,
    /// The transaction that credited the wallet, once one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    tx_id: Option<String>,
    /// When it was asked for.
    created_at: String,
}

impl From<Line> for TransactionBody {
    fn from(line: Line) -> Self {
        let counterparty =
            line.counterparty_id.map(|id| Counterparty { id: id.to_string(), username: line.counterparty_username });
        let reference = line.reference_id.and_then(|id| match line.kind {
            TransactionType::Deposit => Some(DepositId::new(id).to_string()),
            TransactionType::Transfer => None,
            TransactionType::Unlock => Some(ContentId::new(id).to_string()),
            TransactionType::Subscription => Some(SubscriptionId::new(id).to_string()),
            TransactionType::Gift => Some(GiftId::new(id).to_string()),
            TransactionType::Refund => Some(TransactionId::new(id).to_string()),
            TransactionType::Payout => Some(PayoutId::new(id).to_string()),
        });
        Self {
            tx_id: line.tx_id.to_string(),
            r#type: line.kind.as_str(),
            status: line.status,
            amount_cents: line.amount.get(),
            balance_after_cents: line.balance_after.map(Cents::get),
            counterparty,
            reference,
            note: line.note,
            split: line.split.as_ref().map(SplitBody::from),
            created_at: rfc3339(line.created_at),
        }
    }
}

impl DepositBody {
    fn of(transaction: &Transaction, deposit: &DepositRow) -> Self {
        Self {
            id: deposit.id.to_string(),
            status: deposit.status.as_str(),
            amount_cents: transaction.amount.credit().get(),
            provider: deposit.provider.as_str().to_owned(),
            provider_tx_id: deposit.provider_tx_id.clone(),
            tx_id: Some(transaction.id.to_string()),
            created_at: rfc3339(transaction.created_at),
        }
    }
}

impl From<Deposit> for DepositBody {
    fn from(Deposit { asked, tx_id, created_at }: Deposit) -> Self {
        Self {
            id: asked.id.to_string(),
            status: asked.status.as_str(),
            amount_cents: asked.amount.credit().get(),
            provider: asked.provider.as_str().to_owned(),
            provider_tx_id: asked.provider_tx_id,
            tx_id: tx_id.map(|id| id.to_string()),
            created_at: rfc3339(created_at),
        }
    }
}

/// What a receipt shows beside the ledger's own rows.
#[derive(Clone, Debug)]
pub struct Asker {
    /// Who asks.
    pub user_id: UserId,
    /// The public name of the one who is paid, if they have one.
    pub payee_username: Option<String>,
    /// The request id, for problems.
    pub request_id: Arc<str>,
}

impl Asker {
    /// The renderer that goes through the ledger's door.
    #[must_use]
    pub fn renderer(self) -> Render {
        Arc::new(move |outcome| self.render(outcome))
    }

    fn render(&self, outcome: &Outcome) -> StoredResponse {
        let shown = match outcome {
            Ok(receipt) => self.receipt(receipt),
            Err(refusal) => Err(refusal.into()),
        };
        shown.unwrap_or_else(|problem| problem.stored(&self.request_id))
    }

    fn receipt(&self, Receipt { transaction: made }: &Receipt) -> Result<StoredResponse, Problem> {
        let transaction = || self.transaction(made);
        let split = || made.split.as_ref().map(SplitBody::from).ok_or_else(Problem::internal);
        let mut response = match &made.act {
            Act::Transfer { .. } => json_response(201, &transaction()),
            Act::Deposit(deposit) => json_response(201, &DepositBody::of(made, deposit)),
            Act::Unlock(unlock) => {
                let unlock = UnlockBody::of(made, unlock);
                json_response(201, &UnlockReceipt { unlock, transaction: transaction(), split: split()? })
            }
            Act::Subscribe { subscription, .. } => {
                let subscription = subscription.into();
                json_response(201, &SubscriptionReceipt { subscription, transaction: transaction(), split: split()? })
            }
            // Nobody reads the answer to a job. It says what was charged, for whoever looks at the key.
            Act::Renew(subscription) => json_response(200, &SubscriptionBody::from(subscription)),
            Act::Gift(gift) => {
                let gift = GiftBody::of(made, gift);
                json_response(201, &GiftReceipt { gift, transaction: transaction(), split: split()? })
            }
            Act::Refund(refund) => json_response(201, &RefundBody::of(made, refund)),
            Act::PayoutHold(payout) => json_response(201, &PayoutBody::of(made, payout, Cents::ZERO)),
            Act::PayoutDecision { payout, repaid } => json_response(200, &PayoutBody::of(made, payout, *repaid)),
        }?;
        if response.status == 201 {
            response.headers.push(("location".to_owned(), location(made)));
        }
        Ok(response)
    }

    fn transaction(&self, transaction: &Transaction) -> TransactionBody {
        let entry = transaction.entry_of(self.user_id);
        TransactionBody {
            tx_id: transaction.id.to_string(),
            r#type: transaction.kind().as_str(),
            status: "completed".to_owned(),
            amount_cents: entry.map_or(0, |entry| entry.amount.get()),
            balance_after_cents: entry.and_then(|entry| entry.balance_after).map(Cents::get),
            counterparty: transaction
                .payee_id
                .map(|id| Counterparty { id: id.to_string(), username: self.payee_username.clone() }),
            reference: reference(&transaction.act),
            note: note(&transaction.act).map(|note| note.as_str().to_owned()),
            split: transaction.split.as_ref().map(SplitBody::from),
            created_at: rfc3339(transaction.created_at),
        }
    }
}

/// The id of what a transaction was for.
fn reference(act: &Act) -> Option<String> {
    match act {
        Act::Transfer { .. } => None,
        Act::Deposit(deposit) => Some(deposit.id.to_string()),
        Act::Unlock(unlock) => Some(unlock.content_id.to_string()),
        Act::Subscribe { subscription, .. } | Act::Renew(subscription) => Some(subscription.id.to_string()),
        Act::Gift(gift) => Some(gift.id.to_string()),
        Act::Refund(refund) => Some(refund.sale.id.to_string()),
        Act::PayoutHold(payout) | Act::PayoutDecision { payout, .. } => Some(payout.id.to_string()),
    }
}

const fn note(act: &Act) -> Option<&Note> {
    match act {
        Act::Transfer { note } => note.as_ref(),
        Act::Gift(gift) => gift.message.as_ref(),
        _ => None,
    }
}

/// Where what was made can be read again by the one who asked for it.
fn location(transaction: &Transaction) -> String {
    match &transaction.act {
        Act::Subscribe { subscription, .. } => format!("/api/subscriptions/{}", subscription.id),
        _ => format!("/api/wallet/transactions/{}", transaction.id),
    }
}
