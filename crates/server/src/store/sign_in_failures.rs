//! How often in a row an account was given a wrong password. It survives restarts, and processes share it.

use super::{StoreError, View, Work};
use domain::id::UserId;
use domain::timestamp::Timestamp;
use uuid::Uuid;

/// An account that nobody has, for what must take as long as for somebody's.
pub const NOBODY: UserId = UserId::new(Uuid::nil());

/// How many attempts failed since the last one that did not.
///
/// # Errors
/// If the database fails.
pub fn count(view: &View<'_>, user: UserId) -> Result<i64, StoreError> {
    let text = "SELECT failures FROM sign_in_failures WHERE user_id = $1";
    view.query_opt(text, &[user.into()], |row| row.get(0)).map(Option::unwrap_or_default)
}

/// Counts one more.
///
/// # Errors
/// If the database fails.
pub fn add(work: &mut Work<'_>, user: UserId, now: Timestamp) -> Result<(), StoreError> {
    let text = "INSERT INTO sign_in_failures (user_id, failures, failed_at) VALUES ($1, 1, $2)
        ON CONFLICT (user_id) DO UPDATE SET failures = sign_in_failures.failures + 1, failed_at = excluded.failed_at";
    work.execute_one(text, &[user.into(), now.into()])
}

/// Counts nothing, in one statement, as [`add`] counts in one: who is refused without it would be told by the time.
///
/// # Errors
/// If the database fails.
pub fn add_to_nobody(work: &mut Work<'_>, now: Timestamp) -> Result<(), StoreError> {
    let text = "UPDATE sign_in_failures SET failures = failures + 1, failed_at = $2 WHERE user_id = $1";
    work.execute(text, &[NOBODY.into(), now.into()]).map(|_| ())
}

/// Begins to count anew; says whether there was anything to forget.
///
/// # Errors
/// If the database fails.
pub fn clear(work: &mut Work<'_>, user: UserId) -> Result<bool, StoreError> {
    work.execute("DELETE FROM sign_in_failures WHERE user_id = $1", &[user.into()]).map(|rows| rows == 1)
}
