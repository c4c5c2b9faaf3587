//! Entries, and the history of a wallet that they make. Rows are only ever added.

use super::{Past, Row, StoreError, Value, View, Work};
use domain::id::{TransactionId, UserId, WalletId};
use domain::idempotency::ExecutionDigest;
use domain::money::Cents;
use domain::split::Split;
use domain::timestamp::Timestamp;
use domain::transaction::{Transaction, TransactionType};
use uuid::Uuid;

/// Adds the entries of transactions.
///
/// # Errors
/// If the database fails.
pub fn insert(work: &mut Work<'_>, transactions: &[(Transaction, ExecutionDigest)]) -> Result<(), StoreError> {
    let text = "INSERT INTO entries (wallet_id, created_at, tx_id, amount_cents, balance_after_cents)
        VALUES ($1, $2, $3, $4, $5)";
    let of = |transaction: &Transaction| {
        let (created_at, id) = (transaction.created_at, transaction.id);
        transaction.entries.clone().into_iter().map(move |entry| {
            [
                entry.wallet_id.into(),
                created_at.into(),
                id.into(),
                entry.amount.into(),
                Value::from(entry.balance_after),
            ]
        })
    };
    let rows: Vec<_> = transactions.iter().flat_map(|(transaction, _)| of(transaction)).collect();
    work.execute_all(text, &rows)
}

/// One line of a wallet's history.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// The transaction.
    pub tx_id: TransactionId,
    /// Its reason.
    pub kind: TransactionType,
    /// Where it stands.
    pub status: String,
    /// What it did to this wallet.
    pub amount: Cents,
    /// What the wallet held with it.
    pub balance_after: Option<Cents>,
    /// The user on the other side, if there is one.
    pub counterparty_id: Option<UserId>,
    /// The public name of that user.
    pub counterparty_username: Option<String>,
    /// What it was for: a deposit, a content, a subscription, a gift.
    pub reference_id: Option<Uuid>,
    /// A word from the payer.
    pub note: Option<String>,
    /// How the amount was divided, for what fans pay for.
    pub split: Option<Split>,
    /// When it happened.
    pub created_at: Timestamp,
}

/// Which lines, and from where on. Newest first.
#[derive(Clone, Debug)]
pub struct Page {
    /// Only lines before this one.
    pub before: Option<(Timestamp, TransactionId)>,
    /// Only this reason.
    pub kind: Option<TransactionType>,
    /// Only this status.
    pub status: Option<String>,
    /// Not before this moment.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub to: Option<Timestamp>,
    /// At most this many.
    pub limit: i64,
}

fn read(row: &Row<'_>) -> Result<Line, StoreError> {
    Ok(Line {
        tx_id: row.get(0)?,
        kind: row.get(1)?,
        status: row.get(2)?,
        amount: row.get(3)?,
        balance_after: row.get(4)?,
        counterparty_id: row.get(5)?,
        counterparty_username: row.get(6)?,
        reference_id: row.get(7)?,
        note: row.get(8)?,
        created_at: row.get(9)?,
        split: split(row)?,
    })
}

fn split(row: &Row<'_>) -> Result<Option<Split>, StoreError> {
    let Some(version) = row.get(10)? else { return Ok(None) };
    let (creator, platform, processor) = (row.get(11)?, row.get(12)?, row.get(13)?);
    Ok(Some(Split { version, creator, platform, processor }))
}

/// A page of a user's history.
///
/// # Errors
/// If the database fails.
pub fn history(reader: &impl Past, user: UserId, page: &Page) -> Result<Vec<Line>, StoreError> {
    let text = "SELECT e.tx_id, t.type, CASE WHEN t.amount_cents <= (SELECT SUM(r.amount_cents) FROM refunds r WHERE r.original_tx_id = t.tx_id)
                THEN 'reversed' ELSE t.status END, e.amount_cents, e.balance_after_cents, c.id, c.username,
            t.reference_id, t.note, e.created_at, t.split_version, t.creator_cents, t.platform_cents, t.processor_cents
        FROM entries e
        JOIN transactions t ON t.tx_id = e.tx_id
        LEFT JOIN users c ON c.id = CASE WHEN t.payer_id = $2 THEN t.payee_id ELSE t.payer_id END
        WHERE e.wallet_id = $1 AND (e.created_at, e.tx_id) < ($3, $4)
            AND e.created_at >= $5 AND e.created_at < $6
            AND (CAST($7 AS TEXT) IS NULL OR t.type = $7) AND (CAST($8 AS TEXT) IS NULL OR $8 = CASE WHEN t.amount_cents <= (SELECT SUM(r.amount_cents) FROM refunds r WHERE r.original_tx_id = t.tx_id)
                THEN 'reversed' ELSE t.status END)
        ORDER BY e.created_at DESC, e.tx_id DESC LIMIT $9";
    let end = (Timestamp::from_micros(i64::MAX), TransactionId::new(Uuid::max()));
    let (before_at, before_id) = page.before.unwrap_or(end);
    reader.ask(
        text,
        &[
            WalletId::of_user(user).into(),
            user.into(),
            before_at.into(),
            before_id.into(),
            page.from.unwrap_or(Timestamp::from_micros(i64::MIN)).into(),
            page.to.unwrap_or(Timestamp::from_micros(i64::MAX)).into(),
            page.kind.into(),
            page.status.as_deref().into(),
            page.limit.into(),
        ],
        read,
    )
}

/// One line of a user's history.
///
/// # Errors
/// If the database fails.
pub fn find(view: &View<'_>, user: UserId, tx_id: TransactionId) -> Result<Option<Line>, StoreError> {
    let text = "SELECT e.tx_id, t.type, CASE WHEN t.amount_cents <= (SELECT SUM(r.amount_cents) FROM refunds r WHERE r.original_tx_id = t.tx_id)
                THEN 'reversed' ELSE t.status END, e.amount_cents, e.balance_after_cents, c.id, c.username,
            t.reference_id, t.note, e.created_at, t.split_version, t.creator_cents, t.platform_cents, t.processor_cents
        FROM transactions t
        JOIN entries e ON e.wallet_id = $1 AND e.created_at = t.created_at AND e.tx_id = t.tx_id
        LEFT JOIN users c ON c.id = CASE WHEN t.payer_id = $2 THEN t.payee_id ELSE t.payer_id END
        WHERE t.tx_id = $3";
    view.query_opt(text, &[WalletId::of_user(user).into(), user.into(), tx_id.into()], read)
}
