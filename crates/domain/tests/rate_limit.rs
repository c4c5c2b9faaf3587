//! The window of the limiter: never more than the limit in any minute, and never less than it for whoever asks.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]
#![expect(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "the numbers of these tests are small")]

#[path = "rate_limit/suite.rs"]
mod suite;

use domain::rate_limit::{Decision, WINDOW_MICROS, Window};
use std::collections::HashMap;
use suite::{Ask, Chance, TIERS, number};

/// Decisions for each tier.
const DECISIONS: u64 = 1_000_000;

fn in_process() -> impl FnMut(Ask) -> Decision {
    let mut windows: HashMap<String, Window> = HashMap::new();
    move |ask| {
        if !windows.contains_key(&ask.key) {
            windows.insert(ask.key.clone(), Window::default());
        }
        windows.get_mut(&ask.key).unwrap().decide(ask.now, ask.limit, ask.cost)
    }
}

#[test]
fn no_minute_has_more_than_the_limit_and_the_last_of_it_is_always_accepted() {
    for limit in TIERS {
        suite::holds_against_adversaries(&mut in_process(), limit, DECISIONS, 1);
    }
}

#[test]
fn a_retry_is_accepted_at_retry_after_and_not_a_second_earlier() {
    for limit in TIERS {
        suite::accepts_at_retry_after(&mut in_process(), limit, 10_000, 2);
    }
}

#[test]
fn limits_and_costs_may_change_with_every_request() {
    for seed in 0..20 {
        suite::holds_under_changing_limits(&mut in_process(), 1_000, seed);
    }
}

#[test]
fn another_tier_bites_on_the_next_request() {
    suite::obeys_a_new_limit_at_once(&mut in_process());
}

#[test]
fn clients_of_one_account_share_its_limit() {
    for limit in TIERS {
        suite::shares_one_window_between_clients(&mut in_process(), limit);
    }
}

#[test]
fn a_client_that_obeys_what_it_is_told_is_never_refused() {
    for limit in TIERS {
        let (mut chance, mut window, mut now) = (Chance(3), Window::default(), WINDOW_MICROS);
        for _ in 0..100_000 {
            let decision = window.decide(now, number(limit), number(1));
            assert!(decision.accepted, "{decision:?}");
            now += if decision.remaining == 0 { decision.wait_seconds() * 1_000_000 } else { chance.below(1_000) };
        }
    }
}

#[test]
fn moments_that_come_in_the_wrong_order_let_nobody_through_twice() {
    let (mut chance, mut window) = (Chance(4), Window::default());
    let mut accepted = Vec::new();
    for step in 0..200_000_u64 {
        // Threads that read the clock, and were overtaken before they decided.
        let now = WINDOW_MICROS + step * 2_000 - chance.below(10_000);
        if window.decide(now, number(100), number(1)).accepted {
            accepted.push(now);
        }
    }
    // What was accepted late counts as the newest before it, so by its own moment it may be a little older.
    accepted.sort_unstable();
    assert!(accepted.windows(101).all(|of| of[100] - of[0] >= WINDOW_MICROS - 10_000));
    assert!(accepted.len() > 600, "{}", accepted.len());
}

#[test]
fn a_window_is_idle_when_forgetting_it_changes_nothing_and_full_while_it_refuses() {
    let (mut window, limit) = (Window::default(), number(3));
    assert!(window.is_idle(0) && !window.is_full(0, limit));
    for now in [10, 20, 30] {
        assert!(window.decide(now, limit, number(1)).accepted);
    }
    assert!(window.is_full(30, limit) && window.is_full(10 + WINDOW_MICROS - 1, limit));
    assert!(!window.is_full(10 + WINDOW_MICROS, limit) && !window.is_full(30, number(4)));
    assert!(!window.is_idle(30 + WINDOW_MICROS - 1) && window.is_idle(30 + WINDOW_MICROS));
    assert_eq!(window.ages(40, 2).collect::<Vec<_>>(), [10, 20]);
    window.record(40, limit, number(1));
    assert_eq!(window.ages(40, 9).collect::<Vec<_>>(), [0, 10, 20], "no more is kept than the limit");
}
