//! What can be wrong with a ledger, each with a name of its own.
//!
//! The store looks for these in one snapshot; nothing is ever repaired by itself.

use crate::id::{TransactionId, UserId, WalletId};
use thiserror::Error;

/// One thing that does not add up.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Discrepancy {
    /// All balances together are not zero.
    #[error("all balances together are {sum} cents instead of 0")]
    LedgerImbalance {
        /// What they are.
        sum: i64,
    },
    /// A balance is not the sum of its entries.
    #[error("{wallet_id} holds {balance} cents, its entries sum to {entries}")]
    BalanceMismatch {
        /// The wallet.
        wallet_id: WalletId,
        /// What its row says.
        balance: i64,
        /// What its entries say.
        entries: i64,
    },
    /// A user's balance is below zero.
    #[error("{wallet_id} holds {balance} cents")]
    NegativeBalance {
        /// The wallet.
        wallet_id: WalletId,
        /// What it holds.
        balance: i64,
    },
    /// An entry's running balance does not follow from the one before it.
    #[error("the entry of {tx_id} in {wallet_id} does not continue the running balance")]
    BrokenHistory {
        /// The wallet.
        wallet_id: WalletId,
        /// The transaction.
        tx_id: TransactionId,
    },
    /// A transaction's entries do not sum to zero.
    #[error("the entries of {tx_id} sum to {sum} cents instead of 0")]
    UnbalancedTransaction {
        /// The transaction.
        tx_id: TransactionId,
        /// What its entries sum to.
        sum: i64,
    },
    /// A transaction's credits are not its amount, or it has no entries.
    #[error("{tx_id} is over {amount} cents, its credits are {credits}")]
    AmountMismatch {
        /// The transaction.
        tx_id: TransactionId,
        /// What its row says.
        amount: i64,
        /// What its entries say.
        credits: i64,
    },
    /// An entry belongs to no transaction.
    #[error("an entry in {wallet_id} names {tx_id}, which does not exist")]
    OrphanEntry {
        /// The wallet.
        wallet_id: WalletId,
        /// The transaction that is missing.
        tx_id: TransactionId,
    },
    /// An idempotency record names a transaction that does not exist.
    #[error("an idempotency record of {user_id} names {tx_id}, which does not exist")]
    RecordWithoutTransaction {
        /// Whose record.
        user_id: UserId,
        /// The transaction that is missing.
        tx_id: TransactionId,
    },
    /// A transaction of the last 24 hours has no idempotency record: a repeat would run it again.
    #[error("{tx_id} has no idempotency record, though its key is still held")]
    TransactionWithoutRecord {
        /// The transaction.
        tx_id: TransactionId,
    },
    /// A transaction has no audit record.
    #[error("{tx_id} has no audit record")]
    TransactionWithoutAudit {
        /// The transaction.
        tx_id: TransactionId,
    },
    /// A deposit transaction has no deposit, or one over another amount.
    #[error("{tx_id} has no deposit over the same amount")]
    TransactionWithoutDeposit {
        /// The transaction.
        tx_id: TransactionId,
    },
}

impl Discrepancy {
    /// Every code, in the order of the report.
    pub const CODES: &'static [&'static str] = &[
        "ledger_imbalance",
        "balance_mismatch",
        "negative_balance",
        "broken_history",
        "unbalanced_transaction",
        "amount_mismatch",
        "orphan_entry",
        "record_without_transaction",
        "transaction_without_record",
        "transaction_without_audit",
        "transaction_without_deposit",
    ];

    /// The stable code, for programs and metrics.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::LedgerImbalance { .. } => "ledger_imbalance",
            Self::BalanceMismatch { .. } => "balance_mismatch",
            Self::NegativeBalance { .. } => "negative_balance",
            Self::BrokenHistory { .. } => "broken_history",
            Self::UnbalancedTransaction { .. } => "unbalanced_transaction",
            Self::AmountMismatch { .. } => "amount_mismatch",
            Self::OrphanEntry { .. } => "orphan_entry",
            Self::RecordWithoutTransaction { .. } => "record_without_transaction",
            Self::TransactionWithoutRecord { .. } => "transaction_without_record",
            Self::TransactionWithoutAudit { .. } => "transaction_without_audit",
            Self::TransactionWithoutDeposit { .. } => "transaction_without_deposit",
        }
    }
}
