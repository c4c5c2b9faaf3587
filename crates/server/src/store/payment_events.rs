//! Events of payment providers: each of them once, with what became of it.

use super::{Row, StoreError, View, Work};
use domain::id::{DepositId, PaymentEventId};
use domain::money::Amount;
use domain::payment::{EventId, EventOutcome, PaymentEvent};
use domain::receipt::DepositStatus;
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

/// An event beside the deposit that it names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listed {
    /// The event.
    pub recorded: Recorded,
    /// Over how much the deposit is, and where it stands.
    pub deposit: Option<(Amount, DepositStatus)>,
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
    /// Only those with this reason.
    pub reason: Option<String>,
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

/// The event that a deposit is held for: the newest one that held it.
///
/// # Errors
/// If the database fails.
pub fn holding(view: &View<'_>, deposit: DepositId) -> Result<Option<PaymentEvent>, StoreError> {
    let text = "SELECT id, provider, event_id, type, deposit_id, provider_tx_id, amount_cents, currency, outcome, \
        reason, received_at FROM payment_events WHERE outcome = 'held' AND deposit_id = $1
        ORDER BY received_at DESC, id DESC LIMIT 1";
    Ok(view.query_opt(text, &[deposit.into()], read)?.map(|recorded| recorded.event))
}

/// Events that are settling and arrived before a moment, the oldest first, behind a line.
///
/// # Errors
/// If the database fails.
pub fn settling(
    view: &View<'_>,
    before: Timestamp,
    behind: (Timestamp, PaymentEventId),
    limit: i64,
) -> Result<Vec<Recorded>, StoreError> {
    let text = "SELECT id, provider, event_id, type, deposit_id, provider_tx_id, amount_cents, currency, outcome, \
        reason, received_at FROM payment_events
        WHERE outcome = 'settling' AND received_at < $1 AND (received_at, id) > ($2, $3)
        ORDER BY received_at, id LIMIT $4";
    view.query(text, &[before.into(), behind.0.into(), behind.1.into(), limit.into()], read)
}

/// A page of the events, each beside its deposit.
///
/// # Errors
/// If the database fails.
pub fn list(view: &View<'_>, page: &Page) -> Result<Vec<Listed>, StoreError> {
    let text = "SELECT e.id, e.provider, e.event_id, e.type, e.deposit_id, e.provider_tx_id, e.amount_cents, \
        e.currency, e.outcome, e.reason, e.received_at, d.amount_cents, d.status
        FROM payment_events e LEFT JOIN deposits d ON d.id = e.deposit_id
        WHERE (e.received_at, e.id) < ($1, $2) AND (CAST($3 AS TEXT) IS NULL OR e.outcome = $3)
            AND (CAST($4 AS TEXT) IS NULL OR e.provider = $4) AND (CAST($5 AS TEXT) IS NULL OR e.reason = $5)
        ORDER BY e.received_at DESC, e.id DESC LIMIT $6";
    let end = (Timestamp::from_micros(i64::MAX), PaymentEventId::new(Uuid::max()));
    let (before_at, before_id) = page.before.unwrap_or(end);
    let provider = page.provider.as_ref().map(Provider::as_str);
    let values = [
        before_at.into(),
        before_id.into(),
        page.outcome.into(),
        provider.into(),
        page.reason.as_deref().into(),
        page.limit.into(),
    ];
    view.query(text, &values, |row| {
        let deposit = row.get::<Option<Amount>>(11)?.zip(row.get::<Option<DepositStatus>>(12)?);
        Ok(Listed { recorded: read(row)?, deposit })
    })
}
