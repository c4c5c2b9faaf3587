//! Contents, what may be said of them, and who has access to one.

use crate::id::{ContentId, UserId};
use crate::money::{Amount, Cents};
use crate::text::Text;
use crate::words::words;
use thiserror::Error;

words! {
    /// What a content is.
    ContentType {
        /// A film.
        Video = "video",
        /// A picture.
        Image = "image",
        /// A sound.
        Audio = "audio",
        /// A text.
        Document = "document",
        /// Several of these, in an order.
        Course = "course",
    }
}

words! {
    /// Why somebody has access to a content, or that they have none.
    Access {
        /// It is their own.
        Creator = "creator",
        /// It costs nothing.
        Free = "free",
        /// They have bought it.
        Unlocked = "unlocked",
        /// They subscribe to its creator, and it is for subscribers.
        Subscription = "subscription",
        /// They have no access.
        Locked = "locked",
    }
}

words! {
    /// In which order contents are listed.
    ContentSort {
        /// The newest first.
        Newest = "newest",
        /// The oldest first.
        Oldest = "oldest",
        /// The cheapest first.
        PriceAsc = "price_asc",
        /// The dearest first.
        PriceDesc = "price_desc",
    }
}

/// What a content costs: nothing, or an [`Amount`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Price(Cents);

/// Why a number is not a [`Price`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("must be a whole number of cents from 0 to {max}", max = Amount::MAX.get())]
pub struct InvalidPrice;

impl Price {
    /// Nothing.
    pub const FREE: Self = Self(Cents::ZERO);

    /// Checks the bounds.
    ///
    /// # Errors
    /// [`InvalidPrice`] for anything below 0 or above [`Amount::MAX`].
    pub fn new(cents: i64) -> Result<Self, InvalidPrice> {
        if cents == 0 { Ok(Self::FREE) } else { Amount::new(cents).map(Into::into).map_err(|_| InvalidPrice) }
    }

    /// In cents.
    #[must_use]
    pub const fn cents(self) -> Cents {
        self.0
    }

    /// What is to be paid; `None` where that is nothing.
    #[must_use]
    pub fn amount(self) -> Option<Amount> {
        Amount::new(self.0.get()).ok()
    }
}

impl From<Amount> for Price {
    fn from(amount: Amount) -> Self {
        Self(amount.credit())
    }
}

/// A content as a sale and an access check need to know it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Offer {
    /// The content.
    pub id: ContentId,
    /// Whose it is, and who is paid.
    pub creator_id: UserId,
    /// What it costs now.
    pub price: Price,
    /// Whether it is for subscribers, and cannot be bought by itself.
    pub subscriber_only: bool,
    /// Whether it is on offer.
    pub is_active: bool,
}

/// What somebody has that may give access to a content.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Holding {
    /// They have bought it, and the money was not given back.
    pub unlocked: bool,
    /// They subscribe to its creator now.
    pub subscribed: bool,
}

impl Offer {
    /// Who sees the media of this content, and why.
    #[must_use]
    pub fn access(&self, viewer: UserId, holding: Holding) -> Access {
        if viewer == self.creator_id {
            Access::Creator
        } else if self.price == Price::FREE && !self.subscriber_only {
            Access::Free
        } else if holding.unlocked {
            Access::Unlocked
        } else if self.subscriber_only && holding.subscribed {
            Access::Subscription
        } else {
            Access::Locked
        }
    }

    /// Whether somebody may know of this content: what is not on offer is there for its creator and for those
    /// who have bought it.
    #[must_use]
    pub fn is_shown(&self, viewer: UserId, holding: Holding) -> bool {
        self.is_active || viewer == self.creator_id || holding.unlocked
    }
}

impl Access {
    /// Whether the media may be seen.
    #[must_use]
    pub const fn is_granted(self) -> bool {
        !matches!(self, Self::Locked)
    }
}

/// What a content is called.
pub type Title = Text<200>;
/// What is said of a content.
pub type Description = Text<5_000>;

/// Where media lie: an absolute `https` or `http` address of at most 2 000 bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MediaUrl(String);

/// Why a text is not a [`MediaUrl`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("must be an address such as `https://cdn.example.com/a.mp4`, of at most {max} bytes", max = MediaUrl::BYTES_MAX)]
pub struct InvalidMediaUrl;

impl MediaUrl {
    /// The longest address.
    pub const BYTES_MAX: usize = 2_000;

