//! Password hashes: argon2id on a bounded number of threads, so that sign-ins cannot take the whole machine.

use crate::clock::random_bytes;
use crate::config::Auth;
use anyhow::Context;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use domain::password::Password;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::sync::Arc;
use thiserror::Error;
use tokio::sync::Semaphore;

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

struct Inner {
    params: Params,
    pepper: SecretString,
    /// Hashes at once.
    running: Semaphore,
    /// Hashes at once and in wait.
    waiting: Semaphore,
    /// Compared with when there is no such account, so that both answers take the same time.
    nobody: String,
}

/// Hashes and checks passwords. Cheap to clone.
#[derive(Clone)]
pub struct Hasher {
    inner: Arc<Inner>,
}

impl fmt::Debug for Hasher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Hasher").field("params", &self.inner.params).finish_non_exhaustive()
    }
}

impl Hasher {
    /// A hasher with the cost of the settings.
    ///
    /// # Errors
    /// If argon2 does not take the parameters.
    pub fn new(auth: &Auth, pepper: SecretString) -> anyhow::Result<Self> {
        let params = Params::new(auth.argon2_memory_kib, auth.argon2_passes, 1, Some(32))
            .ok()
            .context("auth.argon2_memory_kib and auth.argon2_passes are outside of what argon2 takes")?;
        let inner = Inner {
            nobody: nobody(&params),
            params,
            pepper,
            running: Semaphore::new(auth.hashers),
            waiting: Semaphore::new(auth.hashers.saturating_add(auth.hash_queue)),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Hashes a new password, in PHC form.
    ///
    /// # Errors
    /// [`HashError`].
    pub async fn hash(&self, password: Password) -> Result<String, HashError> {
        self.run(move |inner| inner.hash(password.as_bytes()).map_err(|_| HashError::Broken)).await?
    }

    /// Compares a password with the hash of an account; with nobody's if there is no account.
    ///
    /// # Errors
    /// [`HashError`].
    pub async fn verify(&self, password: Option<Password>, hash: Option<String>) -> Result<bool, HashError> {
        self.run(move |inner| {
            let known = hash.is_some() && password.is_some();
            let bytes = password.as_ref().map_or(b"nobody".as_slice(), Password::as_bytes);
            let equal = inner.verify(bytes, hash.as_deref().unwrap_or(&inner.nobody));
            equal && known
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&Inner) -> T + Send + 'static) -> Result<T, HashError> {
        let _place = self.inner.waiting.try_acquire().map_err(|_| HashError::Overloaded)?;
        let _turn = self.inner.running.acquire().await.map_err(|_| HashError::Broken)?;
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || work(&inner)).await.map_err(|_| HashError::Broken)
    }
}

/// A hash that no password has: random bytes, which cost as much to compare with as any hash of ours.
fn nobody(params: &Params) -> String {
    let (memory, passes) = (params.m_cost(), params.t_cost());
    let (salt, hash) = (STANDARD_NO_PAD.encode(random_bytes::<16>()), STANDARD_NO_PAD.encode(random_bytes::<32>()));
    format!("$argon2id$v=19$m={memory},t={passes},p=1${salt}${hash}")
}

impl Inner {
    fn argon2(&self) -> Result<Argon2<'_>, argon2::Error> {
        let pepper = self.pepper.expose_secret().as_bytes();
        let (algorithm, version, params) = (Algorithm::Argon2id, Version::V0x13, self.params.clone());
        if pepper.is_empty() {
            Ok(Argon2::new(algorithm, version, params))
        } else {
            Argon2::new_with_secret(pepper, algorithm, version, params)
        }
    }

    fn hash(&self, password: &[u8]) -> anyhow::Result<String> {
        let argon2 = self.argon2().ok().context("argon2 does not take the parameters")?;
        let hash: PasswordHash =
            argon2.hash_password_with_salt(password, &random_bytes::<16>()).ok().context("hash")?;
        Ok(hash.to_string())
    }

    fn verify(&self, password: &[u8], hash: &str) -> bool {
        let (Ok(argon2), Ok(hash)) = (self.argon2(), PasswordHash::new(hash)) else { return false };
        argon2.verify_password(password, &hash).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Hasher;
    use crate::config::Sources;
    use argon2::password_hash::phc::PasswordHash;
    use domain::password::Password;

    fn hasher(pepper: &str) -> Hasher {
        let mut auth = Sources::default().load().unwrap().auth;
        (auth.argon2_memory_kib, auth.argon2_passes) = (64, 1);
        Hasher::new(&auth, pepper.into()).unwrap()
    }

    #[tokio::test]
    async fn a_password_matches_its_own_hash_and_no_other() {
        let hasher = hasher("");
        let password = Password::choose("correct horse battery").unwrap();
        let hash = hasher.hash(password.clone()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        assert!(hasher.verify(Some(password.clone()), Some(hash.clone())).await.unwrap());
        let other = Password::choose("another password").unwrap();
        assert!(!hasher.verify(Some(other), Some(hash.clone())).await.unwrap());
        assert!(!hasher.verify(None, Some(hash)).await.unwrap());
        assert!(!hasher.verify(Some(password), None).await.unwrap());
    }

    #[test]
    fn nobodys_hash_can_be_compared_with() {
        let hasher = hasher("");
        assert_eq!(PasswordHash::new(&hasher.inner.nobody).unwrap().to_string(), hasher.inner.nobody);
    }

    #[tokio::test]
    async fn nobodys_password_signs_nobody_in() {
        let nobody = Password::present("nobody").unwrap();
        assert!(!hasher("").verify(Some(nobody), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_hash_is_worth_nothing_without_the_pepper() {
        let password = Password::choose("correct horse battery").unwrap();
        let hash = hasher("pepper").hash(password.clone()).await.unwrap();
        assert!(hasher("pepper").verify(Some(password.clone()), Some(hash.clone())).await.unwrap());
        assert!(!hasher("").verify(Some(password), Some(hash)).await.unwrap());
    }
}
