//! What people do with their money, at random: first transfers, then everything that fans pay for.

use crate::ledger::bank::Bank;
use domain::command::Command;
use domain::id::{ContentId, SubscriptionId, TransactionId};
use domain::timestamp::Span;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

pub const USERS: usize = 12;

/// Whose sale it was, and what it is known by.
#[derive(Clone, Copy, Debug)]
struct Sold {
    fan: usize,
    creator: usize,
    tx: TransactionId,
    subscription: Option<SubscriptionId>,
}

/// A command, and what will have been sold by it if it is not refused.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Sale { fan: usize, creator: usize, subscription: Option<SubscriptionId>, is_first: bool },
    Payout(usize),
    Other,
}

/// Somebody who trades for everybody.
#[derive(Debug)]
pub struct Trader<'bank> {
    bank: &'bank Bank,
    random: StdRng,
    contents: Vec<(usize, ContentId)>,
    sales: Vec<Sold>,
    subscriptions: Vec<(usize, usize, SubscriptionId)>,
    payouts: Vec<(usize, TransactionId)>,
    rounds: usize,
}

/// Deposits for everybody, then random transfers, some of them for more than there is.
pub async fn transfer(bank: &Bank, transactions: usize, random: &mut StdRng) {
    let deposits = (0..USERS * 2).map(|index| bank.deposit(index % USERS, random.random_range(1_000..100_000)));
    bank.execute("deposit", deposits.collect()).await;
    let mut commands: Vec<Command> = Vec::new();
    for _ in 0..transactions {
        let from = random.random_range(0..USERS);
        let to = (from + random.random_range(1..USERS)) % USERS;
        let cents = if random.random_bool(0.1) { 1 << 40 } else { random.random_range(1..100) };
        commands.push(bank.transfer(from, to, cents));
    }
    for (index, batch) in commands.chunks(97).enumerate() {
        bank.advance(Span::seconds(1));
        bank.execute(&format!("transfer-{index}"), batch.to_vec()).await;
    }
}

impl<'bank> Trader<'bank> {
    /// The lower half of the users are fans, and rich; the upper half are creators with something on offer.
    pub async fn begin(bank: &'bank Bank, seed: u64) -> Self {
        let fans = (0..USERS / 2).map(|fan| bank.deposit(fan, 1 << 40)).collect();
        bank.execute("riches", fans).await;
        let mut contents = Vec::new();
        for (number, price) in (1..=120_u128).zip((1..).step_by(37)) {
            let creator = USERS / 2 + usize::try_from(number).unwrap() % (USERS / 2);
            contents.push((creator, bank.content(number, creator, price).await));
        }
        for (creator, price) in (USERS / 2..USERS).zip((99..).step_by(101)) {
            bank.plan(creator, price).await;
        }
        let random = StdRng::seed_from_u64(seed);
        let (sales, subscriptions, payouts) = (Vec::new(), Vec::new(), Vec::new());
        Self { bank, random, contents, sales, subscriptions, payouts, rounds: 0 }
    }

    /// Some rounds of a hundred commands and more, with time between them.
    pub async fn trade(&mut self, rounds: usize, between: Span) {
        for _ in 0..rounds {
            self.rounds += 1;
            self.empty_pockets().await;
            let (kinds, commands): (Vec<_>, Vec<_>) = (0..150).map(|_| self.choose()).unzip();
            let told = self.bank.told(&format!("round-{}", self.rounds), commands).await;
            for (kind, told) in kinds.into_iter().zip(told) {
                if let Ok(tx) = told {
                    self.note(kind, tx);
                }
            }
            self.get_less_back().await;
            self.bank.advance(between);
        }
    }

