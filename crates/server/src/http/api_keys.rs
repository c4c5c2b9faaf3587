//! API keys: credentials for programs, made and ended by people.

use super::extract::{Caller, Fields, Id, Origin, Parameters};
use super::once::{self, Once};
use super::parameters::{OptionalKey, Page, Problems, limit, moment, rfc3339};
use super::problem::{Problem, ProblemBody};
use super::users::{Nothing, json_response};
use crate::app::App;
use crate::config::Network;
use crate::operations::api_keys as operations;
use crate::store::Work;
use crate::store::api_keys::{self, ApiKey, NewApiKey};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::api_key::{Life, NETWORKS_MAX, Scopes};
use domain::id::ApiKeyId;
use domain::idempotency::StoredResponse;
use domain::text::Text;
use domain::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The longest name of a key.
const NAME_CHARACTERS_MAX: usize = 100;

/// A new key.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateApiKey {
    /// What to call it.
    #[schema(example = "the nightly report")]
    name: String,
    /// What it opens; docs/authentication.md lists the scopes.
    #[schema(example = json!(["wallet:read", "content:read"]), min_items = 1)]
    scopes: Vec<String>,
    /// When it lapses; never, if it is left out.
    #[schema(example = "2030-01-01T00:00:00Z", format = DateTime)]
    expires_at: Option<String>,
    /// The addresses and networks that it may come from, at most 20; any, if it is left out.
    #[schema(example = json!(["192.0.2.7", "198.51.100.0/24"]), min_items = 1, max_items = 20)]
    allowed_networks: Option<Vec<String>>,
}

/// A key.
#[derive(Serialize, ToSchema)]
pub struct ApiKeyBody {
    /// Its id, which is no secret.
    #[schema(example = "key_01h2xcejqtf2nbrexx3vqjhp41")]
    id: String,
    /// What it is called.
    #[schema(example = "the nightly report")]
    name: String,
    /// The last letters of its secret.
    #[schema(example = "x3Za")]
    last_four: String,
    /// What it opens.
    scopes: Vec<&'static str>,
    /// What it may come from; empty for anywhere.
    allowed_networks: Vec<String>,
    /// When it was made.
    created_at: String,
    /// When it lapses; null for never.
    expires_at: Option<String>,
    /// When it was last used, to a minute; null for never.
    last_used_at: Option<String>,
    /// Goes into `Authorization: Bearer`. It is in the answer that makes the key, and in no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    secret: Option<String>,
}

fn body(key: ApiKey) -> ApiKeyBody {
    ApiKeyBody {
        id: key.id.to_string(),
        name: key.name,
        last_four: key.last_four,
        scopes: key.scopes.words().collect(),
        allowed_networks: key.networks.split(' ').filter(|part| !part.is_empty()).map(str::to_owned).collect(),
        created_at: rfc3339(key.created_at),
        expires_at: key.life.expires_at.map(rfc3339),
        last_used_at: key.used_at.map(rfc3339),
        secret: None,
    }
}

fn end(text: &str, now: Timestamp) -> Result<Timestamp, &'static str> {
    moment(text).and_then(|at| if at > now { Ok(at) } else { Err("must be in the future") })
}

fn networks(parts: &[String]) -> Result<String, &'static str> {
    let wrong = "must be at most 20 addresses or networks, such as 192.0.2.7 or 2001:db8::/32; leave it out for any";
    let parts: Vec<&str> = parts.iter().map(|part| part.trim()).collect();
    let is_list = (1..=NETWORKS_MAX).contains(&parts.len()) && parts.iter().all(|part| Network::parse(part).is_some());
    if is_list { Ok(parts.join(" ")) } else { Err(wrong) }
}

