//! Wallets, outside of ledger batches: making them and showing them.

use super::{LookUp, StoreError, Value, View, Work};
use domain::id::{UserId, WalletId};
use domain::money::Cents;
use domain::timestamp::Timestamp;
use domain::wallet::{Provider, SystemWallet, WalletStatus};

/// A wallet as its owner sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wallet {
    /// Its id.
    pub id: WalletId,
    /// What it holds.
    pub balance: Cents,
    /// ISO 4217.
    pub currency: String,
    /// Whether money may move.
    pub status: WalletStatus,
    /// When money last moved.
    pub last_transaction_at: Option<Timestamp>,
}

/// The wallet of a user.
///
/// # Errors
/// If the database fails.
#[must_use]
pub fn find_by_user(user: UserId) -> LookUp<Wallet> {
    let text = "SELECT id, balance_cents, currency, status, last_transaction_at FROM wallets
        WHERE id = $1 AND user_id = $2 AND kind = 'user'";
    LookUp::new(text, &[WalletId::of_user(user).into(), user.into()], |row| {
        Ok(Wallet {
            id: row.get(0)?,
            balance: row.get(1)?,
            currency: row.get(2)?,
            status: row.get(3)?,
            last_transaction_at: row.get(4)?,
        })
    })
}

/// Makes the wallet of a new user.
///
/// # Errors
/// If the database fails.
pub fn insert_user(work: &mut Work<'_>, user: UserId, currency: &str, now: Timestamp) -> Result<(), StoreError> {
    let text = "INSERT INTO wallets (id, kind, user_id, status, currency, balance_cents, created_at)
        VALUES ($1, 'user', $2, 'active', $3, 0, $4)";
    work.execute_one(text, &[WalletId::of_user(user).into(), user.into(), currency.into(), now.into()])
}

/// Makes the system wallets that do not exist yet.
///
/// # Errors
/// If the database fails.
pub fn insert_system(
    work: &mut Work<'_>,
    wallets: &[SystemWallet],
    currency: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let text = "INSERT INTO wallets (id, kind, provider, status, currency, balance_cents, created_at)
        VALUES ($1, $2, $3, 'active', $4, 0, $5) ON CONFLICT DO NOTHING";
    // What is there is left alone: on PostgreSQL an insert would wait for every payment that moves the wallet.
    let there = "SELECT 1 FROM wallets WHERE id = $1";
    for wallet in wallets {
        if work.query_opt(there, &[wallet.id().into()], |_| Ok(()))?.is_some() {
            continue;
        }
        let provider = wallet.provider().map(Provider::as_str);
        work.execute(text, &[wallet.id().into(), wallet.kind().into(), provider.into(), currency.into(), now.into()])?;
    }
    Ok(())
}

/// Locks wallets until the unit of work is over, in the order of their ids. Those that do not exist are passed over.
///
/// # Errors
/// [`StoreError::Busy`] if one of them was held by somebody else for too long.
pub fn lock(work: &mut Work<'_>, ids: impl IntoIterator<Item = WalletId>) -> Result<(), StoreError> {
    let ids: Vec<Value<'_>> = ids.into_iter().map(Into::into).collect();
    work.lock("SELECT id FROM wallets WHERE id = ANY(CAST($1 AS UUID[])) ORDER BY id FOR UPDATE", &ids)
}

/// Stops a wallet or lets it move again.
///
/// # Errors
/// If the database fails; [`StoreError::Broken`] if there is no such wallet.
pub fn update_status(work: &mut Work<'_>, id: WalletId, status: WalletStatus) -> Result<(), StoreError> {
    work.execute_one("UPDATE wallets SET status = $2 WHERE id = $1", &[id.into(), status.into()])
}

/// A currency other than `currency` that some wallet is kept in.
///
/// # Errors
/// If the database fails.
pub fn other_currency(view: &View<'_>, currency: &str) -> Result<Option<String>, StoreError> {
    view.query_opt("SELECT currency FROM wallets WHERE currency <> $1 LIMIT 1", &[currency.into()], |row| row.get(0))
}
