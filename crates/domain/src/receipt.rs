//! What the ledger answers: a receipt for what it did, or a refusal and why.

use crate::command::Note;
use crate::id::DepositId;
use crate::money::Cents;
use crate::transaction::Transaction;
use crate::wallet::Provider;
use crate::words::words;
use thiserror::Error;

/// What became of a command. Both can be stored and replayed.
pub type Outcome = Result<Receipt, Refusal>;

/// What was done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Receipt {
    /// The transaction that was posted, with the act that it was for.
    pub transaction: Transaction,
}

/// The business act behind a transaction, with the rows that it adds beside the entries.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Act {
    /// Money came in.
    Deposit(DepositRow),
    /// Money went from one user to another.
    Transfer {
        /// A word to the recipient.
        note: Option<Note>,
    },
}

/// A deposit as it is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DepositRow {
    /// Its id: the same UUID as the transaction's.
    pub id: DepositId,
    /// Through whom.
    pub provider: Provider,
    /// The provider's own id of the payment.
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

/// Whose wallet or account a refusal is about, as seen by the one who asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Whose {
    /// The asker's own.
    Yours,
    /// Somebody else's.
    Theirs,
}

impl std::fmt::Display for Whose {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Yours => "your",
            Self::Theirs => "the recipient's",
        })
    }
}

/// Why nothing was done. The texts are for the person who asked.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Refusal {
    /// The payer has too little.
    #[error("this needs {} cents and {} are available; deposit more and try again", required.get(), available.get())]
    InsufficientFunds {
        /// What the wallet holds.
        available: Cents,
        /// What was asked for.
        required: Cents,
    },
    /// There is no such account.
    #[error("no account has this id; check `to_user_id`")]
    RecipientNotFound,
    /// Payer and payee are one.
    #[error("a transfer to oneself moves nothing; choose another recipient")]
    SelfTransfer,
    /// An administrator stopped the wallet.
    #[error("{0} wallet is frozen; ask the support to lift it")]
    WalletFrozen(Whose),
    /// An administrator stopped the account.
    #[error("{0} account is suspended; ask the support")]
    AccountSuspended(Whose),
    /// The credit would exceed what a wallet can hold.
    #[error("{0} wallet cannot hold that much; use a smaller amount")]
    BalanceLimitExceeded(Whose),
}

impl Refusal {
    /// The stable code, for programs and metrics.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InsufficientFunds { .. } => "insufficient_funds",
            Self::RecipientNotFound => "recipient_not_found",
            Self::SelfTransfer => "self_transfer",
            Self::WalletFrozen(_) => "wallet_frozen",
            Self::AccountSuspended(_) => "account_suspended",
            Self::BalanceLimitExceeded(_) => "balance_limit_exceeded",
        }
    }

    /// Whether the same key gets the same refusal again.
    ///
    /// What an administrator can lift is not final: the same request may succeed tomorrow.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        !matches!(self, Self::WalletFrozen(_) | Self::AccountSuspended(_))
    }
}