    /// A creator wants everything paid out, has to give a gift back meanwhile, and is rejected: what was held repays
    /// what they owe.
    async fn get_less_back(&mut self) {
        let (fan, creator) = (self.random.random_range(0..USERS / 2), self.random.random_range(USERS / 2..USERS));
        let (bank, round) = (self.bank, self.rounds);
        let sold = bank.tell(&format!("gift-{round}"), bank.gift(fan, creator, 5)).await.unwrap();
        let held = bank.balances().await[creator];
        if held == 0 {
            return;
        }
        // Another payout may be pending, or the gift has not repaid all that was owed.
        if let Ok(payout) = bank.tell(&format!("ask-{round}"), bank.request_payout(creator, held)).await {
            let back = vec![bank.refund(fan, creator, sold, None), bank.decide_payout(creator, payout, false)];
            assert!(bank.told(&format!("back-{round}"), back).await.iter().all(Result::is_ok));
        }
    }

    /// Some creators spend all that they have, so that refunds find nothing there.
    async fn empty_pockets(&mut self) {
        let balances = self.bank.balances().await;
        let spend = (USERS / 2..USERS).filter(|creator| balances[*creator] > 0 && self.random.random_bool(0.5));
        let spend = spend.map(|creator| self.bank.transfer(creator, creator - USERS / 2, balances[creator]));
        self.bank.execute(&format!("spent-{}", self.rounds), spend.collect()).await;
    }

    fn choose(&mut self) -> (Kind, Command) {
        let (fan, creator) = (self.random.random_range(0..USERS / 2), self.random.random_range(USERS / 2..USERS));
        let sale = Kind::Sale { fan, creator, subscription: None, is_first: false };
        match self.random.random_range(0..100) {
            0..40 => (sale, self.bank.gift(fan, creator, self.random.random_range(1..6))),
            40..65 => {
                let (creator, content) = self.contents[self.random.random_range(0..self.contents.len())];
                let sale = Kind::Sale { fan, creator, subscription: None, is_first: false };
                (sale, self.bank.unlock(fan, creator, content))
            }
            65..75 if !self.subscriptions.is_empty() => {
                let index = self.random.random_range(0..self.subscriptions.len());
                let (fan, creator, id) = self.subscriptions[index];
                let sale = Kind::Sale { fan, creator, subscription: Some(id), is_first: false };
                (sale, self.bank.renew(fan, creator, id))
            }
            75..90 if !self.sales.is_empty() => (Kind::Other, self.refund()),
            90..94 => (Kind::Payout(creator), self.bank.request_payout(creator, self.random.random_range(1..400))),
            94..98 if !self.payouts.is_empty() => {
                let (creator, payout) = self.payouts.swap_remove(self.random.random_range(0..self.payouts.len()));
                (Kind::Other, self.bank.decide_payout(creator, payout, self.random.random_bool(0.5)))
            }
            _ => {
                let sale = Kind::Sale { fan, creator, subscription: None, is_first: true };
                (sale, self.bank.subscribe(fan, creator))
            }
        }
    }

    /// All of an earlier sale, or a part of it.
    fn refund(&mut self) -> Command {
        let sold = self.sales[self.random.random_range(0..self.sales.len())];
        let cents = self.random.random_bool(0.4).then(|| self.random.random_range(1..60));
        match self.bank.refund(sold.fan, sold.creator, sold.tx, cents) {
            Command::Refund(mut refund) => {
                let parties = refund.parties.as_mut().unwrap();
                parties.subscription_id = sold.subscription.or(parties.subscription_id);
                Command::Refund(refund)
            }
            other => other,
        }
    }

    fn note(&mut self, kind: Kind, tx: TransactionId) {
        match kind {
            Kind::Sale { fan, creator, subscription, is_first } => {
                let new = is_first.then(|| SubscriptionId::new(tx.uuid()));
                self.subscriptions.extend(new.map(|id| (fan, creator, id)));
                self.sales.push(Sold { fan, creator, tx, subscription: subscription.or(new) });
            }
            Kind::Payout(creator) => self.payouts.push((creator, tx)),
            Kind::Other => {}
        }
    }
}
