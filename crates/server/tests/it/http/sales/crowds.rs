//! Many fans at once, on real threads: one charge for each sale, and every cent where it belongs.

use crate::harness::{Person, Reply, TestApp, together, transaction_of};
use domain::subscription::PlanTier;

fn count(replies: &[Reply], status: u16) -> usize {
    replies.iter().filter(|reply| reply.status == status && !reply.is_replay()).count()
}

async fn crowd(app: &TestApp, size: usize, cents: i64) -> Vec<Person> {
    let mut crowd = Vec::with_capacity(size);
    for index in 0..size {
        crowd.push(app.rich(&format!("fan{index}"), cents).await);
    }
    crowd
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_fans_unlock_one_item() {
    let app = TestApp::new().await;
    let bob = app.user("bob").await;
    let item = app.content(&bob, 1_000).await;
    let fans = crowd(&app, 200, 1_000).await;
    let replies = together(fans.iter().map(|fan| fan.unlock(item).fresh_key().send())).await;
    assert_eq!(count(&replies, 201), 200);
    assert_eq!(bob.balance().await, 200 * 800);
    assert_eq!(app.count("SELECT balance_cents FROM wallets WHERE kind = 'platform'").await, 200 * 150);
    assert_eq!(app.count("SELECT balance_cents FROM wallets WHERE kind = 'processor'").await, 200 * 50);
    assert_eq!(app.count("SELECT SUM(balance_cents) FROM wallets WHERE kind = 'user'").await, 200 * 800);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_unlocks_of_one_item_by_one_fan_are_one_charge() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 1_000_000).await, app.user("bob").await);
    let item = app.content(&bob, 1_000).await;
    let same = together((0..200).map(|_| ann.unlock(item).key("one").send())).await;
    assert_eq!(count(&same, 201), 1);
    assert!(same.iter().all(|reply| reply.status == 201 || reply.code() == "request_in_progress"));
    let different = together((0..200).map(|_| ann.unlock(item).fresh_key().send())).await;
    assert!(different.iter().all(|reply| reply.code() == "already_unlocked"));
    let another = app.content(&bob, 1_000).await;
    let different = together((0..200).map(|_| ann.unlock(another).fresh_key().send())).await;
    assert_eq!((count(&different, 201), count(&different, 409)), (1, 199));
    assert_eq!((ann.balance().await, bob.balance().await), (998_000, 1_600));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_fans_subscribe_at_once_and_one_fan_a_hundred_times() {
    let app = TestApp::new().await;
    let bob = app.user("bob").await;
    app.plan(&bob, PlanTier::Monthly, 1_000).await;
    let fans = crowd(&app, 100, 1_000).await;
    let replies = together(fans.iter().map(|fan| fan.subscribe(&bob).fresh_key().send())).await;
    assert_eq!(count(&replies, 201), 100);
    let ann = app.rich("ann", 1_000_000).await;
    let replies = together((0..100).map(|_| ann.subscribe(&bob).fresh_key().send())).await;
    assert_eq!((count(&replies, 201), count(&replies, 409)), (1, 99));
    assert_eq!(app.count("SELECT COUNT(*) FROM subscriptions WHERE status = 'active'").await, 101);
    assert_eq!((ann.balance().await, bob.balance().await), (999_000, 101 * 700));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_pairs_transfer_both_ways_at_once() {
    let app = TestApp::new().await;
    let people = crowd(&app, 100, 1_000).await;
    let (left, right) = people.split_at(50);
    let pairs = || left.iter().zip(right);
    let there = pairs().map(|(ann, bob)| ann.transfer(bob, 7).fresh_key().send());
    let back = pairs().map(|(ann, bob)| bob.transfer(ann, 7).fresh_key().send());
    let replies = together(there.chain(back).collect::<Vec<_>>()).await;
    assert_eq!(count(&replies, 201), 100);
    assert_eq!(app.count("SELECT COUNT(*) FROM wallets WHERE kind = 'user' AND balance_cents = 1000").await, 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_popular_creator_receives_two_thousand_gifts() {
    let app = TestApp::new().await;
    let bob = app.user("bob").await;
    let fans = crowd(&app, 40, 5_000_000).await;
    let replies = together(fans.iter().flat_map(|fan| (0..50).map(|_| fan.roses(&bob, 1).fresh_key().send()))).await;
    assert_eq!(count(&replies, 201), 2_000);
    assert_eq!(bob.balance().await, 2_000 * 85_000);
    assert_eq!(app.count("SELECT COUNT(*) FROM gifts").await, 2_000);
    // Each of the forty gave fifty, on each of the eight lines that a gift counts on.
    assert_eq!(app.count("SELECT COUNT(*) FROM leaderboards WHERE total_cents = 5000000 AND gifts = 50").await, 320);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_refund_during_fifty_refunds_is_one() {
    let app = TestApp::new().await;
    let (ann, bob, admin) = (app.rich("ann", 1_000).await, app.user("bob").await, app.admin("eve").await);
    let item = app.content(&bob, 1_000).await;
    let sale = transaction_of(&ann.unlock(item).fresh_key().send().await.done(201).json());
    let replies = together((0..50).map(|_| admin.refund(sale, None).fresh_key().send())).await;
    assert_eq!((count(&replies, 201), count(&replies, 422)), (1, 49));
    assert_eq!((ann.balance().await, bob.balance().await), (1_000, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_wallet_that_is_frozen_during_transfers_stands_still_from_then_on() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 1_000_000).await, app.user("bob").await);
    let before: Vec<_> = (0..100).map(|_| tokio::spawn(ann.transfer(&bob, 1).fresh_key().send())).collect();
    app.freeze(&ann).await;
    let frozen_at = bob.balance().await;
    let after = together((0..50).map(|_| ann.transfer(&bob, 1).fresh_key().send())).await;
    assert!(after.iter().all(|reply| reply.code() == "wallet_frozen"));
    let mut paid = 0;
    for reply in before {
        let reply = reply.await.unwrap();
        assert!(reply.status == 201 || reply.code() == "wallet_frozen", "{reply}");
        paid += i64::from(reply.status == 201);
    }
    // Whatever was queued when the wallet was frozen has been refused.
    assert_eq!((bob.balance().await, frozen_at), (paid, paid));
    app.unfreeze(&ann).await;
}
