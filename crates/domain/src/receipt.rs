//! What the ledger answers: a receipt for what it did, or a refusal and why.

use crate::gift::GiftRow;
use crate::id::{ContentId, DepositId, RefundId, UnlockId};
use crate::money::{Amount, Cents};
use crate::payout::Payout;
use crate::refusal::Refusal;
use crate::sale::Sale;
use crate::split::Split;
use crate::subscription::Subscription;
use crate::text::{Note, Reason};
use crate::transaction::Transaction;
use crate::wallet::Provider;
use crate::words::words;

/// What became of a command. Both can be stored and replayed.
pub type Outcome = Result<Receipt, Refusal>;

/// What was done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Receipt {
    /// The transaction that was posted, with the act that it was for.
    pub transaction: Transaction,
}

/// The business act behind a transaction, with the rows that it adds or changes beside the entries.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Act {
    /// Money came in.
    Deposit(DepositRow),
    /// Money went from one user to another.
    Transfer {
        /// A word to the recipient.
        note: Option<Note>,
    },
    /// A content was bought.
    Unlock(UnlockRow),
    /// A subscription began.
    Subscribe {
        /// The new one.
        subscription: Subscription,
        /// An earlier one that had lapsed, and is marked as ended now.
        ended: Option<Subscription>,
    },
    /// The next period of a subscription was paid for: the subscription as it is now.
    Renew(Subscription),
    /// A gift was given.
    Gift(GiftRow),
    /// A sale was given back, in part or in full.
    Refund(RefundRow),
    /// Money was held for a payout.
    PayoutHold(Payout),
    /// A payout was paid or rejected.
    PayoutDecision {
        /// The payout as it is now.
        payout: Payout,
        /// How much of it repaid what its creator owed, instead of going back to their wallet.
        repaid: Cents,
    },
}

/// A deposit as it is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DepositRow {
    /// Its id: that of the pending deposit, or the same UUID as the transaction's.
    pub id: DepositId,
    /// Through whom.
    pub provider: Provider,
    /// The provider's own id of the payment.
    pub provider_tx_id: Option<String>,
    /// Where it stands.
    pub status: DepositStatus,
    /// Where it stood before; none if it is made and completed at once.
    pub was: Option<DepositStatus>,
}

/// A deposit that waits for its provider, as a command needs to know it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DepositAsked {
    /// Its id.
    pub id: DepositId,
    /// Whose it is.
    pub user_id: crate::id::UserId,
    /// How much was asked for.
    pub amount: Amount,
    /// Through whom.
    pub provider: Provider,
    /// The provider's own id of the payment, once the provider has said one.
    pub provider_tx_id: Option<String>,
    /// Where it stands.
    pub status: DepositStatus,
}

words! {
    /// Where a deposit stands.
    DepositStatus {
        /// The provider has not yet said.
        Pending = "pending",
        /// The money is in the wallet.
        Completed = "completed",
        /// The provider said no.
        Failed = "failed",
        /// The provider's word does not match ours: an administrator decides.
        Held = "held",
    }
}

/// The purchase of a content as it is kept, beside what its transaction says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UnlockRow {
    /// Its id: the UUID of its transaction.
    pub id: UnlockId,
    /// What was bought.
    pub content_id: ContentId,
}

/// A refund as it is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RefundRow {
    /// Its id: the UUID of its transaction.
    pub id: RefundId,
    /// What is given back, as it was before this refund.
    pub sale: Sale,
    /// What each part gives back.
    pub shares: Split,
    /// How much of the creator's share their debt wallet carries, because they no longer had it.
    pub debt: Cents,
    /// Why.
    pub reason: Reason,
    /// Whether nothing of the sale is left now.
    pub in_full: bool,
    /// The subscription that ends with it, as it is now.
    pub revoked: Option<Subscription>,
}
