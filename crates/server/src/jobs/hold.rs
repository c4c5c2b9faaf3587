//! The hold of one run on its job: taken in the database, prolonged while the run lasts, and given back.
//!
//! A process that stops without giving back lets its hold run out. One that goes on for longer than the hold lasts
//! prolongs it, so nobody else begins meanwhile; if somebody has all the same, the run here is ended.

use super::deadline;
use crate::app::App;
use crate::store::jobs::{self, Outcome};
use crate::store::{StoreError, Work};
use domain::timestamp::{Span, Timestamp};
use std::time::Duration;
use uuid::Uuid;

/// How long a hold lasts unless it is prolonged. When a process dies, another one takes its job after this time.
pub const LEASE: Span = Span::seconds(600);
/// Prolonged this often, so that a database that does not answer for minutes costs nobody their hold.
const PROLONG_AFTER: Span = Span::seconds(200);
/// No run lasts longer: whatever hangs is ended, and tried again.
pub const RUN_MAX: Span = Span::hours(6);
/// How often a hold looks at the clock.
const LOOK: Duration = Duration::from_millis(250);

/// Why a run must end before it is done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Over {
    /// Another run holds the job.
    Lost,
    /// It lasts for too long.
    Late,
}

/// A run's hold on its job.
#[derive(Debug)]
pub(super) struct Hold {
    name: &'static str,
    holder: Uuid,
    since: Timestamp,
}

impl Hold {
    /// Takes a job that is due and that nobody holds.
    pub(super) async fn take(app: &App, name: &'static str, since: Timestamp) -> Result<Option<Self>, StoreError> {
        let holder = app.ids.uuid();
        let claim = move |work: &mut Work<'_>| jobs::claim(work, name, holder, since, LEASE);
        let taken = match app.database.write(claim, deadline(app)).await {
            // The connection broke at the commit: whether it is ours can be asked.
            Err(StoreError::OutcomeUnknown) => {
                let prolong = move |work: &mut Work<'_>| jobs::prolong(work, name, holder, since.plus(LEASE));
                app.database.write(prolong, deadline(app)).await?
            }
            taken => taken?,
        };
        Ok(taken.then_some(Self { name, holder, since }))
    }

    /// The id of the run, for its log lines.
    pub(super) fn run_id(&self) -> String {
        format!("job-{}", self.holder)
    }

    /// Prolongs the hold again and again; resolves when the run must end.
    pub(super) async fn keep(&self, app: &App) -> Over {
        let (name, holder) = (self.name, self.holder);
        let mut prolonged = self.since;
        loop {
            tokio::time::sleep(LOOK).await;
            let now = app.clock.now();
            if now >= self.since.plus(RUN_MAX) {
                return Over::Late;
            }
            if now < prolonged.plus(PROLONG_AFTER) {
                continue;
            }
            let prolong = move |work: &mut Work<'_>| jobs::prolong(work, name, holder, now.plus(LEASE));
            match app.database.write(prolong, deadline(app)).await {
                Ok(true) => prolonged = now,
                Ok(false) => return Over::Lost,
                // Whether somebody else has begun cannot be known any more.
                Err(_) if app.clock.now() >= prolonged.plus(LEASE) => return Over::Lost,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "a hold is not prolonged yet");
                }
            }
        }
    }

    /// Gives the job back, with what became of the run. Says whether it was still held.
    pub(super) async fn give_back(
        self,
        app: &App,
        ended: Timestamp,
        next: Timestamp,
        outcome: Outcome,
    ) -> Result<bool, StoreError> {
        let Self { name, holder, .. } = self;
        let finish = move |work: &mut Work<'_>| jobs::finish(work, name, holder, ended, next, outcome);
        app.database.write(finish, deadline(app)).await
    }
}
