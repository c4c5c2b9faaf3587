//! Wallets, outside of ledger batches: making them and showing them.

use super::{LookUp, Row, StoreError, Value, View, Work};
use domain::id::{UserId, WalletId};
use domain::money::Cents;
use domain::timestamp::Timestamp;
use domain::wallet::{Provider, SystemWallet, WalletStatus};
use uuid::Uuid;

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
    LookUp::new(text, &[WalletId::of_user(user).into(), user.into()], read)
}

fn read(row: &Row<'_>) -> Result<Wallet, StoreError> {
    Ok(Wallet {
        id: row.get(0)?,
        balance: row.get(1)?,
        currency: row.get(2)?,
        status: row.get(3)?,
        last_transaction_at: row.get(4)?,
    })
}

/// A wallet of any kind, as administrators see it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listed {
    /// The wallet.
    pub wallet: Wallet,
    /// What it is for.
    pub kind: String,
    /// Whose it is, if it is a user's.
    pub user_id: Option<UserId>,
}

/// Which wallets, and from where on.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Only wallets of this user.
    pub user: Option<UserId>,
    /// Only those that may move, or only those that may not.
    pub status: Option<WalletStatus>,
    /// Only wallets before this one.
    pub before: Option<(Timestamp, WalletId)>,
    /// At most this many.
    pub limit: i64,
}

/// The wallets of a user: theirs, and their debt; in the order of the index that is for it, so that no version of
/// PostgreSQL takes the one on users and kinds, which would need a sort.
pub(super) const OF_USER: &str =
    "SELECT id, balance_cents, currency, status, last_transaction_at, kind, user_id FROM wallets
    WHERE user_id = $1 AND status BETWEEN $2 AND $3 ORDER BY status";

/// The wallets that money moved on, the latest first.
pub(super) const RECENT: &str =
    "SELECT id, balance_cents, currency, status, last_transaction_at, kind, user_id FROM wallets
    WHERE (last_transaction_at, id) < ($1, $2) AND (CAST($3 AS TEXT) IS NULL OR status = $3)
    ORDER BY last_transaction_at DESC, id DESC LIMIT $4";

/// The wallets of one user, or a page of all that money ever moved on, the latest first.
///
/// # Errors
/// If the database fails.
pub fn list(view: &View<'_>, page: &Page) -> Result<Vec<Listed>, StoreError> {
    let listed = |row: &Row<'_>| Ok(Listed { wallet: read(row)?, kind: row.get(5)?, user_id: row.get(6)? });
    if let Some(user) = page.user {
        let (from, to) = page.status.map_or((WalletStatus::Active, WalletStatus::Frozen), |status| (status, status));
        let mut found = view.query(OF_USER, &[user.into(), from.into(), to.into()], listed)?;
        found.sort_unstable_by_key(|listed| listed.wallet.id);
        return Ok(found);
    }
    let (at, id) = page.before.unwrap_or((Timestamp::from_micros(i64::MAX), WalletId::new(Uuid::max())));
    view.query(RECENT, &[at.into(), id.into(), page.status.into(), page.limit.into()], listed)
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
