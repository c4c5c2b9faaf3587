//! Keys that are in flight in this process. A crash leaves nothing behind, because nothing is written.

use domain::id::UserId;
use domain::idempotency::KeyDigest;
use std::collections::HashSet;
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
}

impl InFlight {
    /// Takes off with a key; `None` if a request with the same key is in flight.
    #[must_use]
    pub fn take_off(&self, principal: UserId, digest: KeyDigest) -> Option<Flight> {
        let key = (principal, digest);
        // A set of plain values cannot be left half-changed by a panic.
        let fresh = self.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
        fresh.then(|| Flight { keys: Arc::clone(&self.keys), key })
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::InFlight;
    use domain::id::UserId;
    use domain::idempotency::KeyDigest;
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
}
