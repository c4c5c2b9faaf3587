//! The rows of a batch: loaded as they are, saved whole or not at all, and the same book on every database.

use super::{START, databases, transaction_id, uuid};
use crate::ledger::bank::{Bank, render};
use domain::book::{Book, Changes, WalletChange};
use domain::command::{Command, Deposit, Needs};
use domain::decide;
use domain::id::{DepositId, UserId, WalletId};
use domain::idempotency::{ExecutionDigest, KeyDigest};
use domain::money::{Amount, Cents};
use domain::receipt::{Act, DepositRow, DepositStatus};
use domain::text::Note;
use domain::timestamp::{Span, Timestamp};
use domain::transaction::{Entry, Transaction};
use domain::user::AccountStatus;
use domain::wallet::{Provider, SystemWallet, WalletStatus};
use superapp::ledger::Submission;
use superapp::store::{StoreError, Work, deposits, ledger, transactions, wallets};

fn entry(user: UserId, cents: i64) -> Entry {
    let balance_after = Some(Cents::new(100 + cents));
    Entry { wallet_id: WalletId::of_user(user), amount: Cents::new(cents), balance_after, user_id: Some(user) }
}

/// A transfer between two users who had 100 cents each.
pub fn transfer(number: u128, from: UserId, to: UserId, cents: i64, at: Timestamp) -> Transaction {
    Transaction {
        id: transaction_id(number),
        user_id: from,
        payer_id: Some(from),
        payee_id: Some(to),
        amount: Amount::new(cents).unwrap(),
        act: Act::Transfer { note: Note::parse("a note").unwrap() },
        split: None,
        reverses: None,
        entries: vec![entry(from, -cents), entry(to, cents)],
        created_at: at,
    }
}

/// A deposit by a user who had 100 cents.
pub fn deposit(number: u128, user: UserId, cents: i64, at: Timestamp) -> Transaction {
    let clearing = SystemWallet::Clearing(Provider::sandbox()).id();
    let debit = Entry { wallet_id: clearing, amount: Cents::new(-cents), balance_after: None, user_id: None };
    Transaction {
        id: transaction_id(number),
        user_id: user,
        payer_id: None,
        payee_id: Some(user),
        amount: Amount::new(cents).unwrap(),
        act: Act::Deposit(deposit_row(number)),
        split: None,
        reverses: None,
        entries: vec![debit, entry(user, cents)],
        created_at: at,
    }
}

fn deposit_row(number: u128) -> DepositRow {
    DepositRow {
        id: DepositId::new(uuid(number)),
        provider: Provider::sandbox(),
        provider_tx_id: Some(format!("payment {number}")),
        status: DepositStatus::Completed,
        was: None,
    }
}

fn execution(transaction: &Transaction) -> ExecutionDigest {
    ExecutionDigest::of(transaction.user_id, KeyDigest([0; 32]), transaction.created_at)
}

#[tokio::test]
async fn a_transaction_is_added_once_and_so_are_its_execution_and_its_payment() {
    for db in databases() {
        let ann = db.user(1).await;
        let first = deposit(1, ann, 5, START);
        let digest = execution(&first);
        let insert = |transaction: Transaction, digest| {
            db.try_write(move |work| transactions::insert(work, &[(transaction.clone(), digest)]))
        };
        insert(first.clone(), digest).await.unwrap();
        let found = db.read(|view| transactions::execution(view, transaction_id(1))).await.unwrap();
        assert!(found.is_of(ann, KeyDigest([0; 32])));
        assert!(!found.is_of(ann, KeyDigest([1; 32])) && !found.is_of(crate::store::user_id(2), KeyDigest([0; 32])));
        let other = ExecutionDigest([9; 24]);
        let same_payment = Transaction { id: transaction_id(2), ..first.clone() };
        let same_execution = deposit(3, ann, 5, START);
        for (again, digest) in [(first, other), (same_payment, other), (same_execution, digest)] {
            let result = insert(again, digest).await;
            assert!(matches!(result, Err(StoreError::Lost(_))), "{result:?}");
        }
        insert(deposit(4, ann, 5, START), other).await.unwrap();
    }
}

