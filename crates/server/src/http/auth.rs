//! Registering, signing in, staying signed in, signing out.

mod login;

pub use login::*;

use super::extract::{Caller, Fields, Id, Json as Body, Origin};
use super::once::{self, Once};
use super::parameters::{OptionalKey, Problems, rfc3339};
use super::problem::{Problem, ProblemBody};
use super::users::{Nothing, UserBody};
use crate::app::App;
use crate::auth::refresh::RefreshToken;
use crate::auth::token::Bearer;
use crate::operations::accounts::NewHash;
use crate::operations::sessions::SignedIn;
use crate::operations::{Context, Denial, accounts, sessions as operations};
use crate::store::users::NewUser;
use crate::store::{Work, sessions as store, sign_in_failures, users};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::id::{SessionId, UserId};
use domain::idempotency::StoredResponse;
use domain::password::Password;
use domain::user::{Email, Role, Username};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::ToSchema;

/// A new account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// Its address.
    #[schema(example = "ann@example.com")]
    email: String,
    /// At least 8 characters, and not one of the most common.
    #[schema(example = "correct horse battery staple", format = Password, min_length = 8, max_length = 256)]
    password: String,
    /// A public name.
    #[schema(example = "ann")]
    username: Option<String>,
}

/// A refresh token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshRequest {
    /// The last one that was given.
    refresh_token: String,
}

/// Credentials: the access token for every request, the refresh token for the next pair.
#[derive(Serialize, ToSchema)]
pub struct Credentials {
    /// The account.
    user: UserBody,
    /// Goes into `Authorization: Bearer`.
    access_token: String,
    /// Goes into POST /api/auth/refresh, once.
    refresh_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds until the access token lapses.
    expires_in: u32,
}

fn credentials(app: &App, signed_in: &SignedIn, context: &Context) -> Result<Credentials, Problem> {
    let bearer = Bearer { user_id: signed_in.user.id, session_id: signed_in.session_id };
    let access_token = app.tokens.sign(bearer, app.ids.uuid(), context.now).map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "an access token cannot be signed");
        Problem::internal()
    })?;
    Ok(Credentials {
        user: (&signed_in.user).into(),
        access_token,
        refresh_token: signed_in.refresh_token.expose().to_owned(),
        token_type: "Bearer",
        expires_in: app.tokens.seconds(),
    })
}

fn deadline(app: &App) -> Instant {
    Instant::now() + app.config.request_deadline()
}

/// Makes an account with an empty wallet, and signs in.
#[utoipa::path(post, path = "/api/auth/register", tag = "auth", request_body = Register,
    responses((status = 201, description = "Registered and signed in", body = Credentials),
        (status = 409, description = "`email_taken`, `username_taken`", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn register(
    State(app): State<App>,
    origin: Origin,
    Body(body): Body<Register>,
) -> Result<(StatusCode, Json<Credentials>), Problem> {
    let mut fields = Fields::default();
    let email = fields.check("/email", Email::parse(&body.email));
    let password = fields.check("/password", Password::choose(&body.password));
    let username = match &body.username {
        Some(name) => fields.check("/username", Username::parse(name)).map(Some),
        None => Some(None),
    };
    let checked = email.zip(password).zip(username);
    let ((email, password), username) = fields.finish(checked)?;
    let password_hash = app.hasher.hash(password).await?;
    let context = origin.context(&app, None);
    let id = UserId::new(app.ids.uuid());
    let new = NewUser { id, email, username, password_hash, role: Role::User, created_at: context.now };
    let (currency, agent, within) = (app.config.money.currency.clone(), origin.user_agent.clone(), context.clone());
    let operation = move |work: &mut Work<'_>| match accounts::register(work, &within, &new, &currency)? {
        Ok(()) => operations::sign_in(work, &within, new.id, (&new.password_hash, None), agent.as_deref()),
        Err(denial) => Ok(Err(denial)),
    };
    let signed_in = app.database.write(operation, deadline(&app)).await??;
    Ok((StatusCode::CREATED, Json(credentials(&app, &signed_in, &context)?)))
}

/// Exchanges a refresh token for a new pair. A token that was used before ends its whole session.
#[utoipa::path(post, path = "/api/auth/refresh", tag = "auth", request_body = RefreshRequest,
    responses((status = 200, description = "A new pair", body = Credentials),
        (status = 401, description = "`refresh_token_reused`, `invalid_refresh_token`", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn refresh(
    State(app): State<App>,
    origin: Origin,
    Body(body): Body<RefreshRequest>,
) -> Result<Json<Credentials>, Problem> {
    let token = RefreshToken::parse(&body.refresh_token).ok_or(Denial::RefreshInvalid)?;
    let context = origin.context(&app, None);
    let within = context.clone();
    let operation = move |work: &mut Work<'_>| operations::refresh(work, &within, &token);
    let signed_in = app.database.write(operation, deadline(&app)).await??;
    Ok(Json(credentials(&app, &signed_in, &context)?))
}

fn no_content<T>(_: T) -> Result<StoredResponse, Problem> {
    Ok(StoredResponse { status: StatusCode::NO_CONTENT.as_u16(), headers: Vec::new(), body: Vec::new() })
}

/// Ends the session of the token that is shown.
#[utoipa::path(post, path = "/api/auth/logout", tag = "auth", security(("bearer" = [])), params(OptionalKey),
    responses((status = 204, description = "Signed out"), Problems))]
pub async fn logout(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    once: Once<Nothing>,
) -> Result<Response, Problem> {
    let (Nothing {}, key) = once.into_parts();
    let (context, user, session) = (origin.context(&app, Some(&caller)), caller.id(), caller.session()?);
    let operation = move |work: &mut Work<'_>| operations::sign_out(work, &context, user, session);
    once::write(&app, &origin, key, operation, no_content).await
}

/// A session, as its owner sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionBody {
    /// Its id.
    #[schema(example = "ses_01h2xcejqtf2nbrexx3vqjhp41")]
    id: String,
    /// Whether it is the one that asks.
    current: bool,
    /// The address that signed in.
    address: Option<String>,
    /// What it called itself.
    user_agent: Option<String>,
    /// When it began.
    created_at: String,
    /// When its tokens were last renewed.
    used_at: String,
    /// When it ends at the latest.
    expires_at: String,
}

