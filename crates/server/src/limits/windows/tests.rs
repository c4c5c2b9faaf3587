//! Windows of many keys: what makes room, what Redis is told, who floods.

use super::{FLOOD_LIMITS, FLOOD_MICROS, Windows};
use domain::rate_limit::{Class, Decision, WINDOW_MICROS};
use std::num::NonZeroU32;

const LIMIT: NonZeroU32 = NonZeroU32::new(3).unwrap();
const ONE: NonZeroU32 = NonZeroU32::new(1).unwrap();

#[test]
fn a_window_that_refuses_is_not_forgotten_however_many_keys_come() {
    let windows: Windows<u64> = Windows::default();
    let guilty = 0..1_000;
    for key in guilty.clone() {
        assert!((0..3).all(|now| windows.decide(key, now, LIMIT, ONE).accepted));
    }
    for key in 1_000..2_000_000 {
        assert!(windows.decide(key, 10, LIMIT, ONE).accepted, "{key} finds no room");
    }
    assert!(windows.len() <= Windows::<u64>::KEYS_MAX);
    for key in guilty {
        assert!(!windows.decide(key, WINDOW_MICROS - 1, LIMIT, ONE).accepted, "{key} was forgotten");
    }
}

#[test]
fn idle_windows_make_room() {
    let windows: Windows<u64> = Windows::default();
    for minute in 0..20_u64 {
        for key in 0..10_000 {
            let now = minute * WINDOW_MICROS * 2 + key;
            assert!(windows.decide(minute * 10_000 + key, now, LIMIT, ONE).accepted);
        }
    }
    assert!(windows.len() < 30_000, "{}", windows.len());
}

#[test]
fn where_every_window_refuses_a_new_key_waits() {
    let windows: Windows<u64> = Windows::default();
    let most = u64::try_from(Windows::<u64>::KEYS_MAX).unwrap();
    let accepted = (0..2 * most).filter(|key| windows.decide(*key, 1, ONE, ONE).accepted).count();
    assert!(accepted <= Windows::<u64>::KEYS_MAX && accepted > Windows::<u64>::KEYS_MAX / 2, "{accepted}");
    let refused = windows.decide(3 * most, 2, ONE, ONE);
    assert_eq!((refused.accepted, refused.retry_after_seconds()), (false, Some(1)));
    assert!(windows.decide(3 * most, 2 + WINDOW_MICROS, ONE, ONE).accepted);
}

fn windows() -> Windows<u64> {
    Windows::default()
}

#[test]
fn each_key_is_counted_by_itself_and_nothing_is_kept_of_one_that_was_only_asked_about() {
    let windows = windows();
    assert!(windows.is_empty());
    assert_eq!((windows.full_for(7, 0, LIMIT), windows.flood(7, 0)), (None, None));
    assert_eq!(windows.take_untold(7, 0, 0), Vec::<u64>::new());
    windows.put_back_untold(7, 3);
    assert!(windows.is_empty());
    let remaining = |key, now| windows.decide(key, now, LIMIT, ONE).remaining;
    assert_eq!([remaining(1, 0), remaining(1, 1), remaining(2, 2), remaining(1, 3)], [2, 1, 2, 0]);
    assert_eq!((windows.len(), windows.is_empty()), (2, false));
}

#[test]
fn redis_is_told_once_of_what_was_accepted_without_it_while_it_still_counts() {
    let windows = windows();
    for now in [10, 20] {
        assert!(windows.decide_untold(1, now, LIMIT, ONE).accepted);
    }
    assert_eq!(sorted(windows.take_untold(1, 50, 0)), [30, 40]);
    assert_eq!(windows.take_untold(1, 50, 0), Vec::<u64>::new());
    // The third is the newest, and the last: a refusal is nothing to tell.
    assert!(windows.decide_untold(1, 60, LIMIT, ONE).accepted);
    assert!(!windows.decide_untold(1, 70, LIMIT, ONE).accepted);
    assert_eq!(windows.take_untold(1, 100, 0), [40]);
    windows.put_back_untold(1, 2);
    assert_eq!(sorted(windows.take_untold(1, 100, 0)), [40, 80], "it had not heard of them after all");
    windows.put_back_untold(1, 3);
    assert_eq!(windows.take_untold(1, WINDOW_MICROS + 100, 0), Vec::<u64>::new(), "nothing of it counts any more");
}

