//! What a process knows of keys by itself: which are in flight, and how fingerprints are made.
//!
//! A crash leaves nothing behind, because nothing is written here.

pub mod registry;

use domain::id::UserId;
use domain::idempotency::{Fingerprint, KeyDigest};
use hmac::{Hmac, KeyInit, Mac};
use registry::{Announced, Note, Registry};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

type Keys = Arc<Mutex<HashSet<(UserId, KeyDigest)>>>;

/// The keys of requests under way: as many as there are requests, which connections bound.
#[derive(Clone, Debug, Default)]
pub struct InFlight {
    keys: Keys,
}

/// A key that is in flight for as long as this exists.
#[derive(Debug)]
pub struct Flight {
    keys: Keys,
    key: (UserId, KeyDigest),
    /// What other processes know of it.
    note: Option<Note>,
}

impl Flight {
    /// Tells the other processes of it. Says whether one of them has the key in flight.
    pub async fn announce(&mut self, registry: &Registry) -> bool {
        match registry.announce(self.key).await {
            Announced::Here(note) => self.note = Some(note),
            Announced::Elsewhere => return true,
            Announced::Nowhere => {}
        }
        false
    }
}

impl InFlight {
    /// Takes off with a key; `None` if a request with the same key is in flight.
    #[must_use]
    pub fn take_off(&self, principal: UserId, digest: KeyDigest) -> Option<Flight> {
        let key = (principal, digest);
        // A set of plain values cannot be left half-changed by a panic.
        let fresh = self.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
        fresh.then(|| Flight { keys: Arc::clone(&self.keys), key, note: None })
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// Makes fingerprints that nobody else can make: a body may hold a password, and whoever takes the database
/// must not find a fast hash of it there, beside the slow one.
#[derive(Clone)]
pub struct Fingerprints {
    mac: Hmac<Sha256>,
}

impl fmt::Debug for Fingerprints {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Fingerprints")
    }
}

impl Fingerprints {
    /// Fingerprints that are made with a secret. Under another secret the same request is another one.
    ///
    /// # Errors
    /// If the secret cannot be a key, which no secret of ours can be.
    pub fn new(secret: &SecretString) -> anyhow::Result<Self> {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())?;
        // So that nothing else that is made with this secret can pass for a fingerprint.
        mac.update(b"superapp fingerprint 1");
        Ok(Self { mac })
    }

    /// The fingerprint of a request, from everything that makes it what it is.
    #[must_use]
    pub fn of(&self, parts: &[&[u8]]) -> Fingerprint {
        let mut mac = self.mac.clone();
        mac.update(&Fingerprint::of(parts).0);
        Fingerprint(mac.finalize().into_bytes().into())
    }
}

#[cfg(test)]
mod tests {
    use super::{Fingerprints, InFlight, Registry};
    use crate::gateway::redis::Redis;
    use domain::id::UserId;
    use domain::idempotency::{Fingerprint, KeyDigest};
    use uuid::Uuid;

    #[test]
    fn a_key_flies_once_at_a_time_for_each_user() {
        let in_flight = InFlight::default();
        let (ann, bob) = (UserId::new(Uuid::from_u128(1)), UserId::new(Uuid::from_u128(2)));
        let digest = KeyDigest([0; 32]);
        let flight = in_flight.take_off(ann, digest).unwrap();
        assert!(in_flight.take_off(ann, digest).is_none());
        assert!(in_flight.take_off(bob, digest).is_some());
        drop(flight);
        assert!(in_flight.take_off(ann, digest).is_some());
    }

    #[tokio::test]
    async fn a_key_flies_without_redis_too_and_lands_when_it_is_dropped() {
        // A port of the loopback address that nobody listens at.
        let redis = Redis::start(&"redis://127.0.0.1:1".into(), Uuid::nil()).await.unwrap();
        let registry = Registry::new(redis);
        let in_flight = InFlight::default();
        let (ann, digest) = (UserId::new(Uuid::from_u128(1)), KeyDigest([7; 32]));
        let mut flight = in_flight.take_off(ann, digest).unwrap();
        assert!(!flight.announce(&registry).await, "nobody else can be known to have it");
        assert!(in_flight.take_off(ann, digest).is_none(), "this process knows by itself");
        drop(flight);
        assert!(in_flight.take_off(ann, digest).is_some());
    }

    #[test]
    fn fingerprints_print_nothing_of_the_secret() {
        assert_eq!(format!("{:?}", Fingerprints::new(&"ours".into()).unwrap()), "Fingerprints");
    }

    #[test]
    fn a_fingerprint_depends_on_the_request_and_on_the_secret() {
        let (ours, theirs) = (Fingerprints::new(&"ours".into()).unwrap(), Fingerprints::new(&"theirs".into()).unwrap());
        assert_eq!(ours.of(&[b"a", b"b"]), ours.of(&[b"a", b"b"]));
        assert_ne!(ours.of(&[b"a", b"b"]), ours.of(&[b"ab"]));
        assert_ne!(ours.of(&[b"a"]), theirs.of(&[b"a"]));
        assert_ne!(ours.of(&[b"a"]), Fingerprint::of(&[b"a"]));
    }
}
