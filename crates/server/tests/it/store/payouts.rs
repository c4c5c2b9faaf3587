//! Payouts and sellers, as routes look them up before they ask the ledger.

use super::databases;
use crate::ledger::bank::Bank;
use domain::id::{ContentId, PayoutId};
use domain::payout::PayoutStatus;
use superapp::store::{payouts, transactions, unlocks};
use uuid::Uuid;

#[tokio::test]
async fn payouts_are_listed_newest_first_by_owner_and_status() {
    for db in databases() {
        let bank = Bank::open(db, 2).await;
        bank.execute("in", vec![bank.deposit(0, 1_000), bank.deposit(1, 1_000)]).await;
        let first = bank.tell("first", bank.request_payout(0, 100)).await.unwrap();
        bank.tell("reject", bank.decide_payout(0, first, false)).await.unwrap();
        bank.advance(domain::timestamp::Span::seconds(1));
        let second = bank.tell("second", bank.request_payout(0, 200)).await.unwrap();
        let third = bank.tell("third", bank.request_payout(1, 300)).await.unwrap();
        let (ann, pending) = (bank.users[0], Some(PayoutStatus::Pending));
        let ids = |list: Vec<payouts::Listed>| list.into_iter().map(|row| row.payout.id.uuid()).collect::<Vec<_>>();
        let own = bank.db.read(move |view| payouts::list(view, Some(ann), None, None, 10)).await;
        assert_eq!((own[0].decided_at.is_none(), own[1].decided_at.is_some()), (true, true));
        let before = Some((own[0].payout.created_at, own[0].payout.id));
        assert_eq!(ids(own), [second.uuid(), first.uuid()]);
        let rest = bank.db.read(move |view| payouts::list(view, Some(ann), None, before, 10)).await;
        assert_eq!(ids(rest), [first.uuid()]);
        let all = bank.db.read(move |view| payouts::list(view, None, pending, None, 10)).await;
        assert_eq!(ids(all), [third.uuid(), second.uuid()]);
        let capped = bank.db.read(move |view| payouts::list(view, None, None, None, 1)).await;
        assert_eq!(ids(capped), [third.uuid()]);
        let id = PayoutId::new(first.uuid());
        assert_eq!(bank.db.find(payouts::creator(id)).await, Some(ann));
        assert_eq!(bank.db.find(payouts::creator(PayoutId::new(Uuid::from_u128(9)))).await, None);
    }
}

#[tokio::test]
async fn a_seller_and_the_parties_of_a_sale_are_found_and_a_transfer_has_none() {
    for db in databases() {
        let bank = Bank::open(db, 2).await;
        bank.execute("in", vec![bank.deposit(0, 1_000)]).await;
        bank.plan(1, 100).await;
        let item = bank.content(7, 1, 100).await;
        let seller = bank.db.find(unlocks::seller(item)).await.unwrap();
        assert_eq!((seller.id, seller.username.as_deref()), (bank.users[1], Some("User2")));
        let nothing = ContentId::new(Uuid::from_u128(8));
        assert_eq!(bank.db.find(unlocks::seller(nothing)).await, None);
        let sold = bank.tell("sale", bank.unlock(0, 1, item)).await.unwrap();
        let begun = bank.tell("begin", bank.subscribe(0, 1)).await.unwrap();
        let paid = bank.tell("pay", bank.transfer(0, 1, 5)).await.unwrap();
        let parties = async |id| bank.db.find(transactions::parties(id)).await;
        let unlock = parties(sold).await.unwrap();
        assert_eq!((unlock.payer_id, unlock.payee_id, unlock.subscription_id), (bank.users[0], bank.users[1], None));
        assert_eq!(
            parties(begun).await.unwrap().subscription_id.map(domain::id::SubscriptionId::uuid),
            Some(begun.uuid())
        );
        assert_eq!(parties(paid).await, None);
    }
}
