//! Transactions as administrators look them up. What adds them is tried by the tests of the ledger.

use super::databases;
use crate::ledger::bank::Bank;
use domain::command::{Command, Deposit};
use domain::wallet::Provider;
use superapp::store::transactions;

#[tokio::test]
async fn what_a_user_initiated_is_listed_newest_first() {
    for db in databases() {
        let bank = Bank::open(db, 3).await;
        bank.execute("in", vec![bank.deposit(0, 1_000), bank.deposit(1, 1_000)]).await;
        bank.execute("over", (1..=3).map(|cents| bank.transfer(0, 2, cents)).collect()).await;
        let (ann, eve) = (bank.users[0], bank.users[2]);
        let list = |user, before, limit| bank.db.read(move |view| transactions::initiated(view, user, before, limit));
        let lines = list(ann, None, 9).await;
        let amounts: Vec<i64> = lines.iter().map(|line| line.amount.credit().get()).collect();
        assert_eq!(amounts, [3, 2, 1, 1_000]);
        assert!(lines.iter().all(|line| line.user_id == ann && line.status == "completed"));
        assert_eq!((lines[0].payer_id, lines[0].payee_id), (Some(ann), Some(eve)));
        assert_eq!(list(ann, None, 2).await, lines[..2]);
        assert_eq!(list(ann, Some((lines[1].created_at, lines[1].id)), 9).await, lines[2..]);
        assert_eq!(list(eve, None, 9).await, [], "to be paid is not to initiate");
    }
}

#[tokio::test]
async fn a_payment_is_found_by_its_providers_id() {
    for db in databases() {
        let bank = Bank::open(db, 1).await;
        let Command::Deposit(deposit) = bank.deposit(0, 1_000) else { unreachable!() };
        let paid = Command::Deposit(Deposit { provider_tx_id: Some("pi_7".to_owned()), ..deposit });
        bank.execute("in", vec![paid, bank.deposit(0, 5)]).await;
        let find = |provider: Provider, id: &'static str| {
            bank.db.read(move |view| transactions::of_payment(view, &provider, id))
        };
        let found = find(Provider::sandbox(), "pi_7").await.unwrap();
        assert_eq!((found.amount.credit().get(), found.payee_id), (1_000, Some(bank.users[0])));
        assert_eq!(found.provider_tx_id.as_deref(), Some("pi_7"));
        assert_eq!(find(Provider::sandbox(), "pi_8").await, None);
        assert_eq!(find(Provider::parse("acme").unwrap(), "pi_7").await, None);
    }
}
