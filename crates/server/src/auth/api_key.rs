//! API keys as the server keeps them: an HMAC under a key of its own, derived from the server's secret.

use crate::clock::random_bytes;
use domain::api_key::{ApiKey, Kind};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use std::fmt;

/// Makes keys, and knows again those that were made here.
#[derive(Clone)]
pub struct ApiKeys {
    mac: Hmac<Sha256>,
    kind: Kind,
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ApiKeys").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl ApiKeys {
    /// Keys of this server.
    ///
    /// # Errors
    /// If the secret cannot be a key, which no secret of ours can be.
    pub fn new(secret: &SecretString, is_production: bool) -> anyhow::Result<Self> {
        let derive = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())?;
        let derived = derive.chain_update(b"superapp api key 1").finalize().into_bytes();
        let kind = if is_production { Kind::Live } else { Kind::Test };
        Ok(Self { mac: Hmac::<Sha256>::new_from_slice(&derived)?, kind })
    }

    /// A new key, for its owner alone.
    #[must_use]
    pub fn make(&self) -> ApiKey {
        ApiKey::new(self.kind, [random_bytes(), random_bytes()])
    }

    /// Whether a text says that it is a key, of any server.
    #[must_use]
    pub fn is_like_one(text: &str) -> bool {
        Kind::ALL.iter().any(|kind| text.starts_with(kind.as_str()))
    }

    /// Reads a key that may have been made here: its form, its checksum and its kind are right.
    #[must_use]
    pub fn parse(&self, text: &str) -> Option<ApiKey> {
        ApiKey::parse(text).filter(|key| key.kind() == self.kind)
    }

    /// What is kept of a key.
    #[must_use]
    pub fn digest(&self, key: &ApiKey) -> [u8; 32] {
        self.mac.clone().chain_update(key.expose()).finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::ApiKeys;
    use std::collections::BTreeSet;

    fn keys(secret: &str, is_production: bool) -> ApiKeys {
        ApiKeys::new(&secret.into(), is_production).unwrap()
    }

    #[test]
    fn a_key_is_of_its_own_kind_of_server_alone() {
        let (live, test) = (keys("a secret", true), keys("a secret", false));
        let (of_live, of_test) = (live.make(), test.make());
        assert!(of_live.expose().starts_with("sa_live_") && of_test.expose().starts_with("sa_test_"));
        assert_eq!(live.parse(of_live.expose()), Some(of_live.clone()));
        assert!(live.parse(of_test.expose()).is_none() && test.parse(of_live.expose()).is_none());
        assert!(ApiKeys::is_like_one(of_live.expose()) && ApiKeys::is_like_one("sa_test_"));
        assert!(!ApiKeys::is_like_one("eyJhbGciOiJIUzI1NiJ9") && !ApiKeys::is_like_one("sar_live_"));
    }

    #[test]
    fn what_is_kept_depends_on_the_key_and_on_the_secret_and_keys_are_never_the_same() {
        let (here, there) = (keys("a secret", false), keys("another secret", false));
        let key = here.make();
        assert_eq!(here.digest(&key), here.digest(&key));
        assert_ne!(here.digest(&key), there.digest(&key));
        let digests: BTreeSet<_> = (0..1_000).map(|_| here.digest(&here.make())).collect();
        assert_eq!(digests.len(), 1_000);
    }
}
