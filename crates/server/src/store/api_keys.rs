//! API keys, without their secrets.

use super::users::User;
use super::{LookUp, Row, StoreError, View, Work};
use domain::api_key::{Life, Scopes};
use domain::id::{ApiKeyId, UserId};
use domain::timestamp::Timestamp;
use uuid::Uuid;

/// A key as its owner sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// What its owner calls it.
    pub name: String,
    /// The last letters of its secret.
    pub last_four: String,
    /// What it opens.
    pub scopes: Scopes,
    /// The networks that it may come from, as they were written, with spaces between; empty for any.
    pub networks: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to a minute.
    pub used_at: Option<Timestamp>,
    /// Until when it is good.
    pub life: Life,
}

/// A key to be kept, with its owner and what is kept of its secret.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// Whose it is.
    pub user_id: UserId,
    /// What is kept of its secret.
    pub digest: [u8; 32],
    /// The rest. It has not been used, and has not ended.
    pub key: ApiKey,
}

/// Reads the columns `id, name, last_four, scopes, networks, created_at, used_at, expires_at, revoked_at`, from the
/// one at `first` on.
fn read(row: &Row<'_>, first: usize) -> Result<ApiKey, StoreError> {
    let column = |number: usize| first.saturating_add(number);
    let scopes: String = row.get(column(3))?;
    let broken = StoreError::Column { column: column(3), expected: "scopes" };
    Ok(ApiKey {
        id: row.get(column(0))?,
        name: row.get(column(1))?,
        last_four: row.get(column(2))?,
        scopes: Scopes::parse(scopes.split(' ')).map_err(|_| broken)?,
        networks: row.get(column(4))?,
        created_at: row.get(column(5))?,
        used_at: row.get(column(6))?,
        life: Life { expires_at: row.get(column(7))?, revoked_at: row.get(column(8))? },
    })
}

/// Who shows a key: its owner's account, and the key.
#[must_use]
pub fn bearer(digest: [u8; 32]) -> LookUp<(User, ApiKey)> {
    let text = "SELECT u.id, u.email, u.username, u.role, u.tier, u.account_status, u.created_at, k.id, k.name, \
        k.last_four, k.scopes, k.networks, k.created_at, k.used_at, k.expires_at, k.revoked_at \
        FROM api_keys k JOIN users u ON u.id = k.user_id WHERE k.key_digest = $1";
    LookUp::new(text, &[digest.as_slice().into()], |row| {
        let user = User {
            id: row.get(0)?,
            email: row.get(1)?,
            username: row.get(2)?,
            role: row.get(3)?,
            tier: row.get(4)?,
            account_status: row.get(5)?,
            created_at: row.get(6)?,
        };
        Ok((user, read(row, 7)?))
    })
}

/// A user's keys that were not ended, newest first, before a line.
///
/// # Errors
/// If the database fails.
pub fn list(
    view: &View<'_>,
    user: UserId,
    before: Option<(Timestamp, ApiKeyId)>,
    limit: i64,
) -> Result<Vec<ApiKey>, StoreError> {
    let text = "SELECT id, name, last_four, scopes, networks, created_at, used_at, expires_at, revoked_at FROM api_keys
        WHERE user_id = $1 AND (created_at, id) < ($2, $3) AND revoked_at IS NULL
        ORDER BY created_at DESC, id DESC LIMIT $4";
    let (at, id) = before.unwrap_or((Timestamp::from_micros(i64::MAX), ApiKeyId::new(Uuid::max())));
    view.query(text, &[user.into(), at.into(), id.into(), limit.into()], |row| read(row, 0))
}

/// How many of a user's keys are good at a moment.
///
/// # Errors
/// If the database fails.
pub fn live(view: &View<'_>, user: UserId, now: Timestamp) -> Result<i64, StoreError> {
    let text = "SELECT COUNT(*) FROM api_keys
        WHERE user_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)";
    let count = view.query_opt(text, &[user.into(), now.into()], |row| row.get(0))?;
    Ok(count.unwrap_or_default())
}

/// Keeps a key.
///
/// # Errors
/// If the database fails.
pub fn insert(work: &mut Work<'_>, new: &NewApiKey) -> Result<(), StoreError> {
    let text =
        "INSERT INTO api_keys (id, user_id, name, key_digest, last_four, scopes, networks, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let NewApiKey { user_id, digest, key } = new;
    let scopes = key.scopes.words().collect::<Vec<_>>().join(" ");
    work.execute_one(
        text,
        &[
            key.id.into(),
            (*user_id).into(),
            key.name.as_str().into(),
            digest.as_slice().into(),
            key.last_four.as_str().into(),
            scopes.as_str().into(),
            key.networks.as_str().into(),
            key.created_at.into(),
            key.life.expires_at.into(),
        ],
    )
}

/// Ends a user's key; says whether there was one that had not been ended.
///
/// # Errors
/// If the database fails.
pub fn revoke(work: &mut Work<'_>, id: ApiKeyId, user: UserId, now: Timestamp) -> Result<bool, StoreError> {
    let text = "UPDATE api_keys SET revoked_at = $3 WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL";
    work.execute(text, &[id.into(), user.into(), now.into()]).map(|rows| rows == 1)
}

/// Notes that a key was used. A later use that is noted already stays.
///
/// # Errors
/// If the database fails.
pub fn touch(work: &mut Work<'_>, id: ApiKeyId, now: Timestamp) -> Result<(), StoreError> {
    let text = "UPDATE api_keys SET used_at = $2 WHERE id = $1 AND (used_at IS NULL OR used_at < $2)";
    work.execute(text, &[id.into(), now.into()]).map(|_| ())
}