impl CreateApiKey {
    /// The key that is asked for, with the last letters of its secret.
    fn check(&self, id: ApiKeyId, last_four: &str, now: Timestamp) -> Result<ApiKey, Problem> {
        let mut fields = Fields::default();
        let name = fields.check("/name", Text::<NAME_CHARACTERS_MAX>::parse(&self.name));
        let scopes = fields.check("/scopes", Scopes::parse(self.scopes.iter().map(String::as_str)));
        let expires_at = match &self.expires_at {
            Some(text) => fields.check("/expires_at", end(text, now)).map(Some),
            None => Some(None),
        };
        let networks = match &self.allowed_networks {
            Some(parts) => fields.check("/allowed_networks", networks(parts)),
            None => Some(String::new()),
        };
        let ((name, scopes), (expires_at, networks)) = fields.finish(name.zip(scopes).zip(expires_at.zip(networks)))?;
        Ok(ApiKey {
            id,
            name: name.as_str().to_owned(),
            last_four: last_four.to_owned(),
            scopes,
            networks,
            created_at: now,
            used_at: None,
            life: Life { expires_at, revoked_at: None },
        })
    }
}

/// Makes a key. Its secret is in this answer and in no other: with an idempotency key, a repetition is told so.
#[utoipa::path(post, path = "/api/api-keys", operation_id = "create_api_key", tag = "api-keys", security(("bearer" = [])),
    params(OptionalKey), request_body = CreateApiKey,
    responses((status = 201, description = "The key and its secret", body = ApiKeyBody),
        (status = 409, description = "`too_many_api_keys`, `secret_already_issued`", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn create(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    once: Once<CreateApiKey>,
) -> Result<Response, Problem> {
    let (wish, key) = once.into_parts();
    let context = origin.context(&app, Some(&caller));
    let secret = app.api_keys.make();
    let made = wish.check(ApiKeyId::new(app.ids.uuid()), secret.last_four(), context.now)?;
    let new = NewApiKey { user_id: caller.id(), digest: app.api_keys.digest(&secret), key: made.clone() };
    let operation = move |work: &mut Work<'_>| operations::create(work, &context, &new);
    let show = move |()| {
        let secret = Some(secret.expose().to_owned());
        json_response(201, &ApiKeyBody { secret, ..body(made.clone()) })
    };
    once::hand_out(&app, &origin, key, operation, show).await
}

/// Which keys.
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

/// One's own keys, newest first: those that are good, and those that have lapsed.
#[utoipa::path(get, path = "/api/api-keys", operation_id = "list_api_keys", tag = "api-keys", security(("bearer" = [])), params(Filter),
    responses((status = 200, description = "A page of keys", body = Page<ApiKeyBody>), Problems))]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Parameters(filter): Parameters<Filter>,
) -> Result<Json<Page<ApiKeyBody>>, Problem> {
    let (user, shown) = (caller.id(), limit(filter.limit)?);
    let scope = format!("api-keys {user}");
    let before = filter.cursor.as_deref().map(|cursor| app.cursors.read(&scope, cursor)).transpose()?;
    let before = before.map(|(at, id)| (at, ApiKeyId::new(id)));
    let wanted = shown.saturating_add(1);
    let lines = app.database.read(move |view| api_keys::list(view, user, before, wanted)).await?;
    let cursor = |key: &ApiKey| app.cursors.write(&scope, (key.created_at, key.id.uuid()));
    Ok(Json(Page::cut(lines, shown, cursor, body)))
}

/// Ends a key of one's own. It opens nothing any more when the answer is there.
#[utoipa::path(delete, path = "/api/api-keys/{id}", operation_id = "revoke_api_key", tag = "api-keys", security(("bearer" = [])),
    params(("id" = String, Path, description = "The key's id"), OptionalKey),
    responses((status = 204, description = "Ended"),
        (status = 404, description = "`not_found`", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn revoke(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    Id(id): Id<ApiKeyId>,
    once: Once<Nothing>,
) -> Result<Response, Problem> {
    let (Nothing {}, key) = once.into_parts();
    let (context, user) = (origin.context(&app, Some(&caller)), caller.id());
    let operation = move |work: &mut Work<'_>| operations::revoke(work, &context, user, id);
    let no_content =
        |()| Ok(StoredResponse { status: StatusCode::NO_CONTENT.as_u16(), headers: Vec::new(), body: Vec::new() });
    once::write(&app, &origin, key, operation, no_content).await
}
