//! The history of a wallet: every line once, newest first, page by page, as its owner sees it.

use super::ledger::{deposit, transfer};
use super::{Fixture, START, databases, transaction_id, user_id};
use domain::id::UserId;
use domain::idempotency::{ExecutionDigest, KeyDigest};
use domain::money::Cents;
use domain::timestamp::{Span, Timestamp};
use domain::transaction::{Transaction, TransactionType};
use superapp::store::entries::{self, Line, Page};
use superapp::store::{StoreError, transactions};

const EVERYTHING: Page = Page { before: None, kind: None, status: None, from: None, to: None, limit: 100 };

fn at(second: i64) -> Timestamp {
    START.plus(Span::seconds(second))
}

async fn post(db: &Fixture, transaction: Transaction) {
    let digest = ExecutionDigest::of(
        transaction.user_id,
        KeyDigest([transaction.id.uuid().as_bytes()[15]; 32]),
        transaction.created_at,
    );
    db.write(move |work| {
        let posted = [(transaction.clone(), digest)];
        transactions::insert(work, &posted)?;
        entries::insert(work, &posted)
    })
    .await;
}

async fn history(db: &Fixture, user: UserId, page: Page) -> Vec<Line> {
    db.read(move |view| entries::history(view, user, &page)).await
}

#[tokio::test]
async fn both_sides_of_a_transfer_see_it_from_their_side() {
    for db in databases() {
        let (ann, bob) = (db.user(1).await, db.user(2).await);
        post(&db, transfer(1, ann, bob, 30, at(0))).await;
        let (seen_by_ann, seen_by_bob) = (history(&db, ann, EVERYTHING).await, history(&db, bob, EVERYTHING).await);
        assert_eq!((seen_by_ann.len(), seen_by_bob.len()), (1, 1));
        let (paid, received) = (&seen_by_ann[0], &seen_by_bob[0]);
        assert_eq!(
            (paid.tx_id, paid.kind, paid.status.as_str()),
            (transaction_id(1), TransactionType::Transfer, "completed")
        );
        assert_eq!((paid.amount, received.amount), (Cents::new(-30), Cents::new(30)));
        assert_eq!((paid.balance_after, received.balance_after), (Some(Cents::new(70)), Some(Cents::new(130))));
        assert_eq!((paid.counterparty_id, received.counterparty_id), (Some(bob), Some(ann)));
        assert_eq!(paid.counterparty_username.as_deref(), Some("User2"));
        assert_eq!((paid.note.as_deref(), paid.reference_id), (Some("a note"), None));
        assert_eq!(paid.created_at, at(0));
    }
}

#[tokio::test]
async fn a_deposit_comes_from_nobody_and_names_itself() {
    for db in databases() {
        let ann = db.user(1).await;
        post(&db, deposit(7, ann, 50, at(0))).await;
        let line = &history(&db, ann, EVERYTHING).await[0];
        assert_eq!((line.kind, line.amount), (TransactionType::Deposit, Cents::new(50)));
        assert_eq!((line.counterparty_id, line.counterparty_username.as_deref()), (None, None));
        assert_eq!(line.reference_id, Some(transaction_id(7).uuid()));
    }
}

#[tokio::test]
async fn one_line_is_found_by_those_who_took_part_and_by_nobody_else() {
    for db in databases() {
        let (ann, bob, eve) = (db.user(1).await, db.user(2).await, db.user(3).await);
        post(&db, transfer(1, ann, bob, 30, at(0))).await;
        for (user, seen) in [(ann, true), (bob, true), (eve, false), (user_id(9), false)] {
            let line = db.read(move |view| entries::find(view, user, transaction_id(1))).await;
            assert_eq!(line.is_some(), seen);
            assert_eq!(line, history(&db, user, EVERYTHING).await.into_iter().next());
        }
        assert_eq!(db.read(move |view| entries::find(view, ann, transaction_id(2))).await, None);
    }
}

#[tokio::test]
async fn pages_show_every_line_once_newest_first() {
    for db in databases() {
        let (ann, bob) = (db.user(1).await, db.user(2).await);
        for number in 1..=25_u32 {
            // Several in each second: the id decides among them.
            post(&db, transfer(number.into(), ann, bob, 1, at((number / 4).into()))).await;
        }
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let page = history(&db, ann, Page { before, limit: 10, ..EVERYTHING }).await;
            let Some(last) = page.last() else { break };
            assert!(page.len() <= 10);
            before = Some((last.created_at, last.tx_id));
            seen.extend(page.iter().map(|line| line.tx_id));
        }
        assert_eq!(seen, (1..=25).rev().map(transaction_id).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_history_is_filtered_by_type_status_and_time() {
    for db in databases() {
        let (ann, bob) = (db.user(1).await, db.user(2).await);
        post(&db, deposit(1, ann, 50, at(1))).await;
        post(&db, transfer(2, ann, bob, 5, at(2))).await;
        post(&db, transfer(3, bob, ann, 5, at(3))).await;
        let ids = async |page: Page| {
            history(&db, ann, page).await.iter().map(|line| line.tx_id.uuid().as_u128()).collect::<Vec<_>>()
        };
        assert_eq!(ids(EVERYTHING).await, [3, 2, 1]);
        assert_eq!(ids(Page { kind: Some(TransactionType::Transfer), ..EVERYTHING }).await, [3, 2]);
        assert_eq!(ids(Page { kind: Some(TransactionType::Gift), ..EVERYTHING }).await, [0; 0]);
        assert_eq!(ids(Page { status: Some("completed".to_owned()), ..EVERYTHING }).await, [3, 2, 1]);
        assert_eq!(ids(Page { status: Some("other".to_owned()), ..EVERYTHING }).await, [0; 0]);
        assert_eq!(ids(Page { from: Some(at(2)), ..EVERYTHING }).await, [3, 2], "the first moment is in it");
        assert_eq!(ids(Page { to: Some(at(2)), ..EVERYTHING }).await, [1], "the last one is not");
        assert_eq!(ids(Page { from: Some(at(2)), to: Some(at(3)), ..EVERYTHING }).await, [2]);
        assert_eq!(ids(Page { before: Some((at(3), transaction_id(3))), limit: 1, ..EVERYTHING }).await, [2]);
    }
}

#[tokio::test]
async fn an_entry_is_added_once() {
    for db in databases() {
        let (ann, bob) = (db.user(1).await, db.user(2).await);
        post(&db, transfer(1, ann, bob, 5, at(0))).await;
        let again = db
            .try_write(move |work| {
                entries::insert(work, &[(transfer(1, ann, bob, 5, at(0)), ExecutionDigest([0; 24]))])
            })
            .await;
        assert!(matches!(again, Err(StoreError::Lost(_))), "{again:?}");
    }
}
