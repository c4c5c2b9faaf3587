//! Events of payment providers: each of them once, with what became of it.

use super::{Row, StoreError, View, Work};
use domain::id::PaymentEventId;
use domain::payment::{EventId, EventOutcome, PaymentEvent};
use domain::timestamp::Timestamp;
use domain::wallet::Provider;
use uuid::Uuid;

/// An event as it is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recorded {
    /// Our own id of it.
    pub id: PaymentEventId,
    /// What the provider said.
    pub event: PaymentEvent,
    /// What became of it.
    pub outcome: EventOutcome,
    /// Why it did not do what it says: the word of a doubt, or the code of the ledger's refusal.
    pub reason: Option<String>,
    /// When it arrived.
    pub received_at: Timestamp,
}

/// Which events, and from where on. Newest first.
#[derive(Clone, Debug)]
pub struct Page {
    /// Only events before this one.
    pub before: Option<(Timestamp, PaymentEventId)>,
    /// Only those of which this became.
    pub outcome: Option<EventOutcome>,
    /// Only those of this provider.
    pub provider: Option<Provider>,
    /// At most this many.
    pub limit: i64,
}

fn read(row: &Row<'_>) -> Result<Recorded, StoreError> {
    let (provider, event_id): (String, String) = (row.get(1)?, row.get(2)?);
    let event = PaymentEvent {
        provider: Provider::parse(&provider).map_err(|_| StoreError::Column { column: 1, expected: "a provider" })?,
        event_id: EventId::parse(&event_id).map_err(|_| StoreError::Column { column: 2, expected: "an event id" })?,
        event_type: row.get(3)?,
        deposit_id: row.get(4)?,
        provider_tx_id: row.get(5)?,
        amount_cents: row.get(6)?,
        currency: row.get(7)?,
    };
    Ok(Recorded { id: row.get(0)?, event, outcome: row.get(8)?, reason: row.get(9)?, received_at: row.get(10)? })
}

/// Adds an event.
///
/// # Errors
/// [`StoreError::Lost`] if the provider's event is on record already, or if the database fails.
pub fn insert(work: &mut Work<'_>, recorded: &Recorded) -> Result<(), StoreError> {
    let text = "INSERT INTO payment_events (id, provider, event_id, type, deposit_id, provider_tx_id, amount_cents, \
        currency, outcome, reason, received_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT DO NOTHING";
    let event = &recorded.event;
    let values = [
        recorded.id.into(),
        event.provider.as_str().into(),
        event.event_id.as_str().into(),
        event.event_type.as_str().into(),
        event.deposit_id.into(),
        event.provider_tx_id.as_deref().into(),
        event.amount_cents.into(),
        event.currency.as_deref().into(),
        recorded.outcome.into(),
        recorded.reason.as_deref().into(),
        recorded.received_at.into(),
    ];
    match work.execute(text, &values)? {
        1 => Ok(()),
        _ => Err(StoreError::Lost("an event of a payment provider")),
    }
}

/// A provider's event, if it is on record.
///
/// # Errors
/// If the database fails.
pub fn find(view: &View<'_>, provider: &Provider, event_id: &EventId) -> Result<Option<Recorded>, StoreError> {
    let text = "SELECT id, provider, event_id, type, deposit_id, provider_tx_id, amount_cents, currency, outcome, \
        reason, received_at FROM payment_events WHERE provider = $1 AND event_id = $2";
    view.query_opt(text, &[provider.as_str().into(), event_id.as_str().into()], read)
}

/// Says what became of an event that was settling.
///
/// # Errors
/// [`StoreError::Lost`] if it is not settling any more, or if the database fails.
pub fn conclude(
    work: &mut Work<'_>,
    event: &PaymentEvent,
    outcome: EventOutcome,
    reason: Option<&str>,
) -> Result<(), StoreError> {
    let text = "UPDATE payment_events SET outcome = $3, reason = $4
        WHERE provider = $1 AND event_id = $2 AND outcome = 'settling'";
    let values = [event.provider.as_str().into(), event.event_id.as_str().into(), outcome.into(), reason.into()];
    match work.execute(text, &values)? {
        1 => Ok(()),
        _ => Err(StoreError::Lost("the outcome of an event")),
    }
}

/// A page of the events.
///
/// # Errors
/// If the database fails.
pub fn list(view: &View<'_>, page: &Page) -> Result<Vec<Recorded>, StoreError> {
    let text = "SELECT id, provider, event_id, type, deposit_id, provider_tx_id, amount_cents, currency, outcome, \
        reason, received_at FROM payment_events
        WHERE (received_at, id) < ($1, $2) AND (CAST($3 AS TEXT) IS NULL OR outcome = $3)
            AND (CAST($4 AS TEXT) IS NULL OR provider = $4)
        ORDER BY received_at DESC, id DESC LIMIT $5";
    let end = (Timestamp::from_micros(i64::MAX), PaymentEventId::new(Uuid::max()));
    let (before_at, before_id) = page.before.unwrap_or(end);
    let provider = page.provider.as_ref().map(Provider::as_str);
    view.query(
        text,
        &[before_at.into(), before_id.into(), page.outcome.into(), provider.into(), page.limit.into()],
        read,
    )
}
