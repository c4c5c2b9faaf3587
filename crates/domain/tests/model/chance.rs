//! Everything that is left to chance: who asks what with which key, and what the clock does. All of it
//! follows from the seed.

#[path = "chance/wishes.rs"]
mod wishes;

use crate::ask::{Ask, KeyNumber, Number, Seen, Sending, User};
use crate::months::{DAY, HOUR};
use crate::reference::MOST;
use crate::store::Store;
use crate::world::Settings;
use domain::idempotency::Fingerprint;
use proptest::prelude::RngExt;
use proptest::test_runner::{RngAlgorithm, TestRng};

/// Those who have a wallet from the start.
pub const USERS: User = 8;
/// Registers in the midst of an episode, if at all; `NOBODY` never does.
pub const LATECOMER: User = 9;
pub const NOBODY: User = 10;

/// Those who sell contents and subscriptions; the first of them sells most.
pub const CREATORS: User = 4;

const SECOND: i64 = 1_000_000;
/// How many earlier arrivals can be sent again.
const SENT_MAX: usize = 200;

#[derive(Debug)]
pub struct Chance {
    rng: TestRng,
    /// How many keys everybody has in this episode.
    keys: KeyNumber,
    /// Amounts of this episode are mostly below two to the power of this.
    bits: u32,
    sent: Vec<Sending>,
    next_number: Number,
    /// How many days the clock likes to leap, which episodes of minutes do now and then only.
    leap: i64,
    /// What was refunded last: two who refund it at once is what to look at.
    refunded: Option<Number>,
    /// A key whose last or first free microsecond the clock has been set to.
    aimed_at: Option<Sending>,
}

impl Chance {
    pub fn new(seed: u64, episode: u64) -> Self {
        // Hashed, because neighbouring seeds of this generator begin alike.
        let digest = Fingerprint::of(&[&seed.to_be_bytes(), &episode.to_be_bytes()]);
        let mut rng = TestRng::from_seed(RngAlgorithm::XorShift, &digest.0[..16]);
        let keys = rng.random_range(10..=300);
        let bits = [7, 20, 40, 53][rng.random_range(0..4)];
        let leap = [0, 4, 45][rng.random_range(0..3)];
        Self { rng, keys, bits, sent: Vec::new(), next_number: 1, leap, refunded: None, aimed_at: None }
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: u32) -> bool {
        self.rng.random_ratio(1, times)
    }

    pub fn size(&mut self, largest: usize) -> usize {
        self.rng.random_range(1..=largest)
    }

    pub fn user(&mut self) -> User {
        self.rng.random_range(1..=USERS)
    }

