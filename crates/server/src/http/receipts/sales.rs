//! What fans pay for, refunds and payouts, as they look from outside.

use super::TransactionBody;
use crate::http::parameters::rfc3339;
use domain::gift::GiftRow;
use domain::money::Cents;
use domain::payout::Payout;
use domain::receipt::{RefundRow, UnlockRow};
use domain::split::Split;
use domain::subscription::Subscription;
use domain::text::{Note, Reason};
use domain::transaction::Transaction;
use serde::Serialize;
use utoipa::ToSchema;

/// How an amount was divided.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct SplitBody {
    /// The creator's part.
    #[schema(example = 8000)]
    pub creator_cents: i64,
    /// The platform's part.
    #[schema(example = 1500)]
    pub platform_cents: i64,
    /// The payment processor's part.
    #[schema(example = 500)]
    pub processor_cents: i64,
}

impl From<&Split> for SplitBody {
    fn from(split: &Split) -> Self {
        Self {
            creator_cents: split.creator.get(),
            platform_cents: split.platform.get(),
            processor_cents: split.processor.get(),
        }
    }
}

/// A bought content, the transaction from the payer's side, and how the price was divided.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UnlockReceipt {
    /// The purchase.
    pub unlock: UnlockBody,
    /// The transaction.
    pub transaction: TransactionBody,
    /// How the price was divided.
    pub split: SplitBody,
}

/// The purchase of a content.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UnlockBody {
    /// Its id.
    #[schema(example = "unl_01h2xcejqtf2nbrexx3vqjhp41")]
    pub id: String,
    /// What was bought.
    #[schema(example = "cnt_01h2xcejqtf2nbrexx3vqjhp41")]
    pub content_id: String,
    /// What was paid.
    #[schema(example = 10000)]
    pub amount_cents: i64,
    /// When.
    pub created_at: String,
}

impl UnlockBody {
    pub(super) fn of(transaction: &Transaction, unlock: &UnlockRow) -> Self {
        Self {
            id: unlock.id.to_string(),
            content_id: unlock.content_id.to_string(),
            amount_cents: transaction.amount.credit().get(),
            created_at: rfc3339(transaction.created_at),
        }
    }
}

/// A new subscription, the transaction from the payer's side, and how the price was divided.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SubscriptionReceipt {
    /// The subscription.
    pub subscription: SubscriptionBody,
    /// The transaction.
    pub transaction: TransactionBody,
    /// How the price was divided.
    pub split: SplitBody,
}

/// A subscription.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SubscriptionBody {
    /// Its id.
    #[schema(example = "sub_01h2xcejqtf2nbrexx3vqjhp41")]
    pub id: String,
    /// To whom.
    #[schema(example = "usr_01h2xcejqtf2nbrexx3vqjhp41")]
    pub creator_id: String,
    /// `monthly`, `quarterly` or `yearly`.
    #[schema(example = "monthly")]
    pub tier: &'static str,
    /// `active`, `ended` or `revoked`.
    #[schema(example = "active")]
    pub status: &'static str,
    /// What a period costs: the price that was signed up for.
    #[schema(example = 50000)]
    pub price_cents: i64,
    /// Where the period that was paid for last starts.
    pub period_start: String,
    /// Where it ends.
    pub period_end: String,
    /// Until when there is access: the end of the period, or of the grace after it.
    pub expires_at: String,
    /// Whether the next period is charged for.
    pub auto_renew: bool,
    /// When it was made.
    pub created_at: String,
}

impl From<&Subscription> for SubscriptionBody {
    fn from(row: &Subscription) -> Self {
        Self {
            id: row.id.to_string(),
            creator_id: row.creator_id.to_string(),
            tier: row.tier.as_str(),
            status: row.status.as_str(),
            price_cents: row.price.credit().get(),
            period_start: rfc3339(row.period_start),
            period_end: rfc3339(row.period_end),
            expires_at: rfc3339(row.expires_at),
            auto_renew: row.auto_renew,
            created_at: rfc3339(row.created_at),
        }
    }
}

/// A gift, the transaction from the payer's side, and how the price was divided.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GiftReceipt {
    /// The gift.
    pub gift: GiftBody,
    /// The transaction.
    pub transaction: TransactionBody,
    /// How the price was divided.
    pub split: SplitBody,
}

