//! What processes do with Redis, from inside of one: the same types that a server has, and the Redis of the run.

use crate::{TURN, far};
use domain::id::UserId;
use domain::idempotency::KeyDigest;
use domain::rate_limit::WINDOW_MICROS;
use std::num::NonZeroU32;
use std::time::Duration;
use superapp::gateway::redis::Redis;
use superapp::idempotency::InFlight;
use superapp::idempotency::registry::Registry;
use superapp::limits::together::{Place, or_alone};
use superapp::limits::windows::Windows;
use tokio::time::Instant;
use uuid::Uuid;

const ONE: NonZeroU32 = NonZeroU32::new(1).unwrap();
const LIMIT: NonZeroU32 = NonZeroU32::new(4).unwrap();
const PATIENCE: Duration = Duration::from_secs(8);

async fn process(number: u128) -> Redis {
    let redis = Redis::start(&far::url().into(), Uuid::from_u128(number)).await.unwrap();
    assert!(redis.is_up());
    redis
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_share_a_window_and_a_full_one_is_not_asked_about_again() {
    let _turn = TURN.lock().await;
    far::forget();
    let redis = [process(1).await, process(2).await];
    let windows: [Windows<u64>; 2] = Default::default();
    let mut accepted = 0;
    for turn in 0..6 {
        let (decision, place) = or_alone(&redis[turn % 2], &windows[turn % 2], 7, || 1_000_000, (LIMIT, ONE)).await;
        assert_eq!(place, Place::Redis);
        accepted += u32::from(decision.accepted);
    }
    assert_eq!(accepted, LIMIT.get());
    // A process that let through the limit by itself needs nobody to tell it.
    let alone: Windows<u64> = Windows::default();
    for now in 0..4 {
        assert!(or_alone(&redis[0], &alone, 8, || now, (LIMIT, ONE)).await.0.accepted);
    }
    let (refused, place) = or_alone(&redis[0], &alone, 8, || 10, (LIMIT, ONE)).await;
    assert_eq!((refused.accepted, place), (false, Place::Process));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_process_let_through_alone_is_told_to_redis_with_the_next_decision() {
    let _turn = TURN.lock().await;
    far::forget();
    let redis = process(1).await;
    let windows: Windows<u64> = Windows::default();
    for now in [WINDOW_MICROS, WINDOW_MICROS + 1] {
        assert!(windows.decide_untold(7, now, LIMIT, ONE).accepted);
    }
    let (decision, place) = or_alone(&redis, &windows, 7, || WINDOW_MICROS + 2, (LIMIT, ONE)).await;
    assert_eq!((decision.accepted, decision.remaining, place), (true, 1, Place::Redis));
    assert_eq!(windows.take_untold(7, WINDOW_MICROS + 3, redis.epoch()), Vec::<u64>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_flies_once_over_all_processes_and_is_free_when_it_has_landed() {
    let _turn = TURN.lock().await;
    far::forget();
    let [here, there] = [process(1).await, process(2).await].map(Registry::new);
    let [ours, theirs] = [InFlight::default(), InFlight::default()];
    let (ann, digest) = (UserId::new(Uuid::from_u128(9)), KeyDigest([3; 32]));
    let mut flight = ours.take_off(ann, digest).unwrap();
    assert!(!flight.announce(&here).await);
    let mut second = theirs.take_off(ann, digest).unwrap();
    assert!(second.announce(&there).await, "the other process has it in flight");
    drop((flight, second));
    // The note is taken away beside whoever lands.
    let landed = Instant::now();
    loop {
        let mut again = theirs.take_off(ann, digest).unwrap();
        if !again.announce(&there).await {
            break;
        }
        assert!(landed.elapsed() < PATIENCE, "the note stays");
        tokio::task::yield_now().await;
    }
}
