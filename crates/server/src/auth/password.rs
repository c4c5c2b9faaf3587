//! Password hashes: argon2id on a bounded number of threads, so that sign-ins cannot take the whole machine.

mod threads;

use crate::clock::random_bytes;
use crate::config::Auth;
use anyhow::Context;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, KeyId, Params, ParamsBuilder, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use domain::password::Password;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;
use thiserror::Error;
use threads::Threads;

/// Why there is no hash.
#[derive(Clone, Copy, Debug, Error)]
pub enum HashError {
    /// Too many sign-ins wait already.
    #[error("too many sign-ins wait for a password hash")]
    Overloaded,
    /// The hash cannot be computed.
    #[error("a password hash cannot be computed")]
    Broken,
}

/// What came of comparing a password.
#[derive(Clone, Eq, PartialEq)]
pub enum Verified {
    /// It is another one, or there is nothing to compare it with.
    Wrong,
    /// It is the one.
    Right {
        /// Its hash by the settings of now, where the one that it was compared with is weaker.
        renewed: Option<String>,
    },
}

impl fmt::Debug for Verified {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.is_right() { "Right" } else { "Wrong" })
    }
}

impl Verified {
    /// Whether it is the password.
    #[must_use]
    pub const fn is_right(&self) -> bool {
        matches!(self, Self::Right { .. })
    }
}

struct Inner {
    /// With the name of the pepper, if there is one.
    params: Params,
    pepper: SecretString,
    /// Compared with when there is no such account, so that both answers take the same time.
    nobody: String,
}

/// Hashes and checks passwords. Cheap to clone.
#[derive(Clone)]
pub struct Hasher {
    inner: Arc<Inner>,
    threads: Threads,
}

impl fmt::Debug for Hasher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Hasher").field("params", &self.inner.params).finish_non_exhaustive()
    }
}

/// A name for a pepper, which stands in the hashes that it is mixed into and tells nothing of it.
fn name_of(pepper: &SecretString) -> Option<KeyId> {
    let digest = Sha256::new().chain_update(b"superapp pepper 1").chain_update(pepper.expose_secret()).finalize();
    let name = if pepper.expose_secret().is_empty() { &[] } else { digest.get(..4)? };
    KeyId::new(name).ok()
}

impl Hasher {
    /// A hasher with the cost of the settings, and its threads.
    ///
    /// # Errors
    /// If argon2 does not take the parameters, or no thread can be started.
    pub fn new(auth: &Auth, pepper: SecretString) -> anyhow::Result<Self> {
        let params = (|| {
            let mut params = ParamsBuilder::new();
            params.m_cost(auth.argon2_memory_kib).t_cost(auth.argon2_passes).p_cost(1).output_len(32);
            params.keyid(name_of(&pepper)?).build().ok()
        })()
        .context("auth.argon2_memory_kib and auth.argon2_passes are outside of what argon2 takes")?;
        let mut inner = Inner { nobody: String::new(), params, pepper };
        inner.nobody = inner.nobody()?;
        Ok(Self { inner: Arc::new(inner), threads: Threads::start(auth.hashers, auth.hash_queue)? })
    }

    /// Hashes a new password, in PHC form.
    ///
    /// # Errors
    /// [`HashError`].
    pub async fn hash(&self, password: Password) -> Result<String, HashError> {
        let inner = Arc::clone(&self.inner);
        self.threads.run(move || inner.hash(password.as_bytes()).map_err(|_| HashError::Broken)).await?
    }

    /// Compares a password with the hash of an account; with nobody's if there is no account.
    ///
    /// # Errors
    /// [`HashError`].
    pub async fn verify(&self, password: Option<Password>, hash: Option<String>) -> Result<Verified, HashError> {
        let inner = Arc::clone(&self.inner);
        let compare = move || {
            let known = hash.is_some() && password.is_some();
            let bytes = password.as_ref().map_or(b"nobody".as_slice(), Password::as_bytes);
            let hash = hash.as_deref().unwrap_or(&inner.nobody);
            let equal = inner.verify(bytes, hash);
            if !(equal && known) {
                return Verified::Wrong;
            }
            // Whoever is let in does not mind how long it takes. A hash that cannot be made is made the next time.
            Verified::Right { renewed: inner.is_weak(hash).then(|| inner.hash(bytes).ok()).flatten() }
        };
        self.threads.run(compare).await
    }
}

