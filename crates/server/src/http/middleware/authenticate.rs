//! Who asks: the token is believed first, then account and session are read as they are now.

use super::limit::Asked;
use super::load;
use crate::app::App;
use crate::auth::token::Bearer;
use crate::http::extract::Caller;
use crate::http::problem::Problem;
use crate::http::roles::Admin;
use crate::operations::Denial;
use crate::store::sessions;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use domain::user::AccountStatus;
use std::sync::Arc;

/// Lets a request through with its caller, if there is something left of the caller's limit; or answers 401, as often
/// as the address may ask.
pub async fn require_caller(State(app): State<App>, mut request: Request, next: Next) -> Result<Response, Problem> {
    let asked = Asked::of(&request);
    let shown = match bearer(&app, request.headers()) {
        Ok(shown) => shown,
        Err(problem) => return Err(asked.or_rather(&app, problem).await),
    };
    asked.unless_flooding(&app, shown.user_id)?;
    match caller(&app, shown).await {
        Ok(caller) => {
            asked.by_account(&app, &caller).await?;
            let _place = app.admission.account(caller.id()).ok_or_else(|| load::shed("account"))?;
            request.extensions_mut().insert(caller);
            Ok(next.run(request).await)
        }
        Err(problem) => Err(asked.or_rather(&app, problem).await),
    }
}

/// Lets administrators through, and answers 403 to every other caller, before the body is looked at.
pub async fn require_admin(_admin: Admin, request: Request, next: Next) -> Response {
    next.run(request).await
}

/// What the token says, if it is one of ours.
fn bearer(app: &App, headers: &HeaderMap) -> Result<Bearer, Problem> {
    let mut headers = headers.get_all(AUTHORIZATION).iter();
    let (Some(header), None) = (headers.next(), headers.next()) else { return Err(Problem::unauthenticated()) };
    let (scheme, token) =
        header.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(Problem::unauthenticated)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Problem::unauthenticated());
    }
    app.tokens.verify(token.trim(), app.clock.now()).ok_or_else(Problem::unauthenticated)
}

async fn caller(app: &App, bearer: Bearer) -> Result<Caller, Problem> {
    let now = app.clock.now();
    // Role, tier and standing come from here at every request: a change bites on the next one.
    let asked = sessions::bearer(bearer.session_id, bearer.user_id);
    let (user, session) = app.database.find(asked).await?.ok_or_else(Problem::unauthenticated)?;
    if !session.is_live(now) {
        return Err(Problem::unauthenticated());
    }
    if user.account_status != AccountStatus::Active {
        return Err(Denial::AccountSuspended.into());
    }
    Ok(Caller { user: Arc::new(user), session_id: bearer.session_id })
}
