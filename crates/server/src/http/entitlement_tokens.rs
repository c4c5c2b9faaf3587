//! Short-lived tokens that tell media gateways of a subscription.

use super::extract::{Caller, Id, Json as Body, Origin};
use super::parameters::{Problems, rfc3339};
use super::problem::{Problem, ProblemBody};
use crate::app::App;
use crate::operations::entitlement_tokens::{Request, issue};
use crate::store::Work;
use axum::Json;
use axum::extract::State;
use domain::entitlement::ends_at;
use domain::id::SubscriptionId;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::ToSchema;

/// A wish for a token.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// The last one that was given in this period; none for the first token of a period.
    refresh_token: Option<String>,
}

/// A token for media gateways, and the one that gets the next.
#[derive(Serialize, ToSchema)]
pub struct EntitlementToken {
    /// For media gateways alone: no route of this API takes it.
    access_token: String,
    /// When it lapses; never later than the access.
    #[schema(example = "2027-01-15T08:05:00Z")]
    expires_at: String,
    /// Goes into the next request for a token, once.
    refresh_token: String,
}

/// Hands out a short-lived token that tells media gateways of a subscription. The refresh token that came with the
/// last one is required, but for the first in a period; one that was used before ends the tokens of its period.
#[utoipa::path(post, path = "/api/subscriptions/{id}/token", operation_id = "subscription_token", tag = "subscriptions",
    security(("bearer" = [])), params(("id" = String, Path, description = "The subscription")),
    request_body(content = TokenRequest, example = json!({})),
    responses((status = 200, description = "The tokens", body = EntitlementToken),
        (status = 400, description = "`refresh_token_required`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`entitlement_token_reused`, `invalid_entitlement_token`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`subscription_not_found`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`subscription_ended`", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn token(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    Id(subscription): Id<SubscriptionId>,
    Body(body): Body<TokenRequest>,
) -> Result<Json<EntitlementToken>, Problem> {
    let context = origin.context(&app, Some(&caller));
    let (subscriber, session) = (caller.id(), caller.session()?);
    let request = Request { subscriber, session, subscription, refresh_token: body.refresh_token };
    let (within, tokens) = (context.clone(), app.entitlement_tokens.clone());
    let operation = move |work: &mut Work<'_>| issue(work, &within, &tokens, &request);
    let deadline = Instant::now() + app.config.request_deadline();
    let issued = app.database.write(operation, deadline).await??;
    let end = ends_at(&issued.subscription, app.entitlement_length, context.now);
    let signed = app.entitlement_tokens.sign(&issued.subscription, app.ids.uuid(), context.now, end);
    let (access_token, expires_at) = signed.map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "an entitlement token cannot be signed");
        Problem::internal()
    })?;
    let refresh_token = issued.refresh_token.expose().to_owned();
    Ok(Json(EntitlementToken { access_token, expires_at: rfc3339(expires_at), refresh_token }))
}
