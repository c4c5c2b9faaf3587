//! What is done while an operation fails: one request of every route that changes something, and the moments in a
//! server's life that have no route.

use crate::scene::{Names, PASSWORD, event, fill, paid};
use crate::server::Asked;

/// Since when operations are counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Since {
    /// Before the database is opened.
    TheStart,
    /// When the server is up.
    TheRequest,
}

/// What the server finds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Base {
    /// A database that was closed.
    Closed,
    /// One whose server was killed, with a log to recover from and an answer that the request's key has already.
    Killed,
    /// Nothing.
    Empty,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name on the command line: a method and a path of the table of access, or a moment.
    pub name: &'static str,
    /// The path, with names of the scene, where the route has parameters.
    path: &'static str,
    /// The body, or nothing.
    body: &'static str,
    /// Who asks, if anybody.
    who: &'static str,
    /// Since when operations are counted.
    pub since: Since,
    /// What the server finds.
    pub base: Base,
    /// Whether the log is moved into the file while the server is up.
    pub has_checkpoint: bool,
}

const fn route(name: &'static str, path: &'static str, who: &'static str, body: &'static str) -> Case {
    let (since, base) = (Since::TheRequest, Base::Closed);
    Case { name, path, body, who, since, base, has_checkpoint: false }
}

const fn moment(name: &'static str, since: Since, base: Base, has_checkpoint: bool) -> Case {
    let body = r#"{"to_user_id": "{mate}", "amount_cents": 7}"#;
    Case { name, path: "/api/wallet/transfer", body, who: "fan", since, base, has_checkpoint }
}

/// The name of the case of a new database, whose request makes an account.
const FIRST_START: &str = "first start";

