//! How often somebody may guess at a password: from one network at one account, from one address at any, and at one
//! account from anywhere.
//!
//! An attempt counts as a failure from its beginning, so that a crowd of them at once is no way around: one that
//! succeeds takes it back. The time is handed in, as microseconds of a clock that never goes back.

use std::collections::VecDeque;

const SECOND: u64 = 1_000_000;
/// How long a failure counts.
pub const WINDOW_MICROS: u64 = 15 * 60 * SECOND;
/// Failures at one account from one network before there is a wait.
pub const FREE: u32 = 5;
const WAIT_MIN: u64 = SECOND;
const WAIT_MAX: u64 = 15 * 60 * SECOND;
/// Failures from one address in any window.
pub const PER_ADDRESS: usize = 30;
/// Failures in a row at one account, from wherever, after which its password opens nothing until somebody resets it
/// (NIST SP 800-63B, 3.2.2).
pub const PER_ACCOUNT: i64 = 100;

/// For how long nothing is tried, in microseconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Wait(pub u64);

impl Wait {
    /// Whether an attempt that is under way now, and turns out right, may end it. The first few waits may be those of a
    /// crowd whose comparisons take their time.
    #[must_use]
    pub const fn may_end_soon(self) -> bool {
        self.0 <= 8 * WAIT_MIN
    }

    /// In whole seconds, at least one, and never shorter than it is.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.0.div_ceil(SECOND).max(1)
    }
}

/// The attempts of one network at one account.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Streak {
    failures: u32,
    /// Until then nothing is tried.
    closed_until: u64,
    /// From then on nothing of it counts.
    forgotten_at: u64,
}

/// How long to wait after so many failures: 1 s after the fifth, then twice as long after each.
fn wait_after(failures: u32) -> u64 {
    match failures.checked_sub(FREE) {
        None => 0,
        Some(doublings) => 2_u64.saturating_pow(doublings).saturating_mul(WAIT_MIN).min(WAIT_MAX),
    }
}

impl Streak {
    /// Begins an attempt.
    ///
    /// # Errors
    /// How long to wait instead. Nothing is counted then.
    pub fn begin(&mut self, now: u64) -> Result<(), Wait> {
        if self.is_forgotten(now) {
            *self = Self::default();
        }
        if now < self.closed_until {
            return Err(Wait(self.closed_until.saturating_sub(now)));
        }
        self.failures = self.failures.saturating_add(1);
        self.closed_until = now.saturating_add(wait_after(self.failures));
        self.forgotten_at = self.closed_until.saturating_add(WINDOW_MICROS);
        Ok(())
    }

    /// An attempt succeeded: everything is forgotten.
    pub fn succeed(&mut self) {
        *self = Self::default();
    }

    /// An attempt came to nothing, neither right nor wrong: it does not count.
    pub fn take_back(&mut self, now: u64) {
        self.failures = self.failures.saturating_sub(1);
        self.closed_until = self.closed_until.min(now);
    }

    /// Whether nothing of it counts any more.
    #[must_use]
    pub const fn is_forgotten(&self, now: u64) -> bool {
        self.forgotten_at <= now
    }

    /// From when on nothing of it counts.
    #[must_use]
    pub const fn forgotten_at(&self) -> u64 {
        self.forgotten_at
    }
}

/// The failures of one address, at whatever accounts.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Guesses {
    /// When, oldest first. Attempts under way are among them.
    failures: VecDeque<u64>,
    under_way: usize,
}

impl Guesses {
    /// Begins an attempt.
    ///
    /// # Errors
    /// How long to wait instead. Nothing is counted then.
    pub fn begin(&mut self, now: u64) -> Result<(), Wait> {
        let now = self.failures.back().map_or(now, |newest| now.max(*newest));
        while self.failures.front().is_some_and(|at| at.saturating_add(WINDOW_MICROS) <= now) {
            self.failures.pop_front();
        }
        match self.failures.front() {
            // Where some are under way, there may be room as soon as they are over.
            Some(_) if self.failures.len() >= PER_ADDRESS && self.under_way > 0 => Err(Wait(WAIT_MIN)),
            Some(oldest) if self.failures.len() >= PER_ADDRESS => {
                Err(Wait(oldest.saturating_add(WINDOW_MICROS).saturating_sub(now)))
            }
            _ => {
                self.failures.push_back(now);
                self.under_way = self.under_way.saturating_add(1);
                Ok(())
            }
        }
    }

    /// An attempt was a wrong guess: it counts from its beginning on.
    pub fn fail(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// An attempt was no wrong guess: it does not count. The others do, whoever made them.
    pub fn take_back(&mut self) {
        self.fail();
        self.failures.pop_back();
    }

    /// Whether an attempt is not over yet.
    #[must_use]
    pub const fn is_any_under_way(&self) -> bool {
        self.under_way > 0
    }

    /// From when on nothing of it counts.
    #[must_use]
    pub fn forgotten_at(&self) -> u64 {
        self.failures.back().map_or(0, |newest| newest.saturating_add(WINDOW_MICROS))
    }
}

/// Whether an account's password may be compared at all: `failed` attempts in a row failed before, and `under_way` are
/// being compared now, this one among them.
#[must_use]
pub fn may_compare(failed: i64, under_way: u32) -> bool {
    failed.saturating_add(i64::from(under_way)) <= PER_ACCOUNT
}

#[cfg(test)]
mod tests {
    use super::{FREE, Guesses, PER_ADDRESS, SECOND, Streak, WINDOW_MICROS, Wait, may_compare};
    use proptest::prelude::{prop, prop_assert, proptest};

