//! Making accounts and changing them.

use super::{Context, Denial, Done, Event};
use crate::store::users::{NewUser, Taken, User};
use crate::store::{StoreError, Work, sessions, sign_in_failures, users, wallets};
use domain::audit::{Action, EntityType, Value};
use domain::id::{SessionId, UserId};
use domain::user::{Email, Role, Standing, StandingChange, Username};

impl From<Taken> for Denial {
    fn from(taken: Taken) -> Self {
        match taken {
            Taken::Email => Self::EmailTaken,
            Taken::Username => Self::UsernameTaken,
        }
    }
}

/// Makes an account and its wallet.
///
/// # Errors
/// If the database fails.
pub fn register(work: &mut Work<'_>, context: &Context, new: &NewUser, currency: &str) -> Done<()> {
    if let Some(taken) = users::taken(work, Some(&new.email), new.username.as_ref(), None)? {
        return Ok(Err(taken.into()));
    }
    users::insert(work, new)?;
    wallets::insert_user(work, new.id, currency, context.now)?;
    let action = if new.role == Role::Admin { Action::AdminCreated } else { Action::Registered };
    let mut event = Event::new(action, EntityType::User, Some(new.id.uuid()));
    event.after = vec![("email", text(new.email.as_str())), ("role", text(new.role.as_str()))];
    context.record(work, event)?;
    Ok(Ok(()))
}

/// What of a profile is to be changed.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    /// A new address.
    pub email: Option<Email>,
    /// A new public name, or none any more.
    pub username: Option<Option<Username>>,
}

/// Changes the address or the public name.
///
/// # Errors
/// If the database fails.
pub fn change_profile(work: &mut Work<'_>, context: &Context, user: UserId, change: &ProfileChange) -> Done<User> {
    let before = existing(work, user)?;
    let email = match &change.email {
        Some(email) => email.clone(),
        None => Email::parse(&before.email).map_err(|_| StoreError::Broken("a stored address is not one"))?,
    };
    let username = match &change.username {
        Some(username) => username.clone(),
        None => before.username.as_deref().and_then(|name| Username::parse(name).ok()),
    };
    if let Some(taken) = users::taken(work, Some(&email), username.as_ref(), Some(user))? {
        return Ok(Err(taken.into()));
    }
    users::update_profile(work, user, &email, username.as_ref(), context.now)?;
    let after = existing(work, user)?;
    let fields = |user: &User| {
        vec![("email", text(&user.email)), ("username", text(user.username.as_deref().unwrap_or_default()))]
    };
    let mut event = Event::new(Action::ProfileChanged, EntityType::User, Some(user.uuid()));
    (event.before, event.after) = (fields(&before), fields(&after));
    context.record(work, event)?;
    Ok(Ok(after))
}

/// Makes a user a creator. One who is more than that already stays what they are.
///
/// # Errors
/// If the database fails.
pub fn become_creator(work: &mut Work<'_>, context: &Context, user: UserId) -> Done<User> {
    let before = existing(work, user)?;
    if before.role == Role::User {
        users::update_role(work, user, Role::Creator, context.now)?;
        let mut event = Event::new(Action::BecameCreator, EntityType::User, Some(user.uuid()));
        event.before = vec![("role", text(before.role.as_str()))];
        event.after = vec![("role", text(Role::Creator.as_str()))];
        context.record(work, event)?;
    }
    existing(work, user).map(Ok)
}

