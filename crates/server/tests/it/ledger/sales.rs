//! What fans pay for, through the real engine: each command with all its rows, and with what the schema says
//! of them. The rules themselves are tested in `domain`.

use super::bank::Bank;
use crate::store::databases;
use domain::id::SubscriptionId;
use domain::timestamp::Span;

const FAN: usize = 0;
const CREATOR: usize = 1;

/// A fan with a thousand cents, and a creator without any.
async fn bank(db: crate::store::Fixture) -> Bank {
    let bank = Bank::open(db, 3).await;
    bank.execute("in", vec![bank.deposit(FAN, 1_000)]).await;
    bank
}

fn refused(code: &str) -> Result<domain::id::TransactionId, String> {
    Err(code.to_owned())
}

#[tokio::test]
async fn an_item_is_sold_once_to_a_fan_and_again_after_a_full_refund() {
    for db in databases() {
        let bank = bank(db).await;
        let item = bank.content(7, CREATOR, 99).await;
        let unlock = || bank.unlock(FAN, CREATOR, item);
        let told = bank.told("both", vec![unlock(), unlock()]).await;
        let sold = told[0].clone().unwrap();
        assert_eq!(told[1], refused("already_unlocked"));
        assert_eq!(bank.tell("later", unlock()).await, refused("already_unlocked"));
        // 99: 4.95 and 14.85 round down, and the creator has the rest.
        assert_eq!(bank.balances().await, [901, 81, 0]);
        assert_eq!(bank.tell("part", bank.refund(FAN, CREATOR, sold, Some(10))).await.map(|_| ()), Ok(()));
        assert_eq!(bank.tell("still", unlock()).await, refused("already_unlocked"));
        let told =
            bank.told("rest", vec![bank.refund(FAN, CREATOR, sold, None), bank.refund(FAN, CREATOR, sold, None)]);
        let told = told.await;
        assert!(told[0].is_ok());
        assert_eq!(told[1], refused("refund_exceeds_original"));
        assert_eq!(bank.balances().await, [1_000, 0, 0]);
        assert!(bank.tell("anew", unlock()).await.is_ok());
        assert_eq!(bank.number("SELECT COUNT(*) FROM unlocks").await, 2);
        assert_eq!(bank.number("SELECT COUNT(*) FROM unlocks WHERE revoked_at IS NULL").await, 1);
        bank.assert_sound().await;
    }
}

#[tokio::test]
async fn what_a_creator_no_longer_has_becomes_a_debt_that_later_earnings_repay_first() {
    for db in databases() {
        let bank = bank(db).await;
        let sold = bank.tell("gift", bank.gift(FAN, CREATOR, 4)).await.unwrap();
        assert_eq!(bank.balances().await, [600, 340, 0]);
        bank.execute("spent", vec![bank.transfer(CREATOR, 2, 300)]).await;
        assert!(bank.tell("back", bank.refund(FAN, CREATOR, sold, None)).await.is_ok());
        let debt = "SELECT balance_cents FROM wallets WHERE kind = 'debt'";
        assert_eq!(bank.number(debt).await, -300);
        assert_eq!(bank.balances().await, [1_000, 0, 300]);
        bank.assert_sound().await;
        // Two gifts in one batch: the first repays all that it can, the second the rest.
        let gifts = vec![bank.gift(FAN, CREATOR, 3), bank.gift(FAN, CREATOR, 2)];
        assert!(bank.told("more", gifts).await.iter().all(Result::is_ok));
        assert_eq!(bank.number(debt).await, 0);
        assert_eq!(bank.balances().await, [500, 125, 300]);
        bank.assert_sound().await;
    }
}

#[tokio::test]
async fn a_refund_and_the_decisions_on_a_payout_in_one_batch_see_the_debt() {
    for db in databases() {
        let bank = bank(db).await;
        let sold = bank.tell("gift", bank.gift(FAN, CREATOR, 4)).await.unwrap();
        let payout = bank.tell("ask", bank.request_payout(CREATOR, 310)).await.unwrap();
        let batch = vec![
            bank.refund(FAN, CREATOR, sold, None),
            bank.decide_payout(CREATOR, payout, true),
            bank.decide_payout(CREATOR, payout, false),
            bank.request_payout(CREATOR, 5),
        ];
        let told = bank.told("batch", batch).await;
        assert!(told[0].is_ok() && told[2].is_ok(), "{told:?}");
        assert_eq!((&told[1], &told[3]), (&refused("debt_outstanding"), &refused("insufficient_funds")));
        // 340 were to be given back, 30 were there, and the payout of 310 repaid the rest.
        assert_eq!(bank.balances().await, [1_000, 0, 0]);
        assert_eq!(bank.number("SELECT balance_cents FROM wallets WHERE kind = 'debt'").await, 0);
        assert_eq!(bank.number("SELECT balance_cents FROM wallets WHERE kind = 'payouts'").await, 0);
        bank.assert_sound().await;
    }
}

