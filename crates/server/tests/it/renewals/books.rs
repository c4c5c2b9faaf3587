//! What the database says after all the years, held against what fans signed up for and when the jobs were awake.

use super::wish::{CREATORS, DAY, Later, Wish};
use domain::id::{SubscriptionId, UserId};
use std::collections::BTreeMap;
use superapp::store::{Database, Row, StoreError};

/// What one moment may be put off by, so that the transactions of a wallet have one order.
const NUDGE: i64 = 1_000;

/// One charge, as its rows say.
#[derive(Clone, Debug)]
struct Charge {
    period: i64,
    at: i64,
    start: i64,
    end: i64,
    parts: [i64; 3],
}

/// A subscription with everything that was charged for it, in the order of the periods.
#[derive(Debug, Default)]
struct Account {
    status: String,
    charges: Vec<Charge>,
    ended_at: Vec<i64>,
}

/// What came of all the years.
#[derive(Debug, Default)]
pub struct Sums {
    pub charges: usize,
    /// Charges on the day that their period began on.
    pub on_the_day: usize,
    pub ended: usize,
}

/// Everything that the check rests on.
pub struct Books<'years> {
    pub database: &'years Database,
    pub wishes: &'years [Wish],
    /// In the order of the wishes.
    pub fans: &'years [(UserId, i64)],
    pub subscriptions: &'years [SubscriptionId],
    pub creators: &'years [UserId],
    /// The moments of the runs of the jobs that were not cut short, in order.
    pub runs: &'years [i64],
    pub grace: i64,
}

fn read_charge(row: &Row<'_>) -> Result<(SubscriptionId, Charge), StoreError> {
    let parts = [row.get(5)?, row.get(6)?, row.get(7)?];
    let charge = Charge { period: row.get(1)?, at: row.get(2)?, start: row.get(3)?, end: row.get(4)?, parts };
    Ok((row.get(0)?, charge))
}

impl Books<'_> {
    /// The first run that was not cut short at or after a moment.
    fn first_run(&self, moment: i64) -> Option<i64> {
        self.runs.get(self.runs.partition_point(|run| *run < moment)).copied()
    }

    async fn accounts(&self) -> BTreeMap<SubscriptionId, Account> {
        let rows = "SELECT id, status FROM subscriptions";
        let charges = "SELECT p.subscription_id, p.period, t.created_at, p.period_start, p.period_end, \
            t.creator_cents, t.platform_cents, t.processor_cents
            FROM subscription_periods p JOIN transactions t ON t.tx_id = p.tx_id ORDER BY p.subscription_id, p.period";
        let ended = "SELECT entity_id, created_at FROM audit_logs WHERE action = 'subscription.ended'";
        let look = move |view: &superapp::store::View<'_>| {
            let rows = view.query(rows, &[], |row| Ok((row.get::<SubscriptionId>(0)?, row.get::<String>(1)?)))?;
            let ended = view.query(ended, &[], |row| Ok((SubscriptionId::new(row.get(0)?), row.get::<i64>(1)?)))?;
            Ok((rows, view.query(charges, &[], read_charge)?, ended))
        };
        let (rows, charges, ended) = self.database.read(look).await.unwrap();
        let account = |(id, status)| (id, Account { status, ..Account::default() });
        let mut accounts: BTreeMap<_, _> = rows.into_iter().map(account).collect();
        for (id, charge) in charges {
            accounts.get_mut(&id).unwrap().charges.push(charge);
        }
        for (id, at) in ended {
            accounts.get_mut(&id).unwrap().ended_at.push(at);
        }
        accounts
    }

    async fn balance(&self, user: UserId) -> i64 {
        let text = "SELECT balance_cents FROM wallets WHERE user_id = $1";
        let read = move |view: &superapp::store::View<'_>| view.query_opt(text, &[user.into()], |row| row.get(0));
        self.database.read(read).await.unwrap().unwrap()
    }

    /// Fails on the first charge that should not be, or is not, or is not on its day, or is not over its amount.
    pub async fn check(&self) -> Sums {
        let accounts = self.accounts().await;
        assert_eq!(accounts.len(), self.wishes.len());
        let (mut sums, mut earned) = (Sums::default(), [0; CREATORS]);
        for (index, wish) in self.wishes.iter().enumerate() {
            let account = &accounts[&self.subscriptions[index]];
            let expected = self.expected(wish);
            assert_eq!(account.charges.len(), usize::try_from(expected).unwrap(), "{wish:?}: {account:?}");
            for (period, charge) in (0..).zip(&account.charges) {
                self.check_charge(wish, period, charge);
                sums.on_the_day += usize::from(charge.at / DAY == charge.start / DAY);
                earned[wish.creator] += charge.parts[0];
            }
            self.check_end(wish, account, &mut sums);
            sums.charges += account.charges.len();
            let (fan, deposited) = self.fans[index];
            assert_eq!(self.balance(fan).await, deposited - expected * wish.price, "{wish:?}");
        }
        for (creator, earned) in self.creators.iter().zip(earned) {
            assert_eq!(self.balance(*creator).await, earned);
        }
        sums
    }

    /// How many periods have begun by the last run, and are paid for.
    fn expected(&self, wish: &Wish) -> i64 {
        let last = *self.runs.last().unwrap();
        let begun = (1..).take_while(|period| wish.start_of(*period) <= last).count();
        let begun = 1 + i64::try_from(begun).unwrap();
        wish.periods_max().map_or(begun, |max| max.min(begun))
    }

    fn check_charge(&self, wish: &Wish, period: i64, charge: &Charge) {
        let (start, end) = (wish.start_of(period), wish.start_of(period + 1));
        assert_eq!((charge.period, charge.start, charge.end), (period, start, end), "{wish:?}");
        // By the first run that was not cut short: a run that was may have charged before it.
        let by = if period == 0 { start } else { self.first_run(start).unwrap() };
        assert!((start..by + NUDGE).contains(&charge.at), "{wish:?}: {charge:?} is not between {start} and {by}");
        let (platform, processor) = (wish.price / 4, wish.price / 20);
        assert_eq!(charge.parts, [wish.price - platform - processor, platform, processor], "{wish:?}");
    }

    fn check_end(&self, wish: &Wish, account: &Account, sums: &mut Sums) {
        let end = wish.ends_at(self.grace).and_then(|end| Some((end, self.first_run(end)?)));
        let Some((end, first)) = end else {
            assert_eq!((account.status.as_str(), account.ended_at.len()), ("active", 0), "{wish:?}");
            return;
        };
        // The job that ends subscriptions looks beside the one that charges. After days without a run a last charge may
        // be due still, which comes first: then the run after ends it, a minute later in a server that is up.
        let next = self.first_run(first + 1);
        if next.is_none() && account.status == "active" {
            return;
        }
        assert_eq!((account.status.as_str(), account.ended_at.len()), ("ended", 1), "{wish:?}");
        let (at, by) = (account.ended_at[0], next.unwrap_or(first));
        assert!((end..by + NUDGE).contains(&at), "{wish:?} was to end between {end} and {by}, and did at {at}");
        assert!(!matches!(wish.later, Later::Stays | Later::Wavers(_)));
        sums.ended += 1;
    }
}
