//! Many requests at once: every connection is open before the first request goes out, and each answer is timed.

use crate::client::{Answer, Client};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Barrier;
use tokio::time::Instant;

/// What is promised of every storm.
const WITHIN: Duration = Duration::from_secs(30);

/// A request that has not been sent yet.
#[derive(Clone, Debug)]
pub struct Ask {
    pub token: String,
    pub path: String,
    pub key: String,
    pub body: Value,
}

/// How many answers there are, for whoever does something in the middle of it all.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<AtomicUsize>);

impl Progress {
    pub fn answered(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Every answer, in no order.
#[derive(Debug)]
pub struct Storm {
    pub answers: Vec<Answer>,
}

impl Storm {
    /// Sends what stands together on one connection, one after the other, and all connections at once.
    /// Fails if an answer is missing, or takes longer than is promised.
    #[expect(clippy::print_stdout, reason = "figures for whoever runs the tests with --nocapture")]
    pub async fn rage(name: &str, address: SocketAddr, progress: &Progress, lines: Vec<Vec<Ask>>) -> Self {
        let barrier = Arc::new(Barrier::new(lines.len() + 1));
        let mut running = Vec::with_capacity(lines.len());
        for line in lines {
            let client = Client::connect(address).await.unwrap();
            running.push(tokio::spawn(send(client, Arc::clone(&barrier), progress.clone(), line)));
        }
        barrier.wait().await;
        let started = Instant::now();
        let (mut answers, mut times) = (Vec::new(), Vec::new());
        for line in running {
            for (answer, time) in line.await.unwrap() {
                answers.push(answer);
                times.push(time);
            }
        }
        let took = started.elapsed();
        times.sort_unstable();
        let storm = Self { answers };
        assert!(took < WITHIN, "{name} took {took:?}");
        let (count, at) = (times.len(), |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)]);
        println!(
            "{name}: {count} answers in {took:.1?}: {}; p50 {:.1?}, p95 {:.1?}, p99 {:.1?}, slowest {:.1?}",
            storm.kinds(),
            at(50),
            at(95),
            at(99),
            at(100),
        );
        storm
    }

    /// How many answers of each kind there were, for people. One that failed, which no storm may have, would be named.
    fn kinds(&self) -> String {
        let mut kinds = BTreeMap::new();
        for answer in &self.answers {
            let kind = match answer.status {
                200..=299 if answer.is_replay() => "replayed",
                200..=299 => "done",
                500.. => "FAILED",
                _ => answer.body["code"].as_str().unwrap_or("without a code"),
            };
            *kinds.entry(kind).or_insert(0_usize) += 1;
        }
        let share = |(kind, count): (&str, usize)| format!("{count} {kind} ({} %)", count * 100 / self.answers.len());
        kinds.into_iter().map(share).collect::<Vec<_>>().join(", ")
    }

    /// How many were executed, and answered with this status.
    pub fn executed(&self, status: u16) -> usize {
        self.answers.iter().filter(|answer| answer.status == status && !answer.is_replay()).count()
    }

    /// How many were refused with this code.
    pub fn refused(&self, code: &str) -> usize {
        self.answers.iter().filter(|answer| answer.body["code"] == code).count()
    }

    /// One was executed; every other answer is the same one again, or says that it is under way.
    pub fn is_one_effect(&self) {
        let [first] =
            self.answers.iter().filter(|answer| !answer.is_replay() && answer.status == 201).collect::<Vec<_>>()[..]
        else {
            panic!("{} were executed", self.executed(201));
        };
        for answer in &self.answers {
            let is_same = answer.status == 201 && answer.bytes == first.bytes;
            assert!(is_same || answer.body["code"] == "request_in_progress", "{answer:?}");
        }
    }
}

async fn send(
    mut client: Client,
    barrier: Arc<Barrier>,
    progress: Progress,
    line: Vec<Ask>,
) -> Vec<(Answer, Duration)> {
    let mut answers = Vec::with_capacity(line.len());
    barrier.wait().await;
    for Ask { token, path, key, body } in line {
        let sent = Instant::now();
        let answer = client.post(&path, &token, &key, &body).await.unwrap();
        answers.push((answer, sent.elapsed()));
        progress.0.fetch_add(1, Ordering::SeqCst);
    }
    answers
}
