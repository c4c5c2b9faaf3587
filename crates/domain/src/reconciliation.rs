//! What can be wrong with a ledger, each with a name of its own.
//!
//! The store looks for these in one snapshot; nothing is ever repaired by itself.

use crate::gift::BoardPeriod;
use crate::id::{SubscriptionId, TransactionId, UnlockId, UserId, WalletId};
use crate::sale::Source;
use crate::timestamp::Timestamp;
use crate::transaction::TransactionType;
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
    /// A sale, a refund or a movement of a payout has no row that says the same of it.
    #[error("the {kind} {tx_id} has no row that says the same", kind = .kind.as_str())]
    SaleWithoutRow {
        /// The reason of the transaction.
        kind: TransactionType,
        /// The transaction.
        tx_id: TransactionId,
    },
    /// The row of a sale, a refund or a payout names a transaction that does not exist, or has another reason.
    #[error("a row names the {kind} {tx_id}, and there is no such transaction", kind = .kind.as_str())]
    RowWithoutSale {
        /// The reason that the transaction should have.
        kind: TransactionType,
        /// The transaction that is missing.
        tx_id: TransactionId,
    },
    /// The parts of a sale or a refund are not what its amount divides into, or its entries are not its parts.
    #[error("{tx_id} is not divided, or not paid out, as its split says")]
    SplitMismatch {
        /// The transaction.
        tx_id: TransactionId,
    },
    /// More of a sale was given back than was paid, all in all or of one part.
    #[error("{refunded} cents of {tx_id} were given back, which was over {amount}; or a part gave more than it had")]
    RefundExceedsOriginal {
        /// The sale.
        tx_id: TransactionId,
        /// What was paid.
        amount: i64,
        /// What was given back.
        refunded: i64,
    },
    /// A creator's debt is above zero, so somebody owes them outside of their wallet.
    #[error("the debt wallet {wallet_id} holds {balance} cents")]
    PositiveDebt {
        /// The wallet.
        wallet_id: WalletId,
        /// What it holds.
        balance: i64,
    },
    /// What is held for payouts is not what the pending payouts are over.
    #[error("{held} cents are held for payouts, and {pending} are pending")]
    PayoutsMismatch {
        /// What the wallet holds.
        held: i64,
        /// What the pending payouts sum to.
        pending: i64,
    },
    /// A line of a leaderboard is not the sum of its gifts.
    #[error(
        "the line of {sender_id} over the {period} from {start} on the board of {creator_id} is off by {cents} cents \
        and {gifts} gifts, or is dated wrongly",
        period = .period.as_str(), start = .period_start.as_micros()
    )]
    LeaderboardMismatch {
        /// Whose board; sixteen zero bytes for the one over all creators.
        creator_id: UserId,
        /// Over what.
        period: BoardPeriod,
        /// From when on.
        period_start: Timestamp,
        /// Who gave.
        sender_id: UserId,
        /// How much more the line says than the gifts do.
        cents: i64,
        /// How many more.
        gifts: i64,
    },
    /// A day of a creator's earnings is not the sum of its sales and refunds.
    #[error(
        "the earnings of {creator_id} from {source} on the day from {start} are not those of the sales",
        source = .from.as_str(), start = .day_start.as_micros()
    )]
    EarningsMismatch {
        /// The creator.
        creator_id: UserId,
        /// The beginning of the day.
        day_start: Timestamp,
        /// From what.
        from: Source,
    },
    /// Somebody has what was given back to them, or lacks what they paid for.
    #[error("{entitlement} does not follow from what was paid and given back")]
    EntitlementMismatch {
        /// Of what.
        entitlement: Entitlement,
    },
}

/// What a fan has for having paid.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Entitlement {
    /// A content.
    #[error("the unlock {0}")]
    Unlock(UnlockId),
    /// A subscription.
    #[error("the subscription {0}")]
    Subscription(SubscriptionId),
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
        "sale_without_row",
        "row_without_sale",
        "split_mismatch",
        "refund_exceeds_original",
        "positive_debt",
        "payouts_mismatch",
        "leaderboard_mismatch",
        "earnings_mismatch",
        "entitlement_mismatch",
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
            Self::SaleWithoutRow { .. } => "sale_without_row",
            Self::RowWithoutSale { .. } => "row_without_sale",
            Self::SplitMismatch { .. } => "split_mismatch",
            Self::RefundExceedsOriginal { .. } => "refund_exceeds_original",
            Self::PositiveDebt { .. } => "positive_debt",
            Self::PayoutsMismatch { .. } => "payouts_mismatch",
            Self::LeaderboardMismatch { .. } => "leaderboard_mismatch",
            Self::EarningsMismatch { .. } => "earnings_mismatch",
            Self::EntitlementMismatch { .. } => "entitlement_mismatch",
        }
    }
}
