//! Signing in with a password: who may try, what is compared, and what is told.

use super::{Credentials, credentials, deadline};
use crate::app::App;
use crate::auth::password::Verified;
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

async fn find(app: &App, email: &str) -> Result<Option<Known>, StoreError> {
    let Ok(email) = Email::parse(email) else { return Ok(None) };
    let known = app.database.look_up(move |view| {
        let Some((user, hash)) = users::find_by_email(view, &email)? else { return Ok(None) };
        Ok(Some(Known { failed: sign_in_failures::count(view, user.id)?, user: user.id, hash }))
    });
    known.await
}

fn count(outcome: &'static str) {
    metrics::counter!("sign_in_attempts_total", "outcome" => outcome).increment(1);
}

/// Puts on record that nothing was compared because somebody tries too often.
async fn turn_away(app: &App, context: Context, email: &str) -> Result<(), StoreError> {
    let user = find(app, email).await?.map(|known| known.user);
    let refuse = move |work: &mut Work<'_>| operations::refuse_sign_in(work, &context, user, RefusedSignIn::Throttled);
    app.database.write(refuse, deadline(app)).await
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
    context: &Context,
) -> Result<(Done<SignedIn>, RefusedSignIn), Problem> {
    let known = find(app, &body.email).await?;
    let may_compare = known.as_ref().is_none_or(|known| attempt.may_compare(known.failed));
    let (user, hash) = known.map(|known| (known.user, known.hash)).unzip();
    let hash = hash.filter(|_| may_compare);
    let verified = app.hasher.verify(Password::present(&body.password), hash.clone()).await;
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
    Ok((app.database.write(operation, deadline(app)).await, reason))
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
    let context = origin.context(&app, None);
    let attempt = match app.sign_ins.begin_in_turn(&body.email, context.actor.address, deadline(&app)).await {
        Ok(attempt) => attempt,
        Err(wait) => {
            count(RefusedSignIn::Throttled.as_str());
            turn_away(&app, context, &body.email).await?;
            return Err(Problem::too_many_sign_ins(wait.seconds()));
        }
    };
    let mut compared = compare(&app, &attempt, &body, &origin, &context).await;
    if matches!(&compared, Ok((Ok(Err(Denial::HashChanged)), _))) {
        // Another sign-in has renewed the hash. It is renewed once, so that once more is enough.
        compared = compare(&app, &attempt, &body, &origin, &context).await;
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
