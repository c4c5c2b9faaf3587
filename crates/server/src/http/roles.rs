//! What a caller may be, as types: a handler that takes one is not reached by anybody else.
//!
//! A handler takes its role before its body, so that 403 is told before the body is read for what it means.

use super::extract::Caller;
use super::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use domain::user::Role;

/// A caller who may sell: a creator or an administrator.
#[derive(Clone, Debug)]
pub struct Creator(pub Caller);

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
