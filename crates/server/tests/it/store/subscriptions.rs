//! Subscriptions as their owners and the jobs find them, and what changes without money.

use super::databases;
use crate::ledger::bank::Bank;
use crate::ledger::market::POLICY;
use domain::id::SubscriptionId;
use domain::subscription::Subscription;
use domain::timestamp::Span;
use superapp::store::{StoreError, subscriptions};

/// Two fans of one creator, the second a second later, each with their subscription.
async fn subscribed(db: crate::store::Fixture) -> (Bank, Vec<SubscriptionId>) {
    let bank = Bank::open(db, 3).await;
    bank.execute("in", vec![bank.deposit(0, 1_000), bank.deposit(1, 1_000)]).await;
    bank.plan(2, 100).await;
    let mut ids = Vec::new();
    for fan in 0..2 {
        bank.advance(Span::seconds(1));
        let first = bank.tell(&format!("fan-{fan}"), bank.subscribe(fan, 2)).await.unwrap();
        ids.push(SubscriptionId::new(first.uuid()));
    }
    (bank, ids)
}

fn ids(rows: &[Subscription]) -> Vec<SubscriptionId> {
    rows.iter().map(|row| row.id).collect()
}

#[tokio::test]
async fn subscriptions_are_found_by_their_owner_alone() {
    for db in databases() {
        let (bank, made) = subscribed(db).await;
        let (ann, bob, id, now) = (bank.users[0], bank.users[1], made[0], bank.clock.now());
        let own = bank.db.read(move |view| subscriptions::find_own(view, ann, id)).await.unwrap();
        assert_eq!((own.id, own.subscriber_id), (id, ann));
        assert_eq!(bank.db.read(move |view| subscriptions::find_own(view, bob, id)).await, None);
        let listed = bank.db.read(move |view| subscriptions::list(view, ann, None, 10)).await;
        assert_eq!(listed, [own]);
        let before = Some((own.created_at, own.id));
        assert!(bank.db.read(move |view| subscriptions::list(view, ann, before, 10)).await.is_empty());
        let active = bank.db.read(move |view| subscriptions::active(view, ann, now)).await;
        assert_eq!(active, [own]);
        let over = own.expires_at;
        assert!(bank.db.read(move |view| subscriptions::active(view, ann, over)).await.is_empty());
    }
}

#[tokio::test]
async fn what_is_due_and_what_has_lapsed_comes_in_the_order_of_time_and_bounded() {
    for db in databases() {
        let (bank, made) = subscribed(db).await;
        let ann = bank.users[0];
        let first = made[0];
        let row = bank.db.read(move |view| subscriptions::find_own(view, ann, first)).await.unwrap();
        let (early, due_at) = (row.period_end.minus(Span::MICROSECOND), row.period_end.plus(Span::seconds(2)));
        assert!(bank.db.read(move |view| subscriptions::due(view, early, 10)).await.is_empty());
        assert_eq!(ids(&bank.db.read(move |view| subscriptions::due(view, due_at, 10)).await), made);
        assert_eq!(ids(&bank.db.read(move |view| subscriptions::due(view, due_at, 1)).await), made[..1]);
        let late = row.expires_at.plus(Span::days(1));
        // Never tried: a renewal comes first, however late.
        assert!(bank.db.read(move |view| subscriptions::lapsed(view, late, 10)).await.is_empty());
        let tried = row.postpone(POLICY, due_at);
        bank.db.write(move |work| subscriptions::update(work, &tried, due_at)).await;
        assert_eq!(ids(&bank.db.read(move |view| subscriptions::lapsed(view, late, 10)).await), made[..1]);
        let over = row.expires_at.minus(Span::MICROSECOND);
        assert!(bank.db.read(move |view| subscriptions::lapsed(view, over, 10)).await.is_empty());
    }
}

#[tokio::test]
async fn a_change_of_what_is_not_there_any_more_is_lost() {
    for db in databases() {
        let (bank, made) = subscribed(db).await;
        let (ann, id, now) = (bank.users[0], made[0], bank.clock.now());
        let row = bank.db.read(move |view| subscriptions::find_own(view, ann, id)).await.unwrap();
        let other_period = Subscription { period: 7, ..row };
        let update = |row: Subscription| bank.db.try_write(move |work| subscriptions::update(work, &row, now));
        assert!(matches!(update(other_period).await, Err(StoreError::Lost(_))));
        update(row.end()).await.unwrap();
        assert!(matches!(update(row).await, Err(StoreError::Lost(_))));
        let found = bank.db.read(move |view| subscriptions::find_own(view, ann, id)).await;
        assert_eq!(found, Some(row.end()));
    }
}
