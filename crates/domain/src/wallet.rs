//! Wallets: the accounts of the double-entry ledger.

use crate::id::{UserId, WalletId};
use crate::money::Cents;
use crate::timestamp::Timestamp;
use crate::user::AccountStatus;
use crate::words::words;
use sha2::{Digest, Sha256};
use thiserror::Error;
use uuid::{Builder, Uuid};

words! {
    /// Whether a wallet takes part in movements of money.
    WalletStatus {
        /// Debits and credits are allowed.
        Active = "active",
        /// An administrator has stopped every movement.
        Frozen = "frozen",
    }
}

impl WalletId {
    /// The wallet of a user: it has the user's own UUID, so that no command has to look it up.
    #[must_use]
    pub const fn of_user(user: UserId) -> Self {
        Self::new(user.uuid())
    }

    /// The debt wallet of a creator, which carries what refunds took that they no longer had. It exists from
    /// the first such refund on, is never above zero, and is repaid by what they earn, before they are.
    #[must_use]
    pub fn of_debt(creator: UserId) -> Self {
        named(&format!("debt {}", creator.uuid()))
    }
}

/// An id that follows from a name: a version 8 UUID from its SHA-256.
fn named(name: &str) -> WalletId {
    let digest = Sha256::digest(format!("superapp wallet {name}"));
    let mut bytes = [0; 16];
    for (byte, source) in bytes.iter_mut().zip(digest) {
        *byte = source;
    }
    let id: Uuid = Builder::from_custom_bytes(bytes).into_uuid();
    WalletId::new(id)
}

/// A user's wallet, with what a decision needs to know of its owner.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UserWallet {
    /// The wallet.
    pub id: WalletId,
    /// Its owner.
    pub user_id: UserId,
    /// The owner's standing.
    pub account_status: AccountStatus,
    /// Whether movements are allowed.
    pub status: WalletStatus,
    /// The sum of its entries; never negative.
    pub balance: Cents,
    /// When its newest entry was made.
    pub last_transaction_at: Option<Timestamp>,
}

/// The name of a payment provider: 1 to 32 of `a`–`z`, `0`–`9` and `_`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Provider(String);

/// Why a text is not a [`Provider`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("must be 1 to 32 of the letters a–z, digits and `_`")]
pub struct InvalidProvider;

impl Provider {
    /// Checks the name.
    ///
    /// # Errors
    /// [`InvalidProvider`] for an empty or long name, or other characters.
    pub fn parse(name: &str) -> Result<Self, InvalidProvider> {
        let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if (1..=32).contains(&name.len()) && name.bytes().all(valid) {
            Ok(Self(name.to_owned()))
        } else {
            Err(InvalidProvider)
        }
    }

    /// The provider that completes every deposit at once, for development.
    #[must_use]
    pub fn sandbox() -> Self {
        Self("sandbox".to_owned())
    }

    /// Whoever pays out by hand, outside of this system, and says so.
    #[must_use]
    pub fn manual() -> Self {
        Self("manual".to_owned())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The wallets that belong to nobody's account.
///
/// They are never read for a decision: batches add their net change as a delta.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum SystemWallet {
    /// What the platform has earned.
    Platform,
    /// What payment processing has earned.
    Processor,
    /// Money on its way out to creators.
    Payouts,
    /// Money given away.
    Promotion,
    /// What one payment provider owes us: negative by all that came in through it, less what went out.
    Clearing(Provider),
}

impl SystemWallet {
    /// The word for its kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Processor => "processor",
            Self::Payouts => "payouts",
            Self::Promotion => "promotion",
            Self::Clearing(_) => "clearing",
        }
    }

    /// The payment provider, for a clearing wallet.
    #[must_use]
    pub const fn provider(&self) -> Option<&Provider> {
        match self {
            Self::Clearing(provider) => Some(provider),
            Self::Platform | Self::Processor | Self::Payouts | Self::Promotion => None,
        }
    }

    /// Its id, the same in every installation, so that no command has to look it up.
    #[must_use]
    pub fn id(&self) -> WalletId {
        let provider = self.provider().map_or("", Provider::as_str);
        named(&format!("{} {provider}", self.kind()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Provider, SystemWallet};
    use crate::id::{UserId, WalletId};
    use std::collections::BTreeSet;
    use uuid::Uuid;

    #[test]
    fn every_system_wallet_has_an_id_of_its_own_that_never_changes() {
        let wallets = [
            SystemWallet::Platform,
            SystemWallet::Processor,
            SystemWallet::Payouts,
            SystemWallet::Promotion,
            SystemWallet::Clearing(Provider::sandbox()),
            SystemWallet::Clearing(Provider::parse("other").unwrap()),
        ];
        let ids: BTreeSet<_> = wallets.iter().map(SystemWallet::id).collect();
        assert_eq!(ids.len(), wallets.len());
        // Written down, because databases hold them.
        assert_eq!(SystemWallet::Platform.id().to_string(), "wal_2rvta8mn25htxvrn8dw0j37kp1");
        assert_eq!(SystemWallet::Clearing(Provider::sandbox()).id().to_string(), "wal_2hqzj31wergjns1yj3sycy3t4a");
        assert_eq!(WalletId::of_debt(UserId::new(Uuid::from_u128(7))).to_string(), "wal_1kjsq6yk4dhnjbxe0k5tv91vq5");
    }

    #[test]
    fn a_provider_name_is_short_and_plain() {
        for (name, valid) in [("sandbox", true), ("p_2", true), ("", false), ("Sandbox", false), ("a b", false)] {
            assert_eq!(Provider::parse(name).is_ok(), valid, "{name}");
        }
        assert!(Provider::parse(&"a".repeat(33)).is_err());
    }
}
