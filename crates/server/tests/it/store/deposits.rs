//! Deposits: asked for, listed, decided, and completed once.

use super::ledger::deposit;
use super::{START, databases, transaction_id, user_id, uuid};
use domain::id::{DepositId, UserId};
use domain::money::Amount;
use domain::receipt::{Act, DepositAsked, DepositRow, DepositStatus};
use domain::timestamp::Span;
use domain::wallet::Provider;
use superapp::store::deposits::{Deposit, Page};
use superapp::store::{StoreError, Work, deposits};

#[tokio::test]
async fn a_pending_deposit_is_completed_once() {
    for db in databases() {
        let ann = db.user(1).await;
        let completing = deposit(5, ann, 7, START);
        let Act::Deposit(row) = completing.act.clone() else { panic!("a deposit") };
        let row = DepositRow { was: Some(DepositStatus::Pending), ..row };
        let id: DepositId = row.id;
        let text = "INSERT INTO deposits (id, user_id, amount_cents, provider, status, created_at)
            VALUES ($1, $2, 9, 'sandbox', 'pending', $3)";
        db.write(move |work| work.execute_one(text, &[id.into(), ann.into(), START.into()])).await;
        let complete = move |work: &mut Work<'_>| deposits::complete(work, &completing, &row);
        db.write(complete.clone()).await;
        assert!(matches!(db.try_write(complete).await, Err(StoreError::Broken(_))));
        let credited = db.read(move |view| deposits::find(view, id)).await.unwrap().asked.amount;
        assert_eq!(credited, Amount::new(7).unwrap(), "what was credited, and not what was asked for");
        let text = "SELECT status, tx_id, provider_tx_id FROM deposits";
        let read = |row: &superapp::store::Row<'_>| Ok((row.get::<String>(0)?, row.get(1)?, row.get::<String>(2)?));
        let found = db.read(move |view| view.query(text, &[], read)).await;
        assert_eq!(found, [("completed".to_owned(), transaction_id(5), "payment 5".to_owned())]);
    }
}

fn asked(number: u128, user: UserId) -> DepositAsked {
    DepositAsked {
        id: DepositId::new(uuid(number)),
        user_id: user,
        amount: Amount::new(7).unwrap(),
        provider: Provider::parse("acme").unwrap(),
        provider_tx_id: None,
        status: DepositStatus::Pending,
    }
}

#[tokio::test]
async fn a_deposit_that_is_asked_for_waits_and_is_counted_and_listed_to_its_owner() {
    for db in databases() {
        let (ann, bob) = (user_id(1), user_id(2));
        for (number, user, seconds) in [(1, ann, 1), (2, ann, 1), (3, ann, 2), (4, bob, 3)] {
            let at = START.plus(Span::seconds(seconds));
            db.write(move |work| deposits::insert_pending(work, &asked(number, user), at)).await;
        }
        let found = db.read(|view| deposits::find(view, DepositId::new(uuid(3)))).await;
        let expected = Deposit { asked: asked(3, ann), tx_id: None, created_at: START.plus(Span::seconds(2)) };
        assert_eq!(found, Some(expected));
        assert_eq!(db.read(|view| deposits::find(view, DepositId::new(uuid(9)))).await, None);
        let counts = db
            .read(move |view| {
                Ok((deposits::count_pending(view, ann, START)?, deposits::count_pending(view, bob, START)?))
            })
            .await;
        assert_eq!(counts, (3, 1));
        let after = START.plus(Span::seconds(1));
        assert_eq!(db.read(move |view| deposits::count_pending(view, ann, after)).await, 1, "the older ones lapsed");
        let from = Some((START.plus(Span::seconds(1)), DepositId::new(uuid(2))));
        for (before, limit, expected) in [(None, 10, vec![3, 2, 1]), (None, 1, vec![3]), (from, 10, vec![1])] {
            let rows = db.read(move |view| deposits::list(view, ann, Page { before, limit })).await;
            let numbers: Vec<u128> = rows.iter().map(|row| row.asked.id.uuid().as_u128()).collect();
            assert_eq!(numbers, expected);
        }
    }
}

#[tokio::test]
async fn a_deposit_moves_on_only_from_where_it_was_seen() {
    for db in databases() {
        let ann = user_id(1);
        db.write(move |work| deposits::insert_pending(work, &asked(1, ann), START)).await;
        let hold = move |work: &mut Work<'_>| {
            deposits::update_status(work, &asked(1, ann), DepositStatus::Held, Some("pay_1"))
        };
        db.write(hold).await;
        assert!(matches!(db.try_write(hold).await, Err(StoreError::Lost(_) | StoreError::Overloaded)));
        let held =
            DepositAsked { status: DepositStatus::Held, provider_tx_id: Some("pay_1".to_owned()), ..asked(1, ann) };
        let (seen, expected) = (held.clone(), DepositAsked { status: DepositStatus::Failed, ..held });
        db.write(move |work| deposits::update_status(work, &seen, DepositStatus::Failed, None)).await;
        let found = db.read(|view| deposits::find(view, DepositId::new(uuid(1)))).await.unwrap();
        assert_eq!((found.asked, found.tx_id), (expected, None));
        assert_eq!(db.read(move |view| deposits::count_pending(view, ann, START.minus(Span::MICROSECOND))).await, 0);
    }
}
