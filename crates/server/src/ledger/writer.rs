//! The task that empties the queue, batch by batch, each answered after its commit.
//!
//! There is no timer: a command that comes alone commits alone, and what arrives meanwhile is the next
//! batch. So batches grow with the load and waiting does not.

use super::room::Room;
use super::{Batch, Engine, LedgerError, Limits, Queued, Submission, Waiter};
use crate::clock::stopwatch;
use crate::store::StoreError;
use domain::decide::Answer;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Requests that a line about a batch names.
const NAMED_MAX: usize = 16;

pub(super) async fn run(engine: impl Engine, mut queue: mpsc::Receiver<Queued>, limits: Limits) {
    let engine = Arc::new(engine);
    let lanes_max = limits.lanes.max(1);
    let mut room = Room::new(limits);
    let (mut running, mut lanes) = (HashMap::new(), JoinSet::new());
    let (mut arrived, mut is_open) = (Vec::new(), true);
    while is_open || room.len() > 0 || !lanes.is_empty() {
        // What waits for the only lane stays in the queue, which tells when it is full.
        let space = if lanes_max > 1 || lanes.is_empty() { room.space() } else { 0 };
        tokio::select! {
            biased;
            Some(ended) = lanes.join_next_with_id(), if !lanes.is_empty() => {
                let id = ended.map_or_else(|panicked| panicked.id(), |(id, ())| id);
                room.release(running.remove(&id).unwrap_or_default());
            }
            count = queue.recv_many(&mut arrived, space), if is_open && space > 0 => {
                is_open = count > 0;
                arrived.drain(..).for_each(|queued| room.admit(queued));
            }
        }
        metrics::gauge!("ledger_queue_depth").set(u32::try_from(queue.len() + room.len()).unwrap_or(u32::MAX));
        // A batch is picked up when it can run, so that it grows while it waits.
        while lanes.len() < lanes_max {
            let (picked, held) = room.pick();
            if picked.is_empty() {
                break;
            }
            let (batch, waiters) = pick_up(picked.into_iter());
            if batch.is_empty() {
                room.release(held);
                continue;
            }
            metrics::histogram!("ledger_batch_size").record(u32::try_from(batch.len()).unwrap_or(u32::MAX));
            let trial = Trial { until: Instant::now() + limits.resolve, in_doubt: false };
            let engine = Arc::clone(&engine);
            let lane = lanes.spawn(async move { settle(engine.as_ref(), batch, waiters, trial).await });
            running.insert(lane.id(), held);
        }
    }
}

/// How far the attempts at a batch have come. Its halves inherit it.
#[derive(Clone, Copy, Debug)]
struct Trial {
    /// When an unknown outcome is given up.
    until: Instant,
    /// Whether some attempt may have been committed: then no later failure proves that nothing happened.
    in_doubt: bool,
}

/// Drops what waited for too long; the rest will be answered by its commit, however long that takes.
fn pick_up(queued: impl Iterator<Item = Queued>) -> (Batch, Vec<Waiter>) {
    let now = Instant::now();
    let (mut submissions, mut waiters) = (Vec::new(), Vec::new());
    for Queued { submission, waiter, since } in queued {
        metrics::histogram!("ledger_queue_wait_seconds").record(since.elapsed());
        if submission.deadline <= now {
            waiter.answer(Err(LedgerError::Expired.counted()));
        } else {
            submissions.push(submission);
            waiters.push(waiter);
        }
    }
    (submissions.into(), waiters)
}

/// Runs a batch and answers it. A batch that breaks is halved until the command that breaks it is alone.
fn settle<'engine>(
    engine: &'engine impl Engine,
    batch: Batch,
    mut waiters: Vec<Waiter>,
    mut trial: Trial,
) -> Pin<Box<dyn Future<Output = ()> + Send + 'engine>> {
    Box::pin(async move {
        match resolve(engine, &batch, &mut trial).await {
            Ok(answers) if answers.len() == waiters.len() => {
                for (answer, waiter) in answers.into_iter().zip(waiters) {
                    count(&answer);
                    waiter.answer(Ok(answer));
                }
            }
            Ok(_) => fail(waiters, || LedgerError::OutcomeUnknown),
            Err(StoreError::OutcomeUnknown) => fail(waiters, || LedgerError::OutcomeUnknown),
            // One command that cannot but lose its race must not take the others along.
            Err(error) if error.is_outage() && (batch.len() == 1 || !matches!(error, StoreError::Lost(_))) => {
                let (request_id, commands) = (of_whom(&batch), batch.len());
                tracing::warn!(error = &error as &dyn std::error::Error, request_id, commands, "a batch was not taken");
                fail(waiters, || LedgerError::Unavailable);
            }
            Err(_) if batch.len() > 1 => {
                metrics::counter!("ledger_bisections_total").increment(1);
                let (first, second) = halves(&batch);
                let second_waiters = waiters.split_off(first.len());
                settle(engine, first, waiters, trial).await;
                settle(engine, second, second_waiters, trial).await;
            }
            Err(error) => {
                let (error, request_id) = (&error as &dyn std::error::Error, of_whom(&batch));
                tracing::error!(error, request_id, "a command breaks every batch that it is in");
                let verdict = || if trial.in_doubt { LedgerError::OutcomeUnknown } else { LedgerError::Broken };
                fail(waiters, verdict);
            }
        }
    })
}

/// The requests of a batch, for its log line: each of them has one of its own beside it.
fn of_whom(batch: &[Submission]) -> String {
    let ids: Vec<&str> = batch.iter().take(NAMED_MAX).map(|one| one.request.actor.request_id.as_str()).collect();
    ids.join(" ")
}

fn halves(batch: &[Submission]) -> (Batch, Batch) {
    let (first, second) = batch.split_at(batch.len() / 2);
    (first.into(), second.into())
}

fn fail(waiters: Vec<Waiter>, error: impl Fn() -> LedgerError) {
    for waiter in waiters {
        waiter.answer(Err(error().counted()));
    }
}

/// Runs a batch until its outcome is known: again with the same ids and keys, which tell what happened
/// the time before. Absence proves nothing, so it is never read as "not committed".
async fn resolve(engine: &impl Engine, batch: &Batch, trial: &mut Trial) -> Result<Vec<Answer>, StoreError> {
    loop {
        let started = stopwatch();
        let result = engine.run(batch.clone()).await;
        metrics::histogram!("ledger_commit_duration_seconds").record(started.elapsed());
        match result {
            Ok(answers) => {
                metrics::counter!("ledger_commits_total").increment(1);
                return Ok(answers);
            }
            Err(StoreError::OutcomeUnknown) => trial.in_doubt = true,
            // Once in doubt, an outage says nothing about the first try.
            Err(error) if trial.in_doubt && error.is_outage() => {}
            Err(error) => return Err(error),
        }
        metrics::counter!("ledger_unknown_outcomes_total").increment(1);
        let pause = Duration::from_millis(rand::random_range(5..200));
        if Instant::now() + pause >= trial.until {
            return Err(StoreError::OutcomeUnknown);
        }
        tokio::time::sleep(pause).await;
    }
}

fn count(answer: &Answer) {
    let outcome = match answer {
        Answer::Executed { refusal: None, .. } => "executed",
        Answer::Executed { refusal: Some(reason), .. } => {
            metrics::counter!("ledger_refusals_total", "code" => *reason).increment(1);
            "refused"
        }
        Answer::Replayed { .. } => "replayed",
        Answer::KeyReused => "key_reused",
    };
    metrics::counter!("ledger_answers_total", "outcome" => outcome).increment(1);
}
