//! Earnings: the sums of a creator's days, within bounds that are days themselves, and what they owe.

use super::{START, databases};
use crate::ledger::bank::Bank;
use domain::calendar::day_start;
use domain::money::Cents;
use domain::sale::Source;
use domain::timestamp::{Span, Timestamp};
use superapp::store::earnings::{self, Day, Sums};

const EVER: (Timestamp, Timestamp) = (Timestamp::from_micros(i64::MIN), Timestamp::from_micros(i64::MAX));

fn sums(sales: i64, earned: i64, refunded: i64) -> Sums {
    Sums { sales, earned: Cents::new(earned), refunded: Cents::new(refunded) }
}

/// Two days of one creator: an unlock and two gifts, of which one is given back the next day, and a period.
async fn two_days(bank: &Bank) {
    bank.execute("in", vec![bank.deposit(0, 10_000)]).await;
    let item = bank.content(7, 1, 1_000).await;
    bank.plan(1, 100).await;
    let sold = bank.told("first-day", vec![bank.unlock(0, 1, item), bank.gift(0, 1, 4), bank.gift(0, 1, 1)]).await;
    bank.execute("for-another", vec![bank.gift(0, 2, 1)]).await;
    // All that was earned, so that the refund finds nothing.
    bank.execute("spent", vec![bank.transfer(1, 0, 1_225)]).await;
    bank.advance(Span::days(1));
    let back = bank.refund(0, 1, sold[1].clone().unwrap(), None);
    assert!(bank.told("second-day", vec![back, bank.subscribe(0, 1)]).await.iter().all(Result::is_ok));
    bank.assert_sound().await;
}

#[tokio::test]
async fn totals_are_those_of_the_days_within_the_bounds() {
    for db in databases() {
        let bank = Bank::open(db, 3).await;
        two_days(&bank).await;
        let creator = bank.users[1];
        let totals = async |(from, to): (Timestamp, Timestamp)| {
            bank.db.read(move |view| earnings::totals(view, creator, from, to)).await
        };
        let (unlock, gift) = ((Source::Unlock, sums(1, 800, 0)), |refunded| (Source::Gift, sums(2, 425, refunded)));
        assert_eq!(totals(EVER).await, [gift(340), (Source::Subscription, sums(1, 70, 0)), unlock]);
        let second = day_start(START).plus(Span::days(1));
        assert_eq!(totals((EVER.0, second)).await, [gift(0), unlock], "the end is not in it");
        let later = [(Source::Gift, sums(0, 0, 340)), (Source::Subscription, sums(1, 70, 0))];
        assert_eq!(totals((second, EVER.1)).await, later, "the beginning is");
        assert_eq!(totals((second.plus(Span::MICROSECOND), EVER.1)).await, []);
        let fan = bank.users[0];
        assert_eq!(bank.db.read(move |view| earnings::totals(view, fan, EVER.0, EVER.1)).await, []);
    }
}

#[tokio::test]
async fn days_are_listed_oldest_first_with_what_moved_on_them() {
    for db in databases() {
        let bank = Bank::open(db, 3).await;
        two_days(&bank).await;
        let (creator, first) = (bank.users[1], day_start(START));
        let second = first.plus(Span::days(1));
        let day = |start, source, sums| Day { start, source, sums };
        let expected = [
            day(first, Source::Gift, sums(2, 425, 0)),
            day(first, Source::Unlock, sums(1, 800, 0)),
            day(second, Source::Gift, sums(0, 0, 340)),
            day(second, Source::Subscription, sums(1, 70, 0)),
        ];
        let days = async |from, to| bank.db.read(move |view| earnings::days(view, creator, from, to)).await;
        assert_eq!(days(EVER.0, EVER.1).await, expected);
        assert_eq!(days(first, second).await, expected[..2]);
        assert_eq!(days(second, second.plus(Span::MICROSECOND)).await, expected[2..]);
    }
}

#[tokio::test]
async fn a_debt_is_what_refunds_took_and_later_sales_have_not_repaid() {
    for db in databases() {
        let bank = Bank::open(db, 3).await;
        two_days(&bank).await;
        let owed = async |user: usize| {
            let user = bank.users[user];
            bank.db.read(move |view| earnings::debt(view, user)).await
        };
        // 340 were given back with nothing there, and the period repaid 70 of them.
        assert_eq!((owed(0).await, owed(1).await, owed(2).await), (Cents::ZERO, Cents::new(270), Cents::ZERO));
    }
}
