//! Transactions: balanced, immutable sets of entries with one reason.

use crate::id::{TransactionId, UserId, WalletId};
use crate::money::{Amount, Cents};
use crate::receipt::Act;
use crate::split::Split;
use crate::timestamp::Timestamp;
use crate::wallet::SystemWallet;
use crate::words::words;

words! {
    /// The reason of a transaction.
    TransactionType {
        /// Money in from a payment provider.
        Deposit = "deposit",
        /// From one user to another.
        Transfer = "transfer",
        /// Paid content.
        Unlock = "unlock",
        /// A period of a subscription.
        Subscription = "subscription",
        /// A gift to a creator.
        Gift = "gift",
        /// Another transaction undone, in part or in full.
        Refund = "refund",
        /// Money out to a creator.
        Payout = "payout",
    }
}

/// Whose wallet a leg is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Party {
    /// A user's.
    User(UserId),
    /// The debt wallet of a creator.
    Debt(UserId),
    /// One of the system's.
    System(SystemWallet),
}

/// One side of a movement before it is decided.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Leg {
    /// Whose wallet.
    pub party: Party,
    /// Positive for a credit, negative for a debit, never zero.
    pub amount: Cents,
}

/// Legs that sum to zero: a value of this type cannot be unbalanced.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Legs(Vec<Leg>);

impl Legs {
    /// Balances the legs.
    ///
    /// `None` for fewer than two legs, a leg of zero, two legs of one party, or a sum other than zero:
    /// each of them is a mistake in a rule, not in a request.
    #[must_use]
    pub fn balance(legs: Vec<Leg>) -> Option<Self> {
        let mut sum = Cents::ZERO;
        for (index, leg) in legs.iter().enumerate() {
            let seen = legs.iter().take(index).any(|earlier| earlier.party == leg.party);
            if seen || leg.amount == Cents::ZERO {
                return None;
            }
            sum = sum.checked_add(leg.amount)?;
        }
        (legs.len() >= 2 && sum == Cents::ZERO).then_some(Self(legs))
    }

    /// The two legs of a movement from one party to another; `None` if they are one and the same.
    #[must_use]
    pub fn between(from: Party, to: Party, amount: Amount) -> Option<Self> {
        Self::balance(vec![Leg { party: from, amount: amount.debit() }, Leg { party: to, amount: amount.credit() }])
    }

    /// Reads them.
    pub fn iter(&self) -> impl Iterator<Item = &Leg> {
        self.0.iter()
    }
}

/// One leg as it was posted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The wallet.
    pub wallet_id: WalletId,
    /// Positive for a credit, negative for a debit.
    pub amount: Cents,
    /// The wallet's balance with this entry. None for system wallets, which are never read.
    pub balance_after: Option<Cents>,
    /// The user whose own wallet it is; none for debt and system wallets.
    pub user_id: Option<UserId>,
}

/// A posted transaction.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Transaction {
    /// Its id, made before it was decided.
    pub id: TransactionId,
    /// Who asked for it.
    pub user_id: UserId,
    /// The user who paid, if one did.
    pub payer_id: Option<UserId>,
    /// The user who was paid, if one was.
    pub payee_id: Option<UserId>,
    /// How much moved, before any split.
    pub amount: Amount,
    /// What it was for.
    pub act: Act,
    /// How the amount was divided, for what fans pay for.
    pub split: Option<Split>,
    /// The transaction that it undoes, in part or in full.
    pub reverses: Option<TransactionId>,
    /// Its legs; they sum to zero.
    pub entries: Vec<Entry>,
    /// When: later than every earlier transaction of the users' wallets in it.
    pub created_at: Timestamp,
}

impl Transaction {
    /// The reason.
    #[must_use]
    pub const fn kind(&self) -> TransactionType {
        match self.act {
            Act::Deposit(_) => TransactionType::Deposit,
            Act::Transfer { .. } => TransactionType::Transfer,
            Act::Unlock(_) => TransactionType::Unlock,
            Act::Subscribe { .. } | Act::Renew(_) => TransactionType::Subscription,
            Act::Gift(_) => TransactionType::Gift,
            Act::Refund(_) => TransactionType::Refund,
            Act::PayoutHold(_) | Act::PayoutDecision { .. } => TransactionType::Payout,
        }
    }

    /// The entry of one user's wallet, if that user takes part.
    #[must_use]
    pub fn entry_of(&self, user: UserId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.user_id == Some(user))
    }
}

#[cfg(test)]
mod tests {
    use super::{Leg, Legs, Party};
    use crate::id::UserId;
    use crate::money::Cents;
    use uuid::Uuid;

    fn leg(user: u128, cents: i64) -> Leg {
        Leg { party: Party::User(UserId::new(Uuid::from_u128(user))), amount: Cents::new(cents) }
    }

    #[test]
    fn legs_exist_only_when_they_balance() {
        for (legs, valid) in [
            (vec![leg(1, -5), leg(2, 5)], true),
            (vec![leg(1, -5), leg(2, 4), leg(3, 1)], true),
            (vec![], false),
            (vec![leg(1, 0)], false),
            (vec![leg(1, -5)], false),
            (vec![leg(1, -5), leg(2, 4)], false),
            (vec![leg(1, -5), leg(1, 5)], false),
            (vec![leg(1, -5), leg(2, 5), leg(3, 0)], false),
            (vec![leg(1, i64::MAX), leg(2, i64::MAX), leg(3, 2)], false),
        ] {
            assert_eq!(Legs::balance(legs.clone()).is_some(), valid, "{legs:?}");
        }
    }
}
