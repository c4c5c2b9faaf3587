//! Sessions and the refresh tokens that descend from a sign-in: which presentation of a token is honest.

use crate::timestamp::{Span, Timestamp};

/// How long a refresh token is good for when it is not used.
pub const IDLE: Span = Span::days(7);
/// How long a session lives, however often it is refreshed.
pub const ABSOLUTE: Span = Span::days(30);
/// How long a client whose answer was lost may ask for the same successor again.
pub const LOST_ANSWER: Span = Span::seconds(10);

/// What is known of a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Session {
    /// Its absolute end.
    pub expires_at: Timestamp,
    /// When it was ended before that.
    pub revoked_at: Option<Timestamp>,
}

impl Session {
    /// Whether credentials of this session are good at a moment.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

/// What is known of a refresh token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RefreshToken {
    /// When it lapses if it is not used.
    pub expires_at: Timestamp,
    /// When it was exchanged.
    pub used_at: Option<Timestamp>,
    /// Whether the token that it was exchanged for has been exchanged itself.
    pub successor_used: bool,
}

/// What a presented refresh token is answered with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refresh {
    /// A new pair; the token is used now.
    Rotate,
    /// The same successor again: the answer that carried it was lost.
    Repeat,
    /// Somebody has a copy. The whole family ends.
    Reused,
    /// Expired or ended.
    Refused,
}

/// Rules on a presented refresh token (RFC 9700 §4.14.2, with a rule for lost answers).
#[must_use]
pub fn judge(session: &Session, token: &RefreshToken, now: Timestamp) -> Refresh {
    match token.used_at {
        None if session.is_live(now) && now < token.expires_at => Refresh::Rotate,
        None => Refresh::Refused,
        Some(used_at) => {
            let answer_may_be_lost = now <= used_at.plus(LOST_ANSWER) && !token.successor_used;
            if session.is_live(now) && answer_may_be_lost { Refresh::Repeat } else { Refresh::Reused }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ABSOLUTE, IDLE, LOST_ANSWER, Refresh, RefreshToken, Session, judge};
    use crate::timestamp::{Span, Timestamp};

    const START: Timestamp = Timestamp::from_micros(0);

    fn session() -> Session {
        Session { expires_at: START.plus(ABSOLUTE), revoked_at: None }
    }

    fn fresh() -> RefreshToken {
        RefreshToken { expires_at: START.plus(IDLE), used_at: None, successor_used: false }
    }

    fn used() -> RefreshToken {
        RefreshToken { used_at: Some(START), ..fresh() }
    }

    #[test]
    fn an_unused_token_rotates_until_it_lapses() {
        let last = START.plus(IDLE).minus(Span::MICROSECOND);
        assert_eq!(judge(&session(), &fresh(), last), Refresh::Rotate);
        assert_eq!(judge(&session(), &fresh(), START.plus(IDLE)), Refresh::Refused);
    }

    #[test]
    fn a_session_ends_at_its_absolute_age() {
        let token = RefreshToken { expires_at: START.plus(Span::days(40)), ..fresh() };
        assert_eq!(judge(&session(), &token, START.plus(ABSOLUTE)), Refresh::Refused);
    }

    #[test]
    fn a_lost_answer_is_repeated_for_ten_seconds_and_not_a_microsecond_more() {
        assert_eq!(judge(&session(), &used(), START.plus(LOST_ANSWER)), Refresh::Repeat);
        assert_eq!(judge(&session(), &used(), START.plus(LOST_ANSWER).plus(Span::MICROSECOND)), Refresh::Reused);
    }

    #[test]
    fn a_used_token_whose_successor_was_used_is_a_copy() {
        let token = RefreshToken { successor_used: true, ..used() };
        assert_eq!(judge(&session(), &token, START), Refresh::Reused);
    }

    #[test]
    fn nothing_is_repeated_for_a_dead_session() {
        let dead = Session { revoked_at: Some(START), ..session() };
        assert_eq!(judge(&dead, &fresh(), START), Refresh::Refused);
        assert_eq!(judge(&dead, &used(), START), Refresh::Reused);
    }
}
