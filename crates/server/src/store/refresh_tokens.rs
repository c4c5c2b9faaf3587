//! Refresh tokens, as hashes. The tokens themselves are not here, and cannot be made from what is.

use super::{StoreError, View, Work};
use domain::id::{SessionId, UserId};
use domain::session::{RefreshToken, Session};
use domain::timestamp::Timestamp;

/// SHA-256 of a token.
pub type TokenHash = [u8; 32];

/// A token with its session.
#[derive(Clone, Debug)]
pub struct Presented {
    /// The session that it descends from.
    pub session_id: SessionId,
    /// Whose session.
    pub user_id: UserId,
    /// The state of the session.
    pub session: Session,
    /// The state of the token.
    pub token: RefreshToken,
    /// What made its successor, if it was used.
    pub successor_nonce: Option<[u8; 32]>,
}

/// Finds a presented token.
///
/// # Errors
/// If the database fails.
pub fn find(view: &View<'_>, hash: &TokenHash) -> Result<Option<Presented>, StoreError> {
    let text = "SELECT t.session_id, s.user_id, s.expires_at, s.revoked_at, t.expires_at, t.used_at,
            t.successor_nonce, n.used_at
        FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id
        LEFT JOIN refresh_tokens n ON n.token_hash = t.successor_hash
        WHERE t.token_hash = $1";
    view.query_opt(text, &[hash.as_slice().into()], |row| {
        Ok(Presented {
            session_id: row.get(0)?,
            user_id: row.get(1)?,
            session: Session { expires_at: row.get(2)?, revoked_at: row.get(3)? },
            token: RefreshToken {
                expires_at: row.get(4)?,
                used_at: row.get(5)?,
                successor_used: row.get::<Option<Timestamp>>(7)?.is_some(),
            },
            successor_nonce: row.get(6)?,
        })
    })
}

/// Records a new token.
///
/// # Errors
/// If the database fails.
pub fn insert(
    work: &mut Work<'_>,
    hash: &TokenHash,
    session: SessionId,
    created_at: Timestamp,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    let text = "INSERT INTO refresh_tokens (token_hash, session_id, created_at, expires_at) VALUES ($1, $2, $3, $4)";
    work.execute_one(text, &[hash.as_slice().into(), session.into(), created_at.into(), expires_at.into()])
}

/// Marks a token as exchanged for its successor.
///
/// # Errors
/// [`StoreError::Lost`] if another unit of work exchanged it in between.
pub fn mark_used(
    work: &mut Work<'_>,
    hash: &TokenHash,
    nonce: &[u8; 32],
    successor: &TokenHash,
    now: Timestamp,
) -> Result<(), StoreError> {
    let text = "UPDATE refresh_tokens SET used_at = $2, successor_nonce = $3, successor_hash = $4
        WHERE token_hash = $1 AND used_at IS NULL";
    let values = [hash.as_slice().into(), now.into(), nonce.as_slice().into(), successor.as_slice().into()];
    if work.execute(text, &values)? == 1 { Ok(()) } else { Err(StoreError::Lost("a refresh token")) }
}