/// A gift.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GiftBody {
    /// Its id.
    #[schema(example = "gft_01h2xcejqtf2nbrexx3vqjhp41")]
    pub id: String,
    /// Who gave it.
    #[schema(example = "usr_01h2xcejqtf2nbrexx3vqjhp41")]
    pub sender_id: String,
    /// Who got it.
    #[schema(example = "usr_01h2xcejqtf2nbrexx3vqjhp41")]
    pub recipient_id: String,
    /// What it is.
    #[schema(example = "rose")]
    pub gift_type: String,
    /// How many.
    #[schema(example = 1)]
    pub quantity: i64,
    /// What was paid for all of them.
    #[schema(example = 100_000)]
    pub amount_cents: i64,
    /// A word to the recipient.
    pub message: Option<String>,
    /// What it was given for.
    pub context: Option<String>,
    /// When.
    pub created_at: String,
}

impl GiftBody {
    pub(super) fn of(transaction: &Transaction, gift: &GiftRow) -> Self {
        let text = |note: &Option<Note>| note.as_ref().map(|note| note.as_str().to_owned());
        Self {
            id: gift.id.to_string(),
            sender_id: gift.sender_id.to_string(),
            recipient_id: gift.recipient_id.to_string(),
            gift_type: gift.gift_type.as_str().to_owned(),
            quantity: gift.quantity.get(),
            amount_cents: transaction.amount.credit().get(),
            message: text(&gift.message),
            context: text(&gift.context),
            created_at: rfc3339(transaction.created_at),
        }
    }
}

/// A refund.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RefundBody {
    /// Its id.
    #[schema(example = "ref_01h2xcejqtf2nbrexx3vqjhp41")]
    pub id: String,
    /// Its transaction.
    #[schema(example = "tx_01h2xcejqtf2nbrexx3vqjhp41")]
    pub tx_id: String,
    /// The transaction that it gives back.
    #[schema(example = "tx_01h2xcejqtf2nbrexx3vqjhp41")]
    pub original_tx_id: String,
    /// How much.
    #[schema(example = 10000)]
    pub amount_cents: i64,
    /// What each part gave back.
    pub split: SplitBody,
    /// How much of the creator's part their debt wallet carries, because they no longer had it.
    #[schema(example = 0)]
    pub debt_cents: i64,
    /// Why.
    pub reason: String,
    /// Whether nothing of the sale is left, so that what was bought is locked again.
    pub in_full: bool,
    /// When.
    pub created_at: String,
}

impl RefundBody {
    pub(super) fn of(transaction: &Transaction, refund: &RefundRow) -> Self {
        Self {
            id: refund.id.to_string(),
            tx_id: transaction.id.to_string(),
            original_tx_id: refund.sale.id.to_string(),
            amount_cents: transaction.amount.credit().get(),
            split: (&refund.shares).into(),
            debt_cents: refund.debt.get(),
            reason: refund.reason.as_str().to_owned(),
            in_full: refund.in_full,
            created_at: rfc3339(transaction.created_at),
        }
    }
}

/// A payout.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PayoutBody {
    /// Its id.
    #[schema(example = "pay_01h2xcejqtf2nbrexx3vqjhp41")]
    pub id: String,
    /// Whose money it is.
    #[schema(example = "usr_01h2xcejqtf2nbrexx3vqjhp41")]
    pub creator_id: String,
    /// How much.
    #[schema(example = 500_000)]
    pub amount_cents: i64,
    /// Where to, in the creator's words.
    #[schema(example = "BCA 1234567890")]
    pub destination: String,
    /// `pending`, `paid` or `rejected`.
    #[schema(example = "pending")]
    pub status: &'static str,
    /// The reference of the payment, or why there was none.
    pub remark: Option<String>,
    /// How much of a rejected one repaid what its creator owed, instead of going back to their wallet.
    #[schema(example = 0)]
    pub repaid_cents: i64,
    /// What the creator owes now because of refunds. In the administrators' list only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 0)]
    pub debt_cents: Option<i64>,
    /// When it was asked for.
    pub created_at: String,
    /// When it was decided.
    pub decided_at: Option<String>,
}

impl PayoutBody {
    /// A payout whose money this transaction holds, or that this transaction decides.
    pub(super) fn of(transaction: &Transaction, payout: &Payout, repaid: Cents) -> Self {
        let decided = payout.remark.is_some();
        Self {
            id: payout.id.to_string(),
            creator_id: payout.creator_id.to_string(),
            amount_cents: payout.amount.credit().get(),
            destination: payout.destination.as_str().to_owned(),
            status: payout.status.as_str(),
            remark: payout.remark.as_ref().map(|remark: &Reason| remark.as_str().to_owned()),
            repaid_cents: repaid.get(),
            debt_cents: None,
            created_at: rfc3339(payout.created_at),
            decided_at: decided.then(|| rfc3339(transaction.created_at)),
        }
    }
}
