//! Who guesses at passwords, in this process: by account and network, by address, and how many comparisons of an account
//! are under way. The rules are `domain::sign_in`; the failures of an account in a row are in the database, which
//! processes share.
//!
//! An account is known here by the address that was typed, so that one which does not exist is counted like any other.

use super::address::Source;
use crate::clock::{Clock, Ticker};
use domain::sign_in::{Guesses, Streak, Wait, may_compare};
use std::collections::hash_map::{Entry, RandomState};
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, timeout_at};

/// Networks at accounts that are remembered.
const STREAKS_MAX: usize = 65_536;
/// Addresses that are remembered.
const ADDRESSES_MAX: usize = 32_768;
/// Attempts that wait for how others end. One more is told to come again, at once.
const WAITING_MAX: usize = 256;
/// Once there is no room, so many are looked at for one that may go.
const CANDIDATES: usize = 8;

/// An account by what was typed, as a hash that nobody can aim at.
type Account = u64;

#[derive(Debug)]
struct Seen {
    streaks: Bounded<(Account, Source), Streak>,
    addresses: Bounded<Source, Guesses>,
    under_way: HashMap<Account, u32>,
}

/// A map that keeps to its bounds.
#[derive(Debug)]
struct Bounded<K, V> {
    map: HashMap<K, V>,
    /// Those that came first, or were looked at first and stayed, in front.
    order: VecDeque<K>,
    max: usize,
}

impl<K: Copy + Eq + Hash, V: Default> Bounded<K, V> {
    fn new(max: usize) -> Self {
        Self { map: HashMap::new(), order: VecDeque::new(), max }
    }

    /// An entry that may be new. For a new one there is always room: of some others the one goes that would be forgotten
    /// first.
    fn find_or_insert(&mut self, key: K, forgotten_at: impl Fn(&V) -> u64) -> &mut V {
        if !self.map.contains_key(&key) {
            if self.map.len() >= self.max {
                let looked_at = self.order.len().min(CANDIDATES);
                let age = |key: &K| self.map.get(key).map_or(0, &forgotten_at);
                let first = self.order.iter().take(looked_at).enumerate().min_by_key(|(_, key)| age(key));
                if let Some(gone) = first.map(|(at, _)| at).and_then(|at| self.order.remove(at)) {
                    self.map.remove(&gone);
                }
                self.order.rotate_left(looked_at.saturating_sub(1).min(self.order.len()));
            }
            self.order.push_back(key);
        }
        self.map.entry(key).or_default()
    }
}

/// The attempts of this process.
#[derive(Debug)]
pub struct SignIns {
    seen: Mutex<Seen>,
    hashes: RandomState,
    spares_loopback: bool,
    ticker: Ticker,
    /// Told whenever an attempt is over.
    over: Notify,
    /// Places for those who wait for that.
    waiting: Semaphore,
}

/// An attempt that was let through. Unless something else is said of it, it has failed.
#[derive(Debug)]
pub struct Attempt<'signins> {
    all: &'signins SignIns,
    account: Account,
    source: Option<Source>,
    is_address_counted: bool,
    is_taken_back: bool,
    under_way: u32,
}

impl SignIns {
    /// Nobody has tried anything yet.
    #[must_use]
    pub fn new(is_production: bool, clock: Clock) -> Self {
        Self {
            seen: Mutex::new(Seen {
                streaks: Bounded::new(STREAKS_MAX),
                addresses: Bounded::new(ADDRESSES_MAX),
                under_way: HashMap::new(),
            }),
            hashes: RandomState::new(),
            spares_loopback: !is_production,
            ticker: Ticker::new(clock),
            over: Notify::new(),
            waiting: Semaphore::new(WAITING_MAX),
        }
    }

