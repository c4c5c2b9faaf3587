//! The windows of a process, by key: spread over locks, and bounded however many keys there are.
//!
//! Idle windows make room for new ones, then those that have something left; one that refuses never does.

use domain::rate_limit::{Decision, Window};
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

const SHARDS: usize = 32;
/// What a hash table of 2¹⁴ places holds before it grows.
const KEYS_PER_SHARD: usize = 14_336;
/// Windows that are looked at for each new key, so that idle ones go at least as fast as new ones come.
const SWEEP: usize = 4;
/// Windows that are looked at for one that may go, once there is no room.
const LOOKS_MAX: usize = 64;
/// What a key waits for that finds no room at all.
const CROWDED_MICROS: u64 = 1_000_000;

#[derive(Debug)]
struct Entry<K> {
    key: K,
    window: Window,
    /// The limit that it was last held against.
    limit: NonZeroU32,
}

#[derive(Debug)]
struct Shard<K> {
    places: HashMap<K, usize>,
    entries: Vec<Entry<K>>,
    /// Where the search for something that may go goes on.
    hand: usize,
}

/// Windows by key.
#[derive(Debug)]
pub struct Windows<K> {
    shards: Vec<Mutex<Shard<K>>>,
    hashes: RandomState,
}

impl<K: Copy + Eq + Hash> Default for Windows<K> {
    fn default() -> Self {
        let shard = || Mutex::new(Shard { places: HashMap::new(), entries: Vec::new(), hand: 0 });
        Self { shards: std::iter::repeat_with(shard).take(SHARDS).collect(), hashes: RandomState::new() }
    }
}

impl<K: Copy + Eq + Hash> Windows<K> {
    /// The most keys that there can be.
    pub const KEYS_MAX: usize = SHARDS * KEYS_PER_SHARD;

    /// Decides about a request.
    #[must_use]
    pub fn decide(&self, key: K, now: u64, limit: NonZeroU32, cost: NonZeroU32) -> Decision {
        let decided = self.with(key, now, limit, |entry| entry.window.decide(now, limit, cost));
        decided.unwrap_or(Decision { accepted: false, limit, remaining: 0, wait_micros: CROWDED_MICROS })
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        let len = |shard: &Mutex<Shard<K>>| shard.lock().unwrap_or_else(PoisonError::into_inner).entries.len();
        self.shards.iter().map(len).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Does something with the window of a key. `None`: there is no room for a new one.
    fn with<T>(&self, key: K, now: u64, limit: NonZeroU32, act: impl FnOnce(&mut Entry<K>) -> T) -> Option<T> {
        let hash = self.hashes.hash_one(key);
        let shard = self.shards.get(usize::try_from(hash >> 32).unwrap_or_default() % SHARDS)?;
        // Nothing in here panics between two changes that belong together.
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = shard.find_or_insert(key, now, limit)?;
        entry.limit = limit;
        Some(act(entry))
    }
}

impl<K: Copy + Eq + Hash> Shard<K> {
    fn find_or_insert(&mut self, key: K, now: u64, limit: NonZeroU32) -> Option<&mut Entry<K>> {
        let at = match self.places.get(&key) {
            Some(at) => *at,
            None => {
                if !self.make_room(now) {
                    return None;
                }
                self.entries.push(Entry { key, window: Window::default(), limit });
                self.places.insert(key, self.entries.len() - 1);
                self.entries.len() - 1
            }
        };
        self.entries.get_mut(at)
    }

    /// Whether there is a place for one more.
    fn make_room(&mut self, now: u64) -> bool {
        for _ in 0..SWEEP {
            if self.next().is_some_and(|(_, entry)| entry.window.is_idle(now)) {
                self.remove(self.hand);
            } else {
                self.hand += 1;
            }
        }
        if self.entries.len() < KEYS_PER_SHARD {
            return true;
        }
        // The one that was accepted longest ago, of those that still have something left.
        let mut chosen: Option<(usize, u64)> = None;
        for _ in 0..LOOKS_MAX {
            let Some((at, entry)) = self.next() else { break };
            let age = entry.window.ages(now, 1).next().unwrap_or(u64::MAX);
            if !entry.window.is_full(now, entry.limit) && chosen.is_none_or(|(_, oldest)| age > oldest) {
                chosen = Some((at, age));
            }
            self.hand += 1;
        }
        chosen.inspect(|(at, _)| self.remove(*at)).is_some()
    }

    /// The entry under the hand, which begins again behind the last one.
    fn next(&mut self) -> Option<(usize, &Entry<K>)> {
        if self.hand >= self.entries.len() {
            self.hand = 0;
        }
        self.entries.get(self.hand).map(|entry| (self.hand, entry))
    }

    fn remove(&mut self, at: usize) {
        if at < self.entries.len() {
            let gone = self.entries.swap_remove(at);
            self.places.remove(&gone.key);
            if let Some(moved) = self.entries.get(at) {
                self.places.insert(moved.key, at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Windows;
    use domain::rate_limit::WINDOW_MICROS;
    use std::num::NonZeroU32;

    const LIMIT: NonZeroU32 = NonZeroU32::new(3).unwrap();
    const ONE: NonZeroU32 = NonZeroU32::new(1).unwrap();

    #[test]
    fn a_window_that_refuses_is_not_forgotten_however_many_keys_come() {
        let windows: Windows<u64> = Windows::default();
        let guilty = 0..1_000;
        for key in guilty.clone() {
            assert!((0..3).all(|now| windows.decide(key, now, LIMIT, ONE).accepted));
        }
        for key in 1_000..2_000_000 {
            assert!(windows.decide(key, 10, LIMIT, ONE).accepted, "{key} finds no room");
        }
        assert!(windows.len() <= Windows::<u64>::KEYS_MAX);
        for key in guilty {
            assert!(!windows.decide(key, WINDOW_MICROS - 1, LIMIT, ONE).accepted, "{key} was forgotten");
        }
    }

    #[test]
    fn idle_windows_make_room() {
        let windows: Windows<u64> = Windows::default();
        for minute in 0..20_u64 {
            for key in 0..10_000 {
                let now = minute * WINDOW_MICROS * 2 + key;
                assert!(windows.decide(minute * 10_000 + key, now, LIMIT, ONE).accepted);
            }
        }
        assert!(windows.len() < 30_000, "{}", windows.len());
    }

    #[test]
    fn where_every_window_refuses_a_new_key_waits() {
        let windows: Windows<u64> = Windows::default();
        let most = u64::try_from(Windows::<u64>::KEYS_MAX).unwrap();
        let accepted = (0..2 * most).filter(|key| windows.decide(*key, 1, ONE, ONE).accepted).count();
        assert!(accepted <= Windows::<u64>::KEYS_MAX && accepted > Windows::<u64>::KEYS_MAX / 2, "{accepted}");
        let refused = windows.decide(3 * most, 2, ONE, ONE);
        assert_eq!((refused.accepted, refused.retry_after_seconds()), (false, Some(1)));
        assert!(windows.decide(3 * most, 2 + WINDOW_MICROS, ONE, ONE).accepted);
    }
}
