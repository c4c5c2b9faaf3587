//! Crowds on real sockets: fans who want the same at the same moment. One charge for each sale, every cent where it
//! belongs, and every answer in time. `--nocapture` prints how long the answers took.

mod stage;
mod storm;

use crate::server::GLANCE;
use serde_json::{Value, json};
use stage::Stage;
use storm::{Ask, Progress};
use tokio::time::sleep;

/// A body that asks for nothing in particular.
fn nothing() -> Value {
    json!({})
}

fn unlock(item: &str) -> String {
    format!("/api/content/{item}/unlock")
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_fans_unlock_one_item() {
    let _turn = crate::TURN.lock().await;
    let mut stage = Stage::new().await;
    let creator = stage.creator().await;
    let item = stage.item(&creator, 1_000).await;
    let fans = stage.fans(200, 1_000).await;
    let asks = fans.iter().map(|fan| stage.ask(fan, unlock(&item), nothing())).collect();
    let storm = stage.at_once("200 fans unlock one item", asks).await;
    assert_eq!(storm.executed(201), 200);
    assert_eq!(stage.balance(&creator).await, 200 * 800);
    assert_eq!(stage.count("SELECT balance_cents FROM wallets WHERE kind = 'platform'"), 200 * 150);
    assert_eq!(stage.count("SELECT balance_cents FROM wallets WHERE kind = 'processor'"), 200 * 50);
    assert_eq!(stage.count("SELECT SUM(balance_cents) FROM wallets WHERE kind = 'user'"), 200 * 800);
    assert_eq!(stage.count("SELECT COUNT(DISTINCT user_id) FROM unlocks WHERE revoked_at IS NULL"), 200);
    stage.end(200 + 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_unlocks_of_one_item_by_one_fan_are_one_charge() {
    let _turn = crate::TURN.lock().await;
    let mut stage = Stage::new().await;
    let creator = stage.creator().await;
    let (first, second) = (stage.item(&creator, 1_000).await, stage.item(&creator, 1_000).await);
    let fan = stage.fans(1, 1_000_000).await.remove(0);
    let same = stage.ask(&fan, unlock(&first), nothing());
    let storm = stage.at_once("200 unlocks by one fan with one key", vec![same; 200]).await;
    storm.is_one_effect();
    let different = (0..200).map(|_| stage.ask(&fan, unlock(&second), nothing())).collect();
    let storm = stage.at_once("200 unlocks by one fan with 200 keys", different).await;
    assert_eq!((storm.executed(201), storm.refused("already_unlocked")), (1, 199));
    assert_eq!((stage.balance(&fan).await, stage.balance(&creator).await), (998_000, 1_600));
    assert_eq!(stage.count("SELECT COUNT(*) FROM unlocks"), 2);
    stage.end(1 + 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_fans_subscribe_at_once() {
    let _turn = crate::TURN.lock().await;
    let mut stage = Stage::new().await;
    let creator = stage.creator().await;
    stage.plan(&creator, 1_000).await;
    let fans = stage.fans(100, 1_000).await;
    let body = json!({ "creator_id": creator.id, "tier": "monthly" });
    let asks = fans.iter().map(|fan| stage.ask(fan, "/api/subscriptions", body.clone())).collect();
    let storm = stage.at_once("100 fans subscribe", asks).await;
    assert_eq!(storm.executed(201), 100);
    assert_eq!(stage.balance(&creator).await, 100 * 700);
    assert_eq!(stage.count("SELECT COUNT(DISTINCT subscriber_id) FROM subscriptions WHERE status = 'active'"), 100);
    assert_eq!(stage.count("SELECT COUNT(*) FROM subscription_periods"), 100);
    stage.end(100 + 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_subscriptions_of_one_fan_to_one_creator_are_one() {
    let _turn = crate::TURN.lock().await;
    let mut stage = Stage::new().await;
    let creator = stage.creator().await;
    stage.plan(&creator, 1_000).await;
    let fans = stage.fans(2, 1_000_000).await;
    let body = json!({ "creator_id": creator.id, "tier": "monthly" });
    let same = stage.ask(&fans[0], "/api/subscriptions", body.clone());
    let storm = stage.at_once("100 identical subscriptions of one fan", vec![same; 100]).await;
    storm.is_one_effect();
    let different = (0..100).map(|_| stage.ask(&fans[1], "/api/subscriptions", body.clone())).collect();
    let storm = stage.at_once("100 subscriptions of one fan with 100 keys", different).await;
    assert_eq!((storm.executed(201), storm.refused("already_subscribed")), (1, 99));
    for fan in &fans {
        assert_eq!(stage.balance(fan).await, 999_000);
    }
    assert_eq!(stage.count("SELECT COUNT(*) FROM subscriptions"), 2);
    stage.end(2 + 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_pairs_transfer_both_ways_at_once() {
    let _turn = crate::TURN.lock().await;
    let mut stage = Stage::new().await;
    let people = stage.fans(100, 1_000).await;
    let (left, right) = people.split_at(50);
    let both = left.iter().zip(right).chain(right.iter().zip(left));
    let pay = |stage: &mut Stage, from, to: &crate::client::Account| {
        let body = json!({ "to_user_id": to.id, "amount_cents": 7 });
        stage.ask(from, "/api/wallet/transfer", body)
    };
    let lines = both.map(|(from, to)| (0..10).map(|_| pay(&mut stage, from, to)).collect()).collect();
    let storm = stage.rage("50 pairs transfer both ways", &Progress::default(), lines).await;
    assert_eq!(storm.executed(201), 1_000);
    assert_eq!(stage.count("SELECT COUNT(*) FROM wallets WHERE kind = 'user' AND balance_cents = 1000"), 100);
    stage.end(100 + 1_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_popular_creator_receives_two_thousand_gifts() {
    let _turn = crate::TURN.lock().await;
    let mut stage = Stage::new().await;
    let creator = stage.creator().await;
    let fans = stage.fans(200, 1_000_000).await;
    let rose = json!({ "recipient_id": creator.id, "gift_type": "rose", "quantity": 1 });
    let mut roses = |fan| (0..10).map(|_| stage.ask(fan, "/api/gifts/send", rose.clone())).collect();
    let lines: Vec<Vec<Ask>> = fans.iter().map(&mut roses).collect();
    let storm = stage.rage("2 000 gifts to one creator", &Progress::default(), lines).await;
    assert_eq!(storm.executed(201), 2_000);
    assert_eq!(stage.balance(&creator).await, 2_000 * 85_000);
    assert_eq!(stage.count("SELECT COUNT(*) FROM gifts"), 2_000);
    assert_eq!(stage.count("SELECT COUNT(*) FROM wallets WHERE kind = 'user' AND balance_cents = 0"), 200);
    // Each of the two hundred gave ten, on each of the eight kinds of line that a gift counts on; at midnight a
    // line may be two.
    let lines = "SELECT COUNT(*) FROM (SELECT SUM(total_cents) AS cents, SUM(gifts) AS gifts FROM leaderboards
        GROUP BY creator_id, period, sender_id) AS lines WHERE cents = 1000000 AND gifts = 10";
    assert_eq!(stage.count(lines), 200 * 8);
    stage.end(200 + 2_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_that_is_frozen_during_transfers_stands_still_from_then_on() {
    let _turn = crate::TURN.lock().await;
    let mut stage = Stage::new().await;
    let admin = stage.admin().await;
    let (people, mut beside) = (stage.fans(2, 1_000_000).await, stage.connect().await);
    let (ann, bob) = (people[0].clone(), people[1].clone());
    let body = json!({ "to_user_id": bob.id, "amount_cents": 1 });
    let lines = (0..50).map(|_| (0..20).map(|_| stage.ask(&ann, "/api/wallet/transfer", body.clone())).collect());
    let (lines, progress) = (lines.collect(), Progress::default());
    let freeze = async {
        while progress.answered() < 200 {
            sleep(GLANCE).await;
        }
        let path = format!("/api/admin/wallets/{}/freeze", ann.id.replace("usr_", "wal_"));
        let frozen = beside.post(&path, &admin.token, "freeze", &json!({ "reason": "a test" })).await.unwrap();
        assert_eq!(frozen.status, 200, "{frozen:?}");
        beside.get("/api/wallet/balance", &bob.token).await.unwrap().body["balance_cents"].as_i64().unwrap()
    };
    let (storm, when_frozen) =
        tokio::join!(stage.rage("transfers of a wallet that is frozen", &progress, lines), freeze);
    let (paid, refused) = (storm.executed(201), storm.refused("wallet_frozen"));
    assert_eq!(paid + refused, 1_000);
    assert!(paid >= 200 && refused > 0, "{paid} were paid and {refused} refused");
    // What waited in the queue when the wallet was frozen has been refused.
    let received = 1_000_000 + i64::try_from(paid).unwrap();
    assert_eq!((when_frozen, stage.balance(&bob).await), (received, received));
    assert_eq!(stage.balance(&ann).await, 1_000_000 - i64::try_from(paid).unwrap());
    stage.end(2 + paid as u64).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refunds_during_refunds_give_back_what_was_paid_and_no_more() {
    let _turn = crate::TURN.lock().await;
    let mut stage = Stage::new().await;
    let (creator, admin) = (stage.creator().await, stage.admin().await);
    let fan = stage.fans(1, 2_000).await.remove(0);
    let mut paths = Vec::new();
    for _ in 0..2 {
        let item = stage.item(&creator, 1_000).await;
        let sold = stage.done(hyper::Method::POST, &unlock(&item), &fan, &nothing()).await;
        paths.push(format!("/api/admin/transactions/{}/refund", sold["transaction"]["tx_id"].as_str().unwrap()));
    }
    let whole = json!({ "reason": "a test" });
    let asks = (0..50).map(|_| stage.ask(&admin, &paths[0], whole.clone())).collect();
    let storm = stage.at_once("50 refunds of one sale", asks).await;
    assert_eq!((storm.executed(201), storm.refused("refund_exceeds_original")), (1, 49));
    let part = json!({ "reason": "a test", "amount_cents": 100 });
    let asks = (0..50).map(|_| stage.ask(&admin, &paths[1], part.clone())).collect();
    let storm = stage.at_once("50 refunds of a tenth each", asks).await;
    assert_eq!((storm.executed(201), storm.refused("refund_exceeds_original")), (10, 40));
    assert_eq!((stage.balance(&fan).await, stage.balance(&creator).await), (2_000, 0));
    assert_eq!(stage.count("SELECT SUM(balance_cents) FROM wallets WHERE kind IN ('platform', 'processor')"), 0);
    stage.end(1 + 2 + 11).await;
}
