//! What a password may be: long enough, and not one that everybody tries first. Nothing else is asked.
//!
//! The list is the part of `common-passwords.txt`, compiled by Royce Williams and shipped with Django (BSD-3-Clause), that passes
//! the length rule, most common first until 4 000. It is sorted, so that a look-up is a binary search.

use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

const COMMON: &str = include_str!("password/common.txt");

/// A password in the one form that is hashed (Unicode NFC). Never printed.
#[derive(Clone, Eq, PartialEq)]
pub struct Password(String);

impl std::fmt::Debug for Password {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Password(***)")
    }
}

/// Why a text cannot become a password (NIST SP 800-63B-4 §3.1.1.2).
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum InvalidPassword {
    /// Shorter than the floor.
    #[error("must have at least {min} characters", min = Password::CHARACTERS_MIN)]
    TooShort,
    /// Longer than anything that is typed.
    #[error("must have at most {max} characters", max = Password::CHARACTERS_MAX)]
    TooLong,
    /// Among the first that anybody tries.
    #[error("is one of the most common passwords; choose another")]
    Common,
}

impl Password {
    /// The floor, in code points.
    pub const CHARACTERS_MIN: usize = 8;
    /// The cap, in code points: hashing is linear in the length.
    pub const CHARACTERS_MAX: usize = 256;

    /// Checks a new password.
    ///
    /// # Errors
    /// [`InvalidPassword`] with the reason.
    pub fn choose(text: &str) -> Result<Self, InvalidPassword> {
        let password = Self::present(text).ok_or(InvalidPassword::TooLong)?;
        if password.0.chars().count() < Self::CHARACTERS_MIN {
            return Err(InvalidPassword::TooShort);
        }
        let lower = password.0.to_lowercase();
        let common: Vec<&str> = COMMON.lines().collect();
        if common.binary_search(&lower.as_str()).is_ok() {
            return Err(InvalidPassword::Common);
        }
        Ok(password)
    }

    /// Reads a password that is shown to sign in. `None` if it is too long to be anybody's.
    #[must_use]
    pub fn present(text: &str) -> Option<Self> {
        let normal: String = text.nfc().take(Self::CHARACTERS_MAX.saturating_add(1)).collect();
        (normal.chars().count() <= Self::CHARACTERS_MAX).then_some(Self(normal))
    }

    /// The bytes to hash.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::{COMMON, InvalidPassword, Password};
    use proptest::prelude::proptest;

    #[test]
    fn every_common_password_is_refused_in_any_case() {
        let mut count = 0;
        for word in COMMON.lines() {
            assert_eq!(Password::choose(word), Err(InvalidPassword::Common), "{word}");
            assert_eq!(Password::choose(&word.to_uppercase()), Err(InvalidPassword::Common), "{word}");
            count += 1;
        }
        assert!(count >= 3_000, "{count}");
        assert!(COMMON.lines().is_sorted());
    }

    #[test]
    fn length_counts_code_points() {
        assert_eq!(Password::choose("1234567"), Err(InvalidPassword::TooShort));
        assert!(Password::choose("пароль-1").is_ok());
        assert!(Password::choose(&"ж".repeat(256)).is_ok());
        assert_eq!(Password::choose(&"ж".repeat(257)), Err(InvalidPassword::TooLong));
    }

    #[test]
    fn two_ways_to_type_a_letter_are_one_password() {
        assert_eq!(Password::choose("caf\u{e9} au lait"), Password::choose("cafe\u{301} au lait"));
    }

    proptest! {
        #[test]
        fn any_unicode_is_allowed(text in "\\PC{8,64}") {
            let chosen = Password::choose(&text);
            assert!(chosen.is_ok() || chosen == Err(InvalidPassword::Common) || chosen == Err(InvalidPassword::TooShort));
        }
    }

    #[test]
    fn debug_output_hides_it() {
        assert!(!format!("{:?}", Password::choose("correct horse").unwrap()).contains("horse"));
    }
}
