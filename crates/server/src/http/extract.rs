//! What handlers take: the caller, a strict body, a strict query, an id from the path.

use super::json;
use super::problem::{FieldError, Problem};
use crate::app::App;
use crate::operations::Context;
use crate::store::users::User;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use bytes::Bytes;
use domain::audit::Actor;
use domain::id::{ApiKeyId, InvalidId, SessionId, UserId};
use domain::money::Amount;
use domain::user::Role;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use std::fmt::Display;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use uuid::Uuid;

/// The address at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// The id of the request, as in `X-Request-Id`.
#[derive(Clone, Debug)]
pub struct RequestId(pub Arc<str>);

/// What was shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Credential {
    /// An access token of a session.
    Session(SessionId),
    /// An API key, by its id.
    Key(ApiKeyId),
}

impl Credential {
    /// Its id, for the audit log.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        match self {
            Self::Session(session) => session.uuid(),
            Self::Key(key) => key.uuid(),
        }
    }
}

/// Who asks. It exists only after the credential was believed and the account was read.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The account, as it is now.
    pub user: Arc<User>,
    /// What was shown.
    pub credential: Credential,
}

impl Caller {
    /// Their id.
    #[must_use]
    pub fn id(&self) -> UserId {
        self.user.id
    }

    /// Whether they may have contents of their own.
    #[must_use]
    pub fn may_publish(&self) -> bool {
        self.user.role != Role::User
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        // Put there by the authentication middleware. A route that is not behind it has no caller.
        parts.extensions.get::<Self>().cloned().ok_or_else(Problem::unauthenticated)
    }
}

/// Where a request came from: for audit records and operations.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The request id.
    pub request_id: Arc<str>,
    peer: Option<SocketAddr>,
    /// What the client calls itself.
    pub user_agent: Option<String>,
}

impl Origin {
    /// The one who acts, for the audit log.
    #[must_use]
    pub fn actor(&self, caller: Option<&Caller>) -> Actor {
        Actor {
            id: caller.map(Caller::id),
            credential: caller.map(|caller| caller.credential.uuid()),
            address: self.peer.map(|peer| peer.ip().to_canonical()),
            request_id: self.request_id.to_string(),
        }
    }

    /// The circumstances of an operation that begins now.
    #[must_use]
    pub fn context(&self, app: &App, caller: Option<&Caller>) -> Context {
        Context { now: app.clock.now(), actor: self.actor(caller), ids: app.ids.clone() }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Origin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let request_id =
            parts.extensions.get::<RequestId>().map(|id| Arc::clone(&id.0)).ok_or_else(Problem::internal)?;
        let agent = parts.headers.get("user-agent").and_then(|agent| agent.to_str().ok());
        Ok(Self {
            request_id,
            peer: parts.extensions.get::<Peer>().map(|peer| peer.0),
            user_agent: agent.map(ToOwned::to_owned),
        })
    }
}

/// Refuses a body that does not call itself JSON. An empty body needs no name.
pub fn require_json(parts: &Parts, body: &Bytes) -> Result<(), Problem> {
    if body.is_empty() && !parts.headers.contains_key(CONTENT_TYPE) {
        return Ok(());
    }
    let name = parts.headers.get(CONTENT_TYPE).and_then(|name| name.to_str().ok()).unwrap_or_default();
    let essence = name.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") { Ok(()) } else { Err(Problem::unsupported_media_type()) }
}

/// The whole body, which the middleware has already bounded.
pub async fn body_of(request: Request) -> Result<(Parts, Bytes), Problem> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Problem::malformed("the body could not be read to its end"))?;
    Ok((parts, body.to_bytes()))
}

/// A strict JSON body.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let (parts, body) = body_of(request).await?;
        require_json(&parts, &body)?;
        json::object(&body).and_then(json::typed).map(Self)
    }
}

/// A strict query string.
#[derive(Clone, Copy, Debug)]
pub struct Parameters<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = Query::<T>::from_request_parts(parts, state).await;
        read.map(|Query(value)| Self(value)).map_err(|rejection| {
            let detail = json::told(&rejection.body_text());
            Problem::malformed(format!("the query string cannot be read: {detail}"))
        })
    }
}

/// An id at the end of the path. A text that is not one names nothing: 404, as for somebody else's.
#[derive(Clone, Copy, Debug)]
pub struct Id<T>(pub T);

impl<S: Send + Sync, T: FromStr<Err = InvalidId>> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let nothing = || Problem::not_found("there is nothing under this id");
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| nothing())?;
        text.parse().map(Self).map_err(|_| nothing())
    }
}

/// Gathers what is wrong with the members of a request, so that all of it is told at once.
#[derive(Debug, Default)]
pub struct Fields {
    errors: Vec<FieldError>,
}

impl Fields {
    /// Keeps a value, or what is wrong with it.
    pub fn check<T, E: Display>(&mut self, pointer: &str, value: Result<T, E>) -> Option<T> {
        value
            .map_err(|error| self.errors.push(FieldError { pointer: pointer.to_owned(), detail: error.to_string() }))
            .ok()
    }

    /// Keeps an amount that is below the cap of the settings.
    pub fn amount(&mut self, pointer: &str, cents: i64, cents_max: i64) -> Option<Amount> {
        let amount = Amount::new(cents).map_err(|error| error.to_string()).and_then(|amount| {
            if cents <= cents_max { Ok(amount) } else { Err(format!("must be at most {cents_max}")) }
        });
        self.check(pointer, amount)
    }

    /// Everything that was kept, or everything that was wrong.
    ///
    /// # Errors
    /// A problem with one error for each wrong member.
    pub fn finish<T>(self, kept: Option<T>) -> Result<T, Problem> {
        match kept {
            Some(kept) if self.errors.is_empty() => Ok(kept),
            _ => Err(Problem::invalid(self.errors)),
        }
    }
}
