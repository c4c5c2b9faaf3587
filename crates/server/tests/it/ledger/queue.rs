//! The queue and its batches: bounded, in order, without a timer, and emptied before the end.

use super::scripted::{Stage, answer, answers, limits, nothing_held, submission};
use domain::decide::Answer;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use superapp::ledger::{LedgerError, Limits};
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn a_command_that_comes_alone_commits_alone_and_at_once() {
    let stage = Stage::open(limits(), |_, _| Ok(()));
    let before = Instant::now();
    for number in 1..=3 {
        assert_eq!(stage.execute(number).await.unwrap(), answer(number));
    }
    assert_eq!(stage.runs(), [[1], [2], [3]]);
    assert_eq!(before.elapsed(), Duration::ZERO, "nobody waited for company");
}

#[tokio::test(start_paused = true)]
async fn what_arrives_during_a_commit_is_the_next_batch_and_no_batch_is_too_large() {
    let mut stage = Stage::held(limits(), |_, _| Ok(()));
    let first = stage.spawn([0]);
    stage.began().await;
    let others = stage.spawn(1..=25);
    tokio::task::yield_now().await;
    stage.release();
    for answer in answers(first.into_iter().chain(others).collect()).await {
        answer.unwrap();
    }
    let batches: [Vec<u128>; 4] = [vec![0], (1..=10).collect(), (11..=20).collect(), (21..=25).collect()];
    assert_eq!(stage.runs(), batches);
}

#[tokio::test(start_paused = true)]
async fn everybody_gets_their_own_answer() {
    let mut stage = Stage::held(limits(), |_, _| Ok(()));
    let tasks = stage.spawn(1..=40);
    stage.began().await;
    stage.release();
    for (number, got) in (1..).zip(answers(tasks).await) {
        assert_eq!(got.unwrap(), answer(number));
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_at_once_and_keeps_what_it_has() {
    let mut stage = Stage::held(Limits { queue: 2, ..limits() }, |_, _| Ok(()));
    let picked_up = stage.spawn([1]);
    stage.began().await;
    let waiting = stage.spawn([2, 3]);
    tokio::task::yield_now().await;
    let refused = stage.execute(4).await;
    assert!(matches!(refused, Err(LedgerError::Overloaded)), "{refused:?}");
    stage.release();
    for answer in answers(picked_up.into_iter().chain(waiting).collect()).await {
        answer.unwrap();
    }
    assert_eq!(stage.runs(), [vec![1], vec![2, 3]], "the fourth was never run");
}

#[tokio::test(start_paused = true)]
async fn a_command_that_waited_for_too_long_is_never_run() {
    let mut stage = Stage::held(limits(), |_, _| Ok(()));
    let first = stage.spawn([1]);
    stage.began().await;
    let ledger = stage.ledger.clone();
    let mut impatient = submission(2);
    impatient.deadline = Instant::now() + Duration::from_secs(1);
    let late = tokio::spawn(async move { ledger.execute(impatient, nothing_held()).await });
    let timely = stage.spawn([3]);
    tokio::task::yield_now().await;
    tokio::time::advance(Duration::from_secs(1)).await;
    stage.release();
    let late = late.await.unwrap();
    assert!(matches!(late, Err(LedgerError::Expired)), "{late:?}");
    for answer in answers(first.into_iter().chain(timely).collect()).await {
        answer.unwrap();
    }
    assert_eq!(stage.runs(), [[1], [3]]);
}

#[tokio::test(start_paused = true)]
async fn a_command_that_was_picked_up_is_answered_however_long_its_commit_takes() {
    let mut stage = Stage::held(limits(), |_, _| Ok(()));
    let task = stage.spawn([1]);
    stage.began().await;
    tokio::time::advance(Duration::from_secs(3_600)).await;
    stage.release();
    assert_eq!(answers(task).await.pop().unwrap().unwrap(), answer(1));
}

type Execution = Pin<Box<dyn Future<Output = Result<Answer, LedgerError>> + Send>>;

/// Looks, when it is dropped, whether the answer has arrived.
struct Hold {
    execution: Arc<Mutex<Option<Execution>>>,
    answered_before: Arc<Mutex<Vec<bool>>>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        let arrived = self.execution.lock().unwrap().as_mut().map(|execution| {
            let arrived = execution.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            arrived.is_ready()
        });
        self.answered_before.lock().unwrap().push(arrived.unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_held_is_let_go_before_the_answer_arrives() {
    type Outcome = fn(usize, &[u128]) -> Result<(), superapp::store::StoreError>;
    let outcomes: [Outcome; 3] = [
        |_, _| Ok(()),
        |_, _| Err(superapp::store::StoreError::Panicked),
        |_, _| Err(superapp::store::StoreError::Closed),
    ];
    for outcome in outcomes {
        let mut stage = Stage::held(limits(), outcome);
        let (execution, answered_before) = (Arc::new(Mutex::new(None)), Arc::new(Mutex::default()));
        let hold = Hold { execution: Arc::clone(&execution), answered_before: Arc::clone(&answered_before) };
        let ledger = stage.ledger.clone();
        let mut future: Execution = Box::pin(async move { ledger.execute(submission(1), Box::new(hold)).await });
        assert!(poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await);
        *execution.lock().unwrap() = Some(future);
        stage.began().await;
        stage.release();
        // The door closes with the execution, which lies in the slot.
        let Stage { ledger, writer, .. } = stage;
        drop(ledger);
        let finished = tokio::spawn(async move { writer.await.unwrap() });
        while answered_before.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(*answered_before.lock().unwrap(), [false]);
        let future = execution.lock().unwrap().take().unwrap();
        let _ = future.await;
        finished.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_writer_empties_the_queue_before_it_ends_whoever_still_listens() {
    let mut stage = Stage::held(limits(), |_, _| Ok(()));
    let mut executions: Vec<Execution> = (1..=35)
        .map(|number| {
            let ledger = stage.ledger.clone();
            let execution = async move { ledger.execute(submission(number), nothing_held()).await };
            Box::pin(execution) as Execution
        })
        .collect();
    for execution in &mut executions {
        assert!(poll_fn(|context| Poll::Ready(execution.as_mut().poll(context).is_pending())).await);
    }
    stage.began().await;
    // Every client hangs up, and the last door closes.
    drop(executions);
    stage.release();
    assert!(stage.runs().concat().len() < 35, "there is something left to do");
    let Stage { ledger, writer, runs, .. } = stage;
    drop(ledger);
    writer.await.unwrap();
    assert_eq!(runs.lock().unwrap().concat(), (1..=35).collect::<Vec<u128>>());
}
