//! A command that breaks its batch: it is found, and only it fails.

use super::scripted::{Stage, answer, answers, limits};
use std::collections::BTreeSet;
use superapp::ledger::{LedgerError, Limits};
use superapp::store::StoreError;

/// Runs commands 0 to `commands` in one batch, of which some break it, and returns the stage.
async fn poisoned(commands: u128, poison: &'static [u128], error: fn() -> StoreError) -> Stage {
    let large = Limits { batch: 1_000, ..limits() };
    let breaks = move |_, numbers: &[u128]| {
        if numbers.iter().any(|number| poison.contains(number)) { Err(error()) } else { Ok(()) }
    };
    let mut stage = Stage::held(large, breaks);
    // The first one only holds the engine, so that the others come together.
    let first = stage.spawn([u128::MAX]);
    stage.began().await;
    let tasks = stage.spawn(0..commands);
    tokio::task::yield_now().await;
    stage.release();
    answers(first).await.pop().unwrap().unwrap();
    for (number, got) in (0..).zip(answers(tasks).await) {
        if poison.contains(&number) {
            assert!(matches!(got, Err(LedgerError::Broken)), "{number}: {got:?}");
        } else {
            assert_eq!(got.unwrap(), answer(number));
        }
    }
    stage
}

#[tokio::test(start_paused = true)]
async fn only_the_command_that_breaks_a_batch_fails() {
    for poison in [&[0_u128][..], &[63], &[31], &[0, 63], &[10, 11, 12], &[5, 40, 41, 62]] {
        let stage = poisoned(64, poison, || StoreError::Broken("as the test wants it")).await;
        let runs = stage.runs();
        let sound: Vec<u128> = runs[1..]
            .iter()
            .filter(|run| run.iter().all(|number| !poison.contains(number)))
            .flatten()
            .copied()
            .collect();
        let expected: Vec<u128> = (0..64).filter(|number| !poison.contains(number)).collect();
        assert_eq!(sound, expected, "each of the others ran once without it, in order");
        assert!(runs.len() <= 2 + poison.len() * 13, "{} runs for {poison:?}", runs.len());
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_one_commands_fault_too() {
    poisoned(9, &[4], || StoreError::Panicked).await;
    poisoned(2, &[1], || StoreError::Column { column: 0, expected: "cents" }).await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_in_which_every_command_is_broken_comes_to_an_end() {
    let stage = poisoned(4, &[0, 1, 2, 3], || StoreError::Panicked).await;
    let runs: BTreeSet<Vec<u128>> = stage.runs().into_iter().collect();
    assert!(runs.contains(&vec![0]) && runs.contains(&vec![3]));
}

#[tokio::test(start_paused = true)]
async fn the_writer_goes_on_after_a_broken_command() {
    let stage = Stage::open(limits(), |_, numbers| if numbers == [1] { Err(StoreError::Panicked) } else { Ok(()) });
    assert!(matches!(stage.execute(1).await, Err(LedgerError::Broken)));
    assert_eq!(stage.execute(2).await.unwrap(), answer(2));
}
