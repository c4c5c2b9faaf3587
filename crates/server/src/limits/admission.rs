//! How much is under way at once: requests over all, with a part kept for money and sign-in, requests of each account,
//! and connections from each address. What is beyond is refused at once: waiting would only make it later.

use super::address::Source;
use domain::id::UserId;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Of five places, so many are for whatever comes.
const OPEN_FIFTHS: usize = 4;

/// The places.
#[derive(Debug)]
pub struct Admission {
    open: Arc<Semaphore>,
    kept: Arc<Semaphore>,
    accounts: Counted<UserId>,
    addresses: Counted<Source>,
}

impl Admission {
    /// As many places as the settings have.
    #[must_use]
    pub fn new(requests: usize, per_account: usize, connections_per_address: usize) -> Self {
        let open = (requests.saturating_mul(OPEN_FIFTHS) / 5).max(1);
        Self {
            open: Arc::new(Semaphore::new(open)),
            kept: Arc::new(Semaphore::new(requests.saturating_sub(open))),
            accounts: Counted::new(per_account),
            addresses: Counted::new(connections_per_address),
        }
    }

    /// A place for a request, until it is dropped; `None` if there is none. What matters most has those that are kept,
    /// too.
    #[must_use]
    pub fn request(&self, matters_most: bool) -> Option<OwnedSemaphorePermit> {
        let place = Arc::clone(&self.open).try_acquire_owned();
        match place {
            Err(_) if matters_most => Arc::clone(&self.kept).try_acquire_owned().ok(),
            place => place.ok(),
        }
    }

    /// A place for one more request of an account.
    #[must_use]
    pub fn account(&self, user: UserId) -> Option<Counting<UserId>> {
        self.accounts.one_more(user)
    }

    /// A place for one more connection from an address.
    #[must_use]
    pub fn connection(&self, source: Source) -> Option<Counting<Source>> {
        self.addresses.one_more(source)
    }
}

/// How many there are of each. Only what is under way is in it.
#[derive(Debug)]
struct Counted<K> {
    counts: Arc<Mutex<HashMap<K, usize>>>,
    most: usize,
}

/// One that is counted, until it is dropped.
#[derive(Debug)]
pub struct Counting<K: Copy + Eq + Hash> {
    counts: Arc<Mutex<HashMap<K, usize>>>,
    key: K,
}

impl<K: Copy + Eq + Hash> Counted<K> {
    fn new(most: usize) -> Self {
        Self { counts: Arc::default(), most }
    }

    fn one_more(&self, key: K) -> Option<Counting<K>> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(key).or_default();
        if *count >= self.most {
            return None;
        }
        *count = count.saturating_add(1);
        Some(Counting { counts: Arc::clone(&self.counts), key })
    }
}

impl<K: Copy + Eq + Hash> Drop for Counting<K> {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Admission;
    use domain::id::UserId;
    use uuid::Uuid;

    #[test]
    fn a_fifth_of_the_places_is_kept_for_what_matters_most() {
        let admission = Admission::new(10, 1, 1);
        let open: Vec<_> = (0..8).map(|_| admission.request(false).unwrap()).collect();
        assert!(admission.request(false).is_none());
        let kept: Vec<_> = (0..2).map(|_| admission.request(true).unwrap()).collect();
        assert!(admission.request(true).is_none());
        drop(open);
        assert_eq!((0..10).map_while(|_| admission.request(true).map(std::mem::forget)).count(), 8);
        drop(kept);
        assert!(admission.request(false).is_none() && admission.request(true).is_some());
    }

    #[test]
    fn each_account_has_places_of_its_own_and_leaves_nothing_behind() {
        let admission = Admission::new(10, 2, 1);
        let (ann, bob) = (UserId::new(Uuid::from_u128(1)), UserId::new(Uuid::from_u128(2)));
        let places = [admission.account(ann).unwrap(), admission.account(ann).unwrap()];
        assert!(admission.account(ann).is_none() && admission.account(bob).is_some());
        drop(places);
        assert!(admission.account(ann).is_some());
        assert!(admission.accounts.counts.lock().unwrap().is_empty());
    }
}
