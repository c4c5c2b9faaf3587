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

/// What an account may do, which limit it has, and whether it may be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Standing {
    /// What it may do.
    pub role: Role,
    /// Which limit it has.
    pub tier: Tier,
    /// Whether it may be used.
    pub account_status: AccountStatus,
}

/// What of a standing is to be changed; the rest stays as it is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct StandingChange {
    /// A new role.
    pub role: Option<Role>,
    /// A new tier.
    pub tier: Option<Tier>,
    /// Usable or not.
    pub account_status: Option<AccountStatus>,
}

/// Why a change of standing is refused: it would lock out the one who makes it.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("administrators cannot demote or suspend themselves; ask another one")]
pub struct OwnAccount;

impl StandingChange {
    /// The standing after the change. Whoever changes their own account keeps being able to undo it.
    ///
    /// # Errors
    /// [`OwnAccount`] if administrators would demote or suspend themselves.
    pub fn of(self, before: Standing, is_own: bool) -> Result<Standing, OwnAccount> {
        let after = Standing {
            role: self.role.unwrap_or(before.role),
            tier: self.tier.unwrap_or(before.tier),
            account_status: self.account_status.unwrap_or(before.account_status),
        };
        let is_demoted = before.role == Role::Admin && after.role != Role::Admin;
        let is_suspended = after.account_status != AccountStatus::Active;
        if is_own && (is_demoted || is_suspended) { Err(OwnAccount) } else { Ok(after) }
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
    use super::{AccountStatus, Email, OwnAccount, Role, Standing, StandingChange, Tier, Username};

    fn every_standing() -> impl Iterator<Item = Standing> {
        let with = |role: Role, tier: Tier| {
            AccountStatus::ALL.iter().map(move |status| Standing { role, tier, account_status: *status })
        };
        Role::ALL.iter().flat_map(move |role| Tier::ALL.iter().flat_map(move |tier| with(*role, *tier)))
    }

    #[test]
    fn what_a_change_does_not_name_stays_as_it_is() {
        for before in every_standing() {
            assert_eq!(StandingChange::default().of(before, false), Ok(before));
            for wanted in every_standing() {
                let Standing { role, tier, account_status } = wanted;
                let change =
                    StandingChange { role: Some(role), tier: Some(tier), account_status: Some(account_status) };
                assert_eq!(change.of(before, false), Ok(wanted));
                let only_tier = StandingChange { tier: Some(tier), ..StandingChange::default() };
                assert_eq!(only_tier.of(before, false), Ok(Standing { tier, ..before }));
            }
        }
    }

    #[test]
    fn nobody_locks_themselves_out() {
        let admin = Standing { role: Role::Admin, tier: Tier::Free, account_status: AccountStatus::Active };
        for wanted in every_standing() {
            let Standing { role, tier, account_status } = wanted;
            let change = StandingChange { role: Some(role), tier: Some(tier), account_status: Some(account_status) };
            let keeps = role == Role::Admin && account_status == AccountStatus::Active;
            assert_eq!(change.of(admin, true), if keeps { Ok(wanted) } else { Err(OwnAccount) });
        }
    }

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
