//! Creators, as everybody sees them, and what a creator asks for a subscription.

use super::extract::{Caller, Fields, Id, Origin, Parameters};
use super::once::{self, Once};
use super::parameters::{OptionalKey, Page, Problems, limit, rfc3339};
use super::problem::{Problem, ProblemBody};
use super::roles::Creator;
use super::users::json_response;
use crate::app::App;
use crate::operations::plans;
use crate::store::Work;
use crate::store::creators::{self, Creator as Profile};
use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::response::Response;
use domain::id::UserId;
use domain::subscription::{Plan, PlanTier};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A creator, as everybody sees them.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatorBody {
    /// Their id.
    #[schema(example = "usr_01h2xcejqtf2nbrexx3vqjhp41")]
    id: String,
    /// Their public name, if they have one.
    username: Option<String>,
    /// Since when the account exists.
    created_at: String,
    /// How many contents they have on offer.
    #[schema(example = 12)]
    contents: i64,
    /// How many subscribe to them now.
    #[schema(example = 340)]
    subscribers: i64,
    /// What they ask for a subscription, the shortest period first.
    plans: Vec<PlanBody>,
}

/// What a creator asks for a subscription.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlanBody {
    /// `monthly`, `quarterly` or `yearly`.
    #[schema(example = "monthly")]
    tier: &'static str,
    /// For each period.
    #[schema(example = 500000)]
    price_cents: i64,
    /// Whether it is on offer.
    is_active: bool,
}

impl From<Plan> for PlanBody {
    fn from(plan: Plan) -> Self {
        Self { tier: plan.tier.as_str(), price_cents: plan.price.credit().get(), is_active: plan.is_active }
    }
}

impl From<Profile> for CreatorBody {
    fn from(creator: Profile) -> Self {
        Self {
            id: creator.id.to_string(),
            username: creator.username,
            created_at: rfc3339(creator.created_at),
            contents: creator.contents,
            subscribers: creator.subscribers,
            plans: creator.plans.into_iter().map(PlanBody::from).collect(),
        }
    }
}

/// Which creators.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CreatorFilter {
    /// Only those whose public name begins like this, whatever the case: 1 to 64 characters.
    q: Option<String>,
    /// Lines on a page, 20 by default, at most 100.
    #[param(minimum = 1, example = 20)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

/// The creators, newest first.
#[utoipa::path(get, path = "/api/creators", operation_id = "list_creators", tag = "creators", security(("bearer" = [])),
    params(CreatorFilter), responses((status = 200, description = "A page of creators", body = Page<CreatorBody>), Problems))]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Parameters(filter): Parameters<CreatorFilter>,
) -> Result<Json<Page<CreatorBody>>, Problem> {
    let now = app.clock.now();
    let mut fields = Fields::default();
    let prefix = filter.q.as_deref().map(|text| fields.check("q", domain::text::Text::<64>::parse(text)));
    fields.finish(Some(()))?;
    let scope = format!("creators {} {:?}", caller.id(), filter.q);
    let before = filter.cursor.map(|cursor| app.cursors.read(&scope, &cursor)).transpose()?;
    let limit = limit(filter.limit)?;
    let page = creators::Page {
        before: before.map(|(_, id)| UserId::new(id)),
        prefix: prefix.flatten().map(|prefix| prefix.as_str().to_owned()),
        limit: limit.saturating_add(1),
    };
    let lines = app.database.read(move |view| creators::list(view, now, &page)).await?;
    let cursor = |creator: &Profile| app.cursors.write(&scope, (creator.created_at, creator.id.uuid()));
    Ok(Json(Page::cut(lines, limit, cursor, CreatorBody::from)))
}

/// One creator.
#[utoipa::path(get, path = "/api/creators/{id}", operation_id = "creator", tag = "creators", security(("bearer" = [])),
    params(("id" = String, Path, description = "The creator's account")),
    responses((status = 200, description = "The creator", body = CreatorBody),
        (status = 404, description = "There is no such creator", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn find(State(app): State<App>, _caller: Caller, Id(id): Id<UserId>) -> Result<Json<CreatorBody>, Problem> {
    let now = app.clock.now();
    let creator = app.database.read(move |view| creators::find(view, id, now)).await?;
    creator.map(|creator| Json(creator.into())).ok_or_else(|| Problem::not_found("there is no such creator"))
}

/// The tier at the end of the path. A word that is none names nothing.
#[derive(Clone, Copy, Debug)]
pub struct Tier(PlanTier);

impl<S: Send + Sync> FromRequestParts<S> for Tier {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let word = Path::<String>::from_request_parts(parts, state).await.ok();
        let tier = word.and_then(|Path(word)| PlanTier::parse(&word));
        tier.map(Self).ok_or_else(|| Problem::not_found("a plan is monthly, quarterly or yearly"))
    }
}

/// A plan to be made or changed.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPlan {
    /// For each period.
    #[schema(example = 500000, minimum = 1, maximum = 9_007_199_254_740_991i64)]
    price_cents: i64,
    /// Whether it is on offer. Yes by default.
    is_active: Option<bool>,
}

/// Makes one of one's own plans, or changes it. Who subscribes already pays what they signed up for.
#[utoipa::path(put, path = "/api/creators/me/plans/{tier}", operation_id = "set_plan", tag = "creators", security(("bearer" = [])),
    params(("tier" = String, Path, description = "`monthly`, `quarterly` or `yearly`"), OptionalKey), request_body = SetPlan,
    responses((status = 200, description = "The plan", body = PlanBody),
        (status = 403, description = "`forbidden`: not a creator", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such tier", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn set_plan(
    State(app): State<App>,
    Creator(caller): Creator,
    origin: Origin,
    Tier(tier): Tier,
    once: Once<SetPlan>,
) -> Result<Response, Problem> {
    let (body, key) = once.into_parts();
    let mut fields = Fields::default();
    let price = fields.amount("/price_cents", body.price_cents, app.config.money.amount_cents_max);
    let price = fields.finish(price)?;
    let plan = Plan { creator_id: caller.id(), tier, price, is_active: body.is_active.unwrap_or(true) };
    let context = origin.context(&app, Some(&caller));
    let operation = move |work: &mut Work<'_>| plans::set(work, &context, &plan);
    once::write(&app, &origin, key, operation, |plan| json_response(200, &PlanBody::from(plan))).await
}
