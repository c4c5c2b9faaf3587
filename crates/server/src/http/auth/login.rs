//! Signing in with a password: who may try, what is compared, and what is told.

use super::{Credentials, credentials, deadline};
use crate::app::App;
use crate::auth::password::{HashError, Verified};
use crate::http::extract::{Json as Body, Origin};
use crate::http::parameters::Problems;
use crate::http::problem::{Problem, ProblemBody};
use crate::limits::sign_in::Attempt;
use crate::operations::sessions::{self as operations, RefusedSignIn, SignedIn};
use crate::operations::{Context, Denial, Done};
use crate::store::{StoreError, Work, sign_in_failures, users};
use axum::Json;
use axum::extract::State;
use domain::id::UserId;
use domain::password::Password;
use domain::user::Email;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;
use utoipa::ToSchema;

/// An address and its password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The address.
    #[schema(example = "ann@example.com")]
    email: String,
    /// The password.
    #[schema(example = "correct horse battery staple", format = Password)]
    password: String,
}

/// What is known of the account that somebody wants to sign in to.
struct Known {
    user: UserId,
    hash: String,
    /// Wrong passwords in a row.
    failed: i64,
}

/// Reads as much for an address that nobody has as for one that somebody has, so that time does not tell them apart.
async fn find(app: &App, email: &str) -> Result<Option<Known>, StoreError> {
    let Ok(email) = Email::parse(email) else { return Ok(None) };
    let known = app.database.look_up(move |view| {
        let found = users::find_by_email(view, &email)?;
        let user = found.as_ref().map_or(sign_in_failures::NOBODY, |(user, _)| user.id);
        let failed = sign_in_failures::count(view, user)?;
        Ok(found.map(|(user, hash)| Known { failed, user: user.id, hash }))
    });
    known.await
}

fn count(outcome: &'static str) {
    metrics::counter!("sign_in_attempts_total", "outcome" => outcome).increment(1);
}

/// Puts on record that nothing was compared because somebody tries too often.
async fn turn_away(app: &App, context: Context, email: &str, until: Instant) -> Result<(), StoreError> {
    let user = find(app, email).await?.map(|known| known.user);
    let refuse = move |work: &mut Work<'_>| operations::refuse_sign_in(work, &context, user, RefusedSignIn::Throttled);
    app.database.write(refuse, until).await
}

/// Reads the account, compares the password and writes what came of it, with the reason if it is a refusal.
///
/// # Errors
/// If nothing was compared.
async fn compare(
    app: &App,
    attempt: &Attempt<'_>,
    body: &Login,
    origin: &Origin,
    (context, until): (&Context, Instant),
) -> Result<(Done<SignedIn>, RefusedSignIn), Problem> {
    let known = find(app, &body.email).await?;
    let may_compare = known.as_ref().is_none_or(|known| attempt.may_compare(known.failed));
    let (user, hash) = known.map(|known| (known.user, known.hash)).unzip();
    let hash = hash.filter(|_| may_compare);
    let verified = app.hasher.verify(Password::present(&body.password), hash.clone());
    // Whoever would be answered too late is told now that there is no room.
    let verified = timeout_at(until, verified).await.unwrap_or(Err(HashError::Overloaded));
    let verified = verified.inspect_err(|_| count("overloaded"))?;
    let reason = if may_compare { RefusedSignIn::Wrong } else { RefusedSignIn::Disabled };
    let (within, agent) = (context.clone(), origin.user_agent.clone());
    let operation = move |work: &mut Work<'_>| match (user, &hash, &verified) {
        (Some(user), Some(hash), Verified::Right { renewed }) => {
            operations::sign_in(work, &within, user, (hash, renewed.as_deref()), agent.as_deref())
        }
        _ => {
            operations::refuse_sign_in(work, &within, user, reason)?;
            Ok(Err(Denial::InvalidCredentials))
        }
    };
    Ok((app.database.write(operation, until).await, reason))
}

/// Signs in. An unknown address and a wrong password get the same answer, after the same time.
#[utoipa::path(post, path = "/api/auth/login", tag = "auth", request_body = Login,
    responses((status = 200, description = "Signed in", body = Credentials),
        (status = 401, description = "`invalid_credentials`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "`too_many_sign_ins`, `rate_limited`", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn login(
    State(app): State<App>,
    origin: Origin,
    Body(body): Body<Login>,
) -> Result<Json<Credentials>, Problem> {
    // A task of its own, which ends whether or not somebody waits: who hangs up while a password is compared has guessed
    // all the same. It is over by its deadline, and the places for hashes bound how many there are.
    tokio::spawn(attempt(app, origin, body).in_current_span()).await.unwrap_or_else(|_| Err(Problem::internal()))
}

/// One attempt, from its turn to what came of it, within one deadline.
async fn attempt(app: App, origin: Origin, body: Login) -> Result<Json<Credentials>, Problem> {
    let (context, until) = (origin.context(&app, None), deadline(&app));
    let attempt = match app.sign_ins.begin_in_turn(&body.email, context.actor.address, until).await {
        Ok(attempt) => attempt,
        Err(wait) => {
            count(RefusedSignIn::Throttled.as_str());
            turn_away(&app, context, &body.email, until).await?;
            return Err(Problem::too_many_sign_ins(wait.seconds()));
        }
    };
    let mut compared = compare(&app, &attempt, &body, &origin, (&context, until)).await;
    if matches!(&compared, Ok((Ok(Err(Denial::HashChanged)), _))) {
        // Another sign-in has renewed the hash. It is renewed once, so that once more is enough.
        compared = compare(&app, &attempt, &body, &origin, (&context, until)).await;
    }
    let (done, reason) = match compared {
        Ok(compared) => compared,
        Err(problem) => {
            attempt.take_back();
            return Err(problem);
        }
    };
    match &done {
        Ok(Ok(_)) => {
            attempt.succeed();
            count("succeeded");
        }
        Ok(Err(Denial::AccountSuspended)) => {
            attempt.succeed();
            count(RefusedSignIn::Suspended.as_str());
        }
        Ok(Err(Denial::HashChanged)) => {
            attempt.take_back();
            count("failed");
        }
        Ok(Err(_)) => count(reason.as_str()),
        Err(_) => count("failed"),
    }
    Ok(Json(credentials(&app, &done??, &context)?))
}
