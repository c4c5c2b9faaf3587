//! The results of reconciliations. Rows are only ever added.

use super::{Row, StoreError, View, Work};
use domain::id::{ReconciliationId, UserId};
use domain::timestamp::Timestamp;
use serde_json::{Value as Json, json};
use uuid::Uuid;

/// One discrepancy as it was named.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Named {
    /// Its stable code.
    pub code: String,
    /// What does not add up.
    pub detail: String,
}

/// What one look at the whole ledger found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reconciliation {
    /// Its id.
    pub id: ReconciliationId,
    /// Who asked for it; none for the scheduled ones.
    pub requested_by: Option<UserId>,
    /// Wallets that were looked at.
    pub wallets: i64,
    /// Transactions that were looked at.
    pub transactions: i64,
    /// How many discrepancies there are.
    pub found: i64,
    /// The first of each kind.
    pub named: Vec<Named>,
    /// When it began: the moment that it is about.
    pub started_at: Timestamp,
    /// When it was over.
    pub finished_at: Timestamp,
}

/// Keeps a result.
///
/// # Errors
/// If the database fails.
pub fn insert(work: &mut Work<'_>, result: &Reconciliation) -> Result<(), StoreError> {
    let text = "INSERT INTO reconciliations (id, requested_by, transactions, discrepancies, report, started_at,
        finished_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let line = |named: &Named| json!({ "code": named.code, "detail": named.detail });
    let named: Vec<Json> = result.named.iter().map(line).collect();
    let report = json!({ "wallets": result.wallets, "discrepancies": named }).to_string();
    work.execute_one(
        text,
        &[
            result.id.into(),
            result.requested_by.into(),
            result.transactions.into(),
            result.found.into(),
            report.as_str().into(),
            result.started_at.into(),
            result.finished_at.into(),
        ],
    )
}

/// One result.
///
/// # Errors
/// If the database fails.
pub fn find(view: &View<'_>, id: ReconciliationId) -> Result<Option<Reconciliation>, StoreError> {
    let text = "SELECT id, requested_by, transactions, discrepancies, report, started_at, finished_at
        FROM reconciliations WHERE id = $1";
    view.query_opt(text, &[id.into()], read)
}

/// Results before one, newest first: in the order of their ids, which begin with their time.
///
/// # Errors
/// If the database fails.
pub fn list(view: &View<'_>, before: Option<ReconciliationId>, limit: i64) -> Result<Vec<Reconciliation>, StoreError> {
    let text = "SELECT id, requested_by, transactions, discrepancies, report, started_at, finished_at
        FROM reconciliations WHERE id < $1 ORDER BY id DESC LIMIT $2";
    let before = before.unwrap_or(ReconciliationId::new(Uuid::max()));
    view.query(text, &[before.into(), limit.into()], read)
}

fn read(row: &Row<'_>) -> Result<Reconciliation, StoreError> {
    let unreadable = || StoreError::Column { column: 4, expected: "a report" };
    let report: Json = serde_json::from_str(&row.get::<String>(4)?).map_err(|_| unreadable())?;
    let text = |line: &Json, name: &str| line.get(name).and_then(Json::as_str).map(ToOwned::to_owned);
    let named = |line: &Json| Some(Named { code: text(line, "code")?, detail: text(line, "detail")? });
    let lines = report.get("discrepancies").and_then(Json::as_array).ok_or_else(unreadable)?;
    Ok(Reconciliation {
        id: row.get(0)?,
        requested_by: row.get(1)?,
        wallets: report.get("wallets").and_then(Json::as_i64).ok_or_else(unreadable)?,
        transactions: row.get(2)?,
        found: row.get(3)?,
        named: lines.iter().map(named).collect::<Option<_>>().ok_or_else(unreadable)?,
        started_at: row.get(5)?,
        finished_at: row.get(6)?,
    })
}
