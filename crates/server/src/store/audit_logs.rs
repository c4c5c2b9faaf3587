//! The audit log. Rows are only ever added.

use super::{StoreError, Work};
use domain::audit::{Fields, Record, Value};
use serde_json::{Map, Value as Json};

/// Adds a record, in the same commit as what it records.
///
/// # Errors
/// If the database fails.
pub fn insert(work: &mut Work<'_>, record: &Record) -> Result<(), StoreError> {
    let text = "INSERT INTO audit_logs (id, actor_id, credential_id, address, request_id, action, entity_type, \
        entity_id, tx_id, before, after, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let address = record.actor.address.map(|address| address.to_string());
    let (before, after) = (json(&record.before), json(&record.after));
    work.execute_one(
        text,
        &[
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
        ],
    )
}

fn json(fields: &Fields) -> String {
    let value = |value: &Value| match value {
        Value::Text(text) => Json::from(text.as_str()),
        Value::Integer(number) => Json::from(*number),
    };
    let object: Map<String, Json> = fields.iter().map(|(name, held)| ((*name).to_owned(), value(held))).collect();
    Json::Object(object).to_string()
}
