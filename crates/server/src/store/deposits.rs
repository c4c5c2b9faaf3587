//! Deposits: what came in, and through whom.

use super::{StoreError, Work};
use domain::receipt::DepositRow;
use domain::transaction::Transaction;

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

/// Completes a deposit that was pending.
///
/// # Errors
/// If the database fails; [`StoreError::Broken`] if it is not pending.
pub fn complete(work: &mut Work<'_>, transaction: &Transaction, deposit: &DepositRow) -> Result<(), StoreError> {
    let text = "UPDATE deposits SET status = $2, provider_tx_id = $3, tx_id = $4, completed_at = $5
        WHERE id = $1 AND status = 'pending'";
    work.execute_one(
        text,
        &[
            deposit.id.into(),
            deposit.status.into(),
            deposit.provider_tx_id.as_deref().into(),
            transaction.id.into(),
            transaction.created_at.into(),
        ],
    )
}
