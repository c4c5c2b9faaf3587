//! Sales: what fans have paid for, what each has left to give back, and what a creator earned by them.

use crate::calendar::day_start;
use crate::gift::Quantity;
use crate::id::{ContentId, SubscriptionId, TransactionId, UserId};
use crate::money::{Amount, Cents};
use crate::split::Split;
use crate::timestamp::Timestamp;
use crate::words::words;

words! {
    /// Where earnings come from.
    Source {
        /// Paid contents.
        Unlock = "unlock",
        /// Periods of subscriptions.
        Subscription = "subscription",
        /// Gifts.
        Gift = "gift",
    }
}

/// A transaction that fans paid creators with, as a refund needs to know it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sale {
    /// The transaction.
    pub id: TransactionId,
    /// The fan.
    pub payer_id: UserId,
    /// The creator.
    pub payee_id: UserId,
    /// What was paid.
    pub amount: Amount,
    /// How it was divided.
    pub split: Split,
    /// What was given back of each part.
    pub refunded: Split,
    /// What it was for.
    pub of: SaleOf,
    /// When.
    pub created_at: Timestamp,
}

/// What a sale was for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SaleOf {
    /// A content.
    Unlock(ContentId),
    /// A period of a subscription.
    Subscription {
        /// The subscription.
        id: SubscriptionId,
        /// The period.
        period: i64,
    },
    /// Some gifts.
    Gift(Quantity),
}

impl SaleOf {
    /// Where the earnings of such a sale come from.
    #[must_use]
    pub const fn source(&self) -> Source {
        match self {
            Self::Unlock(_) => Source::Unlock,
            Self::Subscription { .. } => Source::Subscription,
            Self::Gift(_) => Source::Gift,
        }
    }
}

impl Sale {
    /// What is left of each part. `None` if more was given back than was paid, which no rule lets happen.
    #[must_use]
    pub fn left(&self) -> Option<Split> {
        self.split.minus(&self.refunded)
    }
}

/// What a creator earned on one day from one source.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EarningDay {
    /// The creator.
    pub creator_id: UserId,
    /// The beginning of the day, in UTC.
    pub day_start: Timestamp,
    /// The source.
    pub source: Source,
}

impl EarningDay {
    /// The day in which a moment lies.
    #[must_use]
    pub fn of(creator_id: UserId, source: Source, at: Timestamp) -> Self {
        Self { creator_id, day_start: day_start(at), source }
    }
}

/// What is added to a day.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct EarningChange {
    /// Sales.
    pub sales: i64,
    /// The creator's parts of them.
    pub earned: Cents,
    /// The creator's parts of refunds.
    pub refunded: Cents,
}