impl Inner {
    /// By the parameters of the settings, or by those of a hash: with the pepper if they name one.
    fn argon2(&self, params: Params) -> Result<Argon2<'_>, argon2::Error> {
        let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
        if params.keyid().is_empty() {
            Ok(Argon2::new(algorithm, version, params))
        } else {
            Argon2::new_with_secret(self.pepper.expose_secret().as_bytes(), algorithm, version, params)
        }
    }

    fn hash(&self, password: &[u8]) -> anyhow::Result<String> {
        let argon2 = self.argon2(self.params.clone()).ok().context("argon2 does not take the parameters")?;
        let hash: PasswordHash =
            argon2.hash_password_with_salt(password, &random_bytes::<16>()).ok().context("hash")?;
        Ok(hash.to_string())
    }

    fn verify(&self, password: &[u8], hash: &str) -> bool {
        let Ok(hash) = PasswordHash::new(hash) else { return false };
        let Ok(argon2) = Params::try_from(&hash).map_err(drop).and_then(|params| self.argon2(params).map_err(drop))
        else {
            return false;
        };
        argon2.verify_password(password, &hash).is_ok()
    }

    /// Whether a hash costs less than those of now, or is without the pepper that there is now.
    fn is_weak(&self, hash: &str) -> bool {
        let params = PasswordHash::new(hash).ok().and_then(|hash| Params::try_from(&hash).ok());
        params.is_some_and(|old| {
            let costs_less = old.m_cost() < self.params.m_cost() || old.t_cost() < self.params.t_cost();
            costs_less || old.keyid() != self.params.keyid()
        })
    }

    /// A hash that no password has: random bytes, which cost as much to compare with as any hash of ours.
    fn nobody(&self) -> anyhow::Result<String> {
        let (memory, passes) = (self.params.m_cost(), self.params.t_cost());
        let keyid = match self.params.keyid() {
            [] => String::new(),
            name => format!(",keyid={}", STANDARD_NO_PAD.encode(name)),
        };
        let (salt, hash) = (STANDARD_NO_PAD.encode(random_bytes::<16>()), STANDARD_NO_PAD.encode(random_bytes::<32>()));
        let nobody = format!("$argon2id$v=19$m={memory},t={passes},p=1{keyid}${salt}${hash}");
        PasswordHash::new(&nobody).ok().context("a hash that is nobody's")?;
        Ok(nobody)
    }
}

#[cfg(test)]
mod tests {
    use super::{Hasher, Verified};
    use crate::config::Sources;
    use argon2::password_hash::phc::PasswordHash;
    use domain::password::Password;

    fn hasher(pepper: &str) -> Hasher {
        costing(64, 1, pepper)
    }

    fn costing(memory_kib: u32, passes: u32, pepper: &str) -> Hasher {
        let mut auth = Sources::default().load().unwrap().auth;
        (auth.argon2_memory_kib, auth.argon2_passes) = (memory_kib, passes);
        Hasher::new(&auth, pepper.into()).unwrap()
    }

    #[tokio::test]
    async fn a_hash_is_renewed_when_the_settings_ask_for_more_and_not_when_they_ask_for_less() {
        let password = Password::choose("correct horse battery").unwrap();
        let old = hasher("").hash(password.clone()).await.unwrap();
        let verify = async |hasher: &Hasher, hash: &str| {
            hasher.verify(Some(password.clone()), Some(hash.to_owned())).await.unwrap()
        };
        for (memory_kib, passes, pepper, begins) in [
            (128, 1, "", Some("$argon2id$v=19$m=128,t=1,p=1$")),
            (64, 2, "", Some("$argon2id$v=19$m=64,t=2,p=1$")),
            (64, 1, "pepper", Some("$argon2id$v=19$m=64,t=1,p=1,keyid=")),
            (64, 1, "", None),
            (32, 1, "", None),
        ] {
            let hasher = costing(memory_kib, passes, pepper);
            let Verified::Right { renewed } = verify(&hasher, &old).await else { panic!("it is the password") };
            assert_eq!(renewed.is_some(), begins.is_some(), "{memory_kib} {passes} {pepper}");
            if let (Some(renewed), Some(begins)) = (renewed, begins) {
                assert!(renewed.starts_with(begins), "{renewed}");
                assert_eq!(verify(&hasher, &renewed).await, Verified::Right { renewed: None });
            }
        }
        let wrong = Password::choose("another password").unwrap();
        let verified = costing(128, 1, "").verify(Some(wrong), Some(old)).await.unwrap();
        assert_eq!(verified, Verified::Wrong);
    }

    #[test]
    fn the_name_of_a_pepper_tells_it_from_another_one_and_nothing_else() {
        let name = |pepper: &str| super::name_of(&pepper.into()).unwrap();
        assert!(name("").as_bytes().is_empty());
        assert_eq!(name("pepper").as_bytes().len(), 4);
        assert_ne!(name("pepper").as_bytes(), name("salt").as_bytes());
    }

    #[tokio::test]
    async fn a_password_matches_its_own_hash_and_no_other() {
        let hasher = hasher("");
        let password = Password::choose("correct horse battery").unwrap();
        let hash = hasher.hash(password.clone()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        assert!(hasher.verify(Some(password.clone()), Some(hash.clone())).await.unwrap().is_right());
        let other = Password::choose("another password").unwrap();
        assert!(!hasher.verify(Some(other), Some(hash.clone())).await.unwrap().is_right());
        assert!(!hasher.verify(None, Some(hash)).await.unwrap().is_right());
        assert!(!hasher.verify(Some(password), None).await.unwrap().is_right());
    }

    #[test]
    fn nobodys_hash_can_be_compared_with() {
        for hasher in [hasher(""), hasher("pepper")] {
            assert_eq!(PasswordHash::new(&hasher.inner.nobody).unwrap().to_string(), hasher.inner.nobody);
            // It costs what any other does.
            assert!(!hasher.inner.is_weak(&hasher.inner.nobody));
        }
    }

    #[tokio::test]
    async fn nobodys_password_signs_nobody_in() {
        let nobody = Password::present("nobody").unwrap();
        assert!(!hasher("").verify(Some(nobody), None).await.unwrap().is_right());
    }

    #[tokio::test]
    async fn a_hash_is_worth_nothing_without_the_pepper() {
        let password = Password::choose("correct horse battery").unwrap();
        let hash = hasher("pepper").hash(password.clone()).await.unwrap();
        assert!(hasher("pepper").verify(Some(password.clone()), Some(hash.clone())).await.unwrap().is_right());
        assert!(!hasher("").verify(Some(password), Some(hash)).await.unwrap().is_right());
    }
}
