//! Payouts: money on its way out to a creator, held at once, then paid or given back, once.

use crate::id::{PayoutId, UserId};
use crate::money::Amount;
use crate::text::{Reason, Text};
use crate::timestamp::Timestamp;
use crate::words::words;

words! {
    /// Where a payout stands.
    PayoutStatus {
        /// The money is held, and an administrator decides.
        Pending = "pending",
        /// The money is out.
        Paid = "paid",
        /// The money is back.
        Rejected = "rejected",
    }
}

/// Where a payout goes, in the creator's words.
pub type Destination = Text<200>;

/// A payout as it is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Payout {
    /// Its id: the UUID of the transaction that holds the money.
    pub id: PayoutId,
    /// Whose money it is.
    pub creator_id: UserId,
    /// How much.
    pub amount: Amount,
    /// Where to, in the creator's words.
    pub destination: Destination,
    /// Where it stands.
    pub status: PayoutStatus,
    /// The reference of the payment, or why there was none.
    pub remark: Option<Reason>,
    /// When it was asked for.
    pub created_at: Timestamp,
}
