//! Looks for everything that can be wrong with a ledger, in one snapshot. Repairs nothing.

mod sales;
mod splits;
mod tallies;

use super::{StoreError, View};
use domain::idempotency::{ExecutionDigest, KeyDigest, RETENTION};
use domain::reconciliation::Discrepancy;
use domain::timestamp::{Span, Timestamp};

/// At most this many discrepancies of each kind are named.
pub const NAMED_MAX: i64 = 1_000;

/// A record this close to its end may be replaced: whoever uses its key again may have read the clock a little later than
/// whoever looks, or another clock.
const CLOCK_MARGIN: Span = Span::seconds(60);

/// One look for one kind of discrepancy.
pub type Check = fn(&View<'_>, Timestamp) -> Result<Vec<Discrepancy>, StoreError>;

/// Every check, with the code of what it looks for.
pub const CHECKS: &[(&str, Check)] = &[
    ("ledger_imbalance", ledger_imbalance),
    ("balance_mismatch", balance_mismatch),
    ("negative_balance", negative_balance),
    ("broken_history", broken_history),
    ("unbalanced_transaction", unbalanced_transaction),
    ("amount_mismatch", amount_mismatch),
    ("orphan_entry", orphan_entry),
    ("record_without_transaction", record_without_transaction),
    ("transaction_without_record", transaction_without_record),
    ("transaction_without_audit", transaction_without_audit),
    ("transaction_without_deposit", transaction_without_deposit),
    ("sale_without_row", sales::sale_without_row),
    ("row_without_sale", sales::row_without_sale),
    ("split_mismatch", splits::split_mismatch),
    ("refund_exceeds_original", splits::refund_exceeds_original),
    ("positive_debt", sales::positive_debt),
    ("payouts_mismatch", sales::payouts_mismatch),
    ("leaderboard_mismatch", tallies::leaderboard_mismatch),
    ("earnings_mismatch", tallies::earnings_mismatch),
    ("entitlement_mismatch", sales::entitlement_mismatch),
];

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Extent {
    /// Wallets.
    pub wallets: i64,
    /// Transactions.
    pub transactions: i64,
    /// Entries.
    pub entries: i64,
}

/// Counts the rows that the checks cover.
///
/// # Errors
/// If the database fails.
pub fn extent(view: &View<'_>) -> Result<Extent, StoreError> {
    let text = "SELECT (SELECT COUNT(*) FROM wallets), (SELECT COUNT(*) FROM transactions), \
        (SELECT COUNT(*) FROM entries)";
    let found = view.query_opt(text, &[], |row| {
        Ok(Extent { wallets: row.get(0)?, transactions: row.get(1)?, entries: row.get(2)? })
    })?;
    Ok(found.unwrap_or_default())
}

/// The sum of the balances of each kind of wallet. Money that we owe is positive, and what others owe us negative.
///
/// # Errors
/// If the database fails.
pub fn balances(view: &View<'_>) -> Result<Vec<(&'static str, i64)>, StoreError> {
    const KINDS: &[&str] = &["user", "platform", "processor", "clearing", "payouts", "promotion", "debt"];
    let text = "SELECT kind, CAST(COALESCE(SUM(balance_cents), 0) AS BIGINT) FROM wallets GROUP BY kind ORDER BY kind";
    let found = view.query(text, &[], |row| Ok((row.get::<String>(0)?, row.get(1)?)))?;
    let of_kind = |kind: &str| found.iter().find(|(found, _)| found == kind).map_or(0, |(_, cents)| *cents);
    Ok(KINDS.iter().map(|kind| (*kind, of_kind(kind))).collect())
}

fn ledger_imbalance(view: &View<'_>, _now: Timestamp) -> Result<Vec<Discrepancy>, StoreError> {
    let text = "SELECT CAST(COALESCE(SUM(balance_cents), 0) AS BIGINT) FROM wallets";
    let sum = view.query_opt(text, &[], |row| row.get::<i64>(0))?.unwrap_or_default();
    Ok(if sum == 0 { Vec::new() } else { vec![Discrepancy::LedgerImbalance { sum }] })
}

fn balance_mismatch(view: &View<'_>, _now: Timestamp) -> Result<Vec<Discrepancy>, StoreError> {
    let text = "SELECT w.id, w.balance_cents, CAST(COALESCE(s.total, 0) AS BIGINT) FROM wallets w
        LEFT JOIN (SELECT wallet_id, SUM(amount_cents) AS total FROM entries GROUP BY wallet_id) s ON s.wallet_id = w.id
        WHERE w.balance_cents <> COALESCE(s.total, 0) ORDER BY w.id LIMIT $1";
    view.query(text, &[NAMED_MAX.into()], |row| {
        Ok(Discrepancy::BalanceMismatch { wallet_id: row.get(0)?, balance: row.get(1)?, entries: row.get(2)? })
    })
}

fn negative_balance(view: &View<'_>, _now: Timestamp) -> Result<Vec<Discrepancy>, StoreError> {
    let text = "SELECT id, balance_cents FROM wallets WHERE kind = 'user' AND balance_cents < 0 ORDER BY id LIMIT $1";
    view.query(text, &[NAMED_MAX.into()], |row| {
        Ok(Discrepancy::NegativeBalance { wallet_id: row.get(0)?, balance: row.get(1)? })
    })
}

fn broken_history(view: &View<'_>, _now: Timestamp) -> Result<Vec<Discrepancy>, StoreError> {
    let text = "SELECT wallet_id, tx_id FROM (
            SELECT e.wallet_id, e.tx_id, e.created_at, e.amount_cents, e.balance_after_cents, COALESCE(LAG(e.balance_after_cents)
                OVER (PARTITION BY e.wallet_id ORDER BY e.created_at, e.tx_id), 0) AS balance_before_cents
            FROM entries e JOIN wallets w ON w.id = e.wallet_id WHERE w.kind IN ('user', 'debt')) history
        WHERE balance_after_cents IS NULL OR balance_after_cents <> balance_before_cents + amount_cents
        ORDER BY wallet_id, created_at LIMIT $1";
    view.query(text, &[NAMED_MAX.into()], |row| {
        Ok(Discrepancy::BrokenHistory { wallet_id: row.get(0)?, tx_id: row.get(1)? })
    })
}

