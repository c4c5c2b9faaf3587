//! Refresh tokens: 256 random bits, kept as a hash. A successor is made from its predecessor and a nonce.
//!
//! So a client whose answer was lost can be given the very same successor again, though the database holds
//! nothing that could be used: it has the nonce, and not the token that the nonce goes with.

use crate::clock::random_bytes;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

const PREFIX: &str = "sar_";
/// The prefix and 32 bytes in base64.
const LENGTH: usize = PREFIX.len() + 43;

/// A refresh token. Never printed.
#[derive(Clone, Eq, PartialEq)]
pub struct RefreshToken(String);

impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("RefreshToken(***)")
    }
}

impl RefreshToken {
    /// The first token of a session.
    #[must_use]
    pub fn random() -> Self {
        Self::of(&random_bytes::<32>())
    }

    fn of(bytes: &[u8]) -> Self {
        Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Reads a token by its form, so that no other text costs a look-up.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (text.len() == LENGTH && text.starts_with(PREFIX) && text.bytes().all(letters)).then(|| Self(text.to_owned()))
    }

    /// What goes to the client.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is kept. A plain hash is enough for 256 random bits.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(&self.0).into()
    }

    /// The token that follows this one, given the nonce that is kept with it.
    #[must_use]
    pub fn successor(&self, nonce: &[u8; 32]) -> Option<Self> {
        successor_of(&self.0, nonce).map(|bytes| Self::of(&bytes))
    }
}

/// What follows a token. Whoever has the nonce alone, or the token alone, cannot make it.
pub(super) fn successor_of(token: &str, nonce: &[u8; 32]) -> Option<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(token.as_bytes()).ok()?;
    mac.update(nonce);
    Some(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::RefreshToken;

    #[test]
    fn a_successor_is_the_same_for_the_same_nonce_only() {
        let token = RefreshToken::random();
        assert_eq!(token.successor(&[1; 32]), token.successor(&[1; 32]));
        assert_ne!(token.successor(&[1; 32]), token.successor(&[2; 32]));
        assert_ne!(RefreshToken::random().successor(&[1; 32]), token.successor(&[1; 32]));
        assert!(RefreshToken::parse(token.successor(&[1; 32]).unwrap().expose()).is_some());
    }

    #[test]
    fn only_the_form_of_a_token_is_looked_up() {
        assert!(RefreshToken::parse(RefreshToken::random().expose()).is_some());
        for text in ["", "sar_", "eyJhbGciOiJIUzI1NiJ9", &"x".repeat(47), &format!("sar_{}", "é".repeat(21))] {
            assert!(RefreshToken::parse(text).is_none(), "{text}");
        }
    }
}
