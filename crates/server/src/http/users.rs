//! One's own account.

use super::extract::{Caller, Origin};
use super::once::{self, Once};
use super::parameters::{OptionalKey, Problems, rfc3339};
use super::problem::{Problem, ProblemBody};
use crate::app::App;
use crate::http::extract::Fields;
use crate::operations::accounts::{self, ProfileChange};
use crate::store::Work;
use crate::store::users::User;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use domain::idempotency::StoredResponse;
use domain::user::{Email, Username};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// An account, as its owner sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UserBody {
    /// Its id.
    #[schema(example = "usr_01h2xcejqtf2nbrexx3vqjhp41")]
    id: String,
    /// Its address.
    email: String,
    /// Its public name, if it has one.
    username: Option<String>,
    /// `user`, `creator` or `admin`.
    role: &'static str,
    /// `free`, `premium`, `creator` or `admin`.
    tier: &'static str,
    /// `active` or `suspended`.
    account_status: &'static str,
    /// Since when it exists.
    created_at: String,
}

impl From<&User> for UserBody {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email.clone(),
            username: user.username.clone(),
            role: user.role.as_str(),
            tier: user.tier.as_str(),
            account_status: user.account_status.as_str(),
            created_at: rfc3339(user.created_at),
        }
    }
}

/// An answer with a JSON body, in the form that is stored and replayed.
pub fn json_response<T: Serialize>(status: u16, body: &T) -> Result<StoredResponse, Problem> {
    let body = serde_json::to_vec(body).map_err(|_| Problem::internal())?;
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Ok(StoredResponse { status, headers, body })
}

/// One's own account.
#[utoipa::path(get, path = "/api/users/me", tag = "users", security(("bearer" = [])),
    responses((status = 200, description = "The account", body = UserBody), Problems))]
pub async fn me(caller: Caller) -> Json<UserBody> {
    Json(caller.user.as_ref().into())
}

/// What of an account its owner may change. A member that is left out stays as it is.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeMe {
    /// A new address.
    #[schema(example = "ann@example.com")]
    email: Option<String>,
    /// A new public name; null for none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "ann")]
    username: Option<Option<String>>,
}

/// Tells a member that is null from one that is left out.
pub fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Changes one's own address or public name.
#[utoipa::path(patch, path = "/api/users/me", tag = "users", security(("bearer" = [])), params(OptionalKey),
    request_body = ChangeMe,
    responses((status = 200, description = "The account", body = UserBody),
        (status = 409, description = "`email_taken`, `username_taken`", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn change_me(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    once: Once<ChangeMe>,
) -> Result<Response, Problem> {
    let (body, key) = once.into_parts();
    let mut fields = Fields::default();
    let email = body.email.map(|email| fields.check("/email", Email::parse(&email)));
    let username = body.username.map(|name| name.map(|name| fields.check("/username", Username::parse(&name))));
    fields.finish(Some(()))?;
    let change = ProfileChange { email: email.flatten(), username: username.map(Option::flatten) };
    let (context, user) = (origin.context(&app, Some(&caller)), caller.id());
    let operation = move |work: &mut Work<'_>| accounts::change_profile(work, &context, user, &change);
    once::write(&app, &origin, key, operation, |user| json_response(200, &UserBody::from(&user))).await
}

/// A body without members.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Makes one's own account a creator's, who can be paid.
#[utoipa::path(post, path = "/api/users/me/creator", tag = "users", security(("bearer" = [])), params(OptionalKey),
    responses((status = 200, description = "The account", body = UserBody), Problems))]
pub async fn become_creator(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    once: Once<Nothing>,
) -> Result<Response, Problem> {
    let (Nothing {}, key) = once.into_parts();
    let (context, user) = (origin.context(&app, Some(&caller)), caller.id());
    let operation = move |work: &mut Work<'_>| accounts::become_creator(work, &context, user);
    once::write(&app, &origin, key, operation, |user| json_response(200, &UserBody::from(&user))).await
}
