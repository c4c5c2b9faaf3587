//! The windows of a process, by key: spread over locks, and bounded however many keys there are.
//!
//! Idle windows make room for new ones, then those that have something left; one that refuses never does.

use domain::rate_limit::{Class, Decision, WINDOW_MICROS, Window};
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

const SHARDS: usize = 32;
/// What a hash table of 2¹⁴ places holds before it grows.
const KEYS_PER_SHARD: usize = 14_336;
/// Windows that are looked at for each new key, so that idle ones go at least as fast as new ones come.
const SWEEP: usize = 4;
/// Windows that are looked at for one that may go, once there is no room.
const LOOKS_MAX: usize = 64;
/// Of those that may go, the best of so many goes.
const CANDIDATES: usize = 4;
/// Refusals in a window, in limits, after which somebody floods.
const FLOOD_LIMITS: u32 = 9;
/// How long somebody who floods is refused without being asked who they are: a new tier has to wait for as long.
const FLOOD_MICROS: u64 = 1_000_000;
/// The newest that Redis is told of at once. Everybody waits for it meanwhile; and older ones, beyond every tier's limit
/// by default, soon leave the window by themselves.
const TOLD_MAX: usize = 500;
/// What a key waits for that finds no room at all.
const CROWDED_MICROS: u64 = 1_000_000;

#[derive(Debug)]
struct Entry<K> {
    key: K,
    window: Window,
    /// The limit that it was last held against.
    limit: NonZeroU32,
    /// How much of what was accepted last Redis has not heard of.
    untold: u32,
    /// Which memory of Redis the rest was told to.
    epoch: u32,
    refusals: Option<Box<Refusals>>,
}

/// How often somebody was refused lately.
#[derive(Debug)]
struct Refusals {
    since: u64,
    count: u32,
    class: Class,
    /// When they were last asked who they are.
    looked_at: u64,
    /// Until then they are refused.
    until: u64,
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
    /// The first one, and the others.
    shards: (Mutex<Shard<K>>, Vec<Mutex<Shard<K>>>),
    hashes: RandomState,
    /// The memory that Redis has now.
    epoch: AtomicU32,
}

