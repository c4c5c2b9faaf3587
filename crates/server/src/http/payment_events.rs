//! The events of payment providers, for administrators: what was said, and what became of it.

use super::extract::{Fields, Parameters};
use super::parameters::{Page, Problems, limit, rfc3339};
use super::problem::Problem;
use super::roles::Admin;
use crate::app::App;
use crate::store::payment_events::{self, Listed, Recorded};
use axum::Json;
use axum::extract::State;
use domain::id::PaymentEventId;
use domain::payment::EventOutcome;
use domain::wallet::Provider;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// An event, as its provider signed it. What could not be read of it is null.
#[derive(Debug, Serialize, ToSchema)]
pub struct PaymentEventLine {
    /// Our own id of it.
    #[schema(example = "evt_01h2xcejqtf2nbrexx3vqjhp41")]
    id: String,
    /// Who said it.
    #[schema(example = "acme")]
    provider: String,
    /// The provider's own id of it.
    #[schema(example = "msg_p5jXN8AQM9LWM0D4loKWxJek")]
    event_id: String,
    /// What the provider calls it; empty if the event could not be read.
    #[schema(example = "payment.succeeded")]
    r#type: String,
    /// The deposit that it names.
    deposit_id: Option<String>,
    /// The provider's own id of the payment.
    provider_tx_id: Option<String>,
    /// Over how much the deposit is: what was asked for, or what was credited if it is completed.
    deposit_cents: Option<i64>,
    /// Where the deposit stands now.
    #[schema(example = "held")]
    deposit_status: Option<&'static str>,
    /// How much was paid, in the provider's words.
    amount_cents: Option<i64>,
    /// In what, in the provider's words.
    currency: Option<String>,
    /// `settling`, `completed`, `failed`, `held` or `ignored`.
    #[schema(example = "held")]
    outcome: &'static str,
    /// Why it did not do what it says.
    #[schema(example = "wrong_amount")]
    reason: Option<String>,
    /// When it arrived.
    received_at: String,
}

impl From<Listed> for PaymentEventLine {
    fn from(Listed { recorded, deposit }: Listed) -> Self {
        let Recorded { id, event, outcome, reason, received_at } = recorded;
        Self {
            id: id.to_string(),
            provider: event.provider.as_str().to_owned(),
            event_id: event.event_id.as_str().to_owned(),
            r#type: event.event_type,
            deposit_id: event.deposit_id.map(|id| id.to_string()),
            deposit_cents: deposit.map(|(amount, _)| amount.credit().get()),
            deposit_status: deposit.map(|(_, status)| status.as_str()),
            provider_tx_id: event.provider_tx_id,
            amount_cents: event.amount_cents,
            currency: event.currency,
            outcome: outcome.as_str(),
            reason,
            received_at: rfc3339(received_at),
        }
    }
}

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventFilter {
    /// Only those that are `settling`, `completed`, `failed`, `held` or `ignored`.
    #[param(example = "held")]
    outcome: Option<String>,
    /// Only those of this provider.
    #[param(example = "acme")]
    provider: Option<String>,
    /// Only those with this reason, such as `second_payment`.
    #[param(example = "second_payment", max_length = 100)]
    reason: Option<String>,
    /// Lines on a page, 20 by default, at most 100.
    #[param(minimum = 1, example = 20)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

/// What payment providers said, newest first.
#[utoipa::path(get, path = "/api/admin/payment-events", tag = "admin", security(("bearer" = [])), params(EventFilter),
    responses((status = 200, description = "A page of events", body = Page<PaymentEventLine>), Problems))]
pub async fn payment_events(
    State(app): State<App>,
    _: Admin,
    Parameters(filter): Parameters<EventFilter>,
) -> Result<Json<Page<PaymentEventLine>>, Problem> {
    let mut fields = Fields::default();
    let outcome = filter.outcome.as_deref().map(|word| {
        let unknown = "must be settling, completed, failed, held or ignored";
        fields.check("outcome", EventOutcome::parse(word).ok_or(unknown))
    });
    let provider = filter.provider.as_deref().map(|name| fields.check("provider", Provider::parse(name)));
    let too_long = "must be at most 100 bytes long";
    let reason =
        filter.reason.map(|word| fields.check("reason", if word.len() <= 100 { Ok(word) } else { Err(too_long) }));
    fields.finish(Some(()))?;
    let reason = reason.flatten();
    let scope = format!("payment-events {:?} {:?} {reason:?}", filter.outcome, filter.provider);
    let before = filter.cursor.as_deref().map(|cursor| app.cursors.read(&scope, cursor)).transpose()?;
    let before = before.map(|(at, id)| (at, PaymentEventId::new(id)));
    let shown = limit(filter.limit)?;
    // One line more than is shown tells whether there is another page.
    let wanted = payment_events::Page {
        before,
        outcome: outcome.flatten(),
        provider: provider.flatten(),
        reason,
        limit: shown.saturating_add(1),
    };
    let lines = app.database.read(move |view| payment_events::list(view, &wanted)).await?;
    let at = |Listed { recorded, .. }: &Listed| (recorded.received_at, recorded.id.uuid());
    let cursor = |line: &Listed| app.cursors.write(&scope, at(line));
    Ok(Json(Page::cut(lines, shown, cursor, PaymentEventLine::from)))
}
