//! The refresh token of a subscription: one row, which one unit of work at a time replaces.

use super::{START, databases, uuid};
use domain::entitlement::Family;
use domain::id::SubscriptionId;
use domain::timestamp::Span;
use superapp::store::StoreError;
use superapp::store::entitlement_tokens::{self, NewestToken};

fn first() -> NewestToken {
    NewestToken {
        subscription_id: SubscriptionId::new(uuid(7)),
        period: 0,
        hash: [1; 32],
        previous: None,
        nonce: [8; 32],
        rotated_at: START,
    }
}

#[tokio::test]
async fn a_token_is_found_as_it_was_put() {
    for db in databases() {
        let (id, other) = (first().subscription_id, SubscriptionId::new(uuid(8)));
        assert_eq!(db.read(move |view| entitlement_tokens::find(view, id)).await, None);
        db.write(|work| entitlement_tokens::put(work, &first(), None)).await;
        assert_eq!(db.read(move |view| entitlement_tokens::find(view, id)).await, Some(first()));
        assert_eq!(db.read(move |view| entitlement_tokens::find(view, other)).await, None);
        let next = NewestToken { period: 3, hash: [2; 32], previous: Some([1; 32]), nonce: [9; 32], ..first() };
        db.write(move |work| entitlement_tokens::put(work, &next, Some(&[1; 32]))).await;
        assert_eq!(db.read(move |view| entitlement_tokens::find(view, id)).await, Some(next));
    }
}

#[tokio::test]
async fn what_another_unit_of_work_has_replaced_is_lost() {
    for db in databases() {
        let id = first().subscription_id;
        let next = NewestToken { hash: [2; 32], previous: Some([1; 32]), ..first() };
        let unknown = db.try_write(move |work| entitlement_tokens::put(work, &next, Some(&[1; 32]))).await;
        assert!(matches!(unknown, Err(StoreError::Lost(_))), "{unknown:?}");
        db.write(|work| entitlement_tokens::put(work, &first(), None)).await;
        let again = db.try_write(move |work| entitlement_tokens::put(work, &next, None)).await;
        assert!(matches!(again, Err(StoreError::Lost(_))), "{again:?}");
        let other = db.try_write(move |work| entitlement_tokens::put(work, &next, Some(&[3; 32]))).await;
        assert!(matches!(other, Err(StoreError::Lost(_))), "{other:?}");
        assert_eq!(db.read(move |view| entitlement_tokens::find(view, id)).await, Some(first()));
    }
}

#[tokio::test]
async fn a_closed_family_keeps_its_period_and_nobody_has_its_tokens() {
    for db in databases() {
        let (id, later) = (first().subscription_id, START.plus(Span::seconds(5)));
        let closed = first().close(later);
        db.write(move |work| {
            entitlement_tokens::put(work, &first(), None)?;
            entitlement_tokens::put(work, &closed, Some(&[1; 32]))
        })
        .await;
        let found = db.read(move |view| entitlement_tokens::find(view, id)).await.unwrap();
        let family = Family { period: 0, rotated_at: later, is_first: false, is_closed: true };
        assert_eq!(found.family(), family);
        assert_eq!(first().family(), Family { rotated_at: START, is_first: true, is_closed: false, ..family });
    }
}
