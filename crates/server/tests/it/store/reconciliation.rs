//! Reconciliation: whatever is broken in a ledger is named by its own name, and a sound one is not accused.

mod corruptions;
mod trading;

use super::{Fixture, START, databases, open};
use crate::ledger::bank::{Bank, discrepancies};
use corruptions::{Corruption, MONEY, SALES, TALLIES, corrupt};
use domain::id::{TransactionId, WalletId};
use domain::idempotency::RETENTION;
use domain::reconciliation::Discrepancy;
use domain::timestamp::Span;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::path::Path;
use superapp::store::reconciliation::{CHECKS, Extent, balances, extent};
use superapp::store::{View, idempotency_keys};
use trading::{Trader, USERS, transfer};

/// The file of a ledger of some hundred transactions, closed, and the moment to look at it: transfers first, then
/// rounds of sales, which lie in two days if there are eleven of them.
async fn traded(db: Fixture, rounds: usize) -> Bank {
    let bank = Bank::open(db, USERS as u128).await;
    transfer(&bank, 300, &mut StdRng::seed_from_u64(1)).await;
    Trader::begin(&bank, 1).await.trade(rounds, Span::hours(2)).await;
    bank.assert_sound().await;
    bank.db.database.close().await;
    bank
}

/// Breaks a copy of the ledger in each of the ways, ten times in different places, and looks what it is called.
async fn assert_called_by_name(corruptions: &[Corruption], rounds: usize) {
    let db = Fixture::sqlite();
    let bank = traded(db, rounds).await;
    let now = bank.clock.now();
    let directory = tempfile::tempdir().unwrap();
    for corruption in corruptions {
        for pick in 0..10 {
            let copy = directory.path().join("copy.db");
            std::fs::copy(bank.db.path(), &copy).unwrap();
            corrupt(&copy, corruption, pick);
            let database = open(&copy.as_path().into());
            let found = database.read(move |view| discrepancies(view, now)).await.unwrap();
            database.close().await;
            assert_eq!(found, corruption.found, "{}, pick {pick}", corruption.what);
        }
    }
}

#[tokio::test]
async fn every_corruption_of_the_ledger_is_called_by_its_name() {
    assert_called_by_name(MONEY, 1).await;
}

#[tokio::test]
async fn every_corruption_of_sales_and_their_rows_is_called_by_its_name() {
    assert_called_by_name(SALES, 11).await;
}

#[tokio::test]
async fn every_corruption_of_sums_beside_the_ledger_is_called_by_its_name() {
    assert_called_by_name(TALLIES, 11).await;
}