fn unbalanced_transaction(view: &View<'_>, _now: Timestamp) -> Result<Vec<Discrepancy>, StoreError> {
    let text = "SELECT tx_id, CAST(SUM(amount_cents) AS BIGINT) FROM entries GROUP BY tx_id
        HAVING SUM(amount_cents) <> 0 ORDER BY tx_id LIMIT $1";
    view.query(text, &[NAMED_MAX.into()], |row| {
        Ok(Discrepancy::UnbalancedTransaction { tx_id: row.get(0)?, sum: row.get(1)? })
    })
}

fn amount_mismatch(view: &View<'_>, _now: Timestamp) -> Result<Vec<Discrepancy>, StoreError> {
    let text = "SELECT t.tx_id, t.amount_cents, CAST(COALESCE(c.total, 0) AS BIGINT) FROM transactions t
        LEFT JOIN (SELECT tx_id, SUM(amount_cents) AS total FROM entries WHERE amount_cents > 0 GROUP BY tx_id) c
            ON c.tx_id = t.tx_id
        WHERE t.amount_cents <> COALESCE(c.total, 0) ORDER BY t.tx_id LIMIT $1";
    view.query(text, &[NAMED_MAX.into()], |row| {
        Ok(Discrepancy::AmountMismatch { tx_id: row.get(0)?, amount: row.get(1)?, credits: row.get(2)? })
    })
}

