//! One wallet within a batch: what it held, what it holds now, and which legs it allows.

use super::WalletChange;
use crate::id::{UserId, WalletId};
use crate::money::{Amount, Cents};
use crate::refusal::{Refusal, Whose};
use crate::user::AccountStatus;
use crate::wallet::{UserWallet, WalletStatus};

/// A wallet of a user's, their own or their debt, and what the batch has done to it.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) wallet: UserWallet,
    pub(super) loaded_balance: Cents,
    pub(super) moved: bool,
}

impl Slot {
    /// The debt of a creator who never had one.
    pub(super) const fn no_debt(creator: UserId, id: WalletId) -> Self {
        let wallet = UserWallet {
            id,
            user_id: creator,
            account_status: AccountStatus::Active,
            status: WalletStatus::Active,
            balance: Cents::ZERO,
            last_transaction_at: None,
        };
        Self { wallet, loaded_balance: Cents::ZERO, moved: false }
    }

    /// The net change; `None` cannot happen, because both balances are between −2⁵³ and 2⁵³.
    pub(super) fn change(self) -> Option<WalletChange> {
        Some(WalletChange {
            id: self.wallet.id,
            delta: self.wallet.balance.checked_sub(self.loaded_balance)?,
            last_transaction_at: self.wallet.last_transaction_at?,
        })
    }
}

/// The balance of a user's wallet after a leg, if it is within bounds.
pub(super) fn balance_after(wallet: &UserWallet, whose: Whose, amount: Cents) -> Result<Cents, Refusal> {
    let balance = wallet.balance.checked_add(amount).ok_or(Refusal::BalanceLimitExceeded(whose))?;
    if balance.is_negative() {
        let required = amount.checked_neg().unwrap_or(Cents::ZERO);
        return Err(Refusal::InsufficientFunds { available: wallet.balance, required });
    }
    if balance > Amount::MAX {
        return Err(Refusal::BalanceLimitExceeded(whose));
    }
    Ok(balance)
}

/// The balance of a debt wallet after a leg: it is never above zero, and no debt is larger than a wallet.
pub(super) fn debt_after(owed: Cents, amount: Cents) -> Result<Cents, Refusal> {
    let after = owed.checked_neg().and_then(|balance| balance.checked_add(amount));
    let within = |after: &Cents| *after <= Cents::ZERO && after.checked_neg().is_some_and(|owed| owed <= Amount::MAX);
    after.filter(within).ok_or(Refusal::BalanceLimitExceeded(Whose::Recipients))
}
