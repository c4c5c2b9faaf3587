//! Accounts.

use super::{LookUp, Row, StoreError, Value, View, Work};
use domain::id::UserId;
use domain::timestamp::Timestamp;
use domain::user::{AccountStatus, Email, Role, Standing, Tier, Username};
use uuid::Uuid;

/// An account as it is kept, without its password.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Its address, in the stored form.
    pub email: String,
    /// Its public name, if it chose one.
    pub username: Option<String>,
    /// What it may do.
    pub role: Role,
    /// Which limit it has.
    pub tier: Tier,
    /// Whether it may be used.
    pub account_status: AccountStatus,
    /// Since when it exists.
    pub created_at: Timestamp,
}

/// An account to be made.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Its id.
    pub id: UserId,
    /// Its address.
    pub email: Email,
    /// Its public name.
    pub username: Option<Username>,
    /// The hash of its password, in PHC form.
    pub password_hash: String,
    /// What it may do.
    pub role: Role,
    /// When it is made.
    pub created_at: Timestamp,
}

/// What is unique about an account and taken already.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Taken {
    /// The address.
    Email,
    /// The public name.
    Username,
}

fn read(row: &Row<'_>) -> Result<User, StoreError> {
    Ok(User {
        id: row.get(0)?,
        email: row.get(1)?,
        username: row.get(2)?,
        role: row.get(3)?,
        tier: row.get(4)?,
        account_status: row.get(5)?,
        created_at: row.get(6)?,
    })
}

/// One account.
///
/// # Errors
/// If the database fails.
pub fn find(view: &View<'_>, id: UserId) -> Result<Option<User>, StoreError> {
    let text = "SELECT id, email, username, role, tier, account_status, created_at FROM users WHERE id = $1";
    view.query_opt(text, &[id.into()], read)
}

/// The account of an address.
pub(super) const FIND_BY_EMAIL: &str =
    "SELECT id, email, username, role, tier, account_status, created_at, password_hash FROM users WHERE email = $1";

/// The account of an address, with the hash of its password.
///
/// # Errors
/// If the database fails.
pub fn find_by_email(view: &View<'_>, email: &Email) -> Result<Option<(User, String)>, StoreError> {
    view.query_opt(FIND_BY_EMAIL, &[email.as_str().into()], |row| Ok((read(row)?, row.get(7)?)))
}

/// The hash of an account's password.
///
/// # Errors
/// If the database fails.
pub fn password_hash(view: &View<'_>, id: UserId) -> Result<Option<String>, StoreError> {
    view.query_opt("SELECT password_hash FROM users WHERE id = $1", &[id.into()], |row| row.get(0))
}

/// The public name of an account; the outer `None` if there is no such account.
///
/// # Errors
/// If the database fails.
#[must_use]
pub fn username(id: UserId) -> LookUp<Option<String>> {
    LookUp::new("SELECT username FROM users WHERE id = $1", &[id.into()], |row| row.get(0))
}

/// What of an address and a name is taken by an account other than `except`.
///
/// # Errors
/// If the database fails.
pub fn taken(
    view: &View<'_>,
    email: Option<&Email>,
    username: Option<&Username>,
    except: Option<UserId>,
) -> Result<Option<Taken>, StoreError> {
    let other = |found: Option<UserId>| found.is_some_and(|id| Some(id) != except);
    if let Some(email) = email {
        let text = "SELECT id FROM users WHERE email = $1";
        if other(view.query_opt(text, &[email.as_str().into()], |row| row.get(0))?) {
            return Ok(Some(Taken::Email));
        }
    }
    if let Some(username) = username {
        let text = "SELECT id FROM users WHERE username_folded = $1";
        if other(view.query_opt(text, &[username.folded().as_str().into()], |row| row.get(0))?) {
            return Ok(Some(Taken::Username));
        }
    }
    Ok(None)
}

/// Adds an account.
///
/// # Errors
/// [`StoreError::Lost`] if another unit of work took the address or the name in between.
pub fn insert(work: &mut Work<'_>, user: &NewUser) -> Result<(), StoreError> {
    let text = "INSERT INTO users (id, email, username, username_folded, password_hash, role, tier, account_status, \
        created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) ON CONFLICT DO NOTHING";
    let folded = user.username.as_ref().map(Username::folded);
    let inserted = work.execute(
        text,
        &[
            user.id.into(),
            user.email.as_str().into(),
            user.username.as_ref().map(Username::as_str).into(),
            folded.as_deref().into(),
            user.password_hash.as_str().into(),
            user.role.into(),
            Tier::Free.into(),
            AccountStatus::Active.into(),
            user.created_at.into(),
        ],
    )?;
    if inserted == 1 { Ok(()) } else { Err(StoreError::Lost("an account's address or name")) }
}

/// Changes the address and the public name.
///
/// # Errors
/// If the database fails; [`StoreError::Broken`] if there is no such account.
pub fn update_profile(
    work: &mut Work<'_>,
    id: UserId,
    email: &Email,
    username: Option<&Username>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let text = "UPDATE users SET email = $2, username = $3, username_folded = $4, updated_at = $5 WHERE id = $1";
    let folded = username.map(Username::folded);
    let name = username.map(Username::as_str);
    work.execute_one(text, &[id.into(), email.as_str().into(), name.into(), folded.as_deref().into(), now.into()])
}

