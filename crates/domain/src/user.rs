//! People: the words for their standing, and what an e-mail address and a user name may be.

use crate::words::words;
use thiserror::Error;

words! {
    /// What an account may do.
    Role {
        /// Pays creators.
        User = "user",
        /// Is paid, too.
        Creator = "creator",
        /// Runs the place.
        Admin = "admin",
    }
}

words! {
    /// Which rate limit an account has paid for.
    Tier {
        /// The default.
        Free = "free",
        /// A paying account.
        Premium = "premium",
        /// As a creator has.
        Creator = "creator",
        /// Unlimited.
        Admin = "admin",
    }
}

words! {
    /// Whether an account may be used.
    AccountStatus {
        /// Usable.
        Active = "active",
        /// Stopped by an administrator: no sign-in, no money in or out.
        Suspended = "suspended",
    }
}

/// An e-mail address in the one form that is stored and compared: trimmed, in lower case.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Email(String);

/// Why a text is not an [`Email`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("must be an e-mail address of at most {max} bytes, such as `ann@example.com`", max = Email::BYTES_MAX)]
pub struct InvalidEmail;

impl Email {
    /// The longest address that mail can be sent to (RFC 5321 §4.5.3.1.3).
    pub const BYTES_MAX: usize = 254;

    /// Checks the shape only: something, one `@`, a domain with a dot inside or a bare host name.
    ///
    /// # Errors
    /// [`InvalidEmail`] for anything else, and for white space or control characters.
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        let text = text.trim();
        let plain = |letter: char| !letter.is_whitespace() && !letter.is_control();
        let (local, domain) = text.split_once('@').ok_or(InvalidEmail)?;
        let domain_valid = !domain.is_empty()
            && domain.split('.').all(|label| {
                !label.is_empty()
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.chars().all(|letter| letter.is_alphanumeric() || letter == '-')
            });
        if text.len() <= Self::BYTES_MAX && (1..=64).contains(&local.len()) && domain_valid && text.chars().all(plain) {
            Ok(Self(text.to_lowercase()))
        } else {
            Err(InvalidEmail)
        }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A public name: 2 to 64 letters, digits, `_`, `-` and `.`; unique without regard to case.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Username(String);

/// Why a text is not a [`Username`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("must be 2 to 64 of the letters a–z, digits, `_`, `-` and `.`")]
pub struct InvalidUsername;

impl Username {
    /// Checks length and letters.
    ///
    /// # Errors
    /// [`InvalidUsername`] for anything outside of them.
    pub fn parse(text: &str) -> Result<Self, InvalidUsername> {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if (2..=64).contains(&text.len()) && text.bytes().all(valid) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidUsername)
        }
    }

    /// The name as its owner writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that must be unique.
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::{AccountStatus, Email, Role, Tier, Username};

    #[test]
    fn addresses_are_trimmed_and_folded() {
        assert_eq!(Email::parse("  Ann@Example.COM ").unwrap().as_str(), "ann@example.com");
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(65));
        let longer = format!("a@{}.com", "a".repeat(254));
        for text in [
            "",
            "ann",
            "@example.com",
            "ann@",
            "a b@example.com",
            "a@b@c",
            "a\u{0}@b.c",
            "a@b..c",
            "a@-b.c",
            &long,
            &longer,
        ] {
            assert!(Email::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_plain() {
        for (text, valid) in [("ann", true), ("Ann.B-2_x", true), ("a", false), ("ann b", false), ("änn", false)] {
            assert_eq!(Username::parse(text).is_ok(), valid, "{text}");
        }
    }

    #[test]
    fn every_word_reads_back() {
        assert!(Role::ALL.iter().all(|role| Role::parse(role.as_str()) == Some(*role)));
        assert!(Tier::ALL.iter().all(|tier| Tier::parse(tier.as_str()) == Some(*tier)));
        assert!(AccountStatus::ALL.iter().all(|status| AccountStatus::parse(status.as_str()) == Some(*status)));
    }
}
