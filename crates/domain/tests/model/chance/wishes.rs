//! What people wish for, and administrators, and jobs.

use super::{CREATORS, Chance, NOBODY, USERS};
use crate::ask::{Ask, Number, User, content_id, tier, user_id, user_of};
use crate::reference::MOST;
use crate::store::Store;
use crate::terms::GIFTS;
use domain::payout::PayoutStatus;
use domain::receipt::DepositStatus;
use domain::timestamp::Timestamp;
use proptest::prelude::RngExt;

impl Chance {
    pub(super) fn wish(&mut self, principal: User, now: i64, store: &Store) -> Ask {
        match self.rng.random_range(0..25) {
            0..=4 => self.deposit(principal, store),
            5..=7 => {
                let to = self.anybody();
                let amount = self.amount(store.balance(principal), store.balance(to));
                let note = self.words();
                Ask::Transfer { from: principal, to, amount, note }
            }
            8..=11 => {
                let known = u64::try_from(store.contents.len()).unwrap();
                let content = self.rng.random_range(1..=known + 1);
                let price = store.contents.get(&content_id(content)).map_or(1, |row| row.price.cents().get());
                Ask::Unlock { fan: principal, content, expected: self.expected(price) }
            }
            12..=13 => {
                let creator = if self.once_in(8) { self.anybody() } else { self.creator() };
                let months = self.one_of(&[1, 1, 3, 12]);
                let plan = store.plans.get(&(user_id(creator), tier(months)));
                let expected = self.expected(plan.map_or(1, |plan| plan.price.credit().get()));
                Ask::Subscribe { fan: principal, creator, months, expected }
            }
            14..=15 => self.renewal(now, store),
            16..=18 => {
                let to = if self.once_in(3) { self.anybody() } else { self.creator() };
                let (gift, message) = (self.one_of(&GIFTS), self.words());
                let quantity = if self.once_in(2) { 1 } else { self.rng.random_range(1..=100) };
                Ask::Gift { from: principal, to, gift, quantity, message }
            }
            19..=21 => self.refund(store),
            22 => {
                let creator = if self.once_in(2) { self.creator() } else { principal };
                Ask::Payout { creator, amount: self.amount(store.balance(creator), 0) }
            }
            _ => self.decision(store),
        }
    }

    fn words(&mut self) -> Option<&'static str> {
        self.one_of(&[Some("for the song"), Some("für das Lied — 谢谢"), None, None])
    }

    pub fn creator(&mut self) -> User {
        if self.once_in(2) { 1 } else { self.rng.random_range(1..=CREATORS) }
    }

    fn anybody(&mut self) -> User {
        self.rng.random_range(1..=NOBODY)
    }

    fn deposit(&mut self, principal: User, store: &Store) -> Ask {
        // From few enough numbers that a payment comes again now and then.
        let reference = self.once_in(2).then(|| self.rng.random_range(0..2_000));
        let asked: Vec<_> = store.deposits().rev().take(12).collect();
        if !asked.is_empty() && self.once_in(2) {
            let asked = self.one_of(&asked);
            if asked.status == DepositStatus::Pending || self.once_in(4) {
                let through = if asked.provider.as_str() == "other" { "other" } else { "sandbox" };
                let (to, amount) = (user_of(asked.user_id), asked.amount.credit().get());
                let pending = Some(asked.id.uuid().as_u128());
                let right = Ask::Deposit { to, amount, through, reference, pending };
                let wrong = [
                    Ask::Deposit { to: to % USERS + 1, amount, through, reference, pending },
                    Ask::Deposit { to, amount: amount % MOST + 1, through, reference, pending },
                    Ask::Deposit { to, amount, through: "manual", reference, pending },
                    Ask::Deposit { to, amount, through, reference, pending: Some(0) },
                ];
                return if self.once_in(5) { self.one_of(&wrong) } else { right };
            }
        }
        // Money in is credited by its owner's request, or by somebody else's, such as an administrator's.
        let to = if self.once_in(5) { self.anybody() } else { principal };
        let through = if self.once_in(3) { "other" } else { "sandbox" };
        Ask::Deposit { to, amount: self.amount(0, store.balance(to)), through, reference, pending: None }
    }

    /// The price that the fan was shown, if any was.
    fn expected(&mut self, price: i64) -> Option<i64> {
        match self.rng.random_range(0..8) {
            0 => Some(price + 1),
            1..=3 => Some(price),
            _ => None,
        }
    }

    fn renewal(&mut self, now: i64, store: &Store) -> Ask {
        let now = Timestamp::from_micros(now);
        let due: Vec<Number> =
            store.subscriptions().filter(|row| row.is_due(now)).map(|row| row.id.uuid().as_u128()).collect();
        let all: Vec<Number> = store.subscriptions().map(|row| row.id.uuid().as_u128()).collect();
        let subscription = match (due.as_slice(), all.as_slice()) {
            (_, []) => 0,
            ([], all) => self.one_of(all),
            (due, all) => {
                if self.once_in(6) {
                    self.one_of(all)
                } else {
                    self.one_of(due)
                }
            }
        };
        Ask::Renew { subscription }
    }

    fn refund(&mut self, store: &Store) -> Ask {
        let sales: Vec<_> = store.sales().collect();
        let sale = if self.once_in(3) && self.refunded.is_some() {
            self.refunded.and_then(|id| sales.iter().copied().find(|sale| sale.id.uuid().as_u128() == id))
        } else if sales.is_empty() || self.once_in(12) {
            None
        } else if self.once_in(2) {
            let newest = sales.len().saturating_sub(20);
            Some(self.one_of(&sales[newest..]))
        } else {
            Some(self.one_of(&sales))
        };
        let Some(sale) = sale else {
            // Anything else that happened, or nothing.
            return Ask::Refund { sale: self.rng.random_range(0..=self.next_number), amount: None };
        };
        let left = sale.left().and_then(|left| left.total()).map_or(0, |left| left.get());
        let amount = match self.rng.random_range(0..8) {
            0..=2 => None,
            3 => Some(left),
            4 => Some(left + 1),
            5 => Some(1),
            _ => Some(self.rng.random_range(1..=left.max(1))),
        };
        let sale = sale.id.uuid().as_u128();
        self.refunded = Some(sale);
        Ask::Refund { sale, amount: amount.map(|amount| amount.clamp(1, MOST)) }
    }

    fn decision(&mut self, store: &Store) -> Ask {
        let all: Vec<_> = store.payouts().collect();
        let pending: Vec<_> = all.iter().copied().filter(|row| row.status == PayoutStatus::Pending).collect();
        let from = if pending.is_empty() || self.once_in(5) { all } else { pending };
        let payout = if from.is_empty() || self.once_in(20) { 0 } else { self.one_of(&from).id.uuid().as_u128() };
        Ask::Decide { payout, is_paid: self.once_in(2) }
    }

    /// What a creator asks for a content or a plan.
    pub fn price(&mut self) -> i64 {
        match self.rng.random_range(0..12) {
            0 => 0,
            1 => 1,
            2..=5 => self.rng.random_range(1..=200),
            6..=10 => self.rng.random_range(1..=1_i64 << (self.bits - 2)),
            _ => self.rng.random_range(1..=MOST),
        }
    }
}
