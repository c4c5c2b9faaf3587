//! What the door counts: every command that gets no answer, by the reason.

use super::scripted::{Stage, answers, limits, nothing_held, submission};
use metrics_exporter_prometheus::PrometheusBuilder;
use std::time::Duration;
use superapp::ledger::Limits;
use superapp::store::StoreError;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn commands_without_an_answer_are_counted_by_their_reason() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let figures = recorder.handle();
    // The writer runs on this thread, too.
    let _counting = metrics::set_default_local_recorder(&recorder);
    let mut stage = Stage::held(Limits { queue: 2, ..limits() }, |_, batch| match batch {
        [1] => Ok(()),
        _ => Err(StoreError::Closed),
    });
    let first = stage.spawn([1]);
    stage.began().await;
    let mut impatient = submission(2);
    impatient.deadline = Instant::now() + Duration::from_secs(1);
    let ledger = stage.ledger.clone();
    let late = tokio::spawn(async move { ledger.execute(impatient, nothing_held()).await });
    let unlucky = stage.spawn([3]);
    tokio::task::yield_now().await;
    for number in 4..=6 {
        stage.execute(number).await.unwrap_err();
    }
    tokio::time::advance(Duration::from_secs(1)).await;
    stage.release();
    late.await.unwrap().unwrap_err();
    assert!(answers(first).await.pop().unwrap().is_ok());
    assert!(answers(unlucky).await.pop().unwrap().is_err());
    let text = figures.render();
    for (reason, count) in [("overloaded", 3), ("deadline_exceeded", 1), ("unavailable", 1)] {
        let line = format!("ledger_failures_total{{reason=\"{reason}\"}} {count}");
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
}
