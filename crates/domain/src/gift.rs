//! Gifts: what can be given, and where a gift counts on the leaderboards.

mod catalogue;

pub use catalogue::{Catalogue, InvalidCatalogue, Listing};

use crate::calendar::{day_start, month_start, week_start};
use crate::id::{GiftId, UserId};
use crate::money::{Amount, Cents};
use crate::text::Note;
use crate::timestamp::Timestamp;
use crate::words::words;
use thiserror::Error;

/// What a gift is called in requests: 1 to 32 of `a`–`z`, `0`–`9` and `_`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct GiftType(String);

/// Why a text is not a [`GiftType`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("must be 1 to 32 of the letters a–z, digits and `_`")]
pub struct InvalidGiftType;

impl GiftType {
    /// Checks the letters.
    ///
    /// # Errors
    /// [`InvalidGiftType`] for an empty or long text, or other letters.
    pub fn parse(text: &str) -> Result<Self, InvalidGiftType> {
        let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if (1..=32).contains(&text.len()) && text.bytes().all(valid) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidGiftType)
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How many of one gift: 1 to 100.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Quantity(i64);

/// Why a number is not a [`Quantity`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("must be a whole number from 1 to {max}", max = Quantity::MAX)]
pub struct InvalidQuantity;

impl Quantity {
    /// The most at once.
    pub const MAX: i64 = 100;

    /// Checks the bounds.
    ///
    /// # Errors
    /// [`InvalidQuantity`] for anything else.
    pub const fn new(quantity: i64) -> Result<Self, InvalidQuantity> {
        if quantity >= 1 && quantity <= Self::MAX { Ok(Self(quantity)) } else { Err(InvalidQuantity) }
    }

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// What so many cost; `None` beyond the largest amount.
    #[must_use]
    pub fn times(self, price: Amount) -> Option<Amount> {
        price.credit().get().checked_mul(self.0).and_then(|cents| Amount::new(cents).ok())
    }
}

/// A gift as it is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GiftRow {
    /// Its id: the UUID of its transaction.
    pub id: GiftId,
    /// Who gave it.
    pub sender_id: UserId,
    /// Who got it.
    pub recipient_id: UserId,
    /// What it is.
    pub gift_type: GiftType,
    /// How many.
    pub quantity: Quantity,
    /// A word to the recipient.
    pub message: Option<Note>,
    /// What it was given for, such as the id of a stream.
    pub context: Option<Note>,
}

words! {
    /// What a leaderboard is over.
    BoardPeriod {
        /// A day in UTC.
        Day = "day",
        /// A week in UTC, from Monday on.
        Week = "week",
        /// A month in UTC.
        Month = "month",
        /// For ever.
        All = "all",
    }
}

impl BoardPeriod {
    /// Where the period begins in which a moment lies.
    #[must_use]
    pub fn start(self, at: Timestamp) -> Timestamp {
        match self {
            Self::Day => day_start(at),
            Self::Week => week_start(at),
            Self::Month => month_start(at),
            Self::All => Timestamp::from_micros(0),
        }
    }
}

/// One line of one leaderboard.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Standing {
    /// To whom; nobody for the board over all creators.
    pub creator_id: Option<UserId>,
    /// Over what.
    pub period: BoardPeriod,
    /// From when on.
    pub period_start: Timestamp,
    /// Who gave.
    pub sender_id: UserId,
}

/// What is added to a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StandingChange {
    /// In cents; negative for a refund.
    pub total: Cents,
    /// In gifts; negative for a gift that was refunded in full.
    pub gifts: i64,
    /// When the newest gift of the line was given.
    pub reached_at: Timestamp,
}

/// The eight lines that a gift counts on: each period, for its creator and over all.
pub fn standings(sender_id: UserId, recipient_id: UserId, at: Timestamp) -> impl Iterator<Item = Standing> {
    let line = move |creator_id, period: BoardPeriod| Standing {
        creator_id,
        period,
        period_start: period.start(at),
        sender_id,
    };
    [Some(recipient_id), None]
        .into_iter()
        .flat_map(move |creator| BoardPeriod::ALL.iter().map(move |period| line(creator, *period)))
}

#[cfg(test)]
mod tests {
    use super::{GiftType, Quantity, standings};
    use crate::id::UserId;
    use crate::money::Amount;
    use crate::timestamp::Timestamp;
    use std::collections::BTreeSet;
    use uuid::Uuid;

    #[test]
    fn a_gift_counts_on_eight_lines() {
        let (ann, bob) = (UserId::new(Uuid::from_u128(1)), UserId::new(Uuid::from_u128(2)));
        let lines: BTreeSet<_> = standings(ann, bob, Timestamp::from_micros(1_800_000_000_000_000)).collect();
        assert_eq!(lines.len(), 8);
        assert!(lines.iter().all(|line| line.sender_id == ann));
        assert_eq!(lines.iter().filter(|line| line.creator_id == Some(bob)).count(), 4);
    }

    #[test]
    fn quantities_and_their_prices_have_bounds() {
        for (quantity, valid) in [(0, false), (1, true), (100, true), (101, false), (-1, false)] {
            assert_eq!(Quantity::new(quantity).is_ok(), valid, "{quantity}");
        }
        let hundred = Quantity::new(100).unwrap();
        assert_eq!(hundred.times(Amount::new(7).unwrap()), Amount::new(700).ok());
        assert_eq!(hundred.times(Amount::new(Amount::MAX.get()).unwrap()), None);
        for (text, valid) in [("rose", true), ("red_rose_2", true), ("", false), ("Rose", false), ("a b", false)] {
            assert_eq!(GiftType::parse(text).is_ok(), valid, "{text}");
        }
    }
}
