//! Revenue splits: the one table, the one function that divides a sale, and the one that divides a refund.
//!
//! Platform and processor round down and the creator has the rest, so that no cent is made or lost.

use crate::money::{Amount, Cents};
use thiserror::Error;

/// Ten thousand to the whole: 8 000 is 80 %.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct BasisPoints(u16);

/// Why numbers are not the shares of a split.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("must be three shares from 0 to 10000 that make 10000 together; they make {total}")]
pub struct InvalidShares {
    /// What they make together.
    pub total: u64,
}

/// Why a text is not the shares of a split.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum InvalidSharesText {
    /// It is not three whole numbers.
    #[error("must be creator/platform/processor in basis points, such as 8000/1500/500")]
    Form,
    /// They are not shares of one whole.
    #[error(transparent)]
    Shares(#[from] InvalidShares),
}

impl BasisPoints {
    /// The whole.
    pub const WHOLE: Self = Self(10_000);

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// How a sale is divided: the creator's share is what the other two leave.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Shares {
    platform: BasisPoints,
    processor: BasisPoints,
}

impl Shares {
    /// Three shares that make the whole.
    ///
    /// # Errors
    /// [`InvalidShares`] with their total for any others.
    pub fn new(creator: u16, platform: u16, processor: u16) -> Result<Self, InvalidShares> {
        let total = [creator, platform, processor].into_iter().fold(0_u64, |sum, part| sum.saturating_add(part.into()));
        if total == u64::from(BasisPoints::WHOLE.0) {
            Ok(Self { platform: BasisPoints(platform), processor: BasisPoints(processor) })
        } else {
            Err(InvalidShares { total })
        }
    }

    /// Reads `creator/platform/processor` in basis points, such as `8000/1500/500`.
    ///
    /// # Errors
    /// [`InvalidSharesText`] for another form, or shares that do not make the whole.
    pub fn parse(text: &str) -> Result<Self, InvalidSharesText> {
        let parts: Result<Vec<u16>, _> = text.split('/').map(|part| part.trim().parse()).collect();
        match parts.as_deref() {
            Ok([creator, platform, processor]) => Ok(Self::new(*creator, *platform, *processor)?),
            _ => Err(InvalidSharesText::Form),
        }
    }

    /// What the platform gets.
    #[must_use]
    pub const fn platform(self) -> BasisPoints {
        self.platform
    }

    /// What payment processing gets.
    #[must_use]
    pub const fn processor(self) -> BasisPoints {
        self.processor
    }
}

/// How each kind of sale is divided.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Splits {
    /// A paid content.
    pub premium_unlock: Shares,
    /// A period of a subscription.
    pub subscription: Shares,
    /// A gift.
    pub gift: Shares,
}

/// The splits in use, under the version by which they are on record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SplitTable {
    /// The version, from 1.
    pub version: i64,
    /// The shares of each kind of sale.
    pub splits: Splits,
}

impl SplitTable {
    /// The terms of a paid content.
    #[must_use]
    pub const fn premium_unlock(self) -> Terms {
        Terms { version: self.version, shares: self.splits.premium_unlock }
    }

    /// The terms of a period of a subscription.
    #[must_use]
    pub const fn subscription(self) -> Terms {
        Terms { version: self.version, shares: self.splits.subscription }
    }

    /// The terms of a gift.
    #[must_use]
    pub const fn gift(self) -> Terms {
        Terms { version: self.version, shares: self.splits.gift }
    }
}

/// The shares that a sale is to be divided by, with the version of the table that they are from.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Terms {
    /// The version, which is stored with the transaction.
    pub version: i64,
    /// The shares.
    pub shares: Shares,
}

/// One amount, divided.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Split {
    /// The version of the table that divided it.
    pub version: i64,
    /// The creator's part.
    pub creator: Cents,
    /// The platform's part.
    pub platform: Cents,
    /// The payment processor's part.
    pub processor: Cents,
}

impl Terms {
    /// Divides an amount. `None` only for an amount below zero.
    #[must_use]
    pub fn split(self, total: Cents) -> Option<Split> {
        if total.is_negative() {
            return None;
        }
        let platform = floor(total, self.shares.platform)?;
        let processor = floor(total, self.shares.processor)?;
        let creator = total.checked_sub(platform)?.checked_sub(processor)?;
        Some(Split { version: self.version, creator, platform, processor })
    }
}

/// The part of a total, rounded down. In 128 bits, so that no amount is too large for it.
fn floor(total: Cents, share: BasisPoints) -> Option<Cents> {
    let product = i128::from(total.get()).checked_mul(share.0.into())?;
    let part = product.checked_div(BasisPoints::WHOLE.0.into())?;
    i64::try_from(part).ok().map(Cents::new)
}

impl Split {
    /// Nothing, of one version of the table.
    #[must_use]
    pub const fn nothing(version: i64) -> Self {
        Self { version, creator: Cents::ZERO, platform: Cents::ZERO, processor: Cents::ZERO }
    }

    /// All three parts together; `None` where they do not fit.
    #[must_use]
    pub fn total(&self) -> Option<Cents> {
        self.creator.checked_add(self.platform)?.checked_add(self.processor)
    }

    /// Part by part the sum; `None` where one does not fit.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Option<Self> {
        self.by_part(other, Cents::checked_add)
    }

    /// Part by part what is left; `None` if a part would be below zero.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Option<Self> {
        let left = self.by_part(other, Cents::checked_sub)?;
        let whole = ![left.creator, left.platform, left.processor].iter().any(|part| part.is_negative());
        whole.then_some(left)
    }

    fn by_part(&self, other: &Self, of: impl Fn(Cents, Cents) -> Option<Cents>) -> Option<Self> {
        Some(Self {
            version: self.version,
            creator: of(self.creator, other.creator)?,
            platform: of(self.platform, other.platform)?,
            processor: of(self.processor, other.processor)?,
        })
    }

    /// Divides a refund over these parts, which are what is left of a sale: by largest remainder, so that no
    /// part gives more than it has, and a refund of everything gives back every cent of every part.
    ///
    /// Ties go to the creator, then to the platform. `None` for more than there is.
    #[must_use]
    pub fn share_refund(&self, amount: Amount) -> Option<Self> {
        let parts = [self.creator, self.platform, self.processor];
        let total = self.total().filter(|total| *total >= amount.credit())?;
        let mut given = [Cents::ZERO; 3];
        let mut remainders = [(0_i128, 0_usize); 3];
        let mut left = amount.credit();
        for (index, ((part, given), remainder)) in parts.iter().zip(&mut given).zip(&mut remainders).enumerate() {
            let product = i128::from(part.get()).checked_mul(amount.credit().get().into())?;
            *given = Cents::new(i64::try_from(product.checked_div(total.get().into())?).ok()?);
            *remainder = (product.checked_rem(total.get().into())?, index);
            left = left.checked_sub(*given)?;
        }
        // The floors leave at most two cents, and only parts with a remainder are short of one.
        remainders.sort_by_key(|(remainder, index)| (std::cmp::Reverse(*remainder), *index));
        for (_, index) in remainders {
            if left == Cents::ZERO {
                break;
            }
            let given = given.get_mut(index)?;
            *given = given.checked_add(Cents::new(1))?;
            left = left.checked_sub(Cents::new(1))?;
        }
        let [creator, platform, processor] = given;
        Some(Self { version: self.version, creator, platform, processor })
    }
}

#[cfg(test)]
#[path = "split/tests.rs"]
mod tests;
