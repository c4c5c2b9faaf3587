//! Transactions. Rows are only ever added.

use super::{LookUp, Row, StoreError, Value, View, Work};
use domain::command::Parties;
use domain::id::{TransactionId, UserId};
use domain::idempotency::ExecutionDigest;
use domain::money::Amount;
use domain::receipt::Act;
use domain::timestamp::Timestamp;
use domain::transaction::{Transaction, TransactionType};
use domain::wallet::Provider;
use uuid::Uuid;

/// Adds transactions, without their entries.
///
/// # Errors
/// [`StoreError::Lost`] if one of them exists, such as a provider's payment that another process credited in between,
/// to whomever; or if the database fails.
pub fn insert(work: &mut Work<'_>, transactions: &[(Transaction, ExecutionDigest)]) -> Result<(), StoreError> {
    let text = "INSERT INTO transactions (tx_id, type, status, user_id, payer_id, payee_id, amount_cents, \
        reference_id, reverses_tx_id, note, provider, provider_tx_id, idempotency_key, split_version, creator_cents, \
        platform_cents, processor_cents, created_at)
        VALUES ($1, $2, 'completed', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
        ON CONFLICT DO NOTHING";
    let rows: Vec<_> = transactions.iter().map(|(transaction, execution)| row(transaction, execution)).collect();
    work.execute_or_lose(text, &rows, "a transaction")
}

fn row<'row>(transaction: &'row Transaction, execution: &'row ExecutionDigest) -> [Value<'row>; 17] {
    let (note, provider, provider_tx_id) = match &transaction.act {
        Act::Deposit(deposit) => (None, Some(&deposit.provider), deposit.provider_tx_id.as_deref()),
        Act::Transfer { note } => (note.as_ref(), None, None),
        Act::Gift(gift) => (gift.message.as_ref(), None, None),
        _ => (None, None, None),
    };
    let split = transaction.split.as_ref();
    [
        transaction.id.into(),
        transaction.kind().into(),
        transaction.user_id.into(),
        transaction.payer_id.into(),
        transaction.payee_id.into(),
        transaction.amount.credit().into(),
        reference(&transaction.act).into(),
        transaction.reverses.into(),
        note.map(domain::text::Note::as_str).into(),
        provider.map(Provider::as_str).into(),
        provider_tx_id.into(),
        execution.0.as_slice().into(),
        split.map(|split| split.version).into(),
        split.map(|split| split.creator).into(),
        split.map(|split| split.platform).into(),
        split.map(|split| split.processor).into(),
        transaction.created_at.into(),
    ]
}

/// A transaction, as administrators see it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listed {
    /// Its id.
    pub id: TransactionId,
    /// Its reason.
    pub kind: TransactionType,
    /// Where it stands.
    pub status: String,
    /// Who initiated it.
    pub user_id: UserId,
    /// Who paid, if a user did.
    pub payer_id: Option<UserId>,
    /// Who was paid, if a user was.
    pub payee_id: Option<UserId>,
    /// Over how much it is.
    pub amount: Amount,
    /// Through whom money came in.
    pub provider: Option<String>,
    /// The provider's own id of the payment.
    pub provider_tx_id: Option<String>,
    /// When it happened.
    pub created_at: Timestamp,
}

fn read(row: &Row<'_>) -> Result<Listed, StoreError> {
    Ok(Listed {
        id: row.get(0)?,
        kind: row.get(1)?,
        status: row.get(2)?,
        user_id: row.get(3)?,
        payer_id: row.get(4)?,
        payee_id: row.get(5)?,
        amount: row.get(6)?,
        provider: row.get(7)?,
        provider_tx_id: row.get(8)?,
        created_at: row.get(9)?,
    })
}

/// What a user initiated, newest first. There is one status: corrections are transactions of their own.
pub(super) const INITIATED: &str =
    "SELECT tx_id, type, status, user_id, payer_id, payee_id, amount_cents, provider, provider_tx_id, created_at
    FROM transactions WHERE user_id = $1 AND status = 'completed' AND (created_at, tx_id) < ($2, $3)
    ORDER BY created_at DESC, tx_id DESC LIMIT $4";

/// A page of what a user initiated, newest first, before a line.
///
/// # Errors
/// If the database fails.
pub fn initiated(
    view: &View<'_>,
    user: UserId,
    before: Option<(Timestamp, TransactionId)>,
    limit: i64,
) -> Result<Vec<Listed>, StoreError> {
    let (at, id) = before.unwrap_or((Timestamp::from_micros(i64::MAX), TransactionId::new(Uuid::max())));
    view.query(INITIATED, &[user.into(), at.into(), id.into(), limit.into()], read)
}

/// The transaction that credited a provider's payment.
pub(super) const OF_PAYMENT: &str =
    "SELECT tx_id, type, status, user_id, payer_id, payee_id, amount_cents, provider, provider_tx_id, created_at
    FROM transactions WHERE provider = $1 AND provider_tx_id = $2";

/// The transaction that credited a provider's payment, by the provider's own id of it.
///
/// # Errors
/// If the database fails.
pub fn of_payment(view: &View<'_>, provider: &Provider, provider_tx_id: &str) -> Result<Option<Listed>, StoreError> {
    view.query_opt(OF_PAYMENT, &[provider.as_str().into(), provider_tx_id.into()], read)
}

/// Whom a sale was between; none if there is no such transaction, or if it is no sale.
///
/// # Errors
/// If the database fails.
#[must_use]
pub fn parties(id: TransactionId) -> LookUp<Parties> {
    let text = "SELECT payer_id, payee_id, CASE WHEN type = 'subscription' THEN reference_id END FROM transactions
        WHERE tx_id = $1 AND type IN ('unlock', 'subscription', 'gift')";
    LookUp::new(text, &[id.into()], |row| {
        Ok(Parties { payer_id: row.get(0)?, payee_id: row.get(1)?, subscription_id: row.get(2)? })
    })
}

/// One transaction.
pub(super) const EXECUTION: &str = "SELECT idempotency_key FROM transactions WHERE tx_id = $1";

/// Which execution of which key a transaction is; none if there is no such transaction.
///
/// # Errors
/// If the database fails.
pub fn execution(view: &View<'_>, id: TransactionId) -> Result<Option<ExecutionDigest>, StoreError> {
    view.query_opt(EXECUTION, &[id.into()], |row| row.get(0).map(ExecutionDigest))
}

/// What a transaction was for: a deposit, a content, a subscription, a gift, the sale that it gives back, or a
/// payout.
fn reference(act: &Act) -> Option<Uuid> {
    match act {
        Act::Deposit(deposit) => Some(deposit.id.uuid()),
        Act::Transfer { .. } => None,
        Act::Unlock(unlock) => Some(unlock.content_id.uuid()),
        Act::Subscribe { subscription, .. } | Act::Renew(subscription) => Some(subscription.id.uuid()),
        Act::Gift(gift) => Some(gift.id.uuid()),
        Act::Refund(refund) => Some(refund.sale.id.uuid()),
        Act::PayoutHold(payout) | Act::PayoutDecision { payout, .. } => Some(payout.id.uuid()),
    }
}
