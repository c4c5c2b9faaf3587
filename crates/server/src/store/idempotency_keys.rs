//! What is remembered of idempotency keys. Whether a row still counts is ruled on in `domain`.

use super::set_query::SetQuery;
use super::{LookUp, Row, StoreError, Value, Work};
use domain::id::UserId;
use domain::idempotency::{Fingerprint, KeyDigest, Record, StoredResponse};
use domain::timestamp::Timestamp;

const FIND: &str = "SELECT principal_id, key_digest, fingerprint, execution_id, tx_id, route, request_id, status, \
    headers, body, created_at, expires_at FROM idempotency_keys WHERE principal_id = $1 AND key_digest = $2";

/// What is remembered of a key, expired or not.
#[must_use]
pub fn find(principal: UserId, digest: KeyDigest) -> LookUp<Record> {
    LookUp::new(FIND, &[principal.into(), digest.0.as_slice().into()], read)
}

/// What is remembered of some keys, expired or not.
pub(super) fn find_each<'keys>(keys: impl Iterator<Item = &'keys (UserId, KeyDigest)>) -> SetQuery<'keys, 2, Record> {
    let set = keys.map(|(principal, digest)| [(*principal).into(), digest.0.as_slice().into()]).collect();
    SetQuery::new(FIND, set, read)
}

fn read(row: &Row<'_>) -> Result<Record, StoreError> {
    let (status, headers): (i64, String) = (row.get(7)?, row.get(8)?);
    Ok(Record {
        principal: row.get(0)?,
        digest: KeyDigest(row.get(1)?),
        fingerprint: Fingerprint(row.get(2)?),
        execution: row.get(3)?,
        tx_id: row.get(4)?,
        route: row.get(5)?,
        request_id: row.get(6)?,
        response: StoredResponse {
            status: u16::try_from(status).map_err(|_| StoreError::Column { column: 7, expected: "a status" })?,
            headers: serde_json::from_str(&headers)
                .map_err(|_| StoreError::Column { column: 8, expected: "headers" })?,
            body: row.get(9)?,
        },
        created_at: row.get(10)?,
        expires_at: row.get(11)?,
    })
}

/// Remembers answers, each in the place of one that has expired. Sorted by principal and key, so that two
/// processes take them in the same order.
///
/// # Errors
/// [`StoreError::Lost`] if another unit of work used one of the keys in between.
pub fn upsert(work: &mut Work<'_>, records: &[Record]) -> Result<(), StoreError> {
    let text = "INSERT INTO idempotency_keys (principal_id, key_digest, fingerprint, execution_id, tx_id, route, \
            request_id, status, headers, body, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT (principal_id, key_digest) DO UPDATE SET fingerprint = excluded.fingerprint, \
            execution_id = excluded.execution_id, tx_id = excluded.tx_id, route = excluded.route, \
            request_id = excluded.request_id, status = excluded.status, headers = excluded.headers, \
            body = excluded.body, created_at = excluded.created_at, expires_at = excluded.expires_at
        WHERE idempotency_keys.expires_at <= excluded.created_at";
    let headers: Result<Vec<String>, _> =
        records.iter().map(|record| serde_json::to_string(&record.response.headers)).collect();
    let headers = headers.map_err(|_| StoreError::Broken("the headers of an answer cannot be written"))?;
    let rows: Vec<_> = records.iter().zip(&headers).map(|(record, headers)| row(record, headers)).collect();
    work.execute_or_lose(text, &rows, "an idempotency key")
}

fn row<'row>(record: &'row Record, headers: &'row str) -> [Value<'row>; 12] {
    [
        record.principal.into(),
        record.digest.0.as_slice().into(),
        record.fingerprint.0.as_slice().into(),
        record.execution.into(),
        record.tx_id.into(),
        record.route.as_str().into(),
        record.request_id.as_str().into(),
        i64::from(record.response.status).into(),
        headers.into(),
        record.response.body.as_slice().into(),
        record.created_at.into(),
        record.expires_at.into(),
    ]
}

/// Forgets keys that expired before a moment: at most `limit` of them. Says how many.
///
/// # Errors
/// If the database fails.
pub fn sweep(work: &mut Work<'_>, now: Timestamp, limit: i64) -> Result<usize, StoreError> {
    let text = "DELETE FROM idempotency_keys WHERE (principal_id, key_digest) IN
        (SELECT principal_id, key_digest FROM idempotency_keys WHERE expires_at <= $1
            ORDER BY expires_at, principal_id, key_digest LIMIT $2)";
    work.execute(text, &[now.into(), limit.into()])
}