#[test]
fn every_code_is_caused_by_some_corruption_on_its_own_where_that_is_possible() {
    let every = [MONEY, SALES, TALLIES].concat();
    for code in Discrepancy::CODES {
        let causes = every.iter().filter(|corruption| corruption.found.contains(code));
        let shortest = causes.map(|corruption| corruption.found.len()).min();
        // Balances that do not sum to zero are either not those of the entries, or the entries do not balance.
        assert_eq!(shortest, Some(if *code == "ledger_imbalance" { 2 } else { 1 }), "{code}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_named_with_its_place_and_its_figures() {
    let db = Fixture::sqlite();
    let bank = traded(db, 1).await;
    let now = bank.clock.now();
    let look = async |text: &str| {
        let directory = tempfile::tempdir().unwrap();
        let copy = directory.path().join("copy.db");
        std::fs::copy(bank.db.path(), &copy).unwrap();
        corruptions::run(&copy, text);
        let found = open(&copy.as_path().into()).read(move |view| every_discrepancy(view, now)).await;
        found.unwrap()
    };
    let (wallet, balance) = first_wallet(&bank.db.path());
    let raised =
        look("UPDATE wallets SET balance_cents = balance_cents + 5 WHERE id = (SELECT min(id) FROM wallets)").await;
    let expected = [
        Discrepancy::LedgerImbalance { sum: 5 },
        Discrepancy::BalanceMismatch { wallet_id: wallet, balance: balance + 5, entries: balance },
    ];
    assert_eq!(raised, expected);
    let (tx_id, amount) = first_transfer(&bank.db.path());
    let raised = look(
        "UPDATE transactions SET amount_cents = amount_cents + 5
            WHERE tx_id = (SELECT min(tx_id) FROM transactions WHERE type = 'transfer')",
    );
    assert_eq!(raised.await, [Discrepancy::AmountMismatch { tx_id, amount: amount + 5, credits: amount }]);
    let forgotten =
        look("DELETE FROM audit_logs WHERE tx_id = (SELECT min(tx_id) FROM transactions WHERE type = 'transfer')");
    assert_eq!(forgotten.await, [Discrepancy::TransactionWithoutAudit { tx_id }]);
}

fn every_discrepancy(
    view: &View<'_>,
    now: domain::timestamp::Timestamp,
) -> Result<Vec<Discrepancy>, superapp::store::StoreError> {
    let mut found = Vec::new();
    for (_, check) in CHECKS {
        found.extend(check(view, now)?);
    }
    Ok(found)
}

fn first_wallet(path: &Path) -> (WalletId, i64) {
    let connection = rusqlite::Connection::open(path).unwrap();
    let text = "SELECT id, balance_cents FROM wallets ORDER BY id LIMIT 1";
    connection.query_row(text, [], |row| Ok((WalletId::new(uuid(row, 0)), row.get(1)?))).unwrap()
}

fn first_transfer(path: &Path) -> (TransactionId, i64) {
    let connection = rusqlite::Connection::open(path).unwrap();
    let text = "SELECT tx_id, amount_cents FROM transactions WHERE type = 'transfer' ORDER BY tx_id LIMIT 1";
    connection.query_row(text, [], |row| Ok((TransactionId::new(uuid(row, 0)), row.get(1)?))).unwrap()
}

fn uuid(row: &rusqlite::Row<'_>, column: usize) -> uuid::Uuid {
    uuid::Uuid::from_slice(&row.get::<_, Vec<u8>>(column).unwrap()).unwrap()
}

#[tokio::test]
async fn ten_thousand_sound_transactions_are_not_accused() {
    for db in databases() {
        let bank = Bank::open(db, USERS as u128).await;
        transfer(&bank, 11_500, &mut StdRng::seed_from_u64(2)).await;
        bank.assert_sound().await;
        let Extent { wallets, transactions, entries } = bank.db.read(extent).await;
        assert!(transactions >= 10_000, "{transactions}");
        assert_eq!((wallets, entries), (i64::try_from(USERS).unwrap() + 5, 2 * transactions));
    }
}

#[tokio::test]
async fn ten_thousand_sound_sales_refunds_and_payouts_over_two_years_are_not_accused() {
    for db in databases() {
        let bank = Bank::open(db, USERS as u128).await;
        let mut trader = Trader::begin(&bank, 3).await;
        for _ in 0..12 {
            trader.trade(10, Span::hours(149)).await;
            bank.assert_sound().await;
        }
        let mut counted = Vec::new();
        for kind in ["unlock", "subscription", "gift", "refund", "payout", "transfer"] {
            counted.push(bank.count(kind).await);
        }
        assert!(counted.iter().all(|count| *count > 200) && counted.iter().sum::<i64>() >= 10_000, "{counted:?}");
        for (what, text) in [
            ("debts", "SELECT COUNT(*) FROM refunds WHERE debt_cents > 0"),
            ("renewals", "SELECT COUNT(*) FROM subscription_periods WHERE period > 0"),
            ("revoked subscriptions", "SELECT COUNT(*) FROM subscriptions WHERE status = 'revoked'"),
            ("rejected payouts", "SELECT COUNT(*) FROM payouts WHERE status = 'rejected'"),
            (
                "payouts that repaid a debt",
                "SELECT COUNT(*) FROM payouts p JOIN wallets w ON w.user_id = p.creator_id AND w.kind = 'debt'
                    JOIN entries e ON e.wallet_id = w.id AND e.tx_id = p.decision_tx_id",
            ),
            ("lines of a month", "SELECT COUNT(*) FROM leaderboards WHERE period = 'month'"),
        ] {
            let number = bank.number(text).await;
            assert!(number > 10, "{number} are too few {what}");
        }
    }
}

#[tokio::test]
async fn an_empty_ledger_is_sound() {
    for db in databases() {
        assert_eq!(db.read(|view| discrepancies(view, START)).await, [""; 0]);
        assert_eq!(db.read(extent).await, Extent::default());
        assert!(db.read(balances).await.iter().all(|(_, cents)| *cents == 0));
    }
}

#[test]
fn every_code_has_its_check_and_its_place_in_the_report() {
    let codes: Vec<_> = CHECKS.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, Discrepancy::CODES);
}

#[tokio::test]
async fn balances_are_summed_by_kind_of_wallet() {
    for db in databases() {
        let bank = Bank::open(db, 2).await;
        bank.execute("one", vec![bank.deposit(0, 100)]).await;
        bank.execute("two", vec![bank.deposit(1, 20)]).await;
        let sums = bank.db.read(balances).await;
        let of = |kind| sums.iter().find(|(found, _)| *found == kind).unwrap().1;
        assert_eq!((of("user"), of("clearing"), of("debt")), (120, -120, 0));
    }
}

#[tokio::test]
async fn keys_that_were_swept_are_not_missed() {
    for db in databases() {
        let bank = Bank::open(db, 2).await;
        bank.execute("in", vec![bank.deposit(0, 100)]).await;
        let end = START.plus(RETENTION);
        assert_eq!(bank.db.write(move |work| idempotency_keys::sweep(work, end, 10)).await, 1);
        // The one who looks may have asked for the time a little before the one who swept.
        for look in [end, end.minus(Span::MICROSECOND), end.minus(Span::seconds(5)), end.plus(Span::days(1))] {
            assert_eq!(bank.discrepancies(look).await, [""; 0]);
        }
        assert_eq!(bank.discrepancies(START.plus(Span::hours(23))).await, ["transaction_without_record"]);
    }
}
