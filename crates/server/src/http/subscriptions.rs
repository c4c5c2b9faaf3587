//! Subscribing to a creator, and one's own subscriptions.

use super::extract::{Caller, Fields, Id, Origin, Parameters};
use super::once::{self, Once, Payment};
use super::parameters::{OptionalKey, Page, Problems, RequiredKey, limit};
use super::problem::{Problem, ProblemBody};
use super::receipts::{Asker, SubscriptionBody, SubscriptionReceipt};
use super::users::{Nothing, json_response};
use crate::app::App;
use crate::operations::subscriptions as operations;
use crate::store::{Work, subscriptions, users};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use domain::command::{Command, Subscribe};
use domain::id::{SubscriptionId, UserId};
use domain::money::Amount;
use domain::subscription::{PlanTier, Subscription};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

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
    #[schema(example = 50000, minimum = 1, maximum = 9_007_199_254_740_991i64)]
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
    let expected = body.expected_price_cents.map(|cents| fields.check("/expected_price_cents", Amount::new(cents)));
    let (creator_id, tier) = fields.finish(creator_id.zip(tier))?;
    let expected_price = expected.flatten().map(Amount::credit);
    let (subscriber_id, request_id) = (caller.id(), Arc::clone(&origin.request_id));
    let (terms, policy) = (app.splits.subscription(), app.renewal_policy);
    let plan = move |payee_username: Option<Option<String>>| {
        let asker = Asker { user_id: subscriber_id, payee_username: payee_username.flatten(), request_id };
        let subscribe = Subscribe { subscriber_id, creator_id, tier, expected_price, terms, policy };
        (Command::Subscribe(subscribe), asker.renderer())
    };
    once::pay(&app, &caller, &origin, key, Some(users::username(creator_id)), plan).await
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Lines on a page, 20 by default, at most 100.
    #[param(minimum = 1, example = 20)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

/// One's own subscriptions, running or not, newest first.
#[utoipa::path(get, path = "/api/subscriptions", operation_id = "list_subscriptions", tag = "subscriptions", security(("bearer" = [])), params(Filter),
    responses((status = 200, description = "A page of subscriptions", body = Page<SubscriptionBody>), Problems))]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Parameters(filter): Parameters<Filter>,
) -> Result<Json<Page<SubscriptionBody>>, Problem> {
    let user = caller.id();
    let scope = format!("subscriptions {user}");
    let before = filter.cursor.as_deref().map(|cursor| app.cursors.read(&scope, cursor)).transpose()?;
    let before = before.map(|(at, id)| (at, SubscriptionId::new(id)));
    let shown = limit(filter.limit)?;
    let wanted = shown.saturating_add(1);
    let rows = app.database.read(move |view| subscriptions::list(view, user, before, wanted)).await?;
    let cursor = |row: &Subscription| app.cursors.write(&scope, (row.created_at, row.id.uuid()));
    Ok(Json(Page::cut(rows, shown, cursor, |row| SubscriptionBody::from(&row))))
}

/// Subscriptions that give access now.
#[derive(Debug, serde::Serialize, ToSchema)]
pub struct ActiveSubscriptions {
    /// The subscriptions, newest first; at most a hundred.
    data: Vec<SubscriptionBody>,
}

/// One's own subscriptions that give access now, newest first.
#[utoipa::path(get, path = "/api/subscriptions/active", operation_id = "active_subscriptions", tag = "subscriptions", security(("bearer" = [])),
    responses((status = 200, description = "The subscriptions", body = ActiveSubscriptions), Problems))]
pub async fn active(State(app): State<App>, caller: Caller) -> Result<Json<ActiveSubscriptions>, Problem> {
    let (user, now) = (caller.id(), app.clock.now());
    let rows = app.database.read(move |view| subscriptions::active(view, user, now)).await?;
    Ok(Json(ActiveSubscriptions { data: rows.iter().map(SubscriptionBody::from).collect() }))
}

/// One of one's own subscriptions.
#[utoipa::path(get, path = "/api/subscriptions/{id}", operation_id = "subscription", tag = "subscriptions", security(("bearer" = [])),
    params(("id" = String, Path, description = "The subscription")),
    responses((status = 200, description = "The subscription", body = SubscriptionBody),
        (status = 404, description = "No subscription of yours", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn find(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<SubscriptionId>,
) -> Result<Json<SubscriptionBody>, Problem> {
    let user = caller.id();
    let row = app.database.look_up(move |view| subscriptions::find_own(view, user, id)).await?;
    row.map(|row| Json((&row).into())).ok_or_else(|| Problem::not_found("you have no such subscription"))
}

/// Cancels a subscription at the end of its period. Until then there is access.
#[utoipa::path(post, path = "/api/subscriptions/{id}/cancel", operation_id = "cancel_subscription", tag = "subscriptions", security(("bearer" = [])),
    params(("id" = String, Path, description = "The subscription"), OptionalKey),
    responses((status = 200, description = "The subscription", body = SubscriptionBody),
        (status = 404, description = "No subscription of yours", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`subscription_ended`", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn cancel(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    Id(id): Id<SubscriptionId>,
    once: Once<Nothing>,
) -> Result<Response, Problem> {
    let (Nothing {}, key) = once.into_parts();
    let (context, user) = (origin.context(&app, Some(&caller)), caller.id());
    let operation = move |work: &mut Work<'_>| operations::cancel(work, &context, user, id);
    once::write(&app, &origin, key, operation, shown).await
}

/// Lets a cancelled subscription be renewed after all, as long as there is access.
#[utoipa::path(post, path = "/api/subscriptions/{id}/resume", operation_id = "resume_subscription", tag = "subscriptions", security(("bearer" = [])),
    params(("id" = String, Path, description = "The subscription"), OptionalKey),
    responses((status = 200, description = "The subscription", body = SubscriptionBody),
        (status = 404, description = "No subscription of yours", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`subscription_ended`", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn resume(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    Id(id): Id<SubscriptionId>,
    once: Once<Nothing>,
) -> Result<Response, Problem> {
    let (Nothing {}, key) = once.into_parts();
    let (context, user, policy) = (origin.context(&app, Some(&caller)), caller.id(), app.renewal_policy);
    let operation = move |work: &mut Work<'_>| operations::resume(work, &context, user, id, policy);
    once::write(&app, &origin, key, operation, shown).await
}

fn shown(row: Subscription) -> Result<domain::idempotency::StoredResponse, Problem> {
    json_response(200, &SubscriptionBody::from(&row))
}
