//! Commits without an answer: the same batch again until the truth is known, and never a guess.

use super::scripted::{Stage, answer, answers, limits};
use std::time::Duration;
use superapp::ledger::LedgerError;
use superapp::store::StoreError;
use tokio::time::Instant;

fn broken() -> StoreError {
    StoreError::Broken("as the test wants it")
}

/// Holds the engine with one command, and sends two more that come as one batch.
async fn two_together(mut stage: Stage) -> (Stage, Vec<Result<domain::decide::Answer, LedgerError>>) {
    let first = stage.spawn([0]);
    stage.began().await;
    let tasks = stage.spawn([1, 2]);
    tokio::task::yield_now().await;
    stage.release();
    answers(first).await.pop().unwrap().unwrap();
    let answers = answers(tasks).await;
    (stage, answers)
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_is_run_again_with_the_same_ids_until_it_answers() {
    let unknown = |run, _: &[u128]| if (1..=6).contains(&run) { Err(StoreError::OutcomeUnknown) } else { Ok(()) };
    let (stage, answers) = two_together(Stage::held(limits(), unknown)).await;
    for (number, got) in [1, 2].into_iter().zip(answers) {
        assert_eq!(got.unwrap(), answer(number));
    }
    let mut expected = vec![vec![0]];
    expected.extend(vec![vec![1, 2]; 7]);
    assert_eq!(stage.runs(), expected);
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_stays_unknown_is_said_to_be_unknown_once_patience_ends() {
    let stage = Stage::open(limits(), |_, _| Err(StoreError::OutcomeUnknown));
    let before = Instant::now();
    let got = stage.execute(1).await;
    assert!(matches!(got, Err(LedgerError::OutcomeUnknown)), "{got:?}");
    let patience = limits().resolve;
    assert!(before.elapsed() <= patience && before.elapsed() > patience - Duration::from_millis(200));
    assert!(stage.runs().len() > 40, "pauses are short: {} runs", stage.runs().len());
    assert!(stage.runs().iter().all(|run| *run == [1]));
}

#[tokio::test(start_paused = true)]
async fn an_outage_fails_the_whole_batch_at_once_and_is_not_bisected() {
    let outages: [fn() -> StoreError; 3] =
        [|| StoreError::Closed, || StoreError::Overloaded, || StoreError::Busy(None)];
    for outage in outages {
        let script = move |run, _: &[u128]| if run == 0 { Ok(()) } else { Err(outage()) };
        let (stage, answers) = two_together(Stage::held(limits(), script)).await;
        for got in answers {
            assert!(matches!(got, Err(LedgerError::Unavailable)), "{got:?}");
        }
        assert_eq!(stage.runs(), [vec![0], vec![1, 2]]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_that_cannot_win_its_race_does_not_take_its_neighbours_along() {
    let script =
        |_: usize, batch: &[u128]| if batch.contains(&1) { Err(StoreError::Lost("a unique row")) } else { Ok(()) };
    let (stage, answers) = two_together(Stage::held(limits(), script)).await;
    let [first, second] = answers.try_into().unwrap();
    assert!(matches!(first, Err(LedgerError::Unavailable)) && second.is_ok(), "{first:?} {second:?}");
    assert_eq!(stage.runs(), [vec![0], vec![1, 2], vec![1], vec![2]]);
}

#[tokio::test(start_paused = true)]
async fn an_outage_after_doubt_does_not_turn_doubt_into_certainty() {
    let stage =
        Stage::open(limits(), |run, _| Err(if run == 0 { StoreError::OutcomeUnknown } else { StoreError::Closed }));
    let got = stage.execute(1).await;
    assert!(matches!(got, Err(LedgerError::OutcomeUnknown)), "{got:?}");
    assert!(stage.runs().len() > 40, "it is asked again while there is time");
}

#[tokio::test(start_paused = true)]
async fn an_outage_after_doubt_that_passes_ends_in_the_truth() {
    let stage = Stage::open(limits(), |run, _| match run {
        0 => Err(StoreError::OutcomeUnknown),
        1..=5 => Err(StoreError::Busy(None)),
        _ => Ok(()),
    });
    assert_eq!(stage.execute(1).await.unwrap(), answer(1));
    assert_eq!(stage.runs().len(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_command_that_breaks_after_doubt_may_have_been_executed() {
    let stage = Stage::open(limits(), |run, _| Err(if run == 0 { StoreError::OutcomeUnknown } else { broken() }));
    let got = stage.execute(1).await;
    assert!(matches!(got, Err(LedgerError::OutcomeUnknown)), "{got:?}");
}

#[tokio::test(start_paused = true)]
async fn doubt_is_carried_into_both_halves_of_a_batch() {
    // The commit of both is not answered, then they break together; alone, the first is told the truth and
    // the second finds the database gone.
    let stage = Stage::held(limits(), |run, numbers| match (run, numbers) {
        (0, _) => Ok(()),
        (1, _) => Err(StoreError::OutcomeUnknown),
        (_, [1, 2]) => Err(broken()),
        (_, [1]) => Ok(()),
        _ => Err(StoreError::Closed),
    });
    let (_, mut answers) = two_together(stage).await;
    let (second, first) = (answers.pop().unwrap(), answers.pop().unwrap());
    assert_eq!(first.unwrap(), answer(1));
    assert!(matches!(second, Err(LedgerError::OutcomeUnknown)), "{second:?}");
}

#[tokio::test(start_paused = true)]
async fn the_writer_goes_on_after_an_unknown_outcome() {
    let stage = Stage::open(limits(), |_, numbers| match numbers {
        [1] => Err(StoreError::OutcomeUnknown),
        _ => Ok(()),
    });
    assert!(stage.execute(1).await.is_err());
    assert_eq!(stage.execute(2).await.unwrap(), answer(2));
}
