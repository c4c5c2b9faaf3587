//! Who reaches which route, and with which scope an API key does. What is not in the table is closed to everybody
//! who would have to sign in for it, and tests hold the table against the router.

use super::extract::{Caller, Credential};
use super::problem::Problem;
use super::roles;
use domain::api_key::{Refused, Scope, Scopes};
use std::collections::HashMap;
use std::sync::LazyLock;

/// Whom a route is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum For {
    /// Whoever asks; no credential is looked at.
    Anybody,
    /// Whoever has an account.
    Users,
    /// Creators, and those who run the place.
    Creators,
    /// Those who run the place.
    Admins,
}

/// A route with whom it is for.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// Its method.
    pub method: &'static str,
    /// Its path, as in the API's document.
    pub path: &'static str,
    /// Whom it is for.
    pub audience: For,
    /// What an API key must have for it; `None`: no key opens it.
    pub scope: Option<Scope>,
}

const fn route(method: &'static str, path: &'static str, audience: For, scope: Option<Scope>) -> Route {
    Route { method, path, audience, scope }
}

/// Every route there is.
///
/// No key reaches credentials (sign-in, sessions, password, keys), what an account is (its address and its role), tokens
/// that go with a session, or anything of administrators: those are for people.
#[rustfmt::skip]
pub const ROUTES: &[Route] = &[
    route("GET", "/api/health",                                For::Anybody,  None),
    route("GET", "/livez",                                     For::Anybody,  None),
    route("GET", "/readyz",                                    For::Anybody,  None),
    route("POST", "/api/auth/register",                        For::Anybody,  None),
    route("POST", "/api/auth/login",                           For::Anybody,  None),
    route("POST", "/api/auth/refresh",                         For::Anybody,  None),
    route("POST", "/api/webhooks/payments/{provider}",         For::Anybody,  None),

    route("POST", "/api/auth/logout",                          For::Users,    None),
    route("GET", "/api/auth/sessions",                         For::Users,    None),
    route("DELETE", "/api/auth/sessions/{id}",                 For::Users,    None),
    route("POST", "/api/auth/password",                        For::Users,    None),
    route("POST", "/api/api-keys",                             For::Users,    None),
    route("GET", "/api/api-keys",                              For::Users,    None),
    route("DELETE", "/api/api-keys/{id}",                      For::Users,    None),

    route("GET", "/api/users/me",                              For::Users,    Some(Scope::AccountRead)),
    route("PATCH", "/api/users/me",                            For::Users,    None),
    route("POST", "/api/users/me/creator",                     For::Users,    None),

    route("GET", "/api/wallet/balance",                        For::Users,    Some(Scope::WalletRead)),
    route("GET", "/api/wallet/transactions",                   For::Users,    Some(Scope::WalletRead)),
    route("GET", "/api/wallet/transactions/{tx_id}",           For::Users,    Some(Scope::WalletRead)),
    route("POST", "/api/wallet/transfer",                      For::Users,    Some(Scope::WalletWrite)),
    route("GET", "/api/wallet/deposits",                       For::Users,    Some(Scope::WalletRead)),
    route("GET", "/api/wallet/deposits/{id}",                  For::Users,    Some(Scope::WalletRead)),
    route("POST", "/api/wallet/deposits",                      For::Users,    Some(Scope::WalletWrite)),

    route("GET", "/api/content",                               For::Users,    Some(Scope::ContentRead)),
    route("GET", "/api/content/unlocked",                      For::Users,    Some(Scope::ContentRead)),
    route("GET", "/api/content/{id}",                          For::Users,    Some(Scope::ContentRead)),
    route("GET", "/api/creators",                              For::Users,    Some(Scope::ContentRead)),
    route("GET", "/api/creators/{id}",                         For::Users,    Some(Scope::ContentRead)),
    route("GET", "/api/entitlements",                          For::Users,    Some(Scope::ContentRead)),
    route("POST", "/api/content",                              For::Creators, Some(Scope::ContentWrite)),
    route("PATCH", "/api/content/{id}",                        For::Creators, Some(Scope::ContentWrite)),
    route("DELETE", "/api/content/{id}",                       For::Creators, Some(Scope::ContentWrite)),
    route("PUT", "/api/creators/me/plans/{tier}",              For::Creators, Some(Scope::ContentWrite)),
    route("POST", "/api/content/{id}/unlock",                  For::Users,    Some(Scope::ContentUnlock)),

    route("GET", "/api/subscriptions",                         For::Users,    Some(Scope::SubscriptionsRead)),
    route("GET", "/api/subscriptions/active",                  For::Users,    Some(Scope::SubscriptionsRead)),
    route("GET", "/api/subscriptions/{id}",                    For::Users,    Some(Scope::SubscriptionsRead)),
    route("POST", "/api/subscriptions",                        For::Users,    Some(Scope::SubscriptionsWrite)),
    route("POST", "/api/subscriptions/{id}/cancel",            For::Users,    Some(Scope::SubscriptionsWrite)),
    route("POST", "/api/subscriptions/{id}/resume",            For::Users,    Some(Scope::SubscriptionsWrite)),
    route("POST", "/api/subscriptions/{id}/token",             For::Users,    None),

    route("GET", "/api/gifts/catalog",                         For::Users,    Some(Scope::GiftsRead)),
    route("GET", "/api/gifts/leaderboard",                     For::Users,    Some(Scope::GiftsRead)),
    route("GET", "/api/gifts/sent",                            For::Users,    Some(Scope::GiftsRead)),
    route("GET", "/api/gifts/received",                        For::Users,    Some(Scope::GiftsRead)),
    route("POST", "/api/gifts/send",                           For::Users,    Some(Scope::GiftsWrite)),

    route("GET", "/api/creator/earnings",                      For::Creators, Some(Scope::EarningsRead)),
    route("GET", "/api/creator/earnings/series",               For::Creators, Some(Scope::EarningsRead)),
    route("GET", "/api/payouts",                               For::Creators, Some(Scope::PayoutsRead)),
    route("POST", "/api/payouts",                              For::Creators, Some(Scope::PayoutsWrite)),

    route("GET", "/api/admin/users",                           For::Admins,   None),
    route("GET", "/api/admin/users/{id}",                      For::Admins,   None),
    route("PATCH", "/api/admin/users/{id}",                    For::Admins,   None),
    route("GET", "/api/admin/transactions",                    For::Admins,   None),
    route("POST", "/api/admin/transactions/{tx_id}/refund",    For::Admins,   None),
    route("GET", "/api/admin/wallets",                         For::Admins,   None),
    route("POST", "/api/admin/wallets/{id}/freeze",            For::Admins,   None),
    route("POST", "/api/admin/wallets/{id}/unfreeze",          For::Admins,   None),
    route("GET", "/api/admin/audit-logs",                      For::Admins,   None),
    route("GET", "/api/admin/jobs",                            For::Admins,   None),
    route("GET", "/api/admin/reconciliations",                 For::Admins,   None),
    route("POST", "/api/admin/reconciliations",                For::Admins,   None),
    route("GET", "/api/admin/reconciliations/{id}",            For::Admins,   None),
    route("GET", "/api/admin/payment-events",                  For::Admins,   None),
    route("GET", "/api/admin/payouts",                         For::Admins,   None),
    route("POST", "/api/admin/payouts/{id}/approve",           For::Admins,   None),
    route("POST", "/api/admin/payouts/{id}/reject",            For::Admins,   None),
    route("POST", "/api/admin/deposits/{id}/release",          For::Admins,   None),
    route("POST", "/api/admin/deposits/{id}/reject",           For::Admins,   None),
];

