//! Many requests at once, on real threads: one effect for each key, and no cent more than there is.

use crate::harness::{Person, Reply, TestApp, together};
use domain::idempotency::Key;
use serde_json::json;

/// How many answers have this status.
fn count(replies: &[Reply], status: u16) -> usize {
    replies.iter().filter(|reply| reply.status == status).count()
}

/// One of them was executed; every other one is a replay of it, or was told to ask again.
fn assert_one_effect(replies: &[Reply]) {
    let executed: Vec<_> = replies.iter().filter(|reply| reply.status == 201 && !reply.is_replay()).collect();
    let [first] = executed.as_slice() else { panic!("{} were executed", executed.len()) };
    for reply in replies.iter().filter(|reply| reply.request_id() != first.request_id()) {
        if reply.status == 201 {
            reply.clone().replays(first);
        } else {
            let reply = reply.clone().refused(409, "request_in_progress");
            assert_eq!(reply.header("retry-after"), "1", "{reply}");
        }
    }
}

#[tokio::test]
async fn a_key_in_flight_is_told_to_ask_again_and_costs_nobody_else_anything() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 100).await, app.rich("bob", 100).await);
    let flight = app.in_flight.take_off(ann.id, Key::parse("k").unwrap().digest()).unwrap();
    let rename = json!({ "username": "anna" });
    for call in [ann.transfer(&bob, 1).key("k"), ann.transfer(&bob, 1).key("\"k\""), ann.deposit(1).key("k")] {
        let reply = call.send().await.refused(409, "request_in_progress");
        assert_eq!(reply.header("retry-after"), "1", "{reply}");
    }
    ann.patch("/api/users/me").key("k").json(rename.clone()).send().await.refused(409, "request_in_progress");
    ann.patch("/api/users/me").json(rename).send().await.done(200);
    ann.transfer(&bob, 1).key("another").send().await.done(201);
    bob.transfer(&ann, 1).key("k").send().await.done(201);
    drop(flight);
    ann.transfer(&bob, 1).key("k").send().await.done(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_identical_transfers_at_once_are_one() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 1_000_000).await, app.user("bob").await);
    for round in 1..=10 {
        let key = format!("round-{round}");
        let replies = together((0..50).map(|_| ann.transfer(&bob, 100).key(&key).send())).await;
        assert_one_effect(&replies);
        assert_eq!(bob.balance().await, round * 100);
    }
    assert_eq!(app.transactions().await, 11);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_identical_deposits_at_once_from_three_devices_are_one() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let devices = [ann.clone(), ann.sign_in().await, ann.sign_in().await];
    let replies = together((0..50).map(|number| devices[number % 3].deposit(100).key("k").send())).await;
    assert_one_effect(&replies);
    assert_eq!(ann.balance().await, 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_refusal_is_decided_once_for_many_who_ask() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 10).await, app.user("bob").await);
    let replies = together((0..50).map(|_| ann.transfer(&bob, 100).key("k").send())).await;
    assert_eq!(count(&replies, 402) + count(&replies, 409), 50);
    let decided = replies.iter().filter(|reply| reply.status == 402 && !reply.is_replay()).count();
    assert_eq!((decided, app.keys().await), (1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_key_for_two_payments_at_once_pays_one_of_them() {
    let app = TestApp::new().await;
    let (ann, bob, eve) = (app.rich("ann", 10_000).await, app.user("bob").await, app.user("eve").await);
    for round in 0..10 {
        let key = format!("round-{round}");
        let calls = (0..8).map(|number| ann.transfer(if number % 2 == 0 { &bob } else { &eve }, 1).key(&key).send());
        let replies = together(calls).await;
        let executed = replies.iter().filter(|reply| reply.status == 201 && !reply.is_replay()).count();
        assert_eq!(executed, 1);
        let refused = |reply: &Reply| matches!(reply.code().as_str(), "request_in_progress" | "idempotency_key_reused");
        assert!(replies.iter().all(|reply| reply.status == 201 || refused(reply)));
    }
    assert_eq!(bob.balance().await + eve.balance().await, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_payments_thirty_seven_are_covered_and_thirty_seven_succeed() {
    for round in 0..5 {
        let app = TestApp::new().await;
        let (ann, bob) = (app.rich("ann", 37 * 100 + 99).await, app.user("bob").await);
        let replies = together((0..100).map(|_| ann.transfer(&bob, 100).fresh_key().send())).await;
        assert_eq!((count(&replies, 201), count(&replies, 402)), (37, 63), "round {round}");
        assert_eq!((ann.balance().await, bob.balance().await), (99, 3_700), "round {round}");
        assert_eq!(app.transactions().await, 38);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_balance_is_spent_once_from_many_devices_to_many_people() {
    let app = TestApp::new().await;
    let ann = app.rich("ann", 1_000).await;
    let mut shops = Vec::new();
    for number in 0..8 {
        shops.push((app.user(&format!("shop{number}")).await, ann.sign_in().await));
    }
    let replies = together(shops.iter().map(|(shop, device)| device.transfer(shop, 1_000).fresh_key().send())).await;
    assert_eq!((count(&replies, 201), count(&replies, 402)), (1, 7));
    assert_eq!(ann.balance().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_people_who_pay_each_other_at_once_both_succeed() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 10_000).await, app.rich("bob", 10_000).await);
    let pay = |number: i64| {
        let (from, to): (&Person, &Person) = if number % 2 == 0 { (&ann, &bob) } else { (&bob, &ann) };
        from.transfer(to, number % 7 + 1).fresh_key().send()
    };
    let replies = together((0..200).map(pay)).await;
    assert_eq!(count(&replies, 201), 200);
    let moved: i64 = (0..200).map(|number| if number % 2 == 0 { number % 7 + 1 } else { -(number % 7 + 1) }).sum();
    assert_eq!((ann.balance().await, bob.balance().await), (10_000 - moved, 10_000 + moved));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn money_that_goes_round_in_a_ring_stays_the_same() {
    let app = TestApp::new().await;
    let mut ring = Vec::new();
    for number in 0..6 {
        ring.push(app.rich(&format!("user{number}"), 100).await);
    }
    // More than anybody holds at some moments, so that some payments are refused.
    let pay = |number: usize| ring[number % 6].transfer(&ring[(number + 1) % 6], 60).fresh_key().send();
    let replies = together((0..300).map(pay)).await;
    assert_eq!(count(&replies, 201) + count(&replies, 402), 300);
    let mut sum = 0;
    for person in &ring {
        let balance = person.balance().await;
        assert!(balance >= 0);
        sum += balance;
    }
    assert_eq!(sum, 600);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_client_that_hangs_up_is_paid_for_once_all_the_same() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 1_000).await, app.user("bob").await);
    for number in 0..40 {
        let key = format!("k-{number}");
        let call = tokio::spawn(ann.transfer(&bob, 1).key(&key).send());
        if number % 2 == 0 {
            tokio::task::yield_now().await;
        }
        call.abort();
        let _ = call.await;
        // The first one may still be on its way; then there is a 409, and nothing else is allowed.
        loop {
            let reply = ann.transfer(&bob, 1).key(&key).send().await;
            if reply.status == 201 {
                break;
            }
            reply.refused(409, "request_in_progress");
        }
    }
    assert_eq!((bob.balance().await, app.transactions().await), (40, 41));
}
