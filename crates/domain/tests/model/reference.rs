//! The reference model: the money rules once more, as short as they can be said, over hash maps.
//! It shares no logic with the ledger, knows nothing of batches, and must not learn from it.

#[path = "reference/corrections.rs"]
mod corrections;
#[path = "reference/movement.rs"]
mod movement;
#[path = "reference/sales.rs"]
mod sales;
#[path = "reference/subscriptions.rs"]
mod subscriptions;

use crate::ask::{Ask, KeyNumber, Number, Sending, User};
use crate::months::DAY;
use crate::told::{Done, Holder, Refused, Row, Sold, Sub, Told};
use movement::Movement;
use std::collections::{BTreeMap, HashMap, HashSet};

/// 2⁵³ − 1: the most that anybody can hold, and owe.
pub const MOST: i64 = 9_007_199_254_740_991;

#[derive(Clone, Debug, Default)]
pub struct Model {
    pub balances: HashMap<User, i64>,
    /// What creators owe, from their first debt on.
    pub debts: HashMap<User, i64>,
    pub suspended: HashSet<User>,
    pub frozen: HashSet<User>,
    pub memory: HashMap<(User, KeyNumber), Remembered>,
    pub contents: BTreeMap<u64, Content>,
    /// By creator and months.
    pub plans: BTreeMap<(User, i64), Plan>,
    /// Who has what, by which purchase.
    pub unlocked: BTreeMap<(User, u64), Number>,
    pub subscriptions: BTreeMap<Number, Sub>,
    pub payouts: BTreeMap<Number, Payout>,
    pub deposits: BTreeMap<Number, Pending>,
    sales: HashMap<Number, Sold>,
    /// Payments that were credited.
    payments: HashSet<(&'static str, u16)>,
    /// When each wallet's newest entry was made.
    newest: HashMap<Holder, i64>,
    /// What happened that no answer shows.
    pub notes: Vec<&'static str>,
}

#[derive(Clone, Copy, Debug)]
pub struct Content {
    pub creator: User,
    pub price: i64,
    pub subscriber_only: bool,
    pub is_active: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub price: i64,
    pub is_active: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct Payout {
    pub creator: User,
    pub amount: i64,
    pub status: &'static str,
    pub made: i64,
}

/// A deposit that was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    pub to: User,
    pub amount: i64,
    pub through: &'static str,
    pub is_pending: bool,
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
    Replayed { told: Told, original: Box<Sending>, left: i64 },
    /// The key belongs to another request.
    Reused,
}

/// What an administrator can lift, and what comes with time: the same request may succeed tomorrow.
const NOT_FINAL: [&str; 3] = ["account_suspended", "wallet_frozen", "renewal_not_due"];

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
                    Due::Replayed { told: told.clone(), original: Box::new(*original), left: DAY - age }
                } else {
                    Due::Reused
                };
            }
            free_for = Some(age - DAY);
        }
        let told = match self.decide(sending, now) {
            Ok(done) => Told::Done(Box::new(done)),
            Err(refused) => Told::Refused(refused),
        };
        if told.refusal().is_none_or(|code| !NOT_FINAL.contains(&code)) {
            self.memory.insert(key, Remembered { sending: *sending, told: told.clone() });
        }
        Due::Executed { told, free_for }
    }

    /// Whether the answer that is kept for the key is the one to this very arrival.
    pub fn remembers(&self, sending: &Sending) -> bool {
        let kept = self.memory.get(&(sending.principal, sending.key));
        kept.is_some_and(|kept| kept.sending.number == sending.number)
    }

    fn decide(&mut self, sending: &Sending, now: i64) -> Result<Done, Refused> {
        match sending.ask {
            Ask::Deposit { pending, .. } => self.deposit(sending, pending, now),
            Ask::Transfer { from, to, amount, note } => {
                if from == to {
                    return Err(Refused::new("self_transfer"));
                }
                let moves = vec![(Holder::User(from), -amount), (Holder::User(to), amount)];
                let movement = Movement { payer: Some(from), payee: Some(to), amount, moves, ..Movement::default() };
                self.post(sending, movement, Row::Transfer { note: note.map(str::to_owned) }, now)
            }
            Ask::Unlock { fan, content, expected } => self.unlock(sending, (fan, content), expected, now),
            Ask::Subscribe { fan, creator, months, expected } => {
                self.subscribe(sending, (fan, creator), (months, expected), now)
            }
            Ask::Renew { subscription } => self.renew(sending, subscription, now),
            Ask::Gift { from, to, gift, quantity, message } => {
                self.give(sending, (from, to), (gift, quantity, message), now)
            }
            Ask::Refund { sale, amount } => self.refund(sending, sale, amount, now),
            Ask::Payout { creator, amount } => self.hold(sending, creator, amount, now),
            Ask::Decide { payout, is_paid } => self.decide_payout(sending, payout, is_paid, now),
        }
    }

    fn deposit(&mut self, sending: &Sending, pending: Option<Number>, now: i64) -> Result<Done, Refused> {
        let Ask::Deposit { to, amount, through, reference, .. } = sending.ask else { unreachable!("{sending:?}") };
        if let Some(id) = pending {
            let asked = self.deposits.get(&id).ok_or(Refused::new("deposit_not_found"))?;
            if !asked.is_pending || (asked.to, asked.amount, asked.through) != (to, amount, through) {
                return Err(Refused::new("deposit_mismatch"));
            }
        }
        if reference.is_some_and(|number| self.payments.contains(&(through, number))) {
            return Err(Refused::new("payment_known"));
        }
        let moves = vec![(Holder::Clearing(through), -amount), (Holder::User(to), amount)];
        let row = Row::Deposit {
            id: pending.unwrap_or(sending.number),
            through: through.to_owned(),
            reference: reference.map(|number| format!("payment {number}")),
            status: "completed",
            was_pending: pending.is_some(),
        };
        let done = self.post(sending, Movement { payee: Some(to), amount, moves, ..Movement::default() }, row, now)?;
        self.payments.extend(reference.map(|number| (through, number)));
        self.deposits.insert(pending.unwrap_or(sending.number), Pending { to, amount, through, is_pending: false });
        Ok(done)
    }
}