#[tokio::test]
async fn a_subscription_is_charged_once_for_each_period_and_ends_with_a_refund_of_the_newest() {
    for db in databases() {
        let bank = bank(db).await;
        bank.plan(CREATOR, 100).await;
        let told = bank.told("both", vec![bank.subscribe(FAN, CREATOR), bank.subscribe(FAN, CREATOR)]).await;
        let first = told[0].clone().unwrap();
        assert_eq!(told[1], refused("already_subscribed"));
        let id = SubscriptionId::new(first.uuid());
        let renew = || bank.renew(FAN, CREATOR, id);
        assert_eq!(bank.tell("early", renew()).await, refused("renewal_not_due"));
        bank.advance(Span::days(31));
        let told = bank.told("due", vec![renew(), renew()]).await;
        assert!(told[0].is_ok());
        assert_eq!(told[1], refused("renewal_not_due"));
        assert_eq!(bank.balances().await, [800, 140, 0]);
        // The first period is over: its refund ends nothing.
        assert!(bank.tell("old", bank.refund(FAN, CREATOR, first, None)).await.is_ok());
        let active = "SELECT COUNT(*) FROM subscriptions WHERE status = 'active'";
        assert_eq!(bank.number(active).await, 1);
        let newest = bank.number("SELECT COUNT(*) FROM subscription_periods").await;
        assert_eq!(newest, 2);
        bank.assert_sound().await;
    }
}

#[tokio::test]
async fn a_lapsed_subscription_is_in_nobodys_way() {
    for db in databases() {
        let bank = bank(db).await;
        bank.plan(CREATOR, 100).await;
        assert!(bank.tell("first", bank.subscribe(FAN, CREATOR)).await.is_ok());
        bank.advance(Span::days(40));
        assert!(bank.tell("second", bank.subscribe(FAN, CREATOR)).await.is_ok());
        assert_eq!(bank.number("SELECT COUNT(*) FROM subscriptions WHERE status = 'ended'").await, 1);
        assert_eq!(bank.number("SELECT COUNT(*) FROM subscriptions WHERE status = 'active'").await, 1);
        bank.assert_sound().await;
    }
}

#[tokio::test]
async fn gifts_count_on_every_board_and_leave_it_with_their_refund() {
    for db in databases() {
        let bank = bank(db).await;
        let sold = bank.tell("one", bank.gift(FAN, CREATOR, 1)).await.unwrap();
        bank.execute("two", vec![bank.gift(FAN, CREATOR, 2)]).await;
        assert_eq!(bank.number("SELECT COUNT(*) FROM leaderboards WHERE total_cents = 300 AND gifts = 3").await, 8);
        assert!(bank.tell("part", bank.refund(FAN, CREATOR, sold, Some(40))).await.is_ok());
        assert_eq!(bank.number("SELECT COUNT(*) FROM leaderboards WHERE total_cents = 260 AND gifts = 3").await, 8);
        // In one batch with a new gift: what is added and what is taken back meet on the same lines.
        let both = vec![bank.gift(FAN, CREATOR, 1), bank.refund(FAN, CREATOR, sold, None)];
        assert!(bank.told("both", both).await.iter().all(Result::is_ok));
        assert_eq!(bank.number("SELECT COUNT(*) FROM leaderboards WHERE total_cents = 300 AND gifts = 3").await, 8);
        assert_eq!(bank.number("SELECT CAST(SUM(sales) AS BIGINT) FROM earnings").await, 3);
        assert_eq!(bank.number("SELECT CAST(SUM(earned_cents - refunded_cents) AS BIGINT) FROM earnings").await, 255);
        bank.assert_sound().await;
    }
}

#[tokio::test]
async fn a_payout_is_held_at_once_and_decided_once() {
    for db in databases() {
        let bank = bank(db).await;
        let asked = vec![bank.request_payout(FAN, 400), bank.request_payout(FAN, 100)];
        let told = bank.told("ask", asked).await;
        let payout = told[0].clone().unwrap();
        assert_eq!(told[1], refused("payout_pending"));
        assert_eq!(bank.balances().await, [600, 0, 0]);
        let decisions = vec![bank.decide_payout(FAN, payout, false), bank.decide_payout(FAN, payout, true)];
        let told = bank.told("decide", decisions).await;
        assert!(told[0].is_ok());
        assert_eq!(told[1], refused("payout_decided"));
        assert_eq!(bank.balances().await, [1_000, 0, 0]);
        let again = bank.tell("again", bank.request_payout(FAN, 250)).await.unwrap();
        assert!(bank.tell("pay", bank.decide_payout(FAN, again, true)).await.is_ok());
        assert_eq!(bank.balances().await, [750, 0, 0]);
        let held = "SELECT balance_cents FROM wallets WHERE kind = 'payouts'";
        assert_eq!(bank.number(held).await, 0);
        assert_eq!(bank.number("SELECT balance_cents FROM wallets WHERE provider = 'manual'").await, 250);
        bank.assert_sound().await;
    }
}
