//! Wrong passwords in a row, for each account on its own.

use super::{START, databases};
use superapp::store::sign_in_failures;

#[tokio::test]
async fn failures_are_counted_for_each_account_until_they_are_cleared() {
    for db in databases() {
        let (ann, bob) = (db.user(1).await, db.user(2).await);
        for counted in 1..=3 {
            db.write(move |work| sign_in_failures::add(work, ann, START)).await;
            assert_eq!(db.read(move |view| sign_in_failures::count(view, ann)).await, counted);
        }
        assert_eq!(db.read(move |view| sign_in_failures::count(view, bob)).await, 0);
        assert!(db.write(move |work| sign_in_failures::clear(work, ann)).await);
        assert!(!db.write(move |work| sign_in_failures::clear(work, ann)).await);
        assert!(!db.write(move |work| sign_in_failures::clear(work, bob)).await);
        assert_eq!(db.read(move |view| sign_in_failures::count(view, ann)).await, 0);
        db.write(move |work| sign_in_failures::add(work, ann, START)).await;
        assert_eq!(db.read(move |view| sign_in_failures::count(view, ann)).await, 1);
    }
}

#[tokio::test]
async fn what_is_added_to_nobody_is_counted_nowhere() {
    for db in databases() {
        let ann = db.user(1).await;
        db.write(move |work| sign_in_failures::add(work, ann, START)).await;
        db.write(move |work| sign_in_failures::add_to_nobody(work, START)).await;
        assert_eq!(db.read(move |view| sign_in_failures::count(view, sign_in_failures::NOBODY)).await, 0);
        assert_eq!(db.read(move |view| sign_in_failures::count(view, ann)).await, 1);
    }
}
