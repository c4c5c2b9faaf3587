//! Subscribing to a creator.

use super::extract::{Caller, Fields, Origin};
use super::once::{self, Payment};
use super::parameters::{Problems, RequiredKey};
use super::problem::{Problem, ProblemBody};
use super::receipts::{Asker, SubscriptionReceipt};
use crate::app::App;
use crate::store::users;
use axum::extract::State;
use axum::response::Response;
use domain::command::{Command, Subscribe};
use domain::content::Price;
use domain::id::UserId;
use domain::subscription::PlanTier;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// A subscription to a creator.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscribeRequest {
    /// To whom.
    #[schema(example = "usr_01h2xcejqtf2nbrexx3vqjhp41")]
    creator_id: String,
    /// `monthly`, `quarterly` or `yearly`.
    #[schema(example = "monthly")]
    tier: String,
    /// The price that the fan was shown. If it is not the price any more, nothing is charged: 409 `price_changed`.
    #[schema(example = 50000, minimum = 1)]
    expected_price_cents: Option<i64>,
}

/// Subscribes to a creator, and pays for the first period. Later ones are charged at their beginning.
#[utoipa::path(post, path = "/api/subscriptions", tag = "subscriptions", security(("bearer" = [])), params(RequiredKey),
    request_body = SubscribeRequest,
    responses((status = 201, description = "The subscription, its transaction, and how the price was divided", body = SubscriptionReceipt),
        (status = 402, description = "`insufficient_funds`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`plan_not_found`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`already_subscribed`, `price_changed`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 410, description = "`plan_inactive`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`self_subscription`, `idempotency_key_reused`", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn subscribe(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    Payment { body, key }: Payment<SubscribeRequest>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let creator_id = fields.check("/creator_id", body.creator_id.parse::<UserId>());
    let tier = PlanTier::parse(&body.tier).ok_or("must be `monthly`, `quarterly` or `yearly`");
    let tier = fields.check("/tier", tier);
    let expected = body.expected_price_cents.map(|cents| fields.check("/expected_price_cents", Price::new(cents)));
    let (creator_id, tier) = fields.finish(creator_id.zip(tier))?;
    let expected_price = expected.flatten().map(Price::cents);
    let (subscriber_id, request_id) = (caller.id(), Arc::clone(&origin.request_id));
    let (terms, policy) = (app.splits.subscription(), app.renewal_policy);
    let plan = move |payee_username: Option<Option<String>>| {
        let asker = Asker { user_id: subscriber_id, payee_username: payee_username.flatten(), request_id };
        let subscribe = Subscribe { subscriber_id, creator_id, tier, expected_price, terms, policy };
        (Command::Subscribe(subscribe), asker.renderer())
    };
    once::pay(&app, &caller, &origin, key, move |view| users::username(view, creator_id), plan).await
}
