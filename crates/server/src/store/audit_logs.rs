//! The audit log. Rows are only ever added.

use super::{Row, StoreError, Value as SqlValue, View, Work};
use domain::audit::{Action, EntityType, Fields, Record, Value};
use domain::id::{AuditId, TransactionId, UserId};
use domain::timestamp::{Span, Timestamp};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

/// How far the time in a record's id may be from the time of the record. A payment gets its id when it arrives
/// and its time when it is decided, seconds later; clocks may be set.
const ID_MARGIN: Span = Span::days(1);

/// Adds records, in the same commit as what they record.
///
/// # Errors
/// If the database fails.
pub fn insert(work: &mut Work<'_>, records: &[Record]) -> Result<(), StoreError> {
    let text = "INSERT INTO audit_logs (id, actor_id, credential_id, address, request_id, action, entity_type, \
        entity_id, tx_id, before, after, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let texts = |record: &Record| {
        let address = record.actor.address.map(|address| address.to_string());
        (address, json(&record.before), json(&record.after))
    };
    let texts: Vec<_> = records.iter().map(texts).collect();
    let rows: Vec<_> = records.iter().zip(&texts).map(|(record, texts)| row(record, texts)).collect();
    work.execute_all(text, &rows)
}

fn row<'row>(
    record: &'row Record,
    (address, before, after): &'row (Option<String>, String, String),
) -> [SqlValue<'row>; 12] {
    [
        record.id.into(),
        record.actor.id.into(),
        record.actor.credential.into(),
        address.as_deref().into(),
        record.actor.request_id.as_str().into(),
        record.action.into(),
        record.entity_type.into(),
        record.entity_id.into(),
        record.tx_id.into(),
        before.as_str().into(),
        after.as_str().into(),
        record.created_at.into(),
    ]
}

fn json(fields: &Fields) -> String {
    let value = |value: &Value| match value {
        Value::Text(text) => Json::from(text.as_str()),
        Value::Integer(number) => Json::from(*number),
    };
    let object: Map<String, Json> = fields.iter().map(|(name, held)| ((*name).to_owned(), value(held))).collect();
    Json::Object(object).to_string()
}

/// A record as it is shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// Its id.
    pub id: AuditId,
    /// What was done.
    pub action: Action,
    /// Who did it, where that is known.
    pub actor_id: Option<UserId>,
    /// The credential that was shown.
    pub credential_id: Option<Uuid>,
    /// Whether that was an API key, and not a session.
    pub is_by_key: bool,
    /// The peer's address.
    pub address: Option<String>,
    /// The request.
    pub request_id: String,
    /// What kind of thing it was done to.
    pub entity_type: EntityType,
    /// To which one.
    pub entity_id: Option<Uuid>,
    /// The transaction that it belongs to.
    pub tx_id: Option<TransactionId>,
    /// What changed, as it was: a JSON object.
    pub before: String,
    /// What changed, as it is now: a JSON object.
    pub after: String,
    /// When.
    pub created_at: Timestamp,
}

/// Which records, and from where on. Newest first, in the order of their ids, which begin with their time.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Only records before this one.
    pub before: Option<AuditId>,
    /// Only of this transaction.
    pub tx_id: Option<TransactionId>,
    /// Only about this kind of thing.
    pub entity_type: Option<EntityType>,
    /// Only about this thing. Its index needs the kind, too: without one it is a deposit, or a transaction.
    pub entity_id: Option<Uuid>,
    /// Only by this account.
    pub actor_id: Option<UserId>,
    /// Only this action.
    pub action: Option<Action>,
    /// Not before this moment.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub to: Option<Timestamp>,
    /// At most this many.
    pub limit: i64,
}

/// The records of one transaction.
pub(super) const BY_TRANSACTION: &str =
    "SELECT id, action, actor_id, credential_id, address, request_id, entity_type, entity_id, tx_id, before,
        after, created_at, (SELECT COUNT(*) FROM api_keys k WHERE k.id = audit_logs.credential_id) FROM audit_logs
    WHERE tx_id = $9 AND id < $1 AND id >= $2 AND created_at >= $3 AND created_at < $4
        AND action = COALESCE($5, action) AND actor_id IS NOT DISTINCT FROM COALESCE($6, actor_id)
        AND entity_type = COALESCE($7, entity_type) AND entity_id IS NOT DISTINCT FROM COALESCE($8, entity_id)
    ORDER BY id DESC LIMIT $10";

/// The records about one thing of a known kind.
pub(super) const BY_ENTITY: &str =
    "SELECT id, action, actor_id, credential_id, address, request_id, entity_type, entity_id, tx_id, before,
        after, created_at, (SELECT COUNT(*) FROM api_keys k WHERE k.id = audit_logs.credential_id) FROM audit_logs
    WHERE entity_type = $7 AND entity_id = $8 AND id < $1 AND id >= $2 AND created_at >= $3 AND created_at < $4
        AND action = COALESCE($5, action) AND actor_id IS NOT DISTINCT FROM COALESCE($6, actor_id)
        AND tx_id IS NOT DISTINCT FROM COALESCE($9, tx_id)
    ORDER BY id DESC LIMIT $10";

