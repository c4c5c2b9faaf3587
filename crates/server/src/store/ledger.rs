//! The rows of a ledger batch: loaded before it is decided, saved after, in one unit of work.
//!
//! On SQLite a set is a prepared loop: there is no round trip to save. Users' wallets come first and in
//! id order, system wallets come last and as deltas, so that a second database can lock in this order.

mod acts;
mod load;
mod tallies;

use super::{StoreError, Work, audit_logs, entries, idempotency_keys, transactions};
use domain::book::{Book, Changes, WalletChange};
use domain::command::Needs;
use domain::id::UserId;

/// Loads everything that a batch named.
///
/// # Errors
/// If the database fails.
pub fn load(work: &mut Work<'_>, needs: &Needs) -> Result<Book, StoreError> {
    load::rows(work, needs).map(Book::new)
}

/// Saves everything that a batch did.
///
/// # Errors
/// [`StoreError::Lost`] if another process used one of the keys in between; otherwise if the database
/// fails. The unit of work is over in either case.
pub fn save(work: &mut Work<'_>, changes: &Changes) -> Result<(), StoreError> {
    for record in &changes.records {
        idempotency_keys::upsert(work, record)?;
    }
    for (transaction, execution) in &changes.transactions {
        transactions::insert(work, transaction, execution)?;
        entries::insert(work, transaction)?;
        acts::save(work, transaction)?;
    }
    for record in &changes.audit {
        audit_logs::insert(work, record)?;
    }
    for (standing, change) in &changes.standings {
        tallies::add_standing(work, standing, change)?;
    }
    for (day, change) in &changes.earnings {
        tallies::add_earning(work, day, change)?;
    }
    for change in &changes.user_wallets {
        apply(work, change)?;
    }
    for (creator, change) in &changes.debt_wallets {
        apply_debt(work, *creator, change)?;
    }
    for change in &changes.system_wallets {
        apply(work, change)?;
    }
    Ok(())
}

fn apply(work: &mut Work<'_>, change: &WalletChange) -> Result<(), StoreError> {
    let text = "UPDATE wallets SET balance_cents = balance_cents + $2, last_transaction_at = $3 WHERE id = $1";
    work.execute_one(text, &[change.id.into(), change.delta.into(), change.last_transaction_at.into()])
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
