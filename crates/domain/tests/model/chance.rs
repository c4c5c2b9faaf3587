//! Everything that is left to chance: who asks what with which key, and what the clock does. All of it
//! follows from the seed.

use crate::ask::{Ask, KeyNumber, Sending, User};
use crate::reference::{DAY, MOST};
use crate::store::Store;
use domain::idempotency::Fingerprint;
use proptest::prelude::RngExt;
use proptest::test_runner::{RngAlgorithm, TestRng};

/// Those who have a wallet from the start.
pub const USERS: User = 8;
/// Registers in the midst of an episode, if at all; `NOBODY` never does.
pub const LATECOMER: User = 9;
const NOBODY: User = 10;

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;
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
    next_number: u128,
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
        Self { rng, keys, bits, sent: Vec::new(), next_number: 1, aimed_at: None }
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

    /// What the clock says next: later as a rule, a little earlier if another process asks its own clock,
    /// and now and then the very microsecond around which a key becomes free.
    pub fn tick(&mut self, now: i64, store: &Store) -> i64 {
        self.aimed_at = None;
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

    pub fn batch(&mut self, now: i64, store: &Store) -> Vec<Sending> {
        let size = if self.once_in(3) { self.size(4) } else { self.size(64) };
        let mut batch: Vec<Sending> = Vec::with_capacity(size);
        while batch.len() < size {
            let again = match batch.last() {
                None => self.aimed_at.take(),
                Some(last) if self.once_in(12) => Some(*last),
                Some(_) => None,
            };
            let sending = self.sending(again, now, store);
            batch.push(sending);
        }
        batch
    }

    fn sending(&mut self, again: Option<Sending>, now: i64, store: &Store) -> Sending {
        let resent = match again {
            Some(sending) => Some(sending),
            None if self.once_in(4) => self.earlier(),
            None => None,
        };
        let (principal, key, ask) = match resent {
            // A client that sends another request with an old key, by mistake.
            Some(old) if self.once_in(6) => (old.principal, old.key, self.ask(old.principal, store)),
            Some(old) => (old.principal, old.key, old.ask),
            None => {
                let principal = self.user();
                (principal, self.rng.random_range(0..self.keys), self.ask(principal, store))
            }
        };
        let waited = if self.once_in(2) { 0 } else { self.rng.random_range(0..=2 * SECOND) };
        let sending = Sending { number: self.next_number, principal, key, ask, first_seen: now - waited };
        self.next_number += 1;
        if self.sent.len() < SENT_MAX {
            self.sent.push(sending);
        } else {
            let index = self.rng.random_range(0..SENT_MAX);
            self.sent[index] = sending;
        }
        sending
    }

    fn earlier(&mut self) -> Option<Sending> {
        (!self.sent.is_empty()).then(|| self.sent[self.rng.random_range(0..self.sent.len())])
    }

    fn ask(&mut self, principal: User, store: &Store) -> Ask {
        if self.once_in(4) {
            // Money in is credited by its owner's request, or by somebody else's, such as an administrator's.
            let to = if self.once_in(5) { self.anybody() } else { principal };
            let through = if self.once_in(3) { "other" } else { "sandbox" };
            // From few enough numbers that a payment comes again now and then.
            let reference = self.once_in(2).then(|| self.rng.random_range(0..2_000));
            return Ask::Deposit { to, amount: self.amount(0, store.balance(to)), through, reference };
        }
        let to = self.anybody();
        let amount = self.amount(store.balance(principal), store.balance(to));
        let note = match self.rng.random_range(0..4) {
            0 => Some("for the song"),
            1 => Some("für das Lied — 谢谢"),
            _ => None,
        };
        Ask::Transfer { from: principal, to, amount, note }
    }

    fn anybody(&mut self) -> User {
        self.rng.random_range(1..=NOBODY)
    }

    /// Amounts of every size, with the edges: all that the payer has, all that the payee can take, and a
    /// cent to either side.
    fn amount(&mut self, payer_has: i64, payee_has: i64) -> i64 {
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
