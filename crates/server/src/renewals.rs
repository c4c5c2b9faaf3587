//! Charging for the next period of subscriptions, and ending those that are over: jobs that may run in several
//! processes at once, and again after a crash.
//!
//! A charge goes through the ledger under a key of its attempt, and "once for each period" rests on the ledger:
//! whoever comes second finds the period paid for. Nothing is charged for time in which the server was down.

use crate::app::App;
use crate::ledger::{LedgerError, Render, Submission};
use crate::operations::{Context, subscriptions as operations};
use crate::store::{StoreError, Work, subscriptions};
use domain::audit::Actor;
use domain::command::{Command, Renew, Request};
use domain::decide::Answer;
use domain::id::{TransactionId, UserId};
use domain::idempotency::{Fingerprint, Idempotency, Key};
use domain::receipt::Outcome;
use domain::refusal::Refusal;
use domain::subscription::Subscription;
use std::sync::Arc;
use tokio::time::Instant;
use tracing::Instrument;

/// Subscriptions that are looked at in one go, so that no payment waits behind them.
const BATCH_MAX: i64 = 500;
/// How many charges wait for the ledger at once: they share its commits.
const AT_ONCE: usize = 64;

/// What became of a renewal that was due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Tried {
    Charged,
    /// Somebody else was faster, or it is not due any more.
    Nothing,
    Refused(&'static str),
}

/// Charges for every renewal that is due, and puts those off that were refused. Says how many were charged.
///
/// # Errors
/// The first failure, after everybody else who was looked at has been charged: one broken row holds nobody up.
pub async fn renew_due(app: &App) -> Result<usize, StoreError> {
    let (mut charged, mut failed) = (0, None);
    loop {
        let now = app.clock.now();
        let due = app.database.read(move |view| subscriptions::due(view, now, BATCH_MAX)).await?;
        let is_last = due.len() < usize::try_from(BATCH_MAX).unwrap_or_default();
        for some in due.chunks(AT_ONCE) {
            let tries: Vec<_> =
                some.iter().map(|row| tokio::spawn(renew(app.clone(), *row).in_current_span())).collect();
            for tried in tries {
                match tried.await.map_err(|_| StoreError::Panicked).and_then(|tried| tried) {
                    Ok(tried) => charged += usize::from(tried == Tried::Charged),
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
        }
        // A row that failed is still due: looking again at once would only find it again.
        if let Some(error) = failed {
            return Err(error);
        }
        if is_last || app.is_draining() {
            return Ok(charged);
        }
    }
}

async fn renew(app: App, row: Subscription) -> Result<Tried, StoreError> {
    let tried = charge(&app, &row).await?;
    let outcome = match tried {
        Tried::Charged => "charged",
        Tried::Nothing => "not_due",
        Tried::Refused(reason) => reason,
    };
    metrics::counter!("subscription_renewals_total", "outcome" => outcome).increment(1);
    match tried {
        Tried::Charged => {}
        // Not due by the row that the ledger saw, though the job saw it as due: it is looked at again later.
        Tried::Nothing => put_off(&app, row, "renewal_not_due").await?,
        Tried::Refused(reason) => put_off(&app, row, reason).await?,
    }
    Ok(tried)
}

async fn put_off(app: &App, row: Subscription, reason: &'static str) -> Result<(), StoreError> {
    let (context, policy) = (context(app), app.renewal_policy);
    let work = move |work: &mut Work<'_>| operations::postpone(work, &context, &row, policy, reason);
    app.database.write(work, Instant::now() + app.config.request_deadline()).await
}

async fn charge(app: &App, row: &Subscription) -> Result<Tried, StoreError> {
    let context = context(app);
    // One key for each attempt: a process that tries the same attempt again, or beside us, charges nothing.
    let name = format!("renewal:{}:{}:{}", row.id, row.period, row.renewals_tried);
    let key = Idempotency {
        principal: UserId::SYSTEM,
        digest: Key::parse(&name).map_err(|_| StoreError::Broken("a renewal has no key"))?.digest(),
        fingerprint: Fingerprint::of(&[name.as_bytes()]),
        route: "job:renew".to_owned(),
        first_seen: context.now,
    };
    let command = Command::Renew(Renew {
        subscription_id: row.id,
        subscriber_id: row.subscriber_id,
        creator_id: row.creator_id,
        terms: app.splits.subscription(),
        policy: app.renewal_policy,
    });
    let request = Request { id: TransactionId::new(app.ids.uuid()), actor: context.actor, key, command };
    let deadline = Instant::now() + app.config.request_deadline();
    let submission = Submission { request, render: render(), deadline };
    match app.ledger.execute(submission, Box::new(())).await {
        Ok(Answer::Executed { refusal: None, .. }) => Ok(Tried::Charged),
        Ok(Answer::Executed { refusal: Some(code), .. }) if code == Refusal::RenewalNotDue.code() => Ok(Tried::Nothing),
        Ok(Answer::Executed { refusal: Some(code), .. }) => Ok(Tried::Refused(code)),
        // This very attempt was made before, and whoever made it did not come to put it off.
        Ok(Answer::Replayed { response, .. }) if response.status < 300 => Ok(Tried::Nothing),
        Ok(Answer::Replayed { .. }) => Ok(Tried::Refused("refused_before")),
        Ok(Answer::KeyReused) => Err(StoreError::Broken("a renewal's key belongs to something else")),
        // The next run finds out what happened: the key and the period are in the ledger.
        Err(LedgerError::OutcomeUnknown) => Err(StoreError::OutcomeUnknown),
        // Put off like a refusal, so that it neither stays first in line nor keeps the subscription for ever.
        Err(LedgerError::Broken) => Ok(Tried::Refused("internal")),
        Err(LedgerError::Overloaded | LedgerError::Expired | LedgerError::Unavailable) => Err(StoreError::Overloaded),
    }
}

/// Nobody reads the answer to a job; the status tells a charge from a refusal when the attempt is made again.
fn render() -> Render {
    Arc::new(|outcome: &Outcome| domain::idempotency::StoredResponse {
        status: if outcome.is_ok() { 200 } else { 422 },
        headers: Vec::new(),
        body: Vec::new(),
    })
}

/// Marks every subscription as ended that is over. Says how many.
///
/// # Errors
/// If the database fails; what was ended before stays ended.
pub async fn end_lapsed(app: &App) -> Result<usize, StoreError> {
    let mut ended = 0;
    loop {
        let context = context(app);
        let step = move |work: &mut Work<'_>| operations::end_lapsed(work, &context, BATCH_MAX);
        let some = app.database.write(step, Instant::now() + app.config.request_deadline()).await?;
        metrics::counter!("subscriptions_ended_total").increment(u64::try_from(some).unwrap_or_default());
        ended += some;
        if some < usize::try_from(BATCH_MAX).unwrap_or_default() || app.is_draining() {
            return Ok(ended);
        }
    }
}

fn context(app: &App) -> Context {
    let request_id = format!("job-{}", app.ids.uuid());
    let actor = Actor { id: None, credential: None, address: None, request_id };
    Context { now: app.clock.now(), actor, ids: app.ids.clone() }
}