/// Each route that changes something, and each moment.
#[rustfmt::skip]
pub const CASES: &[Case] = &[
    route("POST /api/auth/register", "", "", r#"{"email": "new@example.com", "password": "correct horse battery staple"}"#),
    route("POST /api/auth/login", "", "", r#"{"email": "fan@example.com", "password": "correct horse battery staple"}"#),
    route("POST /api/auth/refresh", "", "", r#"{"refresh_token": "{second.refresh}"}"#),
    route("POST /api/auth/logout", "", "second", ""),
    route("POST /api/auth/password", "", "star",
        r#"{"current_password": "correct horse battery staple", "new_password": "a horse of another colour"}"#),
    route("DELETE /api/auth/sessions/{id}", "/api/auth/sessions/{session}", "mate", ""),
    route("POST /api/webhooks/payments/{provider}", "", "", ""),

    route("POST /api/api-keys", "", "mate", r#"{"name": "another", "scopes": ["wallet:read"]}"#),
    route("DELETE /api/api-keys/{id}", "/api/api-keys/{key}", "fan", ""),
    route("PATCH /api/users/me", "", "fan", r#"{"username": "renamed"}"#),
    route("POST /api/users/me/creator", "", "mate", ""),

    route("POST /api/wallet/transfer", "", "fan", r#"{"to_user_id": "{mate}", "amount_cents": 7}"#),
    route("POST /api/wallet/deposits", "", "fan", r#"{"amount_cents": 7, "provider": "sandbox"}"#),

    route("POST /api/content", "", "star",
        r#"{"type": "video", "title": "A title", "price_cents": 5, "media_url": "https://cdn.example.com/b.mp4"}"#),
    route("PATCH /api/content/{id}", "/api/content/{shown}", "star", r#"{"price_cents": 501}"#),
    route("DELETE /api/content/{id}", "/api/content/{doomed}", "star", ""),
    route("PUT /api/creators/me/plans/{tier}", "/api/creators/me/plans/yearly", "star", r#"{"price_cents": 9000}"#),
    route("POST /api/content/{id}/unlock", "/api/content/{shown}/unlock", "fan", ""),

    route("POST /api/subscriptions", "", "fan", r#"{"creator_id": "{nova}", "tier": "monthly"}"#),
    route("POST /api/subscriptions/{id}/cancel", "/api/subscriptions/{subscription}/cancel", "fan", ""),
    route("POST /api/subscriptions/{id}/resume", "/api/subscriptions/{cancelled}/resume", "mate", ""),
    route("POST /api/subscriptions/{id}/token", "/api/subscriptions/{subscription}/token", "fan", ""),
    route("POST /api/gifts/send", "", "fan", r#"{"recipient_id": "{star}", "gift_type": "rose", "quantity": 2}"#),
    route("POST /api/payouts", "", "mint", r#"{"amount_cents": 300000, "destination": "a bank"}"#),

    route("PATCH /api/admin/users/{id}", "/api/admin/users/{mate}", "root", r#"{"tier": "premium"}"#),
    route("POST /api/admin/transactions/{tx_id}/refund", "/api/admin/transactions/{sale}/refund", "root",
        r#"{"reason": "a mistake"}"#),
    route("POST /api/admin/wallets/{id}/freeze", "/api/admin/wallets/{fan.wallet}/freeze", "root", r#"{"reason": "a word"}"#),
    route("POST /api/admin/wallets/{id}/unfreeze", "/api/admin/wallets/{gone.wallet}/unfreeze", "root",
        r#"{"reason": "a word"}"#),
    route("POST /api/admin/reconciliations", "", "root", ""),
    route("POST /api/admin/payouts/{id}/approve", "/api/admin/payouts/{payout}/approve", "root", r#"{"reference": "bank 42"}"#),
    route("POST /api/admin/payouts/{id}/reject", "/api/admin/payouts/{refused}/reject", "root", r#"{"reason": "a word"}"#),
    route("POST /api/admin/deposits/{id}/release", "/api/admin/deposits/{held}/release", "root", ""),
    route("POST /api/admin/deposits/{id}/reject", "/api/admin/deposits/{doubted}/reject", "root", r#"{"reason": "a word"}"#),

    moment("start", Since::TheStart, Base::Closed, false),
    moment("recovery", Since::TheStart, Base::Killed, false),
    moment("checkpoint", Since::TheRequest, Base::Closed, true),
    Case { since: Since::TheStart, base: Base::Empty,
        ..route(FIRST_START, "/api/auth/register", "", r#"{"email": "new@example.com", "password": "correct horse battery staple"}"#) },
];

impl Case {
    /// The one with a name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        CASES.iter().find(|case| case.name == name).copied()
    }

    /// Its request, always the same one.
    #[must_use]
    pub fn request(&self, names: &Names) -> Asked {
        if self.name == "POST /api/webhooks/payments/{provider}" {
            return event("evt_new", &paid(&names["pending"], "pay_new", 700));
        }
        let (method, route) = self.name.split_once(' ').unwrap_or_default();
        let is_route = route.starts_with('/');
        let path = if self.path.is_empty() { route } else { self.path };
        let mut asked = Asked::new(if is_route { method } else { "POST" }, fill(path, names));
        if !self.who.is_empty() {
            asked = asked.bearer(&names[&format!("{}.token", self.who)]).key("the-key-of-the-case");
        }
        if !self.body.is_empty() {
            debug_assert!(!self.body.contains("password") || self.body.contains(PASSWORD));
            asked.body = fill(self.body, names);
            asked = asked.header("content-type", "application/json");
        }
        asked
    }
}

#[cfg(test)]
mod tests {
    use super::CASES;
    use std::collections::BTreeSet;
    use superapp::http::access::ROUTES;

    #[test]
    fn every_route_that_changes_something_has_a_case() {
        let changing = ROUTES.iter().filter(|route| route.method != "GET");
        let routes: BTreeSet<String> = changing.map(|route| format!("{} {}", route.method, route.path)).collect();
        let cases = CASES.iter().map(|case| case.name.to_owned()).filter(|name| name.contains('/'));
        assert_eq!(cases.collect::<BTreeSet<_>>(), routes);
    }
}
