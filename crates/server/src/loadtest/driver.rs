//! The clock of a run: each visitor is let go at their moment, whatever became of those before.

use super::client::Client;
use super::plan::{Arrival, Plan};
use super::progress::Display;
use super::record::Recorder;
use super::stage::Stage;
use super::traffic::Visit;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How often whoever watches sees something new.
const GLANCE: Duration = Duration::from_millis(500);

/// Lets everybody go and waits for the last answer. By how much the latest one was let go too late: what they waited
/// counts from their moment all the same, but a late one says that this machine was too busy to be the clock.
pub async fn run(
    client: &Arc<Client>,
    stage: &Arc<Stage>,
    plan: &Plan,
    recorder: &Arc<Recorder>,
    display: &Display,
) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let (arrivals, coming) = flume::bounded(plan.arrivals.len().max(1));
    let moments = plan.arrivals.clone();
    // A thread of its own: the timers of the runtime have no moments between two milliseconds.
    let clock = std::thread::Builder::new().name("arrivals".to_owned()).spawn(move || {
        for arrival in moments {
            wait_until(began + arrival.at);
            if arrivals.send(arrival).is_err() {
                break;
            }
        }
    })?;
    let mut visits = JoinSet::new();
    let (mut lag, mut glances) = (Duration::ZERO, tokio::time::interval(GLANCE));
    loop {
        tokio::select! {
            arrival = coming.recv_async() => {
                let Ok(arrival) = arrival else { break };
                lag = lag.max(began.elapsed().saturating_sub(arrival.at));
                visits.spawn(visit((Arc::clone(client), Arc::clone(stage), Arc::clone(recorder)), began, arrival));
            }
            // What is over makes room for what comes.
            Some(_) = visits.join_next(), if !visits.is_empty() => {}
            _ = glances.tick() => display.look(recorder, began.elapsed(), visits.len()),
        }
    }
    while !visits.is_empty() {
        tokio::select! {
            _ = visits.join_next() => {}
            _ = glances.tick() => display.look(recorder, began.elapsed(), visits.len()),
        }
    }
    clock.join().map_err(|_| anyhow::anyhow!("the thread that lets visitors go has died"))?;
    Ok(lag)
}

async fn visit(parts: (Arc<Client>, Arc<Stage>, Arc<Recorder>), began: Instant, arrival: Arrival) {
    let (client, stage, recorder) = &parts;
    Visit { client, stage, recorder, began, arrival }.run().await;
}

#[expect(clippy::disallowed_methods, reason = "a moment is what is waited for, and nothing else tells of it")]
fn wait_until(moment: Instant) {
    let left = moment.saturating_duration_since(Instant::now());
    if !left.is_zero() {
        std::thread::sleep(left);
    }
}
