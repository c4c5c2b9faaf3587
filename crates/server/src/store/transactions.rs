//! Transactions. Rows are only ever added.

use super::{StoreError, Work};
use domain::idempotency::ExecutionDigest;
use domain::receipt::Act;
use domain::transaction::Transaction;
use domain::wallet::Provider;

/// Adds a transaction, without its entries.
///
/// # Errors
/// If the database fails, or the transaction exists.
pub fn insert(work: &mut Work<'_>, transaction: &Transaction, execution: &ExecutionDigest) -> Result<(), StoreError> {
    let text = "INSERT INTO transactions (tx_id, type, status, user_id, payer_id, payee_id, amount_cents, \
        reference_id, note, provider, provider_tx_id, idempotency_key, created_at)
        VALUES ($1, $2, 'completed', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let (reference, note, provider, provider_tx_id) = match &transaction.act {
        Act::Deposit(deposit) => {
            (Some(deposit.id.uuid()), None, Some(&deposit.provider), deposit.provider_tx_id.as_deref())
        }
        Act::Transfer { note } => (None, note.as_ref(), None, None),
    };
    work.execute_one(
        text,
        &[
            transaction.id.into(),
            transaction.kind().into(),
            transaction.user_id.into(),
            transaction.payer_id.into(),
            transaction.payee_id.into(),
            transaction.amount.credit().into(),
            reference.into(),
            note.map(domain::command::Note::as_str).into(),
            provider.map(Provider::as_str).into(),
            provider_tx_id.into(),
            execution.0.as_slice().into(),
            transaction.created_at.into(),
        ],
    )
}
