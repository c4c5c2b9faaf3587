//! What an account may do, as parameter types: a handler that forgets to ask cannot be written.
//!
//! Both stand before the body in a handler's parameters, so that nobody's body is read for meaning who may not
//! send it. The role is that of the account as it is now, never of the token.

use super::extract::Caller;
use super::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use domain::user::Role;

/// Somebody who runs the place.
#[derive(Clone, Debug)]
pub struct Admin(pub Caller);

/// Somebody who is paid by fans, or who runs the place.
#[derive(Clone, Debug)]
pub struct Creator(pub Caller);

impl<S: Send + Sync> FromRequestParts<S> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        match caller.user.role {
            Role::Admin => Ok(Self(caller)),
            Role::User | Role::Creator => Err(Problem::forbidden("this is for administrators")),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Creator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        match caller.user.role {
            Role::Creator | Role::Admin => Ok(Self(caller)),
            Role::User => Err(Problem::forbidden("this is for creators; become one with POST /api/users/me/creator")),
        }
    }
}