/// One's live sessions. There are at most 100 of them here, so there is one page.
#[derive(Debug, Serialize, ToSchema)]
pub struct Sessions {
    /// The sessions, newest first.
    data: Vec<SessionBody>,
    /// Always null.
    next_cursor: Option<String>,
}

/// Lists one's own live sessions.
#[utoipa::path(get, path = "/api/auth/sessions", tag = "auth", security(("bearer" = [])),
    responses((status = 200, description = "The sessions", body = Sessions), Problems))]
pub async fn sessions(State(app): State<App>, caller: Caller) -> Result<Json<Sessions>, Problem> {
    let (user, current, now) = (caller.id(), caller.session()?, app.clock.now());
    let list = app.database.read(move |view| store::list(view, user, now)).await?;
    let show = |session: store::SignIn| SessionBody {
        id: session.id.to_string(),
        current: session.id == current,
        address: session.address,
        user_agent: session.user_agent,
        created_at: rfc3339(session.created_at),
        used_at: rfc3339(session.used_at),
        expires_at: rfc3339(session.expires_at),
    };
    Ok(Json(Sessions { data: list.into_iter().map(show).collect(), next_cursor: None }))
}

/// Ends one of one's own sessions. Its tokens stop working with the answer.
#[utoipa::path(delete, path = "/api/auth/sessions/{id}", tag = "auth", security(("bearer" = [])),
    params(("id" = String, Path, description = "The session"), OptionalKey),
    responses((status = 204, description = "Ended"), (status = 404, description = "No live session of yours", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn end_session(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    Id(session): Id<SessionId>,
    once: Once<Nothing>,
) -> Result<Response, Problem> {
    let (Nothing {}, key) = once.into_parts();
    let (context, user) = (origin.context(&app, Some(&caller)), caller.id());
    let operation = move |work: &mut Work<'_>| operations::sign_out(work, &context, user, session);
    once::write(&app, &origin, key, operation, no_content).await
}

/// A change of password.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The password until now.
    #[schema(format = Password)]
    current_password: String,
    /// At least 8 characters, and not one of the most common.
    #[schema(format = Password, min_length = 8, max_length = 256)]
    new_password: String,
}

/// Changes the password and ends every other session.
#[utoipa::path(post, path = "/api/auth/password", tag = "auth", security(("bearer" = [])), params(OptionalKey),
    request_body = ChangePassword,
    responses((status = 204, description = "Changed"), (status = 422, description = "`wrong_password`", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn change_password(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    once: Once<ChangePassword>,
) -> Result<Response, Problem> {
    let (body, key) = once.into_parts();
    let mut fields = Fields::default();
    let chosen = fields.check("/new_password", Password::choose(&body.new_password));
    let chosen = fields.finish(chosen)?;
    // Before anything is compared: a repetition of what succeeded is no guess, and a used key is no way to guess.
    if let Some(answer) = once::stored(&app, key.as_ref()).await? {
        return Ok(answer);
    }
    let (user, session) = (caller.id(), caller.session()?);
    let context = origin.context(&app, Some(&caller));
    let attempt = match app.sign_ins.begin_in_turn(&caller.user.email, context.actor.address, deadline(&app)).await {
        Ok(attempt) => attempt,
        Err(wait) => {
            let refuse = move |work: &mut Work<'_>| accounts::refuse_password(work, &context, user);
            app.database.write(refuse, deadline(&app)).await?;
            return Err(Problem::too_many_sign_ins(wait.seconds()));
        }
    };
    let looked =
        app.database.look_up(move |view| Ok((sign_in_failures::count(view, user)?, users::password_hash(view, user)?)));
    let (failed, current) = looked.await?;
    let current = current.ok_or_else(Problem::internal)?;
    let hash = attempt.may_compare(failed).then(|| current.clone());
    let is_compared = hash.is_some();
    let right = match app.hasher.verify(Password::present(&body.current_password), hash).await {
        Ok(verified) => verified.is_right(),
        Err(error) => {
            attempt.take_back();
            return Err(error.into());
        }
    };
    if is_compared && !right {
        let (context, deadline) = (context.clone(), deadline(&app));
        let count = move |work: &mut Work<'_>| accounts::wrong_password(work, &context, user);
        app.database.write(count, deadline).await?;
    }
    let new = if right { app.hasher.hash(chosen).await.map(Some) } else { Ok(None) };
    if right {
        // Whatever becomes of it.
        attempt.succeed();
    }
    let new = new?;
    let operation = move |work: &mut Work<'_>| {
        let new = match &new {
            Some(hash) => NewHash::Chosen(hash),
            None if is_compared => return Ok(Err(Denial::WrongPassword)),
            None => NewHash::NotCompared,
        };
        accounts::change_password(work, &context, (user, session), &current, new)
    };
    once::write(&app, &origin, key, operation, no_content).await
}
