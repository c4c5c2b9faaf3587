//! The window in Redis keeps the rule of the window in a process, on one server and on a cluster.

use crate::suite::{self, Ask, TIERS};
use crate::{TURN, far};
use domain::rate_limit::{Decision, WINDOW_MICROS};
use redis::cluster::ClusterClient;
use superapp::limits::together;

/// Decisions for each tier, or as many as `LIMIT_DECISIONS` says.
fn decisions() -> u64 {
    std::env::var("LIMIT_DECISIONS").map_or(20_000, |text| text.parse().unwrap())
}

fn in_redis(connection: &mut impl redis::ConnectionLike) -> impl FnMut(Ask) -> Decision {
    move |ask| {
        let asked = together::Ask { limit: ask.limit, cost: ask.cost, now: Some(ask.now) };
        together::read(asked, together::question(&ask.key, asked, &[]).invoke(connection).unwrap())
    }
}

#[test]
fn no_minute_has_more_than_the_limit_and_the_last_of_it_is_always_accepted() {
    let _turn = TURN.blocking_lock();
    far::forget();
    for limit in TIERS {
        suite::holds_against_adversaries(&mut in_redis(&mut far::connect()), limit, decisions(), 1);
    }
}

#[test]
fn a_retry_is_accepted_at_retry_after_and_not_a_second_earlier() {
    let _turn = TURN.blocking_lock();
    far::forget();
    for limit in TIERS {
        suite::accepts_at_retry_after(&mut in_redis(&mut far::connect()), limit, decisions() / 500, 2);
    }
}

#[test]
fn limits_and_costs_may_change_with_every_request() {
    let _turn = TURN.blocking_lock();
    far::forget();
    for seed in 0..5 {
        suite::holds_under_changing_limits(&mut in_redis(&mut far::connect()), 1_000, seed);
    }
}

#[test]
fn another_tier_bites_on_the_next_request() {
    let _turn = TURN.blocking_lock();
    far::forget();
    suite::obeys_a_new_limit_at_once(&mut in_redis(&mut far::connect()));
}

#[test]
fn clients_of_one_account_share_its_limit() {
    let _turn = TURN.blocking_lock();
    far::forget();
    suite::shares_one_window_between_clients(&mut in_redis(&mut far::connect()), 10);
    suite::shares_one_window_between_clients(&mut in_redis(&mut far::connect()), 100);
}

#[test]
fn a_cluster_keeps_the_same_windows() {
    let urls = far::cluster();
    let mut connection = ClusterClient::new(urls.split(',')).unwrap().get_connection().unwrap();
    suite::obeys_a_new_limit_at_once(&mut in_redis(&mut connection));
    suite::accepts_at_retry_after(&mut in_redis(&mut connection), 10, 100, 3);
    suite::holds_against_adversaries(&mut in_redis(&mut connection), 100, 2_000, 4);
}

fn ask(key: &str, now: u64, ages: &[u64]) -> Decision {
    let asked = together::Ask { limit: suite::number(10), cost: suite::number(1), now: Some(now) };
    together::read(asked, together::question(key, asked, ages).invoke(&mut far::connect()).unwrap())
}

#[test]
fn what_was_accepted_elsewhere_counts_at_its_own_moment() {
    let _turn = TURN.blocking_lock();
    far::forget();
    let second = 1_000_000;
    let now = 10 * WINDOW_MICROS;
    assert_eq!(ask("ages", now, &[]).remaining, 9);
    let told = ask("ages", now + 10 * second, &[5 * second, 30 * second, 30 * second + 1]);
    assert_eq!((told.remaining, told.wait_micros), (5, 30 * second - 1), "the oldest is the one that was told last");
    assert_eq!(ask("ages", now + 40 * second - 1, &[]).remaining, 5, "one has left");
    assert_eq!(ask("ages", now + 40 * second, &[]).remaining, 5, "and another");
}

#[test]
fn what_is_told_again_and_again_takes_no_more_room_than_the_limit() {
    let _turn = TURN.blocking_lock();
    far::forget();
    let ages: Vec<u64> = (1..=10).map(|age| age * 1_000_000).collect();
    for time in 0..50 {
        assert!(!ask("again", 10 * WINDOW_MICROS + time, &ages).accepted);
    }
    let kept: usize = redis::cmd("LLEN").arg("superapp:limit:{again}").query(&mut far::connect()).unwrap();
    assert_eq!(kept, 10);
}

#[test]
fn a_clock_that_is_set_back_keeps_nobody_waiting_for_an_hour() {
    let _turn = TURN.blocking_lock();
    far::forget();
    let hour = 60 * WINDOW_MICROS;
    for _ in 0..10 {
        assert!(ask("back", 10 * hour, &[]).accepted);
    }
    let refused = ask("back", 9 * hour, &[]);
    assert_eq!((refused.accepted, refused.wait_micros), (false, WINDOW_MICROS), "as if no time had passed");
    assert!(!ask("back", 9 * hour + WINDOW_MICROS - 1, &[]).accepted);
    assert!(ask("back", 9 * hour + WINDOW_MICROS, &[]).accepted);
}
