//! Handing out what tells a media gateway of a subscription.

use super::{Context, Denial, Done, Event};
use crate::auth::entitlement::{EntitlementTokens, Place, RenewalToken, family_of, nonce};
use crate::clock::random_bytes;
use crate::store::entitlement_tokens::NewestToken;
use crate::store::{StoreError, Work, entitlement_tokens, sessions, subscriptions};
use domain::audit::{Action, EntityType, Value};
use domain::entitlement::{Issue, NoToken, Shown, judge};
use domain::id::{SessionId, SubscriptionId, UserId};
use domain::subscription::Subscription;

/// Who asks for a token, for which subscription, and what they show.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who.
    pub subscriber: UserId,
    /// In which session.
    pub session: SessionId,
    /// For which subscription.
    pub subscription: SubscriptionId,
    /// The refresh token, as it came.
    pub refresh_token: Option<String>,
}

/// What a token is made for, and what gets the next one.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The subscription that it tells of.
    pub subscription: Subscription,
    /// What gets the next one, for the client alone.
    pub refresh_token: RenewalToken,
}

/// Exchanges a refresh token of a subscription, or begins a family of them.
///
/// # Errors
/// If the database fails.
pub fn issue(work: &mut Work<'_>, context: &Context, tokens: &EntitlementTokens, request: &Request) -> Done<Issued> {
    let Some(subscription) = subscriptions::find_own(work, request.subscriber, request.subscription)? else {
        return Ok(Err(Denial::SubscriptionNotFound));
    };
    let newest = entitlement_tokens::find(work, subscription.id)?;
    let family = newest.as_ref().map(NewestToken::family);
    let shown = compare(tokens, newest.as_ref(), request.refresh_token.as_deref());
    let signed_in_at = sessions::created_at(work, request.session)?;
    let issue = match judge(&subscription, family.as_ref(), shown, signed_in_at, context.now) {
        Ok(issue) => issue,
        Err(reason) => return refuse(work, context, &subscription, newest.as_ref(), reason).map(Err),
    };
    let shown = request.refresh_token.as_deref();
    let refresh_token = match issue {
        Issue::Begin => begin(work, context, tokens, &subscription, newest.as_ref())?,
        Issue::Rotate => rotate(work, context, tokens, newest.as_ref(), shown)?,
        Issue::Repeat => again(tokens, newest.as_ref(), shown)?,
    };
    let mut event = Event::new(Action::TokenIssued, EntityType::Subscription, Some(subscription.id.uuid()));
    event.after = vec![("period", Value::Integer(subscription.period))];
    context.record(work, event)?;
    Ok(Ok(Issued { subscription, refresh_token }))
}

fn place_of(newest: &NewestToken) -> Place {
    let (subscription_id, period) = (newest.subscription_id, newest.period);
    Place { subscription_id, period, family: family_of(&newest.nonce) }
}

/// What a text is in the eyes of a family.
fn compare(tokens: &EntitlementTokens, newest: Option<&NewestToken>, text: Option<&str>) -> Shown {
    let Some(text) = text else { return Shown::Nothing };
    let token = newest.and_then(|newest| Some((newest, tokens.read(&place_of(newest), text)?.hash())));
    match token {
        None => Shown::Foreign,
        Some((newest, hash)) if hash == newest.hash => Shown::Newest,
        Some((newest, hash)) if Some(hash) == newest.previous => Shown::Predecessor,
        Some(_) => Shown::Older,
    }
}

fn begin(
    work: &mut Work<'_>,
    context: &Context,
    tokens: &EntitlementTokens,
    subscription: &Subscription,
    newest: Option<&NewestToken>,
) -> Result<RenewalToken, StoreError> {
    let family = random_bytes::<16>();
    let place = Place { subscription_id: subscription.id, period: subscription.period, family };
    let nonce = nonce(family, random_bytes::<16>());
    let token = tokens.first(&place, &nonce);
    let first = NewestToken {
        subscription_id: subscription.id,
        period: subscription.period,
        hash: token.hash(),
        previous: None,
        nonce,
        rotated_at: context.now,
    };
    entitlement_tokens::put(work, &first, newest.map(|newest| &newest.hash))?;
    Ok(token)
}

fn rotate(
    work: &mut Work<'_>,
    context: &Context,
    tokens: &EntitlementTokens,
    newest: Option<&NewestToken>,
    shown: Option<&str>,
) -> Result<RenewalToken, StoreError> {
    let (newest, shown) = newest.zip(shown).ok_or(StoreError::Broken("nothing rotates without a token"))?;
    let place = place_of(newest);
    let nonce = nonce(place.family, random_bytes::<16>());
    let token = tokens.successor(&place, shown, &nonce).ok_or(StoreError::Broken("a token has no successor"))?;
    let next =
        NewestToken { hash: token.hash(), previous: Some(newest.hash), nonce, rotated_at: context.now, ..*newest };
    entitlement_tokens::put(work, &next, Some(&newest.hash))?;
    Ok(token)
}

/// The newest token once more: from its predecessor, or as the first one.
fn again(
    tokens: &EntitlementTokens,
    newest: Option<&NewestToken>,
    shown: Option<&str>,
) -> Result<RenewalToken, StoreError> {
    let newest = newest.ok_or(StoreError::Broken("there is no token to repeat"))?;
    let place = place_of(newest);
    let token = match shown {
        Some(shown) => tokens.successor(&place, shown, &newest.nonce),
        None => Some(tokens.first(&place, &newest.nonce)),
    };
    // A first token under another secret is another one, and nobody may get what is not on record.
    token.filter(|token| token.hash() == newest.hash).ok_or(StoreError::Broken("a token cannot be made again"))
}

/// Puts a refusal on record, and closes the family of a token of which there is a copy.
fn refuse(
    work: &mut Work<'_>,
    context: &Context,
    subscription: &Subscription,
    newest: Option<&NewestToken>,
    reason: NoToken,
) -> Result<Denial, StoreError> {
    let (denial, action, word) = match reason {
        NoToken::NotEntitled => (Denial::SubscriptionEnded, Action::TokenRefused, "not_entitled"),
        NoToken::Required => (Denial::RenewalTokenRequired, Action::TokenRefused, "required"),
        NoToken::Foreign => (Denial::RenewalTokenInvalid, Action::TokenRefused, "foreign"),
        NoToken::Reused => (Denial::RenewalTokenReused, Action::TokenReused, "reused"),
    };
    // One that is closed stays as it is: who goes on showing old tokens must not move the moment of closing.
    if let (NoToken::Reused, Some(newest)) = (reason, newest.filter(|newest| !newest.family().is_closed)) {
        entitlement_tokens::put(work, &newest.close(context.now), Some(&newest.hash))?;
    }
    let mut event = Event::new(action, EntityType::Subscription, Some(subscription.id.uuid()));
    event.after = vec![("reason", Value::Text(word.to_owned()))];
    context.record(work, event)?;
    Ok(denial)
}
