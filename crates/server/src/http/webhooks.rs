//! What payment providers say: believed if it is signed, recorded once, and then followed.
//!
//! Whatever is signed is answered with 200, or else a provider repeats it for ever; 503 asks it to repeat.

use super::extract::{Origin, body_of};
use super::json;
use super::parameters::Problems;
use super::problem::{Problem, ProblemBody};
use crate::app::App;
use crate::gateway::{PaymentProvider, Signed, Signer};
use crate::operations::payment_events::{self as acts, Received};
use crate::settlements::{self, Unsettled};
use crate::store::Work;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::HeaderMap;
use domain::id::PaymentEventId;
use domain::payment::{EventId, EventOutcome, PaymentEvent};
use domain::wallet::Provider;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::time::Instant;
use utoipa::ToSchema;

/// The longest words of a provider that are kept.
const TYPE_BYTES_MAX: usize = 64;
const PAYMENT_BYTES_MAX: usize = 255;
const CURRENCY_BYTES_MAX: usize = 8;

/// What a provider says of a payment. Members beside these are ignored.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "read by the documentation only; `read` takes what it can of any object")]
pub struct PaymentEventBody {
    /// `payment.succeeded` or `payment.failed`; anything else is put on record and ignored.
    #[schema(example = "payment.succeeded")]
    r#type: String,
    /// The payment.
    data: PaymentEventData,
}

/// A payment in the words of its provider.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "read by the documentation only; `read` takes what it can of any object")]
pub struct PaymentEventData {
    /// The deposit that was paid for.
    #[schema(example = "dep_01h2xcejqtf2nbrexx3vqjhp41")]
    deposit_id: String,
    /// The provider's own id of the payment: it is credited once.
    #[schema(example = "pi_3MtwBwLkdIwHu7ix28a3tqPa")]
    provider_tx_id: String,
    /// How much was paid, in cents.
    #[schema(example = 10000)]
    amount_cents: i64,
    /// ISO 4217, in capitals.
    #[schema(example = "IDR")]
    currency: String,
}

/// What became of an event.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventReceipt {
    /// `completed`, `failed`, `held` or `ignored`; of a repeated event what became of it the first time.
    outcome: &'static str,
}

/// The headers of a signature, for the documentation.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by the documentation only; the headers are read as they came")]
pub struct Signature {
    /// The provider's own id of the event, the same at each repetition: 1 to 200 visible ASCII characters without a
    /// full stop.
    #[param(rename = "webhook-id", example = "msg_p5jXN8AQM9LWM0D4loKWxJek")]
    id: String,
    /// Seconds since 1970, at most 300 from now.
    #[param(rename = "webhook-timestamp", example = "1800000000")]
    timestamp: String,
    /// `v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64; several with spaces between.
    #[param(rename = "webhook-signature", example = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")]
    signature: String,
}

/// Takes an event of a payment provider, signed as Standard Webhooks has it. An event that is repeated changes
/// nothing.
#[utoipa::path(post, path = "/api/webhooks/payments/{provider}", tag = "webhooks",
    params(("provider" = String, Path, description = "The provider's name in the settings"), Signature),
    request_body = PaymentEventBody,
    responses((status = 200, description = "The event is on record", body = EventReceipt),
        (status = 401, description = "`invalid_signature`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such provider", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn payment(
    State(app): State<App>,
    provider: Result<Path<String>, PathRejection>,
    origin: Origin,
    request: Request,
) -> Result<Json<EventReceipt>, Problem> {
    let provider = provider.ok().and_then(|Path(name)| Provider::parse(&name).ok());
    let known = provider.and_then(|provider| match app.gateway.find(&provider)? {
        PaymentProvider::Webhook(signer) => Some((provider, signer)),
        PaymentProvider::Sandbox => None,
    });
    let (provider, signer) =
        known.ok_or_else(|| Problem::not_found("no payment provider of this name sends events here"))?;
    let (parts, body) = body_of(request).await?;
    let Some(event_id) = verified(&app, signer, &parts.headers, &body) else {
        settlements::count(&provider, "refused");
        return Err(Problem::invalid_signature());
    };
    let outcome = process(&app, &origin, read(provider, event_id, &body)).await?;
    Ok(Json(EventReceipt { outcome: outcome.as_str() }))
}

fn verified(app: &App, signer: &Signer, headers: &HeaderMap, body: &[u8]) -> Option<EventId> {
    // One line of each, or else two readers could read two things.
    let only = |name: &str| {
        let mut lines = headers.get_all(name).iter();
        lines.next().filter(|_| lines.next().is_none())?.to_str().ok()
    };
    let signed = Signed {
        id: only("webhook-id")?,
        timestamp: only("webhook-timestamp")?,
        signatures: only("webhook-signature")?,
        body,
    };
    signer.verify(&signed, app.clock.now())
}

/// Takes of a signed body what can be taken. What is missing or of another kind is missed by the rules.
fn read(provider: Provider, event_id: EventId, body: &[u8]) -> PaymentEvent {
    let object = json::object(body).unwrap_or_default();
    let data = object.get("data").and_then(Value::as_object);
    let of_data = |name, bytes_max| data.and_then(|data| word(data, name, bytes_max));
    PaymentEvent {
        provider,
        event_id,
        event_type: word(&object, "type", TYPE_BYTES_MAX).unwrap_or_default().to_owned(),
        deposit_id: of_data("deposit_id", TYPE_BYTES_MAX).and_then(|id| id.parse().ok()),
        provider_tx_id: of_data("provider_tx_id", PAYMENT_BYTES_MAX).map(ToOwned::to_owned),
        amount_cents: data.and_then(|data| data.get("amount_cents")).and_then(Value::as_i64),
        currency: of_data("currency", CURRENCY_BYTES_MAX).map(ToOwned::to_owned),
    }
}

/// A short text of visible ASCII characters.
fn word<'object>(object: &'object Map<String, Value>, name: &str, bytes_max: usize) -> Option<&'object str> {
    let text = object.get(name)?.as_str()?;
    ((1..=bytes_max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())).then_some(text)
}

/// Records an event and follows it to its end. Cut short between its two commits, it is taken up again when the
/// provider repeats it, or by a job.
async fn process(app: &App, origin: &Origin, event: PaymentEvent) -> Result<EventOutcome, Problem> {
    let deadline = Instant::now() + app.config.request_deadline();
    let (id, context) = (PaymentEventId::new(app.ids.uuid()), origin.context(app, None));
    let (currency, received) = (app.config.money.currency.clone(), context.clone());
    let receive = move |work: &mut Work<'_>| acts::receive(work, &received, id, &event, &currency);
    let Received { recorded, deposit, is_new } = app.database.write(receive, deadline).await?;
    let Some(asked) = deposit.filter(|_| recorded.outcome == EventOutcome::Settling) else {
        settlements::count(&recorded.event.provider, if is_new { recorded.outcome.as_str() } else { "repeated" });
        return Ok(recorded.outcome);
    };
    let settled = settlements::settle(app, &context, recorded.event, &asked, deadline).await;
    settled.map_err(|error| match error {
        Unsettled::Store(error) => error.into(),
        Unsettled::Ledger(error) => error.into(),
    })
}