/// Changes what an account may do, which limit it has, or whether it may be used. What stays the same is not on
/// record.
///
/// # Errors
/// If the database fails.
pub fn change_standing(work: &mut Work<'_>, context: &Context, user: UserId, change: StandingChange) -> Done<User> {
    let Some(found) = users::find(work, user)? else { return Ok(Err(Denial::UserNotFound)) };
    let before = Standing { role: found.role, tier: found.tier, account_status: found.account_status };
    let after = match change.of(before, context.actor.id == Some(user)) {
        Ok(after) => after,
        Err(own) => return Ok(Err(own.into())),
    };
    if after == before {
        return Ok(Ok(found));
    }
    users::update_standing(work, user, after, context.now)?;
    let words = |standing: Standing| {
        [
            ("role", standing.role.as_str()),
            ("tier", standing.tier.as_str()),
            ("account_status", standing.account_status.as_str()),
        ]
    };
    let mut event = Event::new(Action::StandingChanged, EntityType::User, Some(user.uuid()));
    for ((name, was), (_, is)) in words(before).into_iter().zip(words(after)).filter(|(was, is)| was != is) {
        event.before.push((name, text(was)));
        event.after.push((name, text(is)));
    }
    context.record(work, event)?;
    Ok(Ok(User { role: after.role, tier: after.tier, account_status: after.account_status, ..found }))
}

/// What is to take the place of a password.
#[derive(Clone, Copy)]
pub enum NewHash<'hash> {
    /// The current one was right, and this is the hash of the new one.
    Chosen(&'hash str),
    /// Nothing was compared: too many were wrong in a row.
    NotCompared,
}

impl std::fmt::Debug for NewHash<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Chosen(_) => "Chosen(***)",
            Self::NotCompared => "NotCompared",
        })
    }
}

/// Lets an account sign in again after too many wrong passwords; says whether there were any.
///
/// # Errors
/// If the database fails.
pub fn unlock_sign_in(work: &mut Work<'_>, context: &Context, user: UserId) -> Result<bool, StoreError> {
    let were_some = sign_in_failures::clear(work, user)?;
    context.record(work, Event::new(Action::SignInUnlocked, EntityType::User, Some(user.uuid())))?;
    Ok(were_some)
}

/// Puts on record that a change of password was refused.
///
/// # Errors
/// If the database fails.
pub fn refuse_password(work: &mut Work<'_>, context: &Context, user: UserId) -> Result<(), StoreError> {
    context.record(work, Event::new(Action::PasswordRefused, EntityType::User, Some(user.uuid())))
}

/// Puts on record that the current password was wrong, and counts it: whatever becomes of the request, and whether its
/// key belongs to another one.
///
/// # Errors
/// If the database fails.
pub fn wrong_password(work: &mut Work<'_>, context: &Context, user: UserId) -> Result<(), StoreError> {
    sign_in_failures::add(work, user, context.now)?;
    refuse_password(work, context, user)
}

/// Changes the password and ends every other session. The caller has compared the current one with
/// `current_hash`; if it is not the hash any more, somebody else was faster.
///
/// # Errors
/// [`StoreError::Lost`] in that case, or if the database fails.
pub fn change_password(
    work: &mut Work<'_>,
    context: &Context,
    (user, session): (UserId, SessionId),
    current_hash: &str,
    new_hash: NewHash<'_>,
) -> Done<()> {
    let new_hash = match new_hash {
        NewHash::Chosen(hash) if users::password_hash(work, user)?.as_deref() == Some(current_hash) => hash,
        refused => {
            if matches!(refused, NewHash::Chosen(_)) {
                sign_in_failures::add(work, user, context.now)?;
            }
            refuse_password(work, context, user)?;
            return Ok(Err(Denial::WrongPassword));
        }
    };
    sign_in_failures::clear(work, user)?;
    users::update_password(work, user, new_hash, context.now)?;
    let ended = sessions::revoke_others(work, user, session, context.now)?;
    let mut event = Event::new(Action::PasswordChanged, EntityType::User, Some(user.uuid()));
    event.after = vec![("sessions_revoked", Value::Integer(i64::try_from(ended).unwrap_or(i64::MAX)))];
    context.record(work, event)?;
    Ok(Ok(()))
}

fn existing(work: &Work<'_>, user: UserId) -> Result<User, StoreError> {
    users::find(work, user)?.ok_or(StoreError::Broken("a signed-in account does not exist"))
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}
