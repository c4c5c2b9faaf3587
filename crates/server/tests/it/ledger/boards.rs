//! Leaderboards under load: many fans at once, and the board is what the gifts make it, to the cent.

use super::bank::Bank;
use crate::store::databases;
use domain::command::Command;
use domain::gift::BoardPeriod;
use domain::id::{TransactionId, UserId};
use domain::timestamp::Timestamp;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use superapp::ledger::Ledger;
use superapp::store::leaderboards::{self, Line};

const FANS: usize = 40;
const CREATOR: usize = FANS;

/// Puts all of them through the door at once, on real threads.
async fn at_once(bank: &Bank, ledger: &Ledger, label: &str, commands: Vec<Command>) {
    let mut running = Vec::with_capacity(commands.len());
    for (index, command) in commands.into_iter().enumerate() {
        let submission = bank.submission(&format!("{label}-{index}"), command);
        let ledger = ledger.clone();
        running.push(tokio::spawn(async move { ledger.execute(submission, Box::new(())).await }));
    }
    for answer in running {
        answer.await.unwrap().unwrap();
    }
}

/// The board that the rows of the gifts make.
async fn recomputed(bank: &Bank) -> Vec<(UserId, i64, i64)> {
    let text = "SELECT sender_id, amount_cents - refunded_cents,
        CASE WHEN refunded_cents < amount_cents THEN quantity ELSE 0 END, created_at FROM gifts";
    let read = |row: &superapp::store::Row<'_>| {
        Ok((row.get::<UserId>(0)?, row.get::<i64>(1)?, row.get::<i64>(2)?, row.get::<Timestamp>(3)?))
    };
    let mut board: BTreeMap<UserId, (i64, i64, Timestamp)> = BTreeMap::new();
    for (sender, cents, gifts, at) in bank.db.read(move |view| view.query(text, &[], read)).await {
        let line = board.entry(sender).or_default();
        *line = (line.0 + cents, line.1 + gifts, line.2.max(at));
    }
    let mut lines: Vec<_> = board.into_iter().filter(|(_, (cents, _, _))| *cents > 0).collect();
    lines.sort_by_key(|(sender, (cents, _, at))| (Reverse(*cents), *at, *sender));
    lines.into_iter().map(|(sender, (cents, gifts, _))| (sender, cents, gifts)).collect()
}

async fn assert_boards(bank: &Bank) {
    let expected = recomputed(bank).await;
    let now = bank.clock.now();
    for creator in [Some(bank.users[CREATOR]), None] {
        for period in BoardPeriod::ALL {
            let start = period.start(now);
            let read = move |view: &superapp::store::View<'_>| leaderboards::top(view, creator, *period, start, 100);
            let shown = bank.db.read(read).await;
            let shown: Vec<_> =
                shown.iter().map(|Line { sender_id, total, gifts, .. }| (*sender_id, total.get(), *gifts)).collect();
            assert_eq!(shown, expected, "{period:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_thousand_gifts_at_once_make_the_board_that_their_rows_make() {
    for db in databases() {
        let bank = Bank::open(db, FANS as u128 + 1).await;
        bank.execute("in", (0..FANS).map(|fan| bank.deposit(fan, 100_000)).collect()).await;
        let (ledger, _writer) = bank.ledger();
        // Fifty from each; every fan of ten gives as much as three others do, so that there are ties.
        let quantity = |fan: usize| i64::try_from(fan % 10 + 1).unwrap();
        let gifts = (0..50 * FANS).map(|index| bank.gift(index % FANS, CREATOR, quantity(index % FANS)));
        at_once(&bank, &ledger, "gift", gifts.collect()).await;
        assert_eq!(bank.count("gift").await, 2_000);
        // 85 % of 100 cents each is a whole number.
        let given: i64 = (0..FANS).map(|fan| 50 * 100 * quantity(fan)).sum();
        let mut balances: Vec<i64> = (0..FANS).map(|fan| 100_000 - 50 * 100 * quantity(fan)).collect();
        balances.push(given / 100 * 85);
        assert_eq!(bank.balances().await, balances);
        assert_boards(&bank).await;
        bank.assert_sound().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn gifts_and_their_refunds_at_once_leave_the_board_that_their_rows_make() {
    for db in databases() {
        let bank = Bank::open(db, FANS as u128 + 1).await;
        bank.execute("in", (0..FANS).map(|fan| bank.deposit(fan, 100_000)).collect()).await;
        let (ledger, _writer) = bank.ledger();
        let first = (0..200).map(|index| bank.gift(index % FANS, CREATOR, 2)).collect();
        let sold: Vec<TransactionId> = bank.told("first", first).await.into_iter().map(Result::unwrap).collect();
        let back = |(index, sold): (usize, &TransactionId)| {
            let cents = (index % 3 == 0).then_some(70);
            bank.refund(index % FANS, CREATOR, *sold, cents)
        };
        let refunds = sold.iter().enumerate().map(back);
        let gifts = (0..300).map(|index| bank.gift(index % FANS, CREATOR, 1));
        at_once(&bank, &ledger, "both", refunds.chain(gifts).collect()).await;
        assert_eq!((bank.count("gift").await, bank.count("refund").await), (500, 200));
        assert_boards(&bank).await;
        bank.assert_sound().await;
    }
}
