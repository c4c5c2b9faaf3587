//! The rows of a ledger batch: locked, loaded before it is decided, and saved after, in one unit of work.
//!
//! A statement is for a set of rows: one round trip, however many sales there are in the batch. Users' wallets come
//! first and in the order of their ids, system wallets come last and as deltas, and every set is sorted by its
//! unique key: so two processes wait for one another, but never in a circle.

pub(super) mod acts;
mod load;
mod tallies;

use super::{StoreError, Work, audit_logs, entries, idempotency_keys, transactions};
use domain::book::{Book, Changes, WalletChange};
use domain::command::Needs;
use domain::id::UserId;

/// Loads everything that a batch named, and locks what it may change.
///
/// # Errors
/// If the database fails.
pub fn load(work: &mut Work<'_>, needs: &Needs) -> Result<Book, StoreError> {
    load::lock(work, needs)?;
    load::rows(work, needs).map(Book::new)
}

/// Saves everything that a batch did.
///
/// # Errors
/// [`StoreError::Lost`] if another process used one of the keys in between; otherwise if the database
/// fails. The unit of work is over in either case.
pub fn save(work: &mut Work<'_>, changes: &Changes) -> Result<(), StoreError> {
    idempotency_keys::upsert(work, &changes.records)?;
    transactions::insert(work, &changes.transactions)?;
    entries::insert(work, &changes.transactions)?;
    acts::save(work, &changes.transactions)?;
    audit_logs::insert(work, &changes.audit)?;
    tallies::add_standings(work, &changes.standings)?;
    tallies::add_earnings(work, &changes.earnings)?;
    let rows: Vec<_> = changes.user_wallets.iter().map(row).collect();
    work.execute_all(WALLET, &rows)?;
    for (creator, change) in &changes.debt_wallets {
        apply_debt(work, *creator, change)?;
    }
    // One by one: a set says nothing of the order in which its rows are locked, and these nobody has locked yet.
    for change in &changes.system_wallets {
        work.execute_one(WALLET, &row(change))?;
    }
    Ok(())
}

const WALLET: &str = "UPDATE wallets SET balance_cents = balance_cents + $2, last_transaction_at = $3 WHERE id = $1";

fn row(change: &WalletChange) -> [super::Value<'static>; 3] {
    [change.id.into(), change.delta.into(), change.last_transaction_at.into()]
}

/// A debt wallet begins with its first change. Its currency is that of the creator's own wallet.
fn apply_debt(work: &mut Work<'_>, creator: UserId, change: &WalletChange) -> Result<(), StoreError> {
    let text =
        "INSERT INTO wallets (id, kind, user_id, status, currency, balance_cents, last_transaction_at, created_at)
        SELECT $1, 'debt', w.user_id, 'active', w.currency, $3, $4, $4 FROM wallets w
            WHERE w.user_id = $2 AND w.kind = 'user'
        ON CONFLICT (id) DO UPDATE SET balance_cents = wallets.balance_cents + excluded.balance_cents, \
            last_transaction_at = excluded.last_transaction_at";
    let values = [change.id.into(), creator.into(), change.delta.into(), change.last_transaction_at.into()];
    work.execute_one(text, &values)
}