/// The records about one thing that is a deposit, or a transaction.
const BY_DEPOSIT: &str =
    "SELECT id, action, actor_id, credential_id, address, request_id, entity_type, entity_id, tx_id, before,
        after, created_at, (SELECT COUNT(*) FROM api_keys k WHERE k.id = audit_logs.credential_id) FROM audit_logs
    WHERE entity_type IN ('deposit', 'transaction') AND entity_id = $8 AND id < $1 AND id >= $2
        AND created_at >= $3 AND created_at < $4 AND entity_type = COALESCE($7, entity_type)
        AND action = COALESCE($5, action) AND actor_id IS NOT DISTINCT FROM COALESCE($6, actor_id)
        AND tx_id IS NOT DISTINCT FROM COALESCE($9, tx_id)
    ORDER BY id DESC LIMIT $10";

/// What one account did.
pub(super) const BY_ACTOR: &str =
    "SELECT id, action, actor_id, credential_id, address, request_id, entity_type, entity_id, tx_id, before,
        after, created_at, (SELECT COUNT(*) FROM api_keys k WHERE k.id = audit_logs.credential_id) FROM audit_logs
    WHERE actor_id = $6 AND id < $1 AND id >= $2 AND created_at >= $3 AND created_at < $4
        AND action = COALESCE($5, action) AND tx_id IS NOT DISTINCT FROM COALESCE($9, tx_id)
        AND entity_type = COALESCE($7, entity_type) AND entity_id IS NOT DISTINCT FROM COALESCE($8, entity_id)
    ORDER BY id DESC LIMIT $10";

/// Every record, along the ids.
const ANY: &str =
    "SELECT id, action, actor_id, credential_id, address, request_id, entity_type, entity_id, tx_id, before,
        after, created_at, (SELECT COUNT(*) FROM api_keys k WHERE k.id = audit_logs.credential_id) FROM audit_logs
    WHERE id < $1 AND id >= $2 AND created_at >= $3 AND created_at < $4
        AND action = COALESCE($5, action) AND actor_id IS NOT DISTINCT FROM COALESCE($6, actor_id)
        AND tx_id IS NOT DISTINCT FROM COALESCE($9, tx_id)
        AND entity_type = COALESCE($7, entity_type) AND entity_id IS NOT DISTINCT FROM COALESCE($8, entity_id)
    ORDER BY id DESC LIMIT $10";

/// The statement that a page is read by: the narrowest filter leads, and its index is in the order of the list.
#[must_use]
pub fn statement(page: &Page) -> &'static str {
    match page {
        Page { tx_id: Some(_), .. } => BY_TRANSACTION,
        Page { entity_type: Some(_), entity_id: Some(_), .. } => BY_ENTITY,
        Page { entity_id: Some(_), .. } => BY_DEPOSIT,
        Page { actor_id: Some(_), .. } => BY_ACTOR,
        _ => ANY,
    }
}

/// A page of the log.
///
/// # Errors
/// If the database fails.
pub fn list(view: &View<'_>, page: &Page) -> Result<Vec<Line>, StoreError> {
    let latest = page.to.map_or_else(Uuid::max, |to| first_id(to.plus(ID_MARGIN)));
    let before = page.before.map_or(latest, |before| before.uuid().min(latest));
    let earliest = page.from.map_or_else(Uuid::nil, |from| first_id(from.minus(ID_MARGIN)));
    view.query(
        statement(page),
        &[
            before.into(),
            earliest.into(),
            page.from.unwrap_or(Timestamp::from_micros(i64::MIN)).into(),
            page.to.unwrap_or(Timestamp::from_micros(i64::MAX)).into(),
            page.action.into(),
            page.actor_id.into(),
            page.entity_type.into(),
            page.entity_id.into(),
            page.tx_id.into(),
            page.limit.into(),
        ],
        read,
    )
}

/// The smallest id that can be made at a moment: a UUID of version 7 begins with its milliseconds.
fn first_id(at: Timestamp) -> Uuid {
    let millis = u128::try_from(at.as_micros() / 1_000).unwrap_or_default();
    Uuid::from_u128(millis << 80)
}

fn read(row: &Row<'_>) -> Result<Line, StoreError> {
    Ok(Line {
        id: row.get(0)?,
        action: row.get(1)?,
        actor_id: row.get(2)?,
        credential_id: row.get(3)?,
        address: row.get(4)?,
        request_id: row.get(5)?,
        entity_type: row.get(6)?,
        entity_id: row.get(7)?,
        tx_id: row.get(8)?,
        before: row.get(9)?,
        after: row.get(10)?,
        created_at: row.get(11)?,
        is_by_key: row.get(12)?,
    })
}