fn orphan_entry(view: &View<'_>, _now: Timestamp) -> Result<Vec<Discrepancy>, StoreError> {
    let text = "SELECT e.wallet_id, e.tx_id FROM entries e
        WHERE NOT EXISTS (SELECT 1 FROM transactions t WHERE t.tx_id = e.tx_id AND t.created_at = e.created_at)
            OR NOT EXISTS (SELECT 1 FROM wallets w WHERE w.id = e.wallet_id)
        ORDER BY e.wallet_id, e.tx_id LIMIT $1";
    view.query(text, &[NAMED_MAX.into()], |row| {
        Ok(Discrepancy::OrphanEntry { wallet_id: row.get(0)?, tx_id: row.get(1)? })
    })
}

fn record_without_transaction(view: &View<'_>, _now: Timestamp) -> Result<Vec<Discrepancy>, StoreError> {
    let text = "SELECT k.principal_id, k.tx_id FROM idempotency_keys k
        WHERE k.tx_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM transactions t WHERE t.tx_id = k.tx_id)
        ORDER BY k.tx_id LIMIT $1";
    view.query(text, &[NAMED_MAX.into()], |row| {
        Ok(Discrepancy::RecordWithoutTransaction { user_id: row.get(0)?, tx_id: row.get(1)? })
    })
}

/// The transactions of the keys that are still held, with their records: a digest leads with its time.
pub(super) const HELD_EXECUTIONS: &str =
    "SELECT t.tx_id, t.idempotency_key, k.principal_id, k.key_digest, k.created_at FROM transactions t
    LEFT JOIN (SELECT tx_id, principal_id, key_digest, created_at FROM idempotency_keys WHERE tx_id IS NOT NULL) k
        ON k.tx_id = t.tx_id
    WHERE t.idempotency_key > $1 ORDER BY t.idempotency_key";

/// Each transaction names its execution: time, and a digest of principal, key and time. A record that is
/// still held must be able to make that digest.
fn transaction_without_record(view: &View<'_>, now: Timestamp) -> Result<Vec<Discrepancy>, StoreError> {
    // The digest leads with the time, so this compares times.
    let held_since = now.minus(RETENTION).plus(CLOCK_MARGIN).as_micros().to_be_bytes();
    let mut missing = Vec::new();
    view.query(HELD_EXECUTIONS, &[held_since.as_slice().into()], |row| {
        let principal: Option<domain::id::UserId> = row.get(2)?;
        let key: Option<[u8; 32]> = row.get(3)?;
        let created_at: Option<Timestamp> = row.get(4)?;
        let expected: [u8; 24] = row.get(1)?;
        let digest = principal
            .zip(key)
            .zip(created_at)
            .map(|((principal, key), created_at)| ExecutionDigest::of(principal, KeyDigest(key), created_at));
        if digest != Some(ExecutionDigest(expected)) && missing.len() < usize::try_from(NAMED_MAX).unwrap_or(0) {
            missing.push(Discrepancy::TransactionWithoutRecord { tx_id: row.get(0)? });
        }
        Ok(())
    })?;
    Ok(missing)
}

fn transaction_without_audit(view: &View<'_>, _now: Timestamp) -> Result<Vec<Discrepancy>, StoreError> {
    let text = "SELECT t.tx_id FROM transactions t
        WHERE NOT EXISTS (SELECT 1 FROM audit_logs a WHERE a.tx_id = t.tx_id) ORDER BY t.tx_id LIMIT $1";
    view.query(text, &[NAMED_MAX.into()], |row| Ok(Discrepancy::TransactionWithoutAudit { tx_id: row.get(0)? }))
}

fn transaction_without_deposit(view: &View<'_>, _now: Timestamp) -> Result<Vec<Discrepancy>, StoreError> {
    let text = "SELECT t.tx_id FROM transactions t WHERE t.type = 'deposit' AND NOT EXISTS (
            SELECT 1 FROM deposits d WHERE d.id = t.reference_id AND d.tx_id = t.tx_id
                AND d.amount_cents = t.amount_cents AND d.user_id = t.payee_id)
        ORDER BY t.tx_id LIMIT $1";
    view.query(text, &[NAMED_MAX.into()], |row| Ok(Discrepancy::TransactionWithoutDeposit { tx_id: row.get(0)? }))
}