    #[test]
    fn five_failures_are_free_and_then_each_wait_is_twice_as_long_up_to_a_quarter_of_an_hour() {
        let (mut streak, mut now) = (Streak::default(), 0);
        for _ in 0..FREE {
            assert_eq!(streak.begin(now), Ok(()));
        }
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900] {
            let wait = Wait(seconds * SECOND);
            assert_eq!((streak.begin(now), wait.seconds()), (Err(wait), seconds));
            now += seconds * SECOND - 1;
            assert_eq!(streak.begin(now), Err(Wait(1)), "a microsecond is missing");
            assert_eq!(Wait(1).seconds(), 1);
            now += 1;
            assert_eq!(streak.begin(now), Ok(()));
        }
    }

    #[test]
    fn a_success_forgets_everything_and_so_does_a_quarter_of_an_hour() {
        let mut streak = Streak::default();
        (0..FREE).for_each(|_| streak.begin(0).unwrap());
        streak.succeed();
        (0..FREE).for_each(|_| streak.begin(0).unwrap());
        let closed_until = SECOND;
        assert!(!streak.is_forgotten(closed_until + WINDOW_MICROS - 1));
        assert!(streak.is_forgotten(closed_until + WINDOW_MICROS));
        assert_eq!(streak.forgotten_at(), closed_until + WINDOW_MICROS);
        (0..FREE).for_each(|_| streak.begin(closed_until + WINDOW_MICROS).unwrap());
        assert!(streak.begin(closed_until + WINDOW_MICROS).is_err());
    }

    #[test]
    fn what_was_neither_right_nor_wrong_does_not_count() {
        let mut streak = Streak::default();
        for _ in 0..100 {
            streak.begin(7).unwrap();
            streak.take_back(7);
        }
        let mut guesses = Guesses::default();
        for _ in 0..100 {
            guesses.begin(7).unwrap();
            guesses.take_back();
        }
        assert_eq!(guesses.forgotten_at(), 0);
    }

    #[test]
    fn an_address_fails_thirty_times_and_then_as_often_as_old_failures_lapse() {
        let mut guesses = Guesses::default();
        for second in 0..30 {
            guesses.begin(second * SECOND).unwrap();
            guesses.fail();
        }
        assert_eq!(guesses.begin(30 * SECOND), Err(Wait(WINDOW_MICROS - 30 * SECOND)));
        assert_eq!(guesses.begin(WINDOW_MICROS - 1), Err(Wait(1)));
        assert_eq!(guesses.begin(WINDOW_MICROS), Ok(()));
        guesses.fail();
        assert_eq!(guesses.begin(WINDOW_MICROS), Err(Wait(SECOND)));
        assert_eq!(guesses.forgotten_at(), 2 * WINDOW_MICROS);
    }

    #[test]
    fn an_honest_crowd_at_one_address_waits_a_second_and_not_a_quarter_of_an_hour() {
        let mut guesses = Guesses::default();
        (0..PER_ADDRESS).for_each(|_| guesses.begin(0).unwrap());
        assert_eq!(guesses.begin(0), Err(Wait(SECOND)));
        guesses.take_back();
        assert_eq!(guesses.begin(0), Ok(()));
        (0..PER_ADDRESS).for_each(|_| guesses.fail());
        assert_eq!(guesses.begin(0), Err(Wait(WINDOW_MICROS)));
    }

    #[test]
    fn a_hundred_failures_in_a_row_are_compared_and_not_one_more() {
        for (failed, under_way, may) in [(0, 1, true), (99, 1, true), (100, 1, false), (0, 100, true), (0, 101, false)]
        {
            assert_eq!(may_compare(failed, under_way), may, "{failed} {under_way}");
        }
        assert!(!may_compare(i64::MAX, 1));
    }

    proptest! {
        #[test]
        fn no_window_lets_an_address_fail_more_often(gaps in prop::collection::vec(0..120 * SECOND, 1..400)) {
            let (mut guesses, mut now, mut accepted) = (Guesses::default(), 0_u64, Vec::new());
            for gap in gaps {
                now = now.saturating_add(gap);
                if guesses.begin(now).is_ok() {
                    accepted.push(now);
                }
                let counted = accepted.iter().filter(|at| at.saturating_add(WINDOW_MICROS) > now).count();
                prop_assert!(counted <= PER_ADDRESS);
            }
        }

        /// Whoever keeps guessing at one account from one network has 15 tries before the longest wait, and then one
        /// to a wait.
        #[test]
        fn no_quarter_of_an_hour_has_more_than_sixteen_guesses(gaps in prop::collection::vec(0..90 * SECOND, 1..600)) {
            let (mut streak, mut now, mut accepted) = (Streak::default(), 0_u64, Vec::new());
            for gap in gaps {
                now = now.saturating_add(gap);
                if streak.begin(now).is_ok() {
                    accepted.push(now);
                }
                let counted = accepted.iter().filter(|at| at.saturating_add(WINDOW_MICROS) > now).count();
                prop_assert!(counted <= 16, "{counted}");
            }
        }
    }
}