impl<K: Copy + Eq + Hash> Default for Windows<K> {
    fn default() -> Self {
        let shard = || Mutex::new(Shard { places: HashMap::new(), entries: Vec::new(), hand: 0 });
        Self {
            shards: (shard(), std::iter::repeat_with(shard).take(SHARDS - 1).collect()),
            hashes: RandomState::new(),
            epoch: AtomicU32::new(0),
        }
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

    /// The same, and Redis is to be told of it.
    #[must_use]
    pub fn decide_untold(&self, key: K, now: u64, limit: NonZeroU32, cost: NonZeroU32) -> Decision {
        let decided = self.with(key, now, limit, |entry| {
            let decision = entry.window.decide(now, limit, cost);
            if decision.accepted {
                entry.untold = entry.untold.saturating_add(cost.min(limit).get());
            }
            decision
        });
        decided.unwrap_or(Decision { accepted: false, limit, remaining: 0, wait_micros: CROWDED_MICROS })
    }

    /// How long ago requests were accepted that Redis has not heard of, or has forgotten since, if they still count.
    /// They are not given out again.
    #[must_use]
    pub fn take_untold(&self, key: K, now: u64, epoch: u32) -> Vec<u64> {
        self.epoch.store(epoch, Ordering::Relaxed);
        let mut shard = self.shard(&key);
        let Some(entry) = shard.find(&key) else { return Vec::new() };
        let untold = std::mem::take(&mut entry.untold);
        let is_forgotten = std::mem::replace(&mut entry.epoch, epoch) != epoch;
        let untold = if is_forgotten { usize::MAX } else { usize::try_from(untold).unwrap_or(usize::MAX) };
        entry.window.ages(now, untold.min(TOLD_MAX)).filter(|age| *age < WINDOW_MICROS).collect()
    }

    /// In how many microseconds this process by itself may let a request through again, if it may not now.
    #[must_use]
    pub fn full_for(&self, key: K, now: u64, limit: NonZeroU32) -> Option<u64> {
        self.shard(&key).find(&key)?.window.full_for(now, limit)
    }

    /// Redis has not heard of them after all.
    pub fn put_back_untold(&self, key: K, count: usize) {
        if let Some(entry) = self.shard(&key).find(&key) {
            entry.untold = entry.untold.saturating_add(u32::try_from(count).unwrap_or_default());
        }
    }

    /// Writes down what Redis accepted.
    pub fn record(&self, key: K, now: u64, limit: NonZeroU32, cost: NonZeroU32) {
        self.with(key, now, limit, |entry| entry.window.record(now, limit, cost));
    }

    /// Keeps that somebody was refused, who was asked who they are.
    pub fn refused(&self, key: K, now: u64, class: Class, decision: &Decision) {
        if let Some(entry) = self.shard(&key).find(&key) {
            let before = entry.refusals.take().filter(|before| now.saturating_sub(before.since) < WINDOW_MICROS);
            let mut refusals =
                before.unwrap_or_else(|| Box::new(Refusals { since: now, count: 0, class, looked_at: 0, until: 0 }));
            refusals.count = refusals.count.saturating_add(1);
            (refusals.class, refusals.looked_at) = (class, now);
            refusals.until = now.saturating_add(decision.wait_micros);
            entry.refusals = Some(refusals);
        }
    }

    /// Refuses somebody who asked for more than ten times the limit in a minute, and who would be refused again.
    /// `None`: ask them who they are.
    #[must_use]
    pub fn flood(&self, key: K, now: u64) -> Option<(Class, Decision)> {
        let mut shard = self.shard(&key);
        let entry = shard.find(&key)?;
        let refusals = entry.refusals.as_mut()?;
        let floods = refusals.count >= entry.limit.get().saturating_mul(FLOOD_LIMITS)
            && now.saturating_sub(refusals.since) < WINDOW_MICROS
            && now.saturating_sub(refusals.looked_at) < FLOOD_MICROS
            && now < refusals.until;
        let wait_micros = refusals.until.saturating_sub(now);
        let decision = Decision { accepted: false, limit: entry.limit, remaining: 0, wait_micros };
        floods.then_some((refusals.class, decision))
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        let len = |shard: &Mutex<Shard<K>>| shard.lock().unwrap_or_else(PoisonError::into_inner).entries.len();
        let (first, rest) = &self.shards;
        len(first) + rest.iter().map(len).sum::<usize>()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Does something with the window of a key. `None`: there is no room for a new one.
    fn with<T>(&self, key: K, now: u64, limit: NonZeroU32, act: impl FnOnce(&mut Entry<K>) -> T) -> Option<T> {
        let mut shard = self.shard(&key);
        let entry = shard.find_or_insert(key, now, limit, self.epoch.load(Ordering::Relaxed))?;
        entry.limit = limit;
        Some(act(entry))
    }

    fn shard(&self, key: &K) -> MutexGuard<'_, Shard<K>> {
        let hash = self.hashes.hash_one(key);
        let (first, rest) = &self.shards;
        let at = usize::try_from(hash >> 32).unwrap_or_default() % SHARDS;
        let shard = at.checked_sub(1).and_then(|at| rest.get(at)).unwrap_or(first);
        // Nothing in here panics between two changes that belong together.
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash> Shard<K> {
    fn find(&mut self, key: &K) -> Option<&mut Entry<K>> {
        self.places.get(key).and_then(|at| self.entries.get_mut(*at))
    }

    fn find_or_insert(&mut self, key: K, now: u64, limit: NonZeroU32, epoch: u32) -> Option<&mut Entry<K>> {
        let at = match self.places.get(&key) {
            Some(at) => *at,
            None => {
                if !self.make_room(now) {
                    return None;
                }
                self.entries.push(Entry { key, window: Window::default(), limit, untold: 0, epoch, refusals: None });
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
        // The one that was accepted longest ago, of some that still have something left.
        let mut chosen: Option<(usize, u64)> = None;
        let mut candidates = 0;
        for _ in 0..LOOKS_MAX {
            if candidates == CANDIDATES {
                break;
            }
            let Some((at, entry)) = self.next() else { break };
            let age = entry.window.ages(now, 1).next().unwrap_or(u64::MAX);
            if !entry.window.is_full(now, entry.limit) {
                candidates += 1;
                if chosen.is_none_or(|(_, oldest)| age > oldest) {
                    chosen = Some((at, age));
                }
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
mod tests;
