//! How many requests are let through in any minute: an exact window over those that were accepted last.
//!
//! The time is handed in, as microseconds of a clock that never goes back. Fixed windows let twice the limit through,
//! and counters that slide nearly as much; this lets through the limit and not one more, wherever a minute begins.

use crate::user::{Role, Tier};
use std::collections::VecDeque;
use std::num::NonZeroU32;

/// The length of the window: what was accepted this long ago does not count any more.
pub const WINDOW_MICROS: u64 = 60_000_000;

const SECOND_MICROS: u64 = 1_000_000;

/// Whose limit a request falls under.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Class {
    /// Nobody is signed in: it is the address that is counted.
    Anonymous,
    /// A free account.
    Free,
    /// A paying account.
    Premium,
    /// A creator.
    Creator,
    /// An administrator, who has no limit.
    Admin,
}

impl Class {
    /// The class of an account: the best of what its role and its tier give it.
    #[must_use]
    pub const fn of(role: Role, tier: Tier) -> Self {
        match (role, tier) {
            (Role::Admin, _) | (_, Tier::Admin) => Self::Admin,
            (Role::Creator, _) | (_, Tier::Creator) => Self::Creator,
            (Role::User, Tier::Premium) => Self::Premium,
            (Role::User, Tier::Free) => Self::Free,
        }
    }

    /// Its name, in headers and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Free => "free",
            Self::Premium => "premium",
            Self::Creator => "creator",
            Self::Admin => "admin",
        }
    }
}

/// What was decided about one request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Decision {
    /// Whether the request is let through. If not, it used nothing.
    pub accepted: bool,
    /// The limit that it was held against.
    pub limit: NonZeroU32,
    /// How much is left of it.
    pub remaining: u32,
    /// After an accepted request: how long until the oldest one leaves the window. After a refused one: how long
    /// until the same request would be accepted, if no other is before it.
    pub wait_micros: u64,
}

impl Decision {
    /// The wait in whole seconds, never shorter than it is.
    #[must_use]
    pub const fn wait_seconds(&self) -> u64 {
        self.wait_micros.div_ceil(SECOND_MICROS)
    }

    /// What to tell a client that was refused: at least a second, and not a moment too early.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        (!self.accepted).then(|| self.wait_seconds().max(1))
    }
}

/// The part of a limit that one of several processes enforces while they cannot ask each other.
#[must_use]
pub fn share(limit: NonZeroU32, processes: NonZeroU32) -> NonZeroU32 {
    // Never zero, because neither number is.
    NonZeroU32::new(limit.get().div_ceil(processes.get())).unwrap_or(limit)
}

/// The moments of the requests that count, oldest first. A request that costs more stands there more than once.
#[derive(Clone, Debug, Default)]
pub struct Window {
    accepted: VecDeque<u64>,
}

impl Window {
    /// Lets a request through, or not. The limit is that of this moment: another one bites at once.
    ///
    /// A cost above the limit counts as the limit, so that the request can be made at all.
    pub fn decide(&mut self, now: u64, limit: NonZeroU32, cost: NonZeroU32) -> Decision {
        let now = self.settle(now);
        let most = usize::try_from(limit.get()).unwrap_or(usize::MAX);
        let cost = usize::try_from(cost.min(limit).get()).unwrap_or(usize::MAX);
        let wanted = self.accepted.len().saturating_add(cost);
        let accepted = wanted <= most;
        // Nobody is in the way of an accepted request; for another one, this many must leave before it.
        let in_the_way = wanted.saturating_sub(most);
        if accepted {
            self.accepted.extend(std::iter::repeat_n(now, cost));
        }
        let last = self.accepted.get(in_the_way.saturating_sub(1));
        let free = most.saturating_sub(self.accepted.len());
        Decision {
            accepted,
            limit,
            remaining: u32::try_from(free).unwrap_or(u32::MAX),
            wait_micros: last.map_or(0, |at| at.saturating_add(WINDOW_MICROS).saturating_sub(now)),
        }
    }

    /// Writes down what was accepted elsewhere. No more is kept than a limit could have let through.
    pub fn record(&mut self, now: u64, limit: NonZeroU32, cost: NonZeroU32) {
        let now = self.settle(now);
        let most = usize::try_from(limit.get()).unwrap_or(usize::MAX);
        for _ in 0..cost.min(limit).get() {
            if self.accepted.len() >= most {
                self.accepted.pop_front();
            }
            self.accepted.push_back(now);
        }
    }

    /// Whether a limit has nothing left.
    #[must_use]
    pub fn is_full(&self, now: u64, limit: NonZeroU32) -> bool {
        self.full_for(now, limit).is_some()
    }

    /// In how many microseconds a limit that has nothing left has something again.
    #[must_use]
    pub fn full_for(&self, now: u64, limit: NonZeroU32) -> Option<u64> {
        let most = usize::try_from(limit.get()).unwrap_or(usize::MAX);
        // The oldest of those that would fill it.
        let oldest = self.accepted.len().checked_sub(most).and_then(|at| self.accepted.get(at))?;
        oldest.saturating_add(WINDOW_MICROS).checked_sub(now).filter(|wait| *wait > 0)
    }

    /// Whether there is nothing in it that counts: forgetting it changes no decision.
    #[must_use]
    pub fn is_idle(&self, now: u64) -> bool {
        self.accepted.back().is_none_or(|at| at.saturating_add(WINDOW_MICROS) <= now)
    }

    /// How long ago the newest ones were accepted, at most `count` of them, newest first.
    pub fn ages(&self, now: u64, count: usize) -> impl Iterator<Item = u64> {
        self.accepted.iter().rev().take(count).map(move |at| now.saturating_sub(*at))
    }

    /// Forgets what does not count any more. A moment that was read before another one's decision, and comes after
    /// it, counts as that one: the order is what keeps the window exact.
    fn settle(&mut self, now: u64) -> u64 {
        let now = self.accepted.back().map_or(now, |newest| now.max(*newest));
        while self.accepted.front().is_some_and(|at| at.saturating_add(WINDOW_MICROS) <= now) {
            self.accepted.pop_front();
        }
        now
    }
}

#[cfg(test)]
mod tests {
    use super::{Class, share};
    use crate::user::{Role, Tier};
    use std::num::NonZeroU32;

    #[test]
    fn the_better_of_role_and_tier_counts() {
        for (role, tier, class) in [
            (Role::User, Tier::Free, "free"),
            (Role::User, Tier::Premium, "premium"),
            (Role::User, Tier::Creator, "creator"),
            (Role::User, Tier::Admin, "admin"),
            (Role::Creator, Tier::Free, "creator"),
            (Role::Creator, Tier::Premium, "creator"),
            (Role::Creator, Tier::Admin, "admin"),
            (Role::Admin, Tier::Free, "admin"),
        ] {
            assert_eq!(Class::of(role, tier).name(), class, "{role:?} {tier:?}");
        }
    }

    #[test]
    fn shares_of_a_limit_make_at_least_the_limit_and_less_than_one_more_each() {
        for limit in (1..=600).filter_map(NonZeroU32::new) {
            for processes in (1..=20).filter_map(NonZeroU32::new) {
                let share = share(limit, processes).get();
                assert!(share >= 1 && share * processes.get() >= limit.get(), "{limit} {processes}");
                assert!((share - 1) * processes.get() < limit.get(), "{limit} {processes}");
            }
        }
    }
}