#[tokio::test]
async fn a_deposit_is_kept_with_the_transaction_that_completed_it() {
    for db in databases() {
        let ann = db.user(1).await;
        let insert = move |work: &mut Work<'_>| deposits::insert(work, &deposit(1, ann, 5, START), &deposit_row(1));
        db.write(insert).await;
        let text = "SELECT user_id, amount_cents, provider, provider_tx_id, status, tx_id, created_at, completed_at
            FROM deposits WHERE id = $1";
        let read = move |view: &superapp::store::View<'_>| {
            view.query_opt(text, &[uuid(1).into()], |row| {
                assert_eq!((row.get::<UserId>(0)?, row.get::<i64>(1)?), (ann, 5));
                let words = [row.get::<String>(2)?, row.get(3)?, row.get(4)?];
                assert_eq!(words, ["sandbox", "payment 1", "completed"]);
                assert_eq!(row.get::<uuid::Uuid>(5)?, uuid(1));
                Ok([row.get::<i64>(6)?, row.get(7)?])
            })
        };
        assert_eq!(db.read(read).await, Some([START.as_micros(); 2]));
        assert!(matches!(db.try_write(insert).await, Err(StoreError::Lost(_))));
    }
}

/// Loads, decides and leaves the changes to the caller.
fn decide(work: &mut Work<'_>, submissions: &[Submission], now: Timestamp) -> Result<Changes, StoreError> {
    let mut needs = Needs::default();
    submissions.iter().for_each(|submission| submission.request.needs(&mut needs));
    let mut book = ledger::load(work, &needs)?;
    for submission in submissions {
        decide::answer(&mut book, &submission.request, now, &render);
    }
    Ok(book.changes())
}

async fn book_of(bank: &Bank, submission: &Submission) -> Book {
    let mut needs = Needs::default();
    submission.request.needs(&mut needs);
    bank.db.write(move |work| ledger::load(work, &needs)).await
}

#[tokio::test]
async fn a_book_holds_the_wallets_and_the_records_that_were_asked_for() {
    for db in databases() {
        let bank = Bank::open(db, 3).await;
        bank.execute("first", vec![bank.deposit(0, 500)]).await;
        let submission = bank.submission("first-0", bank.deposit(0, 500));
        let book = book_of(&bank, &submission).await;
        let wallet = book.wallet(bank.users[0]).unwrap();
        assert_eq!((wallet.balance, wallet.last_transaction_at), (Cents::new(500), Some(START)));
        assert_eq!((wallet.status, wallet.account_status), (WalletStatus::Active, AccountStatus::Active));
        assert_eq!(book.record(bank.users[0], submission.request.key.digest).unwrap().response.status, 201);
        assert!(book.wallet(bank.users[1]).is_none(), "nobody asked for it");
        let book = book_of(&bank, &bank.submission("other", bank.transfer(1, 2, 1))).await;
        assert_eq!(book.wallet(bank.users[1]).unwrap().balance, Cents::ZERO);
        assert_eq!(book.wallet(bank.users[2]).unwrap().last_transaction_at, None);
    }
}

#[tokio::test]
async fn a_book_knows_who_is_stopped() {
    for db in databases() {
        let bank = Bank::open(db, 2).await;
        bank.db
            .write(|work| {
                work.execute("UPDATE users SET account_status = 'suspended' WHERE id = $1", &[uuid(1).into()])?;
                work.execute("UPDATE wallets SET status = 'frozen' WHERE id = $1", &[uuid(2).into()])
            })
            .await;
        let book = book_of(&bank, &bank.submission("key", bank.transfer(0, 1, 1))).await;
        assert_eq!(book.wallet(bank.users[0]).unwrap().account_status, AccountStatus::Suspended);
        assert_eq!(book.wallet(bank.users[1]).unwrap().status, WalletStatus::Frozen);
    }
}