/// Changes what an account may do.
///
/// # Errors
/// If the database fails; [`StoreError::Broken`] if there is no such account.
pub fn update_role(work: &mut Work<'_>, id: UserId, role: Role, now: Timestamp) -> Result<(), StoreError> {
    let text = "UPDATE users SET role = $2, updated_at = $3 WHERE id = $1";
    work.execute_one(text, &[id.into(), role.into(), now.into()])
}

/// Changes role, tier and whether an account may be used.
///
/// # Errors
/// If the database fails; [`StoreError::Broken`] if there is no such account.
pub fn update_standing(work: &mut Work<'_>, id: UserId, standing: Standing, now: Timestamp) -> Result<(), StoreError> {
    let text = "UPDATE users SET role = $2, tier = $3, account_status = $4, updated_at = $5 WHERE id = $1";
    let Standing { role, tier, account_status } = standing;
    work.execute_one(text, &[id.into(), role.into(), tier.into(), account_status.into(), now.into()])
}

/// Which accounts, and from where on. Newest first.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Only accounts before this one.
    pub before: Option<(Timestamp, UserId)>,
    /// Only the account of this address.
    pub email: Option<Email>,
    /// Only this role.
    pub role: Option<Role>,
    /// Only this tier.
    pub tier: Option<Tier>,
    /// Only these.
    pub account_status: Option<AccountStatus>,
    /// Only those whose address or folded public name begins with this.
    pub prefix: Option<String>,
    /// At most this many.
    pub limit: i64,
}

/// Accounts of any role, along the index on the moments.
pub(super) const LIST: &str = "SELECT id, email, username, role, tier, account_status, created_at FROM users
    WHERE (created_at, id) < ($1, $2)
        AND (CAST($3 AS TEXT) IS NULL OR tier = $3) AND (CAST($4 AS TEXT) IS NULL OR account_status = $4)
        AND (CAST($5 AS TEXT) IS NULL OR substr(email, 1, length($5)) = $5
            OR substr(username_folded, 1, length($5)) = $5)
    ORDER BY created_at DESC, id DESC LIMIT $6";

/// Accounts of one role, along its index. Ids are in the order of the accounts, and the index is in theirs on
/// SQLite; PostgreSQL sorts those of a rare role, and walks along the ids for a common one.
pub(super) const LIST_BY_ROLE: &str = "SELECT id, email, username, role, tier, account_status, created_at FROM users
    WHERE role = $1 AND id < $2
        AND (CAST($3 AS TEXT) IS NULL OR tier = $3) AND (CAST($4 AS TEXT) IS NULL OR account_status = $4)
        AND (CAST($5 AS TEXT) IS NULL OR substr(email, 1, length($5)) = $5
            OR substr(username_folded, 1, length($5)) = $5)
    ORDER BY id DESC LIMIT $6";

/// A page of accounts. One address is looked up by its index, and so is a role.
///
/// # Errors
/// If the database fails.
pub fn list(view: &View<'_>, page: &Page) -> Result<Vec<User>, StoreError> {
    let text_by_email = "SELECT id, email, username, role, tier, account_status, created_at FROM users
        WHERE email = $7 AND (created_at, id) < ($1, $2) AND (CAST($8 AS TEXT) IS NULL OR role = $8)
            AND (CAST($3 AS TEXT) IS NULL OR tier = $3) AND (CAST($4 AS TEXT) IS NULL OR account_status = $4)
            AND (CAST($5 AS TEXT) IS NULL OR substr(email, 1, length($5)) = $5
                OR substr(username_folded, 1, length($5)) = $5)
        ORDER BY created_at DESC, id DESC LIMIT $6";
    let end = (Timestamp::from_micros(i64::MAX), UserId::new(Uuid::max()));
    let (before_at, before_id) = page.before.unwrap_or(end);
    let first = if page.email.is_none() && page.role.is_some() { page.role.into() } else { before_at.into() };
    let mut values: Vec<Value<'_>> = vec![
        first,
        before_id.into(),
        page.tier.into(),
        page.account_status.into(),
        page.prefix.as_deref().into(),
        page.limit.into(),
    ];
    match (&page.email, page.role) {
        (Some(email), role) => {
            values.extend([Value::from(email.as_str()), role.into()]);
            view.query(text_by_email, &values, read)
        }
        (None, Some(_)) => {
            view.connection.plan_for_values();
            view.query(LIST_BY_ROLE, &values, read)
        }
        (None, None) => view.query(LIST, &values, read),
    }
}

/// Changes the hash of the password.
///
/// # Errors
/// If the database fails; [`StoreError::Broken`] if there is no such account.
pub fn update_password(work: &mut Work<'_>, id: UserId, hash: &str, now: Timestamp) -> Result<(), StoreError> {
    let text = "UPDATE users SET password_hash = $2, updated_at = $3 WHERE id = $1";
    work.execute_one(text, &[id.into(), hash.into(), now.into()])
}
