//! A batch as one unit of work on the database: load, decide, save.

use super::{Batch, Engine};
use crate::clock::Clock;
use crate::store::{Database, StoreError, Work, ledger};
use domain::command::Needs;
use domain::decide::{self, Answer};
use std::time::Duration;
use tokio::time::Instant;

/// How long a batch may wait for the writer thread. Longer than any checkpoint, shorter than patience.
const WRITER_WAIT: Duration = Duration::from_secs(10);

/// The real engine.
#[derive(Clone, Debug)]
pub struct DatabaseEngine {
    database: Database,
    clock: Clock,
}

impl DatabaseEngine {
    /// An engine on a database.
    #[must_use]
    pub const fn new(database: Database, clock: Clock) -> Self {
        Self { database, clock }
    }
}

impl Engine for DatabaseEngine {
    async fn run(&self, batch: Batch) -> Result<Vec<Answer>, StoreError> {
        let mut needs = Needs::default();
        batch.iter().for_each(|submission| submission.request.needs(&mut needs));
        let clock = self.clock.clone();
        let work = move |work: &mut Work<'_>| unit(work, &batch, &needs, &clock);
        self.database.post(work, Instant::now() + WRITER_WAIT).await
    }
}

fn unit(work: &mut Work<'_>, batch: &Batch, needs: &Needs, clock: &Clock) -> Result<Vec<Answer>, StoreError> {
    let mut book = ledger::load(work, needs)?;
    let now = clock.now();
    let answer = |submission: &super::Submission| {
        decide::answer(&mut book, &submission.request, now, submission.render.as_ref())
    };
    let answers = batch.iter().map(answer).collect();
    ledger::save(work, &book.changes())?;
    Ok(answers)
}
