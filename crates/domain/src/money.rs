//! Money as checked integers. There is no floating point and no unchecked arithmetic in this crate.

use thiserror::Error;

/// A signed number of cents: a balance, or one side of an entry.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Cents(i64);

impl Cents {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Any number of cents, of either sign.
    #[must_use]
    pub const fn new(cents: i64) -> Self {
        Self(cents)
    }

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The sum, or `None` where it does not fit.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The sum, or the largest number where it does not fit: for tallies of what was checked elsewhere.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, or `None` where it does not fit.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The same amount on the other side, or `None` for the one number that has no opposite.
    #[must_use]
    pub fn checked_neg(self) -> Option<Self> {
        self.0.checked_neg().map(Self)
    }

    /// Whether this is less than nothing.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }
}

/// A positive number of cents that can be asked for: 1 to 2⁵³ − 1.
///
/// The upper bound is the largest integer that every JSON reader keeps exact.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Amount(i64);

/// Why a number is not an [`Amount`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("must be a whole number of cents from 1 to {max}", max = Amount::MAX.get())]
pub struct InvalidAmount;

impl Amount {
    /// The largest amount, and the largest balance a user's wallet may hold.
    pub const MAX: Cents = Cents(9_007_199_254_740_991);

    /// Checks the bounds.
    ///
    /// # Errors
    /// [`InvalidAmount`] for anything below 1 or above [`Amount::MAX`].
    pub const fn new(cents: i64) -> Result<Self, InvalidAmount> {
        if cents >= 1 && cents <= Self::MAX.0 { Ok(Self(cents)) } else { Err(InvalidAmount) }
    }

    /// The amount as a credit.
    #[must_use]
    pub const fn credit(self) -> Cents {
        Cents(self.0)
    }

    /// The amount as a debit.
    #[must_use]
    pub const fn debit(self) -> Cents {
        // In range by construction: the smallest debit is −(2⁵³ − 1).
        Cents(self.0.saturating_neg())
    }
}

/// How many cents make one coin, the unit that people see.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CoinSize(i64);

impl CoinSize {
    /// At least one cent to the coin.
    ///
    /// # Errors
    /// [`InvalidAmount`] for zero, a negative number or one above [`Amount::MAX`].
    pub fn new(cents_per_coin: i64) -> Result<Self, InvalidAmount> {
        Amount::new(cents_per_coin).map(|amount| Self(amount.0))
    }

    /// Whole coins in a balance, rounded down.
    #[must_use]
    pub const fn coins(self, balance: Cents) -> i64 {
        // Euclid rounds towards minus infinity for a positive divisor; the divisor is never 0 or −1.
        match balance.0.checked_div_euclid(self.0) {
            Some(coins) => coins,
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Amount, Cents, CoinSize};

    #[test]
    fn an_amount_is_one_to_the_largest_exact_json_integer() {
        for (cents, valid) in [
            (i64::MIN, false),
            (-1, false),
            (0, false),
            (1, true),
            (9_007_199_254_740_991, true),
            (9_007_199_254_740_992, false),
            (i64::MAX, false),
        ] {
            assert_eq!(Amount::new(cents).is_ok(), valid, "{cents}");
        }
    }

    #[test]
    fn coins_are_whole_and_rounded_down() {
        let size = CoinSize::new(10_000).unwrap();
        for (cents, coins) in [(0, 0), (9_999, 0), (10_000, 1), (19_999, 1), (-1, -1)] {
            assert_eq!(size.coins(Cents::new(cents)), coins, "{cents}");
        }
    }
}