    /// Begins an attempt as soon as it may. Many at once that are all right are no guesses: those beyond the free ones wait
    /// for how the others end, and are refused only if these were wrong.
    ///
    /// # Errors
    /// How long to wait before the next attempt.
    pub async fn begin_in_turn(
        &self,
        email: &str,
        peer: Option<IpAddr>,
        deadline: Instant,
    ) -> Result<Attempt<'_>, Wait> {
        loop {
            // Listens before it looks: what ends in between is heard.
            let mut over = pin!(self.over.notified());
            over.as_mut().enable();
            let wait = match self.begin(email, peer) {
                Err(wait) if wait.may_end_soon() && self.is_any_under_way(email, peer) => wait,
                decided => return decided,
            };
            let Ok(_place) = self.waiting.try_acquire() else { return Err(wait) };
            if timeout_at(deadline, over).await.is_err() {
                return Err(wait);
            }
        }
    }

    fn account(&self, email: &str) -> Account {
        self.hashes.hash_one(email.trim().to_lowercase())
    }

    fn is_any_under_way(&self, email: &str, peer: Option<IpAddr>) -> bool {
        let account = self.account(email);
        let seen = self.lock();
        let guesses = peer.and_then(|peer| seen.addresses.map.get(&Source::from(peer)));
        seen.under_way.contains_key(&account) || guesses.is_some_and(Guesses::is_any_under_way)
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        // Nothing in here panics between two changes that belong together.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins an attempt at the account of an address for mail, from an address of the network. Where that is not
    /// known, there is nobody to be counted: a test that calls the router.
    ///
    /// # Errors
    /// How long to wait before the next attempt.
    pub fn begin(&self, email: &str, peer: Option<IpAddr>) -> Result<Attempt<'_>, Wait> {
        let account = self.account(email);
        let source = peer.map(Source::from);
        let is_address_counted = peer.is_some_and(|peer| !(self.spares_loopback && peer.to_canonical().is_loopback()));
        let now = self.ticker.micros();
        let mut seen = self.lock();
        let Seen { streaks, addresses, under_way } = &mut *seen;
        if let Some(source) = source {
            // The address first: what it may not do leaves nothing behind at the account.
            let mut guesses = is_address_counted.then(|| addresses.find_or_insert(source, Guesses::forgotten_at));
            if let Some(guesses) = &mut guesses {
                guesses.begin(now)?;
            }
            let begun = streaks.find_or_insert((account, source), Streak::forgotten_at).begin(now);
            if let (Err(_), Some(guesses)) = (&begun, guesses) {
                // Nor does what the account refuses count at the address.
                guesses.take_back();
            }
            begun?;
        }
        let count = under_way.entry(account).or_default();
        *count = count.saturating_add(1);
        Ok(Attempt { all: self, account, source, is_address_counted, is_taken_back: false, under_way: *count })
    }
}

