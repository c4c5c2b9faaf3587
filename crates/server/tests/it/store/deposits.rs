//! Deposits: a pending one is completed once.

use super::ledger::deposit;
use super::{START, databases, transaction_id};
use domain::id::DepositId;
use domain::receipt::{Act, DepositRow, DepositStatus};
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
            VALUES ($1, $2, 7, 'sandbox', 'pending', $3)";
        db.write(move |work| work.execute_one(text, &[id.into(), ann.into(), START.into()])).await;
        let complete = move |work: &mut Work<'_>| deposits::complete(work, &completing, &row);
        db.write(complete.clone()).await;
        assert!(matches!(db.try_write(complete).await, Err(StoreError::Broken(_))));
        let text = "SELECT status, tx_id, provider_tx_id FROM deposits";
        let read = |row: &superapp::store::Row<'_>| Ok((row.get::<String>(0)?, row.get(1)?, row.get::<String>(2)?));
        let found = db.read(move |view| view.query(text, &[], read)).await;
        assert_eq!(found, [("completed".to_owned(), transaction_id(5), "payment 5".to_owned())]);
    }
}
