//! Deposits: what came in or is to come in, and through whom.

use super::{Row, StoreError, View, Work};
use domain::id::{DepositId, TransactionId, UserId};
use domain::receipt::{DepositAsked, DepositRow, DepositStatus};
use domain::timestamp::Timestamp;
use domain::transaction::Transaction;
use domain::wallet::Provider;
use uuid::Uuid;

/// A deposit as it is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Deposit {
    /// What was asked for, and where it stands.
    pub asked: DepositAsked,
    /// The transaction that credited the wallet, if one did.
    pub tx_id: Option<TransactionId>,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// From where on a list goes, and how far. Newest first.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Only deposits before this one.
    pub before: Option<(Timestamp, DepositId)>,
    /// At most this many.
    pub limit: i64,
}

fn read(row: &Row<'_>) -> Result<Deposit, StoreError> {
    let provider: String = row.get(3)?;
    let asked = DepositAsked {
        id: row.get(0)?,
        user_id: row.get(1)?,
        amount: row.get(2)?,
        provider: Provider::parse(&provider).map_err(|_| StoreError::Column { column: 3, expected: "a provider" })?,
        provider_tx_id: row.get(4)?,
        status: row.get(5)?,
    };
    Ok(Deposit { asked, tx_id: row.get(6)?, created_at: row.get(7)? })
}

/// A deposit, whoever's it is.
///
/// # Errors
/// If the database fails.
pub fn find(view: &View<'_>, id: DepositId) -> Result<Option<Deposit>, StoreError> {
    let text = "SELECT id, user_id, amount_cents, provider, provider_tx_id, status, tx_id, created_at FROM deposits
        WHERE id = $1";
    view.query_opt(text, &[id.into()], read)
}

/// A page of a user's deposits.
///
/// # Errors
/// If the database fails.
pub fn list(view: &View<'_>, user: UserId, page: Page) -> Result<Vec<Deposit>, StoreError> {
    let text = "SELECT id, user_id, amount_cents, provider, provider_tx_id, status, tx_id, created_at FROM deposits
        WHERE user_id = $1 AND (created_at, id) < ($2, $3) ORDER BY created_at DESC, id DESC LIMIT $4";
    let end = (Timestamp::from_micros(i64::MAX), DepositId::new(Uuid::max()));
    let (before_at, before_id) = page.before.unwrap_or(end);
    view.query(text, &[user.into(), before_at.into(), before_id.into(), page.limit.into()], read)
}

/// How many deposits of a user wait for their provider that were asked for after a moment.
///
/// # Errors
/// If the database fails.
pub fn count_pending(view: &View<'_>, user: UserId, after: Timestamp) -> Result<i64, StoreError> {
    let text = "SELECT COUNT(*) FROM deposits WHERE user_id = $1 AND status = 'pending' AND created_at > $2";
    Ok(view.query_opt(text, &[user.into(), after.into()], |row| row.get(0))?.unwrap_or_default())
}

/// Adds a deposit that waits for its provider.
///
/// # Errors
/// If the database fails.
pub fn insert_pending(work: &mut Work<'_>, asked: &DepositAsked, now: Timestamp) -> Result<(), StoreError> {
    let text = "INSERT INTO deposits (id, user_id, amount_cents, provider, status, created_at)
        VALUES ($1, $2, $3, $4, 'pending', $5)";
    let provider = asked.provider.as_str();
    work.execute_one(text, &[asked.id.into(), asked.user_id.into(), asked.amount.into(), provider.into(), now.into()])
}

/// Changes where a deposit stands that is not completed, and notes the payment if one is known.
///
/// # Errors
/// [`StoreError::Lost`] if it does not stand where `asked` says any more, or if the database fails.
pub fn update_status(
    work: &mut Work<'_>,
    asked: &DepositAsked,
    status: DepositStatus,
    provider_tx_id: Option<&str>,
) -> Result<(), StoreError> {
    let text = "UPDATE deposits SET status = $3, provider_tx_id = COALESCE($4, provider_tx_id)
        WHERE id = $1 AND status = $2 AND tx_id IS NULL";
    match work.execute(text, &[asked.id.into(), asked.status.into(), status.into(), provider_tx_id.into()])? {
        1 => Ok(()),
        _ => Err(StoreError::Lost("where a deposit stands")),
    }
}

/// Adds a deposit that was completed by a transaction.
///
/// # Errors
/// If the database fails.
pub fn insert(work: &mut Work<'_>, transaction: &Transaction, deposit: &DepositRow) -> Result<(), StoreError> {
    let text = "INSERT INTO deposits (id, user_id, amount_cents, provider, provider_tx_id, status, tx_id, created_at, \
        completed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)";
    work.execute_one(
        text,
        &[
            deposit.id.into(),
            transaction.payee_id.into(),
            transaction.amount.into(),
            deposit.provider.as_str().into(),
            deposit.provider_tx_id.as_deref().into(),
            deposit.status.into(),
            transaction.id.into(),
            transaction.created_at.into(),
        ],
    )
}

/// Completes a deposit that was pending or held. Its amount is what was credited from now on.
///
/// # Errors
/// If the database fails; [`StoreError::Broken`] if it does not stand where the transaction found it.
pub fn complete(work: &mut Work<'_>, transaction: &Transaction, deposit: &DepositRow) -> Result<(), StoreError> {
    let text = "UPDATE deposits SET status = $2, provider_tx_id = $3, tx_id = $4, completed_at = $5, \
        amount_cents = $7 WHERE id = $1 AND status = $6";
    work.execute_one(
        text,
        &[
            deposit.id.into(),
            deposit.status.into(),
            deposit.provider_tx_id.as_deref().into(),
            transaction.id.into(),
            transaction.created_at.into(),
            deposit.was.into(),
            transaction.amount.into(),
        ],
    )
}
