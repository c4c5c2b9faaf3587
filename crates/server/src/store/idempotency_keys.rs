//! What is remembered of idempotency keys. Whether a row still counts is ruled on in `domain`.

use super::{StoreError, View, Work};
use domain::id::UserId;
use domain::idempotency::{Fingerprint, KeyDigest, Record, StoredResponse};
use domain::timestamp::Timestamp;

/// What is remembered of a key, expired or not.
///
/// # Errors
/// If the database fails.
pub fn find(view: &View<'_>, principal: UserId, digest: KeyDigest) -> Result<Option<Record>, StoreError> {
    let text = "SELECT fingerprint, execution_id, tx_id, route, request_id, status, headers, body, created_at, \
        expires_at FROM idempotency_keys WHERE principal_id = $1 AND key_digest = $2";
    view.query_opt(text, &[principal.into(), digest.0.as_slice().into()], |row| {
        let status: i64 = row.get(5)?;
        let headers: String = row.get(6)?;
        Ok(Record {
            principal,
            digest,
            fingerprint: Fingerprint(row.get(0)?),
            execution: row.get(1)?,
            tx_id: row.get(2)?,
            route: row.get(3)?,
            request_id: row.get(4)?,
            response: StoredResponse {
                status: u16::try_from(status).map_err(|_| StoreError::Column { column: 5, expected: "a status" })?,
                headers: serde_json::from_str(&headers)
                    .map_err(|_| StoreError::Column { column: 6, expected: "headers" })?,
                body: row.get(7)?,
            },
            created_at: row.get(8)?,
            expires_at: row.get(9)?,
        })
    })
}

/// Remembers an answer, in the place of one that has expired.
///
/// # Errors
/// [`StoreError::Lost`] if another unit of work used the key in between.
pub fn upsert(work: &mut Work<'_>, record: &Record) -> Result<(), StoreError> {
    let text = "INSERT INTO idempotency_keys (principal_id, key_digest, fingerprint, execution_id, tx_id, route, \
            request_id, status, headers, body, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT (principal_id, key_digest) DO UPDATE SET fingerprint = excluded.fingerprint, \
            execution_id = excluded.execution_id, tx_id = excluded.tx_id, route = excluded.route, \
            request_id = excluded.request_id, status = excluded.status, headers = excluded.headers, \
            body = excluded.body, created_at = excluded.created_at, expires_at = excluded.expires_at
        WHERE idempotency_keys.expires_at <= excluded.created_at";
    let headers = serde_json::to_string(&record.response.headers)
        .map_err(|_| StoreError::Broken("the headers of an answer cannot be written"))?;
    let saved = work.execute(
        text,
        &[
            record.principal.into(),
            record.digest.0.as_slice().into(),
            record.fingerprint.0.as_slice().into(),
            record.execution.into(),
            record.tx_id.into(),
            record.route.as_str().into(),
            record.request_id.as_str().into(),
            i64::from(record.response.status).into(),
            headers.as_str().into(),
            record.response.body.as_slice().into(),
            record.created_at.into(),
            record.expires_at.into(),
        ],
    )?;
    if saved == 1 { Ok(()) } else { Err(StoreError::Lost("an idempotency key")) }
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
