//! The reference model: the money rules once more, as short as they can be said, over hash maps.
//! It shares no logic with the ledger, knows nothing of batches, and must not learn from it.

use crate::ask::{Ask, KeyNumber, Sending, User};
use crate::told::{Done, Leg, Told};
use std::collections::{HashMap, HashSet};

/// 2⁵³ − 1: the most that anybody can hold.
pub const MOST: i64 = 9_007_199_254_740_991;
/// 24 hours in microseconds: how long an answer is kept.
pub const DAY: i64 = 86_400_000_000;

#[derive(Clone, Debug, Default)]
pub struct Model {
    pub balances: HashMap<User, i64>,
    pub suspended: HashSet<User>,
    pub frozen: HashSet<User>,
    pub memory: HashMap<(User, KeyNumber), Remembered>,
    /// Payments that were credited.
    payments: HashSet<(&'static str, u16)>,
    /// When each person's newest entry was made.
    newest: HashMap<User, i64>,
}

/// What is kept of a key: the request that was executed, and what was said.
#[derive(Clone, Debug)]
pub struct Remembered {
    pub sending: Sending,
    pub told: Told,
}

/// What somebody is due.
#[derive(Clone, Debug)]
pub enum Due {
    /// Decided now; `free_for` tells how long the key had been free again, if it was used before.
    Executed { told: Told, free_for: Option<i64> },
    /// This very arrival was decided before.
    Own { told: Told },
    /// The same request was decided before, and its answer is kept for `left` more.
    Replayed { told: Told, original: Sending, left: i64 },
    /// The key belongs to another request.
    Reused,
}

impl Model {
    pub fn answer(&mut self, sending: &Sending, now: i64) -> Due {
        let key = (sending.principal, sending.key);
        let mut free_for = None;
        if let Some(Remembered { sending: original, told }) = self.memory.get(&key) {
            let age = sending.first_seen - original.first_seen;
            if original.number == sending.number {
                return Due::Own { told: told.clone() };
            }
            if age < DAY {
                return if original.ask == sending.ask {
                    Due::Replayed { told: told.clone(), original: *original, left: DAY - age }
                } else {
                    Due::Reused
                };
            }
            free_for = Some(age - DAY);
        }
        let told = self.decide(sending, now);
        // What an administrator can lift is not kept: the same request may succeed tomorrow.
        if !matches!(told.refusal(), Some("account_suspended" | "wallet_frozen")) {
            self.memory.insert(key, Remembered { sending: *sending, told: told.clone() });
        }
        Due::Executed { told, free_for }
    }

    /// Whether the answer that is kept for the key is the one to this very arrival.
    pub fn remembers(&self, sending: &Sending) -> bool {
        let kept = self.memory.get(&(sending.principal, sending.key));
        kept.is_some_and(|kept| kept.sending.number == sending.number)
    }

    fn decide(&mut self, sending: &Sending, now: i64) -> Told {
        match sending.ask {
            Ask::Deposit { to, amount, through, reference } => {
                if reference.is_some_and(|number| self.payments.contains(&(through, number))) {
                    return Told::refused("payment_known", "");
                }
                let about = if to == sending.principal { "yours" } else { "theirs" };
                if let Some(refused) = self.cannot_take(to, amount, about) {
                    return refused;
                }
                let at = self.moment(&[to], now);
                let legs = vec![(None, -amount, None), self.add(to, amount, at)];
                self.payments.extend(reference.map(|number| (through, number)));
                let reference = reference.map(|number| format!("payment {number}"));
                let words = [through, "completed"].map(str::to_owned).into_iter().chain(reference).collect();
                let (number, asker) = (sending.number, sending.principal);
                Told::Done(Done {
                    number,
                    asker,
                    kind: "deposit",
                    payer: None,
                    payee: Some(to),
                    amount,
                    legs,
                    words,
                    at,
                })
            }
            Ask::Transfer { from, to, amount, note } => {
                if from == to {
                    return Told::refused("self_transfer", "");
                }
                if let Some(refused) = self.cannot_give(from, amount).or_else(|| self.cannot_take(to, amount, "theirs"))
                {
                    return refused;
                }
                let at = self.moment(&[from, to], now);
                let legs = vec![self.add(from, -amount, at), self.add(to, amount, at)];
                let words = note.into_iter().map(str::to_owned).collect();
                let (number, asker, payer, payee) = (sending.number, sending.principal, Some(from), Some(to));
                Told::Done(Done { number, asker, kind: "transfer", payer, payee, amount, legs, words, at })
            }
        }
    }

    fn cannot_give(&self, user: User, amount: i64) -> Option<Told> {
        let has = self.balances[&user];
        self.is_stopped(user, "yours").or_else(|| {
            (has < amount).then(|| Told::Refused { code: "insufficient_funds", about: "", numbers: vec![has, amount] })
        })
    }

    fn cannot_take(&self, user: User, amount: i64, about: &'static str) -> Option<Told> {
        let Some(has) = self.balances.get(&user) else {
            return Some(Told::refused("recipient_not_found", ""));
        };
        self.is_stopped(user, about)
            .or_else(|| (amount > MOST - has).then(|| Told::refused("balance_limit_exceeded", about)))
    }

    fn is_stopped(&self, user: User, about: &'static str) -> Option<Told> {
        if self.suspended.contains(&user) {
            Some(Told::refused("account_suspended", about))
        } else if self.frozen.contains(&user) {
            Some(Told::refused("wallet_frozen", about))
        } else {
            None
        }
    }

    /// Now, unless somebody who takes part has an entry from then or later: then just after it.
    fn moment(&self, users: &[User], now: i64) -> i64 {
        let after_newest = users.iter().filter_map(|user| self.newest.get(user)).map(|newest| newest + 1).max();
        after_newest.map_or(now, |earliest| earliest.max(now))
    }

    fn add(&mut self, user: User, amount: i64, at: i64) -> Leg {
        let balance = self.balances.entry(user).or_default();
        *balance += amount;
        self.newest.insert(user, at);
        (Some(user), amount, Some(*balance))
    }
}