#[tokio::test]
async fn a_batch_is_saved_whole() {
    for db in databases() {
        let bank = Bank::open(db, 2).await;
        let submissions = vec![
            bank.submission("in", bank.deposit(0, 100)),
            bank.submission("over", bank.transfer(0, 1, 30)),
            bank.submission("too-much", bank.transfer(0, 1, 1_000)),
        ];
        bank.db
            .write(move |work| {
                let changes = decide(work, &submissions, START)?;
                ledger::save(work, &changes)
            })
            .await;
        bank.assert_sound().await;
        let counts = bank
            .db
            .read(|view| {
                let text = "SELECT (SELECT COUNT(*) FROM transactions), (SELECT COUNT(*) FROM entries), \
                    (SELECT COUNT(*) FROM deposits), (SELECT COUNT(*) FROM audit_logs), \
                    (SELECT COUNT(*) FROM idempotency_keys)";
                view.query_opt(text, &[], |row| {
                    (0..5).map(|column| row.get::<i64>(column)).collect::<Result<Vec<_>, _>>()
                })
            })
            .await;
        assert_eq!(counts, Some(vec![2, 4, 1, 2, 3]));
        for (user, cents) in [(bank.users[0], 70), (bank.users[1], 30)] {
            let wallet = bank.db.find(wallets::find_by_user(user)).await.unwrap();
            assert_eq!(wallet.balance, Cents::new(cents));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_whose_key_was_used_in_between_is_not_saved_at_all() {
    for db in databases() {
        let bank = Bank::open(db, 2).await;
        let submissions =
            vec![bank.submission("key", bank.deposit(0, 100)), bank.submission("free", bank.deposit(1, 1))];
        let decided = submissions.clone();
        let changes = bank.db.write(move |work| decide(work, &decided, START)).await;
        let winner = vec![bank.submission("key", bank.deposit(0, 100))];
        bank.db
            .write(move |work| {
                let changes = decide(work, &winner, START)?;
                ledger::save(work, &changes)
            })
            .await;
        let result = bank.db.try_write(move |work| ledger::save(work, &changes)).await;
        assert!(matches!(result, Err(StoreError::Lost(_))), "{result:?}");
        assert_eq!(bank.count("deposit").await, 1);
        bank.assert_sound().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_whose_payment_was_credited_to_somebody_else_in_between_is_not_saved_at_all() {
    for db in databases() {
        let bank = Bank::open(db, 2).await;
        let paid = |user| {
            let Command::Deposit(deposit) = bank.deposit(user, 100) else { panic!("another command") };
            Command::Deposit(Deposit { provider_tx_id: Some("pay_1".to_owned()), ..deposit })
        };
        let late = vec![bank.submission("late", paid(0)), bank.submission("free", bank.deposit(0, 1))];
        let changes = bank.db.write(move |work| decide(work, &late, START)).await;
        bank.execute("early", vec![paid(1)]).await;
        let result = bank.db.try_write(move |work| ledger::save(work, &changes)).await;
        assert!(matches!(result, Err(StoreError::Lost(_))), "{result:?}");
        assert_eq!(bank.count("deposit").await, 1);
        bank.assert_sound().await;
    }
}

#[tokio::test]
async fn a_batch_for_a_wallet_that_does_not_exist_is_not_saved_at_all() {
    for db in databases() {
        let bank = Bank::open(db, 1).await;
        let submissions = vec![bank.submission("key", bank.deposit(0, 100))];
        let result = bank.db.try_write(move |work| {
            let mut changes = decide(work, &submissions, START)?;
            let id = SystemWallet::Clearing(Provider::parse("unknown").unwrap()).id();
            changes.system_wallets.push(WalletChange { id, delta: Cents::ZERO, last_transaction_at: START });
            ledger::save(work, &changes)
        });
        assert!(matches!(result.await, Err(StoreError::Broken(_))));
        assert_eq!(bank.count("deposit").await, 0);
        bank.assert_sound().await;
    }
}

#[tokio::test]
async fn system_wallets_take_the_net_change_of_a_batch() {
    for db in databases() {
        let bank = Bank::open(db, 2).await;
        let mut last = START;
        for round in 1..=3 {
            bank.execute(&format!("round-{round}"), vec![bank.deposit(0, 10), bank.deposit(1, 10)]).await;
            let id = SystemWallet::Clearing(Provider::sandbox()).id();
            let text = "SELECT balance_cents, last_transaction_at FROM wallets WHERE id = $1";
            let read = move |view: &superapp::store::View<'_>| {
                view.query_opt(text, &[id.into()], |row| Ok((row.get::<i64>(0)?, row.get::<Timestamp>(1)?)))
            };
            // The clock stands still, and each wallet's history has one order all the same.
            assert_eq!(bank.db.read(read).await, Some((-20 * round, last)));
            last = last.plus(Span::MICROSECOND);
        }
    }
}
