//! The access check that media gateways call, with the token of the one who wants to see something.

use super::contents;
use super::extract::{Caller, Fields, Parameters};
use super::parameters::{Problems, rfc3339};
use super::problem::{Problem, ProblemBody};
use crate::app::App;
use crate::store::creators;
use axum::Json;
use axum::extract::State;
use domain::content::Access;
use domain::id::{ContentId, UserId};
use domain::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Access to what.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// To what a creator has for subscribers.
    creator_id: Option<String>,
    /// To this content, whatever `creator_id` says.
    content_id: Option<String>,
}

/// Whether the caller has access.
#[derive(Debug, Serialize, ToSchema)]
pub struct Entitlement {
    /// Whether they have.
    entitled: bool,
    /// Why: `creator`, `free`, `unlocked` or `subscription`; or `locked`.
    #[schema(example = "subscription")]
    access: &'static str,
    /// Until when, where it rests on a subscription. One that is renewed goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    expires_at: Option<String>,
}

impl Entitlement {
    fn new(access: Access, subscribed_until: Option<Timestamp>) -> Self {
        let until = subscribed_until.filter(|_| access == Access::Subscription);
        Self { entitled: access.is_granted(), access: access.as_str(), expires_at: until.map(rfc3339) }
    }
}

/// Whether the caller has access to a content, or to what a creator has for subscribers.
#[utoipa::path(get, path = "/api/entitlements", operation_id = "entitlement", tag = "content", security(("bearer" = [])),
    params(Wanted),
    responses((status = 200, description = "Whether there is access", body = Entitlement),
        (status = 404, description = "There is no such content for you, or no such account", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn check(
    State(app): State<App>,
    caller: Caller,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Entitlement>, Problem> {
    let mut fields = Fields::default();
    let creator = wanted.creator_id.map(|id| fields.check("creator_id", id.parse::<UserId>()));
    let content = wanted.content_id.map(|id| fields.check("content_id", id.parse::<ContentId>()));
    fields.finish(Some(()))?;
    let viewer = caller.id();
    if let Some(content) = content.flatten() {
        let seen = contents::seen(&app, viewer, content).await?;
        let access = seen.content.offer().access(viewer, seen.holding);
        return Ok(Json(Entitlement::new(access, seen.subscribed_until)));
    }
    let Some(creator) = creator.flatten() else {
        return Err(Problem::field("content_id", "name a `content_id` or a `creator_id`"));
    };
    let until = app.database.find(creators::subscribed_until(viewer, creator, app.clock.now())).await?;
    let until = until.ok_or_else(|| Problem::not_found("there is no such creator"))?;
    let access = match until {
        _ if viewer == creator => Access::Creator,
        Some(_) => Access::Subscription,
        None => Access::Locked,
    };
    Ok(Json(Entitlement::new(access, until)))
}
