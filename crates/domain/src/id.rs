//! Ids: a prefix and a UUID in base32 (TypeID), so that one kind cannot be passed for another.
//!
//! The UUIDs are version 7 and made at the edge; here they are only read and written.

use thiserror::Error;
use uuid::Uuid;

/// Crockford's alphabet in lower case: no `i`, `l`, `o`, `u`.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 128 bits in groups of five.
const DIGITS: usize = 26;

/// Why a text is not an id of the kind asked for.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("must be an id that starts with `{prefix}_`")]
pub struct InvalidId {
    /// The prefix of the kind that was expected, without the underscore.
    pub prefix: &'static str,
}

fn encode(prefix: &str, id: Uuid) -> String {
    let mut value = id.as_u128();
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        let index = usize::try_from(value % 32).unwrap_or_default();
        *digit = ALPHABET.get(index).copied().unwrap_or_default();
        value /= 32;
    }
    let mut text = String::with_capacity(prefix.len().saturating_add(DIGITS).saturating_add(1));
    text.push_str(prefix);
    text.push('_');
    text.extend(digits.iter().map(|digit| char::from(*digit)));
    text
}

fn decode(prefix: &'static str, text: &str) -> Result<Uuid, InvalidId> {
    let invalid = || InvalidId { prefix };
    let digits = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).ok_or_else(invalid)?;
    if digits.len() != DIGITS {
        return Err(invalid());
    }
    let mut value: u128 = 0;
    for byte in digits.bytes() {
        let digit = ALPHABET.iter().position(|letter| *letter == byte).ok_or_else(invalid)?;
        let digit = u128::try_from(digit).map_err(|_| invalid())?;
        // 26 digits hold 130 bits: a first digit above 7 does not fit and is refused here.
        value = value.checked_mul(32).and_then(|value| value.checked_add(digit)).ok_or_else(invalid)?;
    }
    Ok(Uuid::from_u128(value))
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(Uuid);

        impl $name {
            /// What the text form starts with, without the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// An id made elsewhere.
            #[must_use]
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// The bare UUID, as the database keeps it.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&encode($prefix, self.0))
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                decode($prefix, text).map(Self)
            }
        }
    };
}

id_type!(
    /// A person's account.
    UserId,
    "usr"
);
id_type!(
    /// An account in the ledger.
    WalletId,
    "wal"
);
id_type!(
    /// A balanced set of entries.
    TransactionId,
    "tx"
);
id_type!(
    /// Money that came in from a payment provider.
    DepositId,
    "dep"
);
id_type!(
    /// What a payment provider said, as we keep it.
    PaymentEventId,
    "evt"
);
id_type!(
    /// Something that a creator sells or shows.
    ContentId,
    "cnt"
);
id_type!(
    /// The purchase of a content.
    UnlockId,
    "unl"
);
id_type!(
    /// A subscription of a fan to a creator.
    SubscriptionId,
    "sub"
);
id_type!(
    /// A gift.
    GiftId,
    "gft"
);
id_type!(
    /// A refund of a sale, in part or in full.
    RefundId,
    "ref"
);
id_type!(
    /// Money on its way out to a creator.
    PayoutId,
    "pay"
);
id_type!(
    /// One look at the whole ledger.
    ReconciliationId,
    "rec"
);
id_type!(
    /// One sign-in, and the family of refresh tokens that descends from it.
    SessionId,
    "ses"
);
id_type!(
    /// A credential of a program, apart from its secret.
    ApiKeyId,
    "key"
);
id_type!(
    /// One record of the audit log.
    AuditId,
    "aud"
);

impl UserId {
    /// Nobody's account: the principal of keys that our own jobs use, and who asks for what they do.
    pub const SYSTEM: Self = Self(Uuid::nil());
}

#[cfg(test)]
mod tests {
    use super::{TransactionId, UserId};
    use proptest::prelude::{any, proptest};
    use uuid::Uuid;

    proptest! {
        #[test]
        fn an_id_reads_back_as_it_was_written(bits in any::<u128>()) {
            let id = UserId::new(Uuid::from_u128(bits));
            assert_eq!(id.to_string().parse::<UserId>(), Ok(id));
        }

        #[test]
        fn no_text_panics_the_reader(text in ".{0,40}") {
            let _ = text.parse::<UserId>();
        }
    }

    #[test]
    fn the_text_form_is_the_one_of_the_typeid_specification() {
        // From the specification's own valid.json.
        let id = TransactionId::new(Uuid::from_u128(0x0188_bac7_4afa_78aa_bc3b_bd1e_ef28_d881));
        assert_eq!(id.to_string(), "tx_01h2xcejqtf2nbrexx3vqjhp41");
    }

    #[test]
    fn wrong_kinds_lengths_and_letters_are_refused() {
        for text in [
            "",
            "usr_",
            "usr01h2xcejqtf2nbrexx3vqjhp41",
            "tx_01h2xcejqtf2nbrexx3vqjhp41",
            "usr_01h2xcejqtf2nbrexx3vqjhp4",
            "usr_01h2xcejqtf2nbrexx3vqjhp411",
            "usr_01H2XCEJQTF2NBREXX3VQJHP41",
            "usr_81h2xcejqtf2nbrexx3vqjhp41",
            "usr_u1h2xcejqtf2nbrexx3vqjhp41",
        ] {
            assert!(text.parse::<UserId>().is_err(), "{text}");
        }
    }
}
