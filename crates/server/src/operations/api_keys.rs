//! Making API keys and ending them.

use super::{Context, Denial, Done, Event};
use crate::store::api_keys::{self, NewApiKey};
use crate::store::{StoreError, Work};
use domain::api_key::{LIVE_MAX, Refused};
use domain::audit::{Action, EntityType, Value};
use domain::id::{ApiKeyId, UserId};

fn text(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}

/// Keeps a new key.
///
/// # Errors
/// If the database fails.
pub fn create(work: &mut Work<'_>, context: &Context, new: &NewApiKey) -> Done<()> {
    if api_keys::live(work, new.user_id, context.now)? >= LIVE_MAX {
        return Ok(Err(Denial::TooManyApiKeys));
    }
    api_keys::insert(work, new)?;
    let key = &new.key;
    let mut event = Event::new(Action::ApiKeyCreated, EntityType::ApiKey, Some(key.id.uuid()));
    event.after = vec![
        ("name", text(&key.name)),
        ("last_four", text(&key.last_four)),
        ("scopes", text(key.scopes.words().collect::<Vec<_>>().join(" "))),
        ("networks", text(&key.networks)),
    ];
    context.record(work, event)?;
    Ok(Ok(()))
}

/// Ends a key of one's own.
///
/// # Errors
/// If the database fails.
pub fn revoke(work: &mut Work<'_>, context: &Context, user: UserId, id: ApiKeyId) -> Done<()> {
    if !api_keys::revoke(work, id, user, context.now)? {
        return Ok(Err(Denial::ApiKeyNotFound));
    }
    context.record(work, Event::new(Action::ApiKeyRevoked, EntityType::ApiKey, Some(id.uuid())))?;
    Ok(Ok(()))
}

/// Puts on record that a key was shown where it is not good.
///
/// # Errors
/// If the database fails.
pub fn refuse(
    work: &mut Work<'_>,
    context: &Context,
    id: ApiKeyId,
    owner: UserId,
    reason: Refused,
) -> Result<(), StoreError> {
    let mut event = Event::new(Action::ApiKeyRefused, EntityType::ApiKey, Some(id.uuid()));
    event.after = vec![("reason", text(reason.as_str()))];
    context.by(owner, id.uuid()).record(work, event)
}
