//! Who asks: the token or the key is believed first, then account and session are read as they are now.

use super::limit::Asked;
use super::load;
use crate::app::App;
use crate::auth::api_key::ApiKeys;
use crate::auth::token::Bearer;
use crate::config::Network;
use crate::http::access;
use crate::http::extract::{Caller, Credential, Origin, Peer};
use crate::http::key_notes::Refusal;
use crate::http::problem::Problem;
use crate::http::roles::Admin;
use crate::operations::Denial;
use crate::store::api_keys::{self, ApiKey};
use crate::store::sessions;
use crate::store::users::User;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use domain::api_key::Refused;
use domain::user::AccountStatus;
use std::net::IpAddr;
use std::sync::Arc;

/// A credential that looks like one of ours.
enum Shown {
    Token(Bearer),
    /// What is kept of a key.
    Key([u8; 32]),
}

/// Lets a request through with its caller, if there is something left of the caller's limit and the route is for them; or
/// answers 401, as often as the address may ask.
pub async fn require_caller(State(app): State<App>, request: Request, next: Next) -> Result<Response, Problem> {
    let asked = Asked::of(&request);
    let (mut parts, body) = request.into_parts();
    let found = match shown(&app, &parts.headers) {
        Ok(Shown::Token(bearer)) => {
            asked.unless_flooding(&app, bearer.user_id)?;
            of_session(&app, bearer).await.map(|caller| (caller, None))
        }
        Ok(Shown::Key(digest)) => {
            if let Some(owner) = app.key_notes.limited_owner(&digest) {
                asked.unless_flooding(&app, owner)?;
            }
            of_key(&app, digest, &mut parts).await.map(|(caller, key)| (caller, Some((digest, key))))
        }
        Err(problem) => Err(problem),
    };
    let (caller, key) = match found {
        Ok(found) => found,
        Err(problem) => return Err(asked.or_rather(&app, problem).await),
    };
    if let Err(problem) = asked.by_account(&app, &caller).await {
        if let Some((digest, _)) = key {
            app.key_notes.limited(digest, caller.id());
        }
        return Err(problem);
    }
    let _place = app.admission.account(caller.id()).ok_or_else(|| load::shed("account"))?;
    let route = parts.extensions.get::<MatchedPath>().cloned();
    let (method, path) = (parts.method.clone(), route.as_ref().map(MatchedPath::as_str));
    if let Some((_, key)) = key {
        // Before anything is replayed: what the key may not do, it may not see done either.
        if let Err((reason, lacking)) = access::check_scopes(&key.scopes, method.as_str(), path) {
            refuse(&app, &caller.user, &key, reason, &mut parts).await;
            return Err(Problem::insufficient_scope(lacking));
        }
        app.key_notes.used(key.id, key.used_at, app.clock.now());
    }
    access::check_role(&caller, method.as_str(), path)?;
    parts.extensions.insert(caller);
    Ok(next.run(Request::from_parts(parts, body)).await)
}

/// Lets administrators through, and answers 403 to every other caller, before the body is looked at.
pub async fn require_admin(_admin: Admin, request: Request, next: Next) -> Response {
    next.run(request).await
}

/// What is shown, if it may be one of ours. Only a header is looked at: what stands in a URL ends up in logs.
fn shown(app: &App, headers: &HeaderMap) -> Result<Shown, Problem> {
    let mut headers = headers.get_all(AUTHORIZATION).iter();
    let (Some(header), None) = (headers.next(), headers.next()) else { return Err(Problem::unauthenticated()) };
    let (scheme, token) =
        header.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(Problem::unauthenticated)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Problem::unauthenticated());
    }
    let token = token.trim();
    let shown = if ApiKeys::is_like_one(token) {
        app.api_keys.parse(token).map(|key| Shown::Key(app.api_keys.digest(&key)))
    } else {
        app.tokens.verify(token, app.clock.now()).map(Shown::Token)
    };
    shown.ok_or_else(Problem::unauthenticated)
}

async fn of_session(app: &App, bearer: Bearer) -> Result<Caller, Problem> {
    // Role, tier and standing come from here at every request: a change bites on the next one.
    let asked = sessions::bearer(bearer.session_id, bearer.user_id);
    let (user, session) = app.database.find(asked).await?.ok_or_else(Problem::unauthenticated)?;
    if !session.is_live(app.clock.now()) {
        return Err(Problem::unauthenticated());
    }
    caller(user, Credential::Session(bearer.session_id))
}

/// The owner of a key, as they are now. A key that is not good is not told why: who has it may be a thief.
async fn of_key(app: &App, digest: [u8; 32], parts: &mut Parts) -> Result<(Caller, ApiKey), Problem> {
    let found = app.database.find(api_keys::bearer(digest)).await?;
    let (user, key) = found.ok_or_else(Problem::unauthenticated)?;
    let peer = parts.extensions.get::<Peer>().map(|peer| peer.0.ip());
    let good = key.life.check(app.clock.now()).and_then(|()| from_its_networks(&key, peer));
    if let Err(reason) = good {
        refuse(app, &user, &key, reason, parts).await;
        return Err(Problem::unauthenticated());
    }
    caller(user, Credential::Key(key.id)).map(|caller| (caller, key))
}

fn from_its_networks(key: &ApiKey, peer: Option<IpAddr>) -> Result<(), Refused> {
    let is_one_of_them =
        |peer| key.networks.split(' ').filter_map(Network::parse).any(|network| network.contains(peer));
    if key.networks.is_empty() || peer.is_some_and(is_one_of_them) { Ok(()) } else { Err(Refused::Address) }
}

/// Notes that a key of ours was refused.
async fn refuse(app: &App, owner: &User, key: &ApiKey, reason: Refused, parts: &mut Parts) {
    let Ok(origin) = Origin::from_request_parts(parts, &()).await else { return };
    let refusal = Refusal { id: key.id, owner: owner.id, reason, actor: origin.actor(None) };
    app.key_notes.refused(refusal, app.clock.now());
}

fn caller(user: User, credential: Credential) -> Result<Caller, Problem> {
    if user.account_status != AccountStatus::Active {
        return Err(Denial::AccountSuspended.into());
    }
    Ok(Caller { user: Arc::new(user), credential })
}
