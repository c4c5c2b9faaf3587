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

/// Lets administrators through.
///
/// # Errors
/// For everybody else.
pub fn admin(caller: &Caller) -> Result<(), Problem> {
    match caller.user.role {
        Role::Admin => Ok(()),
        Role::User | Role::Creator => Err(Problem::forbidden("this is for administrators")),
    }
}

/// Lets creators and administrators through.
///
/// # Errors
/// For everybody else.
pub fn creator(caller: &Caller) -> Result<(), Problem> {
    match caller.user.role {
        Role::Creator | Role::Admin => Ok(()),
        Role::User => Err(Problem::forbidden("this is for creators; become one with POST /api/users/me/creator")),
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        admin(&caller).map(|()| Self(caller))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Creator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        creator(&caller).map(|()| Self(caller))
    }
}

#[cfg(test)]
mod tests {
    use super::{Admin, Creator};
    use crate::http::extract::{Caller, Credential};
    use crate::store::users::User;
    use axum::extract::FromRequestParts;
    use axum::http::Request;
    use domain::id::{SessionId, UserId};
    use domain::timestamp::Timestamp;
    use domain::user::{AccountStatus, Role, Tier};
    use std::sync::Arc;
    use uuid::Uuid;

    async fn reached(role: Option<Role>) -> (&'static str, &'static str) {
        let (mut parts, ()) = Request::new(()).into_parts();
        if let Some(role) = role {
            let user = User {
                id: UserId::new(Uuid::nil()),
                email: "ann@example.com".to_owned(),
                username: None,
                role,
                tier: Tier::Free,
                account_status: AccountStatus::Active,
                created_at: Timestamp::default(),
            };
            parts
                .extensions
                .insert(Caller { user: Arc::new(user), credential: Credential::Session(SessionId::new(Uuid::nil())) });
        }
        let admin = Admin::from_request_parts(&mut parts, &()).await;
        let creator = Creator::from_request_parts(&mut parts, &()).await;
        (admin.map_or_else(|problem| problem.code(), |_| "ok"), creator.map_or_else(|problem| problem.code(), |_| "ok"))
    }

    #[tokio::test]
    async fn roles_open_what_they_are_for_and_nothing_else() {
        assert_eq!(reached(None).await, ("unauthenticated", "unauthenticated"));
        assert_eq!(reached(Some(Role::User)).await, ("forbidden", "forbidden"));
        assert_eq!(reached(Some(Role::Creator)).await, ("forbidden", "ok"));
        assert_eq!(reached(Some(Role::Admin)).await, ("ok", "ok"));
    }
}
