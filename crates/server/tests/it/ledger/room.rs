//! Lanes beside one another: who waits for a popular creator, and who does not.

use super::scripted::{Stage, answers, between, limits};
use std::collections::HashSet;
use superapp::ledger::Limits;

const POPULAR: u128 = 1;

fn lanes(lanes: usize) -> Limits {
    Limits { lanes, ..limits() }
}

/// Lets every command that was sent so far arrive where it waits.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn sales_of_a_popular_creator_gather_and_nobody_else_waits_behind_them() {
    let mut stage = Stage::held(lanes(3), |_, _| Ok(()));
    let first = stage.pay([between(10, 100, POPULAR)]);
    stage.began().await;
    let more = stage.pay((11..=14).map(|number| between(number, number + 100, POPULAR)));
    settle().await;
    let other = stage.pay([between(20, 200, 201)]);
    stage.began().await;
    settle().await;
    assert_eq!(stage.runs(), [vec![10], vec![20]], "a stranger runs at once, in a lane beside the first sale");
    stage.release();
    for answer in answers(first.into_iter().chain(more).chain(other).collect()).await {
        answer.unwrap();
    }
    assert_eq!(stage.runs(), [vec![10], vec![20], vec![11, 12, 13, 14]], "the sales that waited are one batch");
}

#[tokio::test(start_paused = true)]
async fn a_backlog_of_more_than_a_batch_leaves_room_for_others() {
    let mut stage = Stage::held(Limits { queue: 80, batch: 5, ..lanes(2) }, |_, _| Ok(()));
    let first = stage.pay([between(10, 100, POPULAR)]);
    stage.began().await;
    let more = stage.pay((11..=40).map(|number| between(number, number + 100, POPULAR)));
    settle().await;
    let other = stage.pay([between(50, 200, 201)]);
    stage.began().await;
    assert_eq!(stage.runs(), [vec![10], vec![50]]);
    stage.release();
    for answer in answers(first.into_iter().chain(more).chain(other).collect()).await {
        answer.unwrap();
    }
    let batches = stage.runs();
    assert!(batches.iter().all(|batch| batch.len() <= 5), "{batches:?}");
    let sold: Vec<u128> = batches.concat().into_iter().filter(|number| *number < 50).collect();
    assert_eq!(sold, (10..=40).collect::<Vec<_>>(), "in their order");
}

#[tokio::test(start_paused = true)]
async fn commands_of_one_user_stay_in_their_order() {
    let mut stage = Stage::held(lanes(3), |_, _| Ok(()));
    let first = stage.pay([between(10, 100, POPULAR)]);
    stage.began().await;
    // The second waits for the creator, so the third waits for the second, though nobody holds its wallets.
    let more = stage.pay([between(11, 101, POPULAR), between(12, 101, 102), between(13, 102, 103)]);
    settle().await;
    assert_eq!(stage.runs(), [vec![10]]);
    stage.release();
    for answer in answers(first.into_iter().chain(more).collect()).await {
        answer.unwrap();
    }
    assert_eq!(stage.runs(), [vec![10], vec![11, 12, 13]]);
}

#[tokio::test(start_paused = true)]
async fn no_two_batches_that_run_at_once_need_the_same_wallet() {
    let stage = Stage::held(Limits { queue: 1_000, batch: 200, ..lanes(4) }, |_, _| Ok(()));
    // A command's number tells who pays whom.
    let users = |number: u128| [number / 50, number % 50 + 25];
    let numbers: Vec<u128> = (0..1_250).step_by(7).collect();
    let mut tasks = Vec::new();
    for number in &numbers {
        let [payer, payee] = users(*number);
        tasks.extend(stage.pay([between(*number, payer + 1, payee + 1)]));
        settle().await;
    }
    // None has ended yet: all of these run.
    let running = stage.runs();
    assert_eq!(running.len(), 4, "each lane has one");
    let wallets = |batch: &Vec<u128>| batch.iter().flat_map(|number| users(*number)).collect::<HashSet<u128>>();
    for (index, batch) in running.iter().enumerate() {
        for other in running.iter().skip(index + 1) {
            assert!(wallets(batch).is_disjoint(&wallets(other)), "{batch:?} {other:?}");
        }
    }
    stage.release();
    for answer in answers(tasks).await {
        answer.unwrap();
    }
    let mut run: Vec<u128> = stage.runs().concat();
    run.sort_unstable();
    assert_eq!(run, numbers, "each once");
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_panics_gives_back_what_it_held() {
    let mut stage = Stage::held(lanes(2), |run, _| {
        assert!(run > 0, "the first run dies");
        Ok(())
    });
    let dies = stage.pay([between(10, 100, POPULAR)]);
    stage.began().await;
    let waits = stage.pay([between(11, 101, POPULAR)]);
    settle().await;
    stage.release();
    assert!(answers(dies).await.iter().all(Result::is_err), "nobody knows what became of it");
    assert!(answers(waits).await.iter().all(Result::is_ok));
}
