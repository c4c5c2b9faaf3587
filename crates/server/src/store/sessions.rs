//! Sign-ins.

use super::users::User;
use super::{LookUp, Row, StoreError, View, Work};
use domain::id::{SessionId, UserId};
use domain::session::Session;
use domain::timestamp::Timestamp;

/// At most this many sessions are listed; the oldest fall off.
pub const LISTED_MAX: i64 = 100;

/// A sign-in as its owner sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignIn {
    /// Its id.
    pub id: SessionId,
    /// The address that signed in.
    pub address: Option<String>,
    /// What it called itself.
    pub user_agent: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When its tokens were last renewed.
    pub used_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

/// A sign-in to be recorded.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// The address that signed in.
    pub address: Option<String>,
    /// What it calls itself.
    pub user_agent: Option<String>,
    /// When it begins.
    pub created_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

/// Who shows a credential: the account and the state of the session.
#[must_use]
pub fn bearer(id: SessionId, user: UserId) -> LookUp<(User, Session)> {
    let text = "SELECT u.id, u.email, u.username, u.role, u.tier, u.account_status, u.created_at, \
        s.expires_at, s.revoked_at FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = $1 AND s.user_id = $2";
    LookUp::new(text, &[id.into(), user.into()], |row| {
        let user = User {
            id: row.get(0)?,
            email: row.get(1)?,
            username: row.get(2)?,
            role: row.get(3)?,
            tier: row.get(4)?,
            account_status: row.get(5)?,
            created_at: row.get(6)?,
        };
        Ok((user, Session { expires_at: row.get(7)?, revoked_at: row.get(8)? }))
    })
}

/// When a session began.
///
/// # Errors
/// If the database fails.
pub fn created_at(view: &View<'_>, id: SessionId) -> Result<Option<Timestamp>, StoreError> {
    view.query_opt("SELECT created_at FROM sessions WHERE id = $1", &[id.into()], |row| row.get(0))
}

fn read(row: &Row<'_>) -> Result<SignIn, StoreError> {
    Ok(SignIn {
        id: row.get(0)?,
        address: row.get(1)?,
        user_agent: row.get(2)?,
        created_at: row.get(3)?,
        used_at: row.get(4)?,
        expires_at: row.get(5)?,
    })
}

/// A user's live sessions, newest first.
///
/// # Errors
/// If the database fails.
pub fn list(view: &View<'_>, user: UserId, now: Timestamp) -> Result<Vec<SignIn>, StoreError> {
    let text = "SELECT id, address, user_agent, created_at, used_at, expires_at FROM sessions
        WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2 ORDER BY created_at DESC, id DESC LIMIT $3";
    view.query(text, &[user.into(), now.into(), LISTED_MAX.into()], read)
}

/// Records a sign-in.
///
/// # Errors
/// If the database fails.
pub fn insert(work: &mut Work<'_>, session: &NewSession) -> Result<(), StoreError> {
    let text = "INSERT INTO sessions (id, user_id, address, user_agent, created_at, used_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $5, $6)";
    work.execute_one(
        text,
        &[
            session.id.into(),
            session.user_id.into(),
            session.address.as_deref().into(),
            session.user_agent.as_deref().into(),
            session.created_at.into(),
            session.expires_at.into(),
        ],
    )
}

/// Notes that a session's tokens were renewed.
///
/// # Errors
/// If the database fails.
pub fn touch(work: &mut Work<'_>, id: SessionId, now: Timestamp) -> Result<(), StoreError> {
    work.execute_one("UPDATE sessions SET used_at = $2 WHERE id = $1", &[id.into(), now.into()])
}

/// Ends a user's session; says whether there was a live one.
///
/// # Errors
/// If the database fails.
pub fn revoke(work: &mut Work<'_>, id: SessionId, user: UserId, now: Timestamp) -> Result<bool, StoreError> {
    let text = "UPDATE sessions SET revoked_at = $3
        WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > $3";
    work.execute(text, &[id.into(), user.into(), now.into()]).map(|rows| rows == 1)
}

/// Ends every session of a user but one; says how many.
///
/// # Errors
/// If the database fails.
pub fn revoke_others(work: &mut Work<'_>, user: UserId, keep: SessionId, now: Timestamp) -> Result<usize, StoreError> {
    let text = "UPDATE sessions SET revoked_at = $3 WHERE user_id = $1 AND id <> $2 AND revoked_at IS NULL";
    work.execute(text, &[user.into(), keep.into(), now.into()])
}

/// Forgets sessions that ended before a moment, with their tokens: at most `limit` of them.
///
/// # Errors
/// If the database fails.
pub fn sweep(work: &mut Work<'_>, before: Timestamp, limit: i64) -> Result<usize, StoreError> {
    let tokens = "DELETE FROM refresh_tokens WHERE session_id IN
        (SELECT id FROM sessions WHERE expires_at < $1 ORDER BY expires_at, id LIMIT $2)";
    work.execute(tokens, &[before.into(), limit.into()])?;
    let sessions = "DELETE FROM sessions WHERE id IN
        (SELECT id FROM sessions WHERE expires_at < $1 ORDER BY expires_at, id LIMIT $2)";
    work.execute(sessions, &[before.into(), limit.into()])
}
