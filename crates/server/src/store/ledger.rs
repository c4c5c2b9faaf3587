//! The rows of a ledger batch: loaded before it is decided, saved after, in one unit of work.
//!
//! On SQLite a set is a prepared loop: there is no round trip to save. Users' wallets come first and in
//! id order, system wallets come last and as deltas, so that a second database can lock in this order.

use super::{StoreError, View, Work, audit_logs, deposits, entries, idempotency_keys, transactions};
use domain::book::{Book, Changes, WalletChange};
use domain::command::Needs;
use domain::id::{UserId, WalletId};
use domain::receipt::Act;
use domain::wallet::UserWallet;

/// Loads everything that a batch named.
///
/// # Errors
/// If the database fails.
pub fn load(work: &mut Work<'_>, needs: &Needs) -> Result<Book, StoreError> {
    let mut wallets = Vec::with_capacity(needs.users.len());
    for user in &needs.users {
        wallets.extend(user_wallet(work, *user)?);
    }
    let mut records = Vec::new();
    for (principal, digest) in &needs.keys {
        records.extend(idempotency_keys::find(work, *principal, *digest)?);
    }
    Ok(Book::new(wallets, records))
}

fn user_wallet(view: &View<'_>, user: UserId) -> Result<Option<UserWallet>, StoreError> {
    let text = "SELECT w.id, w.user_id, u.account_status, w.status, w.balance_cents, w.last_transaction_at
        FROM wallets w JOIN users u ON u.id = w.user_id WHERE w.id = $1 AND w.kind = 'user'";
    view.query_opt(text, &[WalletId::of_user(user).into()], |row| {
        Ok(UserWallet {
            id: row.get(0)?,
            user_id: row.get(1)?,
            account_status: row.get(2)?,
            status: row.get(3)?,
            balance: row.get(4)?,
            last_transaction_at: row.get(5)?,
        })
    })
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
        match &transaction.act {
            Act::Deposit(deposit) => deposits::insert(work, transaction, deposit)?,
            Act::Transfer { .. } => {}
        }
    }
    for record in &changes.audit {
        audit_logs::insert(work, record)?;
    }
    for change in changes.user_wallets.iter().chain(&changes.system_wallets) {
        apply(work, change)?;
    }
    Ok(())
}

fn apply(work: &mut Work<'_>, change: &WalletChange) -> Result<(), StoreError> {
    let text = "UPDATE wallets SET balance_cents = balance_cents + $2, last_transaction_at = $3 WHERE id = $1";
    work.execute_one(text, &[change.id.into(), change.delta.into(), change.last_transaction_at.into()])
}
