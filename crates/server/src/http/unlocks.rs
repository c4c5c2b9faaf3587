//! Buying a content.

use super::extract::{Caller, Fields, Id, Origin};
use super::once::{self, Payment};
use super::parameters::{Problems, RequiredKey};
use super::problem::{Problem, ProblemBody};
use super::receipts::{Asker, UnlockReceipt};
use crate::app::App;
use crate::store::unlocks::{self, Seller};
use axum::extract::State;
use axum::response::Response;
use domain::command::{Command, Unlock};
use domain::content::Price;
use domain::id::ContentId;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// The price that the fan was shown.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnlockRequest {
    /// If it is not the price any more, nothing is charged: 409 `price_changed`.
    #[schema(example = 10000, minimum = 0, maximum = 9_007_199_254_740_991i64)]
    expected_price_cents: Option<i64>,
}

/// Buys access to a content, once and for ever.
#[utoipa::path(post, path = "/api/content/{id}/unlock", tag = "content", security(("bearer" = [])),
    params(("id" = String, Path, description = "The content"), RequiredKey), request_body = UnlockRequest,
    responses((status = 201, description = "The unlock, its transaction, and how the price was divided", body = UnlockReceipt),
        (status = 402, description = "`insufficient_funds`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`content_not_found`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`already_unlocked`, `price_changed`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 410, description = "`content_inactive`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`own_content`, `content_is_free`, `subscriber_only`, `idempotency_key_reused`", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn unlock(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    Id(content_id): Id<ContentId>,
    Payment { body, key }: Payment<UnlockRequest>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let expected = body.expected_price_cents.map(|cents| fields.check("/expected_price_cents", Price::new(cents)));
    let expected = fields.finish(Some(expected.flatten()))?;
    let (user_id, terms) = (caller.id(), app.splits.premium_unlock());
    let request_id = Arc::clone(&origin.request_id);
    let plan = move |seller: Option<Seller>| {
        let (creator_id, payee_username) = seller.map(|seller| (seller.id, seller.username)).unzip();
        let asker = Asker { user_id, payee_username: payee_username.flatten(), request_id };
        let expected_price = expected.map(Price::cents);
        (Command::Unlock(Unlock { user_id, content_id, creator_id, expected_price, terms }), asker.renderer())
    };
    once::pay(&app, &caller, &origin, key, Some(unlocks::seller(content_id)), plan).await
}