static BY_NAME: LazyLock<HashMap<(&str, &str), Route>> =
    LazyLock::new(|| ROUTES.iter().map(|route| ((route.method, route.path), *route)).collect());

/// The row of a route. `HEAD` is a `GET` without its body.
fn find(method: &str, path: Option<&str>) -> Option<Route> {
    let method = if method == "HEAD" { "GET" } else { method };
    let by_name: &HashMap<(&str, &str), Route> = &BY_NAME;
    by_name.get(&(method, path?)).copied()
}

/// Lets a key through whose scopes open the route.
///
/// # Errors
/// Which scope it lacks, if any would do.
pub fn check_scopes(scopes: &Scopes, method: &str, path: Option<&str>) -> Result<(), (Refused, Option<Scope>)> {
    match find(method, path).and_then(|route| route.scope) {
        Some(scope) if scopes.contain(scope) => Ok(()),
        lacking => Err((Refused::Scope, lacking)),
    }
}

/// Lets a caller through whom the route is for.
///
/// # Errors
/// If it is for others, or not in the table.
pub fn check_role(caller: &Caller, method: &str, path: Option<&str>) -> Result<(), Problem> {
    match find(method, path).map(|route| route.audience) {
        Some(For::Anybody | For::Users) => Ok(()),
        Some(For::Creators) => roles::creator(caller),
        Some(For::Admins) => roles::admin(caller),
        None => {
            tracing::error!(method, path, "a route has no row in the table of access");
            Err(Problem::forbidden("this route is closed"))
        }
    }
}

impl Caller {
    /// The session of somebody who signed in.
    ///
    /// # Errors
    /// If it is a key that was shown: the route is for people, and its row in the table would have to say so.
    pub fn session(&self) -> Result<domain::id::SessionId, Problem> {
        match self.credential {
            Credential::Session(session) => Ok(session),
            Credential::Key(_) => Err(Problem::insufficient_scope(None)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{For, ROUTES, check_scopes};
    use domain::api_key::{Scope, Scopes};
    use std::collections::BTreeSet;

    #[test]
    fn each_route_is_there_once_and_each_scope_opens_something() {
        let names: BTreeSet<_> = ROUTES.iter().map(|route| (route.method, route.path)).collect();
        assert_eq!(names.len(), ROUTES.len());
        let scopes: BTreeSet<_> = ROUTES.iter().filter_map(|route| route.scope).collect();
        assert_eq!(scopes, Scope::ALL.iter().copied().collect());
    }

    #[test]
    fn a_scope_that_reads_opens_no_write_and_no_scope_opens_credentials_or_what_administrators_do() {
        for route in ROUTES {
            let reads = route.scope.is_some_and(|scope| scope.as_str().ends_with(":read"));
            assert_eq!(reads, route.scope.is_some() && route.method == "GET", "{route:?}");
            let is_for_people = route.path.starts_with("/api/auth/")
                || route.path.starts_with("/api/admin/")
                || route.path.starts_with("/api/api-keys");
            let is_public = route.audience == For::Anybody;
            assert!(!(is_for_people || is_public) || route.scope.is_none(), "{route:?}");
        }
    }

    #[test]
    fn what_is_not_in_the_table_is_closed_to_every_key() {
        let all = Scopes::parse(Scope::ALL.iter().map(|scope| scope.as_str())).unwrap();
        assert!(check_scopes(&all, "GET", Some("/api/wallet/balance")).is_ok());
        assert!(check_scopes(&all, "HEAD", Some("/api/wallet/balance")).is_ok());
        for (method, path) in [
            ("POST", Some("/api/wallet/balance")),
            ("GET", Some("/api/new")),
            ("GET", None),
            ("GET", Some("/api/admin/users")),
            ("POST", Some("/api/api-keys")),
        ] {
            assert!(check_scopes(&all, method, path).is_err(), "{method} {path:?}");
        }
    }
}
