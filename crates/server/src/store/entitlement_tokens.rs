//! The refresh tokens of subscriptions, as hashes: one row to a subscription, with the newest token, the one before,
//! and what makes the one from the other. The tokens themselves are not here, and cannot be made from what is.

use super::refresh_tokens::TokenHash;
use super::{StoreError, View, Work};
use domain::entitlement::Family;
use domain::id::SubscriptionId;
use domain::timestamp::Timestamp;

/// What no token has as its hash: the tokens of a closed family.
const NOBODYS: TokenHash = [0; 32];

/// The newest token of a subscription.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NewestToken {
    /// Whose it is.
    pub subscription_id: SubscriptionId,
    /// The period that it is good in.
    pub period: i64,
    /// Its hash.
    pub hash: TokenHash,
    /// The hash of the one before; none for the first of a family.
    pub previous: Option<TokenHash>,
    /// What made it.
    pub nonce: [u8; 32],
    /// When it was handed out.
    pub rotated_at: Timestamp,
}

impl NewestToken {
    /// The row of a family that is closed: nobody has its tokens.
    #[must_use]
    pub const fn close(&self, now: Timestamp) -> Self {
        Self { hash: NOBODYS, previous: Some(NOBODYS), rotated_at: now, ..*self }
    }

    /// The family that it belongs to.
    #[must_use]
    pub fn family(&self) -> Family {
        Family {
            period: self.period,
            rotated_at: self.rotated_at,
            is_first: self.previous.is_none(),
            is_closed: self.hash == NOBODYS,
        }
    }
}

/// The newest token of a subscription.
///
/// # Errors
/// If the database fails.
pub fn find(view: &View<'_>, subscription: SubscriptionId) -> Result<Option<NewestToken>, StoreError> {
    let text = "SELECT subscription_id, period, token_hash, previous_hash, nonce, rotated_at FROM entitlement_tokens
        WHERE subscription_id = $1";
    view.query_opt(text, &[subscription.into()], |row| {
        Ok(NewestToken {
            subscription_id: row.get(0)?,
            period: row.get(1)?,
            hash: row.get(2)?,
            previous: row.get(3)?,
            nonce: row.get(4)?,
            rotated_at: row.get(5)?,
        })
    })
}

/// Puts a token in the place of the newest one, whose hash is `was`; none if there was no token.
///
/// # Errors
/// [`StoreError::Lost`] if another unit of work put another token there in between; otherwise if the database fails.
pub fn put(work: &mut Work<'_>, token: &NewestToken, was: Option<&TokenHash>) -> Result<(), StoreError> {
    let mut values = vec![
        token.subscription_id.into(),
        token.period.into(),
        token.hash.as_slice().into(),
        token.previous.as_ref().map(TokenHash::as_slice).into(),
        token.nonce.as_slice().into(),
        token.rotated_at.into(),
    ];
    let changed = if let Some(was) = was {
        values.push(was.as_slice().into());
        let text = "UPDATE entitlement_tokens SET period = $2, token_hash = $3, previous_hash = $4, nonce = $5, \
            rotated_at = $6 WHERE subscription_id = $1 AND token_hash = $7";
        work.execute(text, &values)?
    } else {
        let text = "INSERT INTO entitlement_tokens (subscription_id, period, token_hash, previous_hash, nonce, \
            rotated_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (subscription_id) DO NOTHING";
        work.execute(text, &values)?
    };
    if changed == 1 { Ok(()) } else { Err(StoreError::Lost("the refresh token of a subscription")) }
}
