//! Signing in, staying signed in, and signing out.

use super::{Context, Denial, Done, Event};
use crate::auth::refresh::RefreshToken;
use crate::clock::random_bytes;
use crate::store::refresh_tokens::Presented;
use crate::store::sessions::NewSession;
use crate::store::users::User;
use crate::store::{StoreError, Work, refresh_tokens, sessions, sign_in_failures, users};
use domain::audit::{Action, EntityType, Value};
use domain::id::{SessionId, UserId};
use domain::session::{ABSOLUTE, IDLE, Refresh, judge};
use domain::sign_in::may_compare;
use domain::user::AccountStatus;

/// The longest user agent that is kept.
const USER_AGENT_CHARACTERS_MAX: usize = 200;

/// A session with the token that continues it.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Whose session.
    pub user: User,
    /// The session.
    pub session_id: SessionId,
    /// The refresh token, for the client alone.
    pub refresh_token: RefreshToken,
}

/// Begins a session for an account whose password matched `verified_hash`. A hash that has changed since then may be that
/// of another password: nothing is counted, and whoever asks compares with the new one. `renewed` is a better hash of the
/// same password, which takes its place.
///
/// # Errors
/// If the database fails.
pub fn sign_in(
    work: &mut Work<'_>,
    context: &Context,
    user: UserId,
    (verified_hash, renewed): (&str, Option<&str>),
    user_agent: Option<&str>,
) -> Done<SignedIn> {
    if users::password_hash(work, user)?.as_deref() != Some(verified_hash) {
        return Ok(Err(Denial::HashChanged));
    }
    let failures = sign_in_failures::count(work, user)?;
    if !may_compare(failures, 1) {
        // Another process compared the last one that was left.
        refuse_sign_in(work, context, Some(user), RefusedSignIn::Disabled)?;
        return Ok(Err(Denial::InvalidCredentials));
    }
    let user = users::find(work, user)?.ok_or(StoreError::Broken("the account that signs in does not exist"))?;
    if user.account_status != AccountStatus::Active {
        refuse_sign_in(work, context, Some(user.id), RefusedSignIn::Suspended)?;
        return Ok(Err(Denial::AccountSuspended));
    }
    if failures > 0 {
        sign_in_failures::clear(work, user.id)?;
    }
    if let Some(renewed) = renewed {
        users::update_password(work, user.id, renewed, context.now)?;
    }
    let session = NewSession {
        id: SessionId::new(context.ids.uuid()),
        user_id: user.id,
        address: context.actor.address.map(|address| address.to_string()),
        user_agent: user_agent.map(|agent| agent.chars().take(USER_AGENT_CHARACTERS_MAX).collect()),
        created_at: context.now,
        expires_at: context.now.plus(ABSOLUTE),
    };
    sessions::insert(work, &session)?;
    let refresh_token = RefreshToken::random();
    refresh_tokens::insert(work, &refresh_token.hash(), session.id, context.now, context.now.plus(IDLE))?;
    let event = Event::new(Action::SignedIn, EntityType::Session, Some(session.id.uuid()));
    context.by(user.id, session.id.uuid()).record(work, event)?;
    Ok(Ok(SignedIn { user, session_id: session.id, refresh_token }))
}

/// Why a sign-in is refused. The first two are one to whoever asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RefusedSignIn {
    /// There is no such account, or another password.
    Wrong,
    /// Too many wrong passwords in a row: nothing was compared.
    Disabled,
    /// Too many attempts of late: nothing was compared.
    Throttled,
    /// The account is suspended.
    Suspended,
}

impl RefusedSignIn {
    /// Its word, in the audit log and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wrong => "invalid_credentials",
            Self::Disabled => "password_disabled",
            Self::Throttled => "too_many_sign_ins",
            Self::Suspended => "account_suspended",
        }
    }
}

/// Puts a failed sign-in on record, and counts it if a password was compared: in as many statements for everybody.
///
/// # Errors
/// If the database fails.
pub fn refuse_sign_in(
    work: &mut Work<'_>,
    context: &Context,
    user: Option<UserId>,
    reason: RefusedSignIn,
) -> Result<(), StoreError> {
    match (user, reason) {
        (Some(user), RefusedSignIn::Wrong) => sign_in_failures::add(work, user, context.now)?,
        _ => sign_in_failures::add_to_nobody(work, context.now)?,
    }
    let mut event = Event::new(Action::SignInFailed, EntityType::User, user.map(UserId::uuid));
    event.after = vec![("reason", Value::Text(reason.as_str().to_owned()))];
    context.record(work, event)
}

/// Exchanges a refresh token.
///
/// # Errors
/// If the database fails.
pub fn refresh(work: &mut Work<'_>, context: &Context, token: &RefreshToken) -> Done<SignedIn> {
    let Some(presented) = refresh_tokens::find(work, &token.hash())? else {
        context.record(work, Event::new(Action::RefreshFailed, EntityType::Session, None))?;
        return Ok(Err(Denial::RefreshInvalid));
    };
    let context = &context.by(presented.user_id, presented.session_id.uuid());
    let event = |action| Event::new(action, EntityType::Session, Some(presented.session_id.uuid()));
    let user = users::find(work, presented.user_id)?.ok_or(StoreError::Broken("a session has no account"))?;
    let verdict = judge(&presented.session, &presented.token, context.now);
    let refresh_token = match verdict {
        Refresh::Refused => {
            context.record(work, event(Action::RefreshFailed))?;
            return Ok(Err(Denial::RefreshInvalid));
        }
        Refresh::Reused => {
            sessions::revoke(work, presented.session_id, presented.user_id, context.now)?;
            context.record(work, event(Action::RefreshReused))?;
            return Ok(Err(Denial::RefreshReused));
        }
        Refresh::Rotate | Refresh::Repeat if user.account_status != AccountStatus::Active => {
            context.record(work, event(Action::RefreshFailed))?;
            return Ok(Err(Denial::AccountSuspended));
        }
        Refresh::Rotate => rotate(work, context, token, &presented)?,
        Refresh::Repeat => successor(token, presented.successor_nonce)?,
    };
    context.record(work, event(Action::Refreshed))?;
    Ok(Ok(SignedIn { user, session_id: presented.session_id, refresh_token }))
}

fn rotate(
    work: &mut Work<'_>,
    context: &Context,
    token: &RefreshToken,
    presented: &Presented,
) -> Result<RefreshToken, StoreError> {
    let nonce = random_bytes::<32>();
    let next = successor(token, Some(nonce))?;
    refresh_tokens::mark_used(work, &token.hash(), &nonce, &next.hash(), context.now)?;
    refresh_tokens::insert(work, &next.hash(), presented.session_id, context.now, context.now.plus(IDLE))?;
    sessions::touch(work, presented.session_id, context.now)?;
    Ok(next)
}

fn successor(token: &RefreshToken, nonce: Option<[u8; 32]>) -> Result<RefreshToken, StoreError> {
    nonce.and_then(|nonce| token.successor(&nonce)).ok_or(StoreError::Broken("a used refresh token has no successor"))
}

/// Ends one of a user's own sessions.
///
/// # Errors
/// If the database fails.
pub fn sign_out(work: &mut Work<'_>, context: &Context, user: UserId, session: SessionId) -> Done<()> {
    if !sessions::revoke(work, session, user, context.now)? {
        return Ok(Err(Denial::SessionNotFound));
    }
    context.record(work, Event::new(Action::SignedOut, EntityType::Session, Some(session.uuid())))?;
    Ok(Ok(()))
}