#[test]
fn a_redis_that_has_forgotten_is_told_of_all_that_still_counts() {
    let windows = windows();
    windows.record(1, 10, LIMIT, ONE);
    assert!(windows.decide(1, 20, LIMIT, ONE).accepted);
    assert_eq!(windows.take_untold(1, 30, 0), Vec::<u64>::new(), "it knows of them");
    assert_eq!(sorted(windows.take_untold(1, 30, 1)), [10, 20]);
    assert_eq!(windows.take_untold(1, 30, 1), Vec::<u64>::new());
    // A key that is new after that was never told to the memory before.
    windows.record(2, 30, LIMIT, ONE);
    assert_eq!(windows.take_untold(2, 40, 1), Vec::<u64>::new());
}

#[test]
fn what_redis_accepted_counts_here_too_and_a_full_window_says_until_when() {
    let windows = windows();
    for now in 0..3 {
        assert_eq!(windows.full_for(1, now, LIMIT), None);
        windows.record(1, now, LIMIT, ONE);
    }
    assert_eq!(windows.full_for(1, 10, LIMIT), Some(WINDOW_MICROS - 10));
    let refused = windows.decide(1, 10, LIMIT, ONE);
    assert_eq!((refused.accepted, refused.wait_micros), (false, WINDOW_MICROS - 10));
    assert_eq!(windows.full_for(1, WINDOW_MICROS, LIMIT), None);
}

#[test]
fn who_is_refused_nine_limits_in_a_minute_is_not_asked_who_they_are_for_a_second() {
    let windows = windows();
    let wait = Decision { accepted: false, limit: LIMIT, remaining: 0, wait_micros: 50_000_000 };
    windows.refused(1, 0, Class::Free, &wait);
    assert!(windows.is_empty(), "nobody is kept because of a refusal alone");
    assert!((0..3).all(|now| windows.decide(1, now, LIMIT, ONE).accepted));
    let most = LIMIT.get() * FLOOD_LIMITS;
    for refusals in 1..=most {
        assert_eq!(windows.flood(1, 100), None, "after {refusals}");
        windows.refused(1, 100, Class::Free, &wait);
    }
    let flood = |now| windows.flood(1, now).map(|(class, decision)| (class, decision.accepted, decision.wait_micros));
    assert_eq!(flood(100), Some((Class::Free, false, 50_000_000)));
    assert_eq!(flood(100 + FLOOD_MICROS - 1), Some((Class::Free, false, 50_000_001 - FLOOD_MICROS)));
    assert_eq!(flood(100 + FLOOD_MICROS), None, "they may have another tier by now");
    // A refusal of a minute later is the first of another minute.
    windows.refused(1, 100 + WINDOW_MICROS, Class::Free, &wait);
    assert_eq!(flood(100 + WINDOW_MICROS), None);
}

#[test]
fn who_may_go_on_soon_does_not_flood() {
    let windows = windows();
    let soon = Decision { accepted: false, limit: LIMIT, remaining: 0, wait_micros: 10 };
    assert!(windows.decide(1, 0, LIMIT, ONE).accepted);
    for _ in 0..LIMIT.get() * FLOOD_LIMITS {
        windows.refused(1, 100, Class::Premium, &soon);
    }
    assert!(windows.flood(1, 109).is_some());
    assert_eq!(windows.flood(1, 110), None);
}

fn sorted(mut ages: Vec<u64>) -> Vec<u64> {
    ages.sort_unstable();
    ages
}