    /// One of several.
    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.rng.random_range(0..choices.len())]
    }

    /// A number for a row that is made beside the ledger.
    pub fn number(&mut self) -> Number {
        self.next_number += 1;
        self.next_number - 1
    }

    /// What the clock says next: later as a rule, a little earlier if another process asks its own clock,
    /// and now and then the very microsecond around which a key becomes free or a subscription changes.
    pub fn tick(&mut self, now: i64, store: &Store) -> i64 {
        self.aimed_at = None;
        if self.leap > 0 && self.once_in(4) {
            return if self.once_in(3) {
                self.moment_of_subscription(store).filter(|moment| *moment > now).unwrap_or(now + DAY)
            } else if self.once_in(30) {
                // The server was down for long.
                now + self.rng.random_range(60 * DAY..=800 * DAY)
            } else {
                now + self.rng.random_range(1..=self.leap * DAY)
            };
        }
        match self.rng.random_range(0..24) {
            0 => now,
            1..=2 => now - self.rng.random_range(1..=5_000),
            3..=6 => now + self.rng.random_range(1..=1_000),
            7..=15 => now + self.rng.random_range(1..=SECOND),
            16..=17 => now + self.rng.random_range(1..=HOUR),
            18..=19 => now + self.rng.random_range(1..=6 * HOUR),
            20 => now + self.rng.random_range(1..=25 * HOUR),
            _ => self.aim(now, store).unwrap_or(now + 1),
        }
    }

    fn aim(&mut self, now: i64, store: &Store) -> Option<i64> {
        let sending = self.earlier()?;
        let free_at = store.record(sending.principal, sending.key)?.expires_at.as_micros();
        let moment = free_at - self.rng.random_range(0..=1);
        (now < moment).then(|| {
            self.aimed_at = Some(sending);
            moment
        })
    }

    /// The end of a period, of its grace, or the next try, and a microsecond before.
    fn moment_of_subscription(&mut self, store: &Store) -> Option<i64> {
        let rows: Vec<_> = store.subscriptions().filter(|row| row.renew_at.is_some()).collect();
        if rows.is_empty() {
            return None;
        }
        let row = self.one_of(&rows);
        let moment = self.one_of(&[row.period_end, row.expires_at, row.renew_at.unwrap_or(row.period_end)]);
        Some(moment.as_micros() - self.rng.random_range(0..=1))
    }

    pub fn batch(&mut self, now: i64, store: &Store, settings: &Settings) -> Vec<Sending> {
        let size = if self.once_in(3) { self.size(4) } else { self.size(64) };
        let mut batch: Vec<Sending> = Vec::with_capacity(size);
        while batch.len() < size {
            let again = match batch.last() {
                None => self.aimed_at.take(),
                Some(last) if self.once_in(12) => Some(*last),
                Some(_) => None,
            };
            // Somebody else, or the same client with a new key, wants the very same.
            let echo = batch.last().filter(|_| self.once_in(10)).map(|last| last.ask);
            let sending = self.sending(again, echo, now, (store, settings));
            batch.push(sending);
        }
        batch
    }

    fn sending(
        &mut self,
        again: Option<Sending>,
        echo: Option<Ask>,
        now: i64,
        (store, settings): (&Store, &Settings),
    ) -> Sending {
        let resent = match again {
            Some(sending) => Some(sending),
            None if self.once_in(4) => self.earlier(),
            None => None,
        };
        let (principal, key, ask) = match resent {
            // A client that sends another request with an old key, by mistake.
            Some(old) if self.once_in(6) => (old.principal, old.key, self.wish(old.principal, now, store)),
            Some(old) => (old.principal, old.key, old.ask),
            None => {
                let principal = self.user();
                let ask = echo.unwrap_or_else(|| self.wish(principal, now, store));
                (principal, self.rng.random_range(0..self.keys), ask)
            }
        };
        let waited = if self.once_in(2) { 0 } else { self.rng.random_range(0..=2 * SECOND) };
        let seen = self.seen(&ask, store, settings);
        let sending = Sending { number: self.number(), principal, key, ask, first_seen: now - waited, seen };
        if self.sent.len() < SENT_MAX {
            self.sent.push(sending);
        } else {
            let index = self.rng.random_range(0..SENT_MAX);
            self.sent[index] = sending;
        }
        sending
    }

    /// What the handler adds: its settings, and what it read, which may be of a reader's mistake.
    fn seen(&mut self, ask: &Ask, store: &Store, settings: &Settings) -> Seen {
        let price = match ask {
            Ask::Gift { gift, .. } => settings.price_of(gift),
            _ => 0,
        };
        let seen = store.seen(ask, Seen { terms: settings.terms, policy: settings.policy, price, ..Seen::default() });
        if self.once_in(100) {
            return Seen { creator: self.once_in(2).then(|| self.user()), ..seen };
        }
        seen
    }

    fn earlier(&mut self) -> Option<Sending> {
        (!self.sent.is_empty()).then(|| self.sent[self.rng.random_range(0..self.sent.len())])
    }

    /// Amounts of every size, with the edges: all that the payer has, all that the payee can take, and a
    /// cent to either side.
    pub fn amount(&mut self, payer_has: i64, payee_has: i64) -> i64 {
        let a_cent = self.rng.random_range(-1..=1);
        let cents = match self.rng.random_range(0..64) {
            0..=15 => self.rng.random_range(1..=100),
            16..=43 => {
                let bits = self.rng.random_range(1..=self.bits);
                self.rng.random_range(1..=1_i64 << bits)
            }
            44..=53 => self.rng.random_range(1..=payer_has.max(1)),
            54..=61 => payer_has + a_cent,
            62 => MOST - payee_has + a_cent,
            _ => MOST,
        };
        cents.clamp(1, MOST)
    }
}

/// A gap after which every key is free again that anybody had used before it.
pub const LONG_SILENCE: i64 = DAY + HOUR;