impl Attempt<'_> {
    /// Whether the password may be compared, after so many failures in a row that are on record. They must have been
    /// read after the attempt began: then every other attempt is either among them, or under way.
    #[must_use]
    pub fn may_compare(&self, failed: i64) -> bool {
        may_compare(failed, self.under_way)
    }

    /// The password was right.
    pub fn succeed(mut self) {
        self.settle(Streak::succeed);
    }

    /// Nothing was compared.
    pub fn take_back(mut self) {
        let now = self.all.ticker.micros();
        self.settle(|streak| streak.take_back(now));
    }

    fn settle(&mut self, change: impl FnOnce(&mut Streak)) {
        let Some(source) = self.source else { return };
        self.is_taken_back = true;
        let mut seen = self.all.lock();
        if let Some(streak) = seen.streaks.map.get_mut(&(self.account, source)) {
            change(streak);
        }
        if self.is_address_counted
            && let Some(guesses) = seen.addresses.map.get_mut(&source)
        {
            guesses.take_back();
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let mut seen = self.all.lock();
        let counted = self.source.filter(|_| self.is_address_counted && !self.is_taken_back);
        if let Some(guesses) = counted.and_then(|source| seen.addresses.map.get_mut(&source)) {
            guesses.fail();
        }
        if let Entry::Occupied(mut count) = seen.under_way.entry(self.account) {
            *count.get_mut() = count.get().saturating_sub(1);
            if *count.get() == 0 {
                count.remove();
            }
        }
        drop(seen);
        self.all.over.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::{ADDRESSES_MAX, Attempt, STREAKS_MAX, SignIns, WAITING_MAX};
    use crate::clock::Clock;
    use domain::sign_in::{PER_ADDRESS, Wait};
    use domain::timestamp::Timestamp;
    use futures_util::stream::FuturesUnordered;
    use futures_util::{FutureExt, StreamExt};
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;
    use tokio::time::Instant;

    const MAIL: &str = "ann@example.com";

    fn sign_ins() -> SignIns {
        SignIns::new(false, Clock::frozen(Timestamp::from_micros(1_800_000_000_000_000)))
    }

    fn peer(number: u32) -> Option<IpAddr> {
        Some(Ipv4Addr::from_bits(0x0A00_0000 + number).into())
    }

    #[test]
    fn one_network_waits_after_five_failures_and_no_other_one_does() {
        let all = sign_ins();
        for _ in 0..5 {
            drop(all.begin(MAIL, peer(1)).unwrap());
        }
        assert_eq!(all.begin(" Ann@Example.com", peer(1)).unwrap_err(), Wait(1_000_000));
        assert!(all.begin("bob@example.com", peer(1)).is_ok());
        assert!(all.begin(MAIL, peer(2)).is_ok());
        all.begin(MAIL, peer(2)).unwrap().succeed();
        assert!(all.begin(MAIL, peer(1)).is_err(), "a success elsewhere opens nothing here");
    }

    #[test]
    fn thirty_at_once_from_one_address_are_all_and_successes_do_not_count() {
        let all = sign_ins();
        let names = |number: usize| format!("{number}@example.com");
        for number in 0..1_000 {
            all.begin(&names(number), peer(1)).unwrap().succeed();
            all.begin(&names(number), peer(1)).unwrap().take_back();
        }
        let held: Vec<_> = (0..PER_ADDRESS).map(|number| all.begin(&names(number), peer(1)).unwrap()).collect();
        assert!(all.begin(MAIL, peer(1)).is_err());
        for number in 0..1_000 {
            assert!(all.begin(&format!("other-{number}@example.com"), peer(1)).is_err());
        }
        let remembered = all.lock().streaks.map.len();
        assert_eq!(remembered, 1_000, "what is refused is not remembered");
        // It was no attempt at the account either.
        assert!(all.begin(MAIL, peer(2)).is_ok());
        drop(held);
        assert!(all.begin(MAIL, peer(1)).is_err());
    }

    #[test]
    fn loopback_is_spared_as_an_address_outside_of_production_and_never_as_a_network_at_an_account() {
        let loopback = Some(IpAddr::from(Ipv4Addr::LOCALHOST));
        for (is_production, accepted) in [(false, 100), (true, PER_ADDRESS)] {
            let all = SignIns::new(is_production, Clock::frozen(Timestamp::default()));
            let ok = (0..100).filter(|number| all.begin(&format!("{number}@example.com"), loopback).is_ok()).count();
            assert_eq!(ok, accepted);
            let ok = (0..100).filter(|_| all.begin(MAIL, loopback).is_ok()).count();
            assert_eq!(ok, if is_production { 0 } else { 5 });
        }
    }

    #[test]
    fn what_is_under_way_counts_until_it_is_over() {
        let all = sign_ins();
        let held: Vec<_> = (0..100).map(|number| all.begin(MAIL, peer(number)).unwrap()).collect();
        assert!(held.last().unwrap().may_compare(0));
        assert!(!held.last().unwrap().may_compare(1));
        assert!(!all.begin(MAIL, peer(100)).unwrap().may_compare(0));
        assert!(all.begin("bob@example.com", peer(100)).unwrap().may_compare(99));
        drop(held);
        assert!(all.begin(MAIL, peer(101)).unwrap().may_compare(99));
        assert!(all.lock().under_way.is_empty());
    }

    #[tokio::test]
    async fn only_so_many_wait_for_how_others_end_and_all_of_them_are_let_in_if_these_were_right() {
        let all = sign_ins();
        let until = Instant::now() + Duration::from_secs(60);
        let held: Vec<_> = (0..5).map(|_| all.begin(MAIL, peer(1)).unwrap()).collect();
        let mut waiting: FuturesUnordered<_> =
            (0..WAITING_MAX).map(|_| all.begin_in_turn(MAIL, peer(1), until)).collect();
        assert!(waiting.next().now_or_never().is_none());
        assert!(all.begin_in_turn(MAIL, peer(1), until).await.is_err(), "one more is told at once");
        held.into_iter().for_each(Attempt::succeed);
        let mut let_in = 0;
        while let Some(attempt) = waiting.next().await {
            attempt.unwrap().succeed();
            let_in += 1;
        }
        assert_eq!(let_in, WAITING_MAX);
        assert!(all.begin_in_turn(MAIL, peer(1), until).await.is_ok());
    }

    #[test]
    fn memory_is_bounded_whoever_comes() {
        let all = sign_ins();
        for number in 0..200_000 {
            let _ = all.begin(MAIL, peer(number));
        }
        let seen = all.lock();
        assert_eq!((seen.streaks.map.len(), seen.addresses.map.len()), (STREAKS_MAX, ADDRESSES_MAX));
        assert_eq!((seen.streaks.order.len(), seen.addresses.order.len()), (STREAKS_MAX, ADDRESSES_MAX));
        assert!(seen.under_way.is_empty());
    }
}
