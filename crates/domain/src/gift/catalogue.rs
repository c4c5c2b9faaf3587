//! The catalogue of gifts: what can be given, and for how much. The operator writes it as one line of text.

use super::{GiftType, InvalidGiftType};
use crate::money::{Amount, InvalidAmount};
use thiserror::Error;

/// One thing that can be given.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listing {
    /// What it is called in requests.
    pub gift_type: GiftType,
    /// What people call it.
    pub name: String,
    /// What one of it costs.
    pub price: Amount,
}

/// Everything that can be given, in the operator's order. Each type is in it once.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Catalogue(Vec<Listing>);

/// Why a text is not a [`Catalogue`]. Each names the gift that is wrong.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum InvalidCatalogue {
    /// A gift is not written as one.
    #[error("must list gifts as type:Name:cents, such as rose:Rose:100000; `{0}` is not one")]
    Form(String),
    /// A type has other letters than types have.
    #[error("has the gift `{0}`, whose type {1}")]
    Type(String, InvalidGiftType),
    /// A name is empty, long, or cannot be shown.
    #[error("has the gift `{0}`, whose name must be 1 to {max} characters", max = Listing::NAME_CHARACTERS_MAX)]
    Name(String),
    /// A price is not one.
    #[error("has the gift `{0}`, whose price {1}")]
    Price(String, InvalidAmount),
    /// A price is above what may be paid at once.
    #[error("has the gift `{0}`, whose price is above money.amount_cents_max")]
    Dear(String),
    /// A type is there more than once.
    #[error("has the gift `{0}` twice")]
    Twice(String),
    /// There are more gifts than one answer can list.
    #[error("may have at most {max} gifts", max = Catalogue::LISTINGS_MAX)]
    Long,
}

impl Listing {
    /// The longest name.
    pub const NAME_CHARACTERS_MAX: usize = 64;

    fn parse(text: &str, price_max: Amount) -> Result<Self, InvalidCatalogue> {
        let form = || InvalidCatalogue::Form(text.to_owned());
        let (gift_type, rest) = text.split_once(':').ok_or_else(form)?;
        let (name, price) = rest.rsplit_once(':').ok_or_else(form)?;
        let (gift_type, name) = (gift_type.trim(), name.trim());
        let price: i64 = price.trim().parse().map_err(|_| form())?;
        let told = || gift_type.to_owned();
        let showable = (1..=Self::NAME_CHARACTERS_MAX).contains(&name.chars().count());
        if !showable || name.chars().any(char::is_control) {
            return Err(InvalidCatalogue::Name(told()));
        }
        let price = Amount::new(price).map_err(|problem| InvalidCatalogue::Price(told(), problem))?;
        if price > price_max {
            return Err(InvalidCatalogue::Dear(told()));
        }
        let gift_type = GiftType::parse(gift_type).map_err(|problem| InvalidCatalogue::Type(told(), problem))?;
        Ok(Self { gift_type, name: name.to_owned(), price })
    }
}

impl Catalogue {
    /// The most gifts there can be.
    pub const LISTINGS_MAX: usize = 100;

    /// Reads gifts as `type:Name:cents`, with commas between them. An empty text is a catalogue without gifts.
    ///
    /// # Errors
    /// [`InvalidCatalogue`] with the first gift that is wrong.
    pub fn parse(text: &str, price_max: Amount) -> Result<Self, InvalidCatalogue> {
        let mut listings: Vec<Listing> = Vec::new();
        if text.trim().is_empty() {
            return Ok(Self(listings));
        }
        for part in text.split(',') {
            let listing = Listing::parse(part.trim(), price_max)?;
            if listings.iter().any(|other| other.gift_type == listing.gift_type) {
                return Err(InvalidCatalogue::Twice(listing.gift_type.as_str().to_owned()));
            }
            if listings.len() == Self::LISTINGS_MAX {
                return Err(InvalidCatalogue::Long);
            }
            listings.push(listing);
        }
        Ok(Self(listings))
    }

    /// Every gift, in order.
    #[must_use]
    pub fn listings(&self) -> &[Listing] {
        &self.0
    }

    /// The gift of a type, if it can be given.
    #[must_use]
    pub fn find(&self, gift_type: &GiftType) -> Option<&Listing> {
        self.0.iter().find(|listing| listing.gift_type == *gift_type)
    }
}

#[cfg(test)]
mod tests {
    use super::{Catalogue, InvalidCatalogue};
    use crate::gift::GiftType;
    use crate::money::Amount;

    fn parse(text: &str) -> Result<Catalogue, InvalidCatalogue> {
        Catalogue::parse(text, Amount::new(1_000).unwrap())
    }

    #[test]
    fn gifts_are_listed_in_their_order_and_found_by_their_type() {
        let catalogue = parse("rose:Rose:100, tea_cup : A cup: of tea :1000").unwrap();
        let listed = catalogue.listings().iter();
        let listed: Vec<_> =
            listed.map(|gift| (gift.gift_type.as_str(), gift.name.as_str(), gift.price.credit().get())).collect();
        assert_eq!(listed, [("rose", "Rose", 100), ("tea_cup", "A cup: of tea", 1_000)]);
        let find = |text: &str| catalogue.find(&GiftType::parse(text).unwrap()).map(|gift| gift.name.as_str());
        assert_eq!((find("rose"), find("heart")), (Some("Rose"), None));
    }

    #[test]
    fn a_catalogue_may_be_empty() {
        assert_eq!(parse(" ").unwrap().listings(), []);
    }

    #[test]
    fn what_is_wrong_with_a_gift_is_told_with_its_type() {
        let long = format!("rose:{}:1", "x".repeat(65));
        for (text, told) in [
            ("rose", "must list gifts as type:Name:cents, such as rose:Rose:100000; `rose` is not one"),
            ("rose:1", "must list gifts as type:Name:cents, such as rose:Rose:100000; `rose:1` is not one"),
            (
                "rose:Rose:1.5",
                "must list gifts as type:Name:cents, such as rose:Rose:100000; `rose:Rose:1.5` is not one",
            ),
            ("rose:Rose:1,", "must list gifts as type:Name:cents, such as rose:Rose:100000; `` is not one"),
            ("Rose:Rose:1", "has the gift `Rose`, whose type must be 1 to 32 of the letters a–z, digits and `_`"),
            ("rose::1", "has the gift `rose`, whose name must be 1 to 64 characters"),
            (&long, "has the gift `rose`, whose name must be 1 to 64 characters"),
            (
                "rose:Rose:0",
                "has the gift `rose`, whose price must be a whole number of cents from 1 to 9007199254740991",
            ),
            ("rose:Rose:1001", "has the gift `rose`, whose price is above money.amount_cents_max"),
            ("rose:Rose:1, rose:Red rose:2", "has the gift `rose` twice"),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), told, "{text}");
        }
        let gifts = |count: u32| (0..count).map(|index| format!("g{index}:G:1")).collect::<Vec<_>>().join(",");
        assert_eq!(parse(&gifts(100)).unwrap().listings().len(), 100);
        assert_eq!(parse(&gifts(101)), Err(InvalidCatalogue::Long));
    }
}
