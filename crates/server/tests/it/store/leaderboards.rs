//! Leaderboards: the right lines in the right order, read as one range of one index.

use super::{Fixture, START, databases, user_id};
use crate::ledger::bank::Bank;
use domain::gift::BoardPeriod;
use domain::id::UserId;
use domain::money::Cents;
use domain::timestamp::{Span, Timestamp};
use superapp::store::leaderboards::{self, Line, TOP};

const FANS: [usize; 4] = [0, 1, 2, 3];
const CREATOR: usize = 4;
const OTHER: usize = 5;

async fn bank(db: super::Fixture) -> Bank {
    let bank = Bank::open(db, 6).await;
    bank.execute("in", FANS.iter().map(|fan| bank.deposit(*fan, 10_000)).collect()).await;
    bank
}

async fn top(bank: &Bank, creator: Option<usize>, period: BoardPeriod, at: Timestamp, limit: i64) -> Vec<Line> {
    let creator: Option<UserId> = creator.map(|creator| bank.users[creator]);
    bank.db.read(move |view| leaderboards::top(view, creator, period, period.start(at), limit)).await
}

/// Who stands where, and with how much.
fn places(bank: &Bank, lines: &[Line]) -> Vec<(usize, i64, i64)> {
    let place = |id| bank.users.iter().position(|user| *user == id).unwrap();
    lines.iter().map(|line| (place(line.sender_id), line.total.get(), line.gifts)).collect()
}

#[tokio::test]
async fn the_largest_total_stands_first_and_of_equals_the_one_that_was_reached_first() {
    for db in databases() {
        let bank = bank(db).await;
        // Both of two get to 300, the one with the larger id before the other.
        for (number, (fan, quantity)) in [(2, 1), (1, 1), (2, 2), (1, 2), (0, 5), (3, 1)].into_iter().enumerate() {
            bank.execute(&format!("gift-{number}"), vec![bank.gift(fan, CREATOR, quantity)]).await;
            bank.advance(Span::seconds(1));
        }
        bank.execute("elsewhere", vec![bank.gift(3, OTHER, 9)]).await;
        let lines = top(&bank, Some(CREATOR), BoardPeriod::All, START, 100).await;
        assert_eq!(places(&bank, &lines), [(0, 500, 5), (2, 300, 3), (1, 300, 3), (3, 100, 1)]);
        assert_eq!(lines[0].username.as_deref(), Some("User1"));
        assert_eq!(lines[0].total, Cents::new(500));
        let lines = top(&bank, Some(CREATOR), BoardPeriod::All, START, 2).await;
        assert_eq!(places(&bank, &lines), [(0, 500, 5), (2, 300, 3)]);
        let over_all = top(&bank, None, BoardPeriod::All, START, 100).await;
        assert_eq!(places(&bank, &over_all), [(3, 1_000, 10), (0, 500, 5), (2, 300, 3), (1, 300, 3)]);
        assert_eq!(top(&bank, Some(0), BoardPeriod::All, START, 100).await, []);
        let nobody = user_id(99);
        let none = bank.db.read(move |view| leaderboards::top(view, Some(nobody), BoardPeriod::Day, START, 9)).await;
        assert_eq!(none, []);
    }
}

#[tokio::test]
async fn what_was_given_back_in_full_leaves_the_board() {
    for db in databases() {
        let bank = bank(db).await;
        let (first, second) = (bank.gift(0, CREATOR, 3), bank.gift(1, CREATOR, 2));
        let sold = bank.told("gifts", vec![first, second]).await;
        let back = bank.refund(0, CREATOR, sold[0].clone().unwrap(), Some(150));
        assert!(bank.tell("part", back).await.is_ok());
        let lines = top(&bank, Some(CREATOR), BoardPeriod::Month, START, 100).await;
        assert_eq!(places(&bank, &lines), [(1, 200, 2), (0, 150, 3)]);
        let back = bank.refund(0, CREATOR, sold[0].clone().unwrap(), None);
        assert!(bank.tell("rest", back).await.is_ok());
        for period in BoardPeriod::ALL {
            for creator in [Some(CREATOR), None] {
                assert_eq!(places(&bank, &top(&bank, creator, *period, START, 100).await), [(1, 200, 2)]);
            }
        }
        bank.assert_sound().await;
    }
}

#[tokio::test]
async fn each_period_has_a_board_of_its_own() {
    for db in databases() {
        let bank = bank(db).await;
        // A Wednesday, the next Monday, and the first of the next month.
        for (fan, days) in [(0, 5), (1, 9), (2, 0)] {
            bank.execute(&format!("gift-{fan}"), vec![bank.gift(fan, CREATOR, 1)]).await;
            bank.advance(Span::days(days));
        }
        let now = bank.clock.now();
        for (period, at, fans) in [
            (BoardPeriod::Day, START, vec![0]),
            (BoardPeriod::Day, now, vec![2]),
            (BoardPeriod::Week, START, vec![0]),
            (BoardPeriod::Week, START.plus(Span::days(5)), vec![1]),
            (BoardPeriod::Month, START, vec![0, 1]),
            (BoardPeriod::Month, now, vec![2]),
            (BoardPeriod::All, now, vec![0, 1, 2]),
        ] {
            let lines = top(&bank, Some(CREATOR), period, at, 100).await;
            let seen: Vec<_> = places(&bank, &lines).iter().map(|(fan, _, _)| *fan).collect();
            assert_eq!(seen, fans, "{period:?}");
        }
    }
}

#[tokio::test]
async fn the_top_of_a_board_is_read_without_a_scan_or_a_sort() {
    let db = Fixture::sqlite();
    let connection = db.sqlite_connection();
    let text = format!("EXPLAIN QUERY PLAN {}", TOP.replace('$', "?"));
    let mut statement = connection.prepare(&text).unwrap();
    let rows = statement.query_map((1, 2, 3, 4), |row| row.get::<_, String>(3)).unwrap();
    let steps: Vec<String> = rows.collect::<Result<_, _>>().unwrap();
    assert!(steps[0].starts_with("SEARCH l USING INDEX leaderboards_rank"), "{steps:?}");
    assert!(!steps.iter().any(|step| step.contains("SCAN") || step.contains("TEMP B-TREE")), "{steps:?}");
    // Nothing is computed for lines that are not shown: the order is that of the index.
    assert_eq!(steps.len(), 2, "{steps:?}");
}
