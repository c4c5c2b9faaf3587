//! Crediting what payment providers said was paid: when their event arrives, when it is repeated, and by a job that takes
//! up what was cut short.
//!
//! An event is recorded, credited and concluded in three commits. The key of the credit is the event's, so whoever
//! takes it up again credits nothing twice.

use crate::app::App;
use crate::ledger::{LedgerError, Render, Submission};
use crate::operations::Context;
use crate::operations::payment_events::{self as acts, Received};
use crate::store::payment_events::Recorded;
use crate::store::{StoreError, Work, deposits, payment_events};
use domain::audit::Actor;
use domain::command::{Command, Deposit, Request};
use domain::decide::Answer;
use domain::id::{PaymentEventId, TransactionId, UserId};
use domain::idempotency::{Fingerprint, Idempotency, StoredResponse};
use domain::payment::{EventOutcome, PaymentEvent};
use domain::receipt::{DepositAsked, Outcome};
use domain::timestamp::{Span, Timestamp};
use domain::wallet::Provider;
use serde::Deserialize;
use std::sync::Arc;
use thiserror::Error;
use tokio::time::Instant;
use tracing::Instrument;
use uuid::Uuid;

/// Events that are looked at in one go.
const BATCH_MAX: i64 = 100;
/// An event that is younger may still be under way.
const AGE_MIN: Span = Span::seconds(60);

/// Why an event could not be followed to its end. It may be taken up again.
#[derive(Debug, Error)]
pub enum Unsettled {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger did not answer.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Credits an event that is settling, and says what became of it.
///
/// # Errors
/// [`Unsettled`] if it is still settling.
pub async fn settle(
    app: &App,
    context: &Context,
    event: PaymentEvent,
    asked: &DepositAsked,
    deadline: Instant,
) -> Result<EventOutcome, Unsettled> {
    let refusal = credit(app, context, &event, asked, deadline).await?;
    let (context, currency) = (context.clone(), app.config.money.currency.clone());
    let conclude = move |work: &mut Work<'_>| acts::conclude(work, &context, &event, refusal.as_deref(), &currency);
    let Received { recorded, is_new, .. } = app.database.write(conclude, deadline).await?;
    count(&recorded.event.provider, if is_new { recorded.outcome.as_str() } else { "repeated" });
    Ok(recorded.outcome)
}

/// Sends the credit through the ledger's door, and answers with the code of its refusal, if it refused now or before.
async fn credit(
    app: &App,
    context: &Context,
    event: &PaymentEvent,
    asked: &DepositAsked,
    deadline: Instant,
) -> Result<Option<String>, Unsettled> {
    let (provider, event_id) = (event.provider.as_str(), event.event_id.as_str());
    let key = Idempotency {
        principal: UserId::SYSTEM,
        digest: event.credit_key().map_err(|_| StoreError::Broken("an event has no key"))?.digest(),
        fingerprint: Fingerprint::of(&[b"webhook-in", provider.as_bytes(), event_id.as_bytes()]),
        route: "/api/webhooks/payments/{provider}".to_owned(),
        first_seen: app.clock.now(),
    };
    let command = Command::Deposit(Deposit {
        user_id: asked.user_id,
        amount: asked.amount,
        provider: event.provider.clone(),
        provider_tx_id: event.provider_tx_id.clone(),
        pending: Some(asked.id),
        is_release: false,
    });
    let request = Request { id: TransactionId::new(app.ids.uuid()), actor: context.actor.clone(), key, command };
    match app.ledger.execute(Submission { request, render: render(), deadline }, Box::new(())).await? {
        Answer::Executed { refusal, .. } => Ok(refusal.map(ToOwned::to_owned)),
        Answer::Replayed { response, .. } => Ok(refused_with(&response)),
        // The fingerprint follows from the key.
        Answer::KeyReused => Err(StoreError::Broken("an event's key belongs to something else").into()),
    }
}

/// What is kept of a refusal: nobody but us reads the answer.
#[derive(Deserialize)]
struct Kept {
    code: String,
}

fn render() -> Render {
    Arc::new(|outcome: &Outcome| {
        let (status, body) = match outcome {
            Ok(_) => (200, Vec::new()),
            // Codes are made of small letters and lines below.
            Err(refusal) => (422, format!("{{\"code\":\"{}\"}}", refusal.code()).into_bytes()),
        };
        StoredResponse { status, headers: Vec::new(), body }
    })
}

fn refused_with(response: &StoredResponse) -> Option<String> {
    let code =
        || serde_json::from_slice::<Kept>(&response.body).map_or_else(|_| "internal".to_owned(), |kept| kept.code);
    (response.status >= 400).then(code)
}

/// Takes up every event that was cut short a while ago. Says how many are settled now.
///
/// # Errors
/// The first failure, after every other event has been taken up: one that is broken holds nobody up.
pub async fn take_up(app: &App) -> Result<usize, StoreError> {
    let before = app.clock.now().minus(AGE_MIN);
    let mut behind = (Timestamp::from_micros(i64::MIN), PaymentEventId::new(Uuid::nil()));
    let (mut settled, mut failed) = (0, None);
    loop {
        let rows = app.database.read(move |view| payment_events::settling(view, before, behind, BATCH_MAX)).await?;
        let is_last = rows.len() < usize::try_from(BATCH_MAX).unwrap_or_default();
        for row in rows {
            behind = (row.received_at, row.id);
            // As in the audit log.
            let request_id = format!("job-{}", app.ids.uuid());
            let span = tracing::error_span!("event", request_id);
            match take_up_one(app, row, request_id).instrument(span.clone()).await {
                Ok(()) => settled += 1,
                Err(error) => {
                    let _entered = span.entered();
                    tracing::warn!(error = &error as &dyn std::error::Error, "an event stays unsettled");
                    let error = match error {
                        Unsettled::Store(error) => error,
                        Unsettled::Ledger(_) => StoreError::Overloaded,
                    };
                    failed = failed.or(Some(error));
                }
            }
        }
        if is_last || app.is_draining() {
            return failed.map_or(Ok(settled), Err);
        }
    }
}

async fn take_up_one(app: &App, row: Recorded, request_id: String) -> Result<(), Unsettled> {
    let missing = StoreError::Broken("an event that settles names no deposit");
    let Some(id) = row.event.deposit_id else { return Err(missing.into()) };
    let found = app.database.read(move |view| deposits::find(view, id)).await?;
    let Some(deposit) = found else { return Err(missing.into()) };
    let actor = Actor { id: None, credential: None, address: None, request_id };
    let context = Context { now: app.clock.now(), actor, ids: app.ids.clone() };
    let deadline = Instant::now() + app.config.request_deadline();
    settle(app, &context, row.event, &deposit.asked, deadline).await.map(|_| ())
}

/// Counts what became of an event.
pub fn count(provider: &Provider, outcome: &'static str) {
    let labels = [("provider", provider.as_str().to_owned()), ("outcome", outcome.to_owned())];
    metrics::counter!("payment_events_total", &labels).increment(1);
}
