//! Tokens that tell a media gateway of a subscription: who may have one, until when, and which presentation of the
//! token that renews them is honest.
//!
//! A period has one family of refresh tokens at a time, each the successor of the one before. Who signed in after a
//! family was last touched has shown the password since, and may begin a new one: so a lost token, or a copy that
//! closed the family, locks nobody out, and a stolen session alone gets nothing.

use crate::session::{LOST_ANSWER, Refresh, RefreshToken, Session};
use crate::subscription::Subscription;
use crate::timestamp::{Span, Timestamp};

/// The refresh tokens of a subscription, as they stand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Family {
    /// The period that they are good in.
    pub period: i64,
    /// When the newest one was handed out, or the family was closed.
    pub rotated_at: Timestamp,
    /// Whether the newest one is the first: it has no predecessor.
    pub is_first: bool,
    /// Whether a copy was seen: none of them is good any more.
    pub is_closed: bool,
}

/// What came with a request, compared with the family.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shown {
    /// No refresh token.
    Nothing,
    /// A text that is no token of this family: of an earlier one, or of nobody.
    Foreign,
    /// The newest token.
    Newest,
    /// The one before.
    Predecessor,
    /// One that was used earlier than that.
    Older,
}

/// What a request is answered with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Issue {
    /// The first token of a new family.
    Begin,
    /// The successor of the token that came, which is used now.
    Rotate,
    /// The newest token again: the answer that carried it was lost.
    Repeat,
}

/// Why there is no token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NoToken {
    /// There is no access any more.
    NotEntitled,
    /// The newest refresh token must be shown.
    Required,
    /// What came is no token of this family.
    Foreign,
    /// Somebody has a copy. The family is to be closed, if it is open.
    Reused,
}

/// Rules on a request for a token. `signed_in_at` is when the session of the one who asks began; none if they have
/// none.
///
/// # Errors
/// [`NoToken`] says why there is none.
pub fn judge(
    subscription: &Subscription,
    family: Option<&Family>,
    shown: Shown,
    signed_in_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Issue, NoToken> {
    if !subscription.is_entitled(now) {
        return Err(NoToken::NotEntitled);
    }
    let Some(family) = family.filter(|family| family.period == subscription.period) else {
        // What comes with the first request of a period is of an earlier one, or of nobody.
        return if shown == Shown::Nothing { Ok(Issue::Begin) } else { Err(NoToken::Foreign) };
    };
    match shown {
        Shown::Foreign => Err(NoToken::Foreign),
        Shown::Nothing => without_token(family, signed_in_at, now),
        Shown::Newest | Shown::Predecessor | Shown::Older => {
            let used_at = (shown != Shown::Newest || family.is_closed).then_some(family.rotated_at);
            let successor_used = shown == Shown::Older || family.is_closed;
            let token = RefreshToken { expires_at: subscription.expires_at, used_at, successor_used };
            let session = Session { expires_at: subscription.expires_at, revoked_at: None };
            match crate::session::judge(&session, &token, now) {
                Refresh::Rotate => Ok(Issue::Rotate),
                Refresh::Repeat => Ok(Issue::Repeat),
                Refresh::Reused => Err(NoToken::Reused),
                Refresh::Refused => Err(NoToken::NotEntitled),
            }
        }
    }
}

fn without_token(family: &Family, signed_in_at: Option<Timestamp>, now: Timestamp) -> Result<Issue, NoToken> {
    if signed_in_at.is_some_and(|at| at > family.rotated_at) {
        return Ok(Issue::Begin);
    }
    // A first answer that was lost left its client with nothing to show.
    let may_be_lost = family.is_first && !family.is_closed && now <= family.rotated_at.plus(LOST_ANSWER);
    if may_be_lost { Ok(Issue::Repeat) } else { Err(NoToken::Required) }
}

/// When a token that is made now ends: never later than the access that it tells of.
#[must_use]
pub fn ends_at(subscription: &Subscription, length: Span, now: Timestamp) -> Timestamp {
    now.plus(length).min(subscription.expires_at)
}

#[cfg(test)]
#[path = "entitlement/tests.rs"]
mod tests;