    /// Checks scheme, length and letters. Whether anything is there is not asked.
    ///
    /// # Errors
    /// [`InvalidMediaUrl`] for anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidMediaUrl> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(InvalidMediaUrl)?;
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let valid = !host.is_empty()
            && !host.contains('@')
            && text.len() <= Self::BYTES_MAX
            && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\'));
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidMediaUrl) }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether two addresses lead to the same place: scheme, case of the host and fragment make no difference.
#[must_use]
pub fn is_same_place(one: &str, other: &str) -> bool {
    let place = |text: &str| {
        let text = text.split('#').next().unwrap_or_default();
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
        let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        (host.to_ascii_lowercase(), path.trim_start_matches('/').to_owned())
    };
    place(one) == place(other)
}

#[cfg(test)]
mod tests {
    use super::{Access, Holding, MediaUrl, Offer, Price, is_same_place};
    use crate::id::{ContentId, UserId};
    use uuid::Uuid;

    fn offer(price: i64, subscriber_only: bool) -> Offer {
        Offer {
            id: ContentId::new(Uuid::from_u128(9)),
            creator_id: UserId::new(Uuid::from_u128(1)),
            price: Price::new(price).unwrap(),
            subscriber_only,
            is_active: true,
        }
    }

    #[test]
    fn access_is_by_ownership_then_price_then_unlock_then_subscription() {
        use Access::{Creator, Free, Locked, Subscription, Unlocked};
        let fan = UserId::new(Uuid::from_u128(2));
        // Price, for subscribers only, and then: nothing held, unlocked, subscribed, both.
        for (price, subscriber_only, expected) in [
            (0, false, [Free, Free, Free, Free]),
            (5, false, [Locked, Unlocked, Locked, Unlocked]),
            (0, true, [Locked, Unlocked, Subscription, Unlocked]),
            (5, true, [Locked, Unlocked, Subscription, Unlocked]),
        ] {
            let offer = offer(price, subscriber_only);
            let held = [(false, false), (true, false), (false, true), (true, true)];
            for ((unlocked, subscribed), expected) in held.into_iter().zip(expected) {
                let holding = Holding { unlocked, subscribed };
                assert_eq!(offer.access(fan, holding), expected, "{offer:?} {holding:?}");
                assert_eq!(offer.access(offer.creator_id, holding), Creator);
            }
        }
    }

    #[test]
    fn what_is_not_on_offer_is_shown_to_its_creator_and_to_its_buyers() {
        let (active, fan) = (offer(5, true), UserId::new(Uuid::from_u128(2)));
        let inactive = Offer { is_active: false, ..active };
        for (unlocked, subscribed) in [(false, false), (true, false), (false, true), (true, true)] {
            let holding = Holding { unlocked, subscribed };
            assert!(active.is_shown(fan, holding) && inactive.is_shown(inactive.creator_id, holding));
            assert_eq!(inactive.is_shown(fan, holding), unlocked, "{holding:?}");
        }
    }

    #[test]
    fn one_place_can_be_written_in_several_ways() {
        for (other, same) in [
            ("https://cdn.example.com/a.mp4", true),
            ("http://CDN.example.com/a.mp4#t=5", true),
            ("https://cdn.example.com/A.mp4", false),
            ("https://cdn.example.com/a.mp4?x=1", false),
            ("https://cdn.example.org/a.mp4", false),
        ] {
            assert_eq!(is_same_place("https://cdn.example.com/a.mp4", other), same, "{other}");
        }
        assert!(is_same_place("https://e.com", "https://e.com/") && !is_same_place("https://e.com", "https://e.com?a"));
    }

    #[test]
    fn prices_and_addresses_have_bounds() {
        for (cents, valid) in [(-1, false), (0, true), (1, true), (i64::MAX, false)] {
            assert_eq!(Price::new(cents).is_ok(), valid, "{cents}");
        }
        for (text, valid) in [
            ("https://cdn.example.com/a.mp4?x=1", true),
            ("http://localhost:9000/a", true),
            ("ftp://example.com/a", false),
            ("javascript:alert(1)", false),
            ("https://", false),
            ("https:///a", false),
            ("https://user:pw@example.com/a", false),
            ("https://example.com/a b", false),
            ("https://example.com/\u{e9}", false),
        ] {
            assert_eq!(MediaUrl::parse(text).is_ok(), valid, "{text}");
        }
        assert!(MediaUrl::parse(&format!("https://e.com/{}", "a".repeat(2_000))).is_err());
    }
}
