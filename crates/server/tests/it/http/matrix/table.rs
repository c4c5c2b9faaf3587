//! Each route with the status that each caller gets: anonymous, a user, another creator, an administrator, the owner.
//!
//! A name in braces is something of the owner's, which nobody but the owner and an administrator may learn of. A
//! name in angle brackets is in everybody's view. The bodies are right, unless the route would then do something
//! that no stranger should be needed for; amounts are larger than what anybody has, so that no cell moves money.

use super::scene::Caller;

/// A route, what is sent to it, and what comes back.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub method: &'static str,
    pub path: &'static str,
    pub body: &'static str,
    /// In the order of the callers.
    pub statuses: [u16; 5],
}

impl Row {
    /// Whether a caller may be told of the owner's things here.
    pub fn may_tell(&self, caller: Caller) -> bool {
        caller == Caller::Owner || (caller == Caller::Admin && self.path.starts_with("/api/admin/"))
    }
}

const fn row(method: &'static str, path: &'static str, body: &'static str, statuses: [u16; 5]) -> Row {
    Row { method, path, body, statuses }
}

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    //                                                                         anonymous, user, creator, admin, owner
    row("GET", "/api/health", "",                                                   [200, 200, 200, 200, 200]),
    row("GET", "/livez", "",                                                        [200, 200, 200, 200, 200]),
    row("GET", "/readyz", "",                                                       [200, 200, 200, 200, 200]),

    row("POST", "/api/auth/register",
        r#"{"email": "canary-olga@example.com", "password": "correct horse battery"}"#, [409, 409, 409, 409, 409]),
    row("POST", "/api/auth/login",
        r#"{"email": "canary-olga@example.com", "password": "not this one"}"#,      [401, 401, 401, 401, 401]),
    row("POST", "/api/auth/refresh", r#"{"refresh_token": "{access_token}"}"#,      [401, 401, 401, 401, 401]),
    row("POST", "/api/auth/logout", "",                                             [401, 204, 204, 204, 204]),
    row("GET", "/api/auth/sessions", "",                                            [401, 200, 200, 200, 200]),
    row("DELETE", "/api/auth/sessions/{session}", "",                               [401, 404, 404, 404, 204]),
    row("POST", "/api/auth/password",
        r#"{"current_password": "not this one", "new_password": "a horse of another colour"}"#,
                                                                                    [401, 422, 422, 422, 422]),

    row("GET", "/api/api-keys", "",                                                 [401, 200, 200, 200, 200]),
    row("POST", "/api/api-keys", r#"{"name": "program", "scopes": ["everything"]}"#, [401, 400, 400, 400, 400]),
    row("DELETE", "/api/api-keys/{key}", "",                                        [401, 404, 404, 404, 204]),

    row("GET", "/api/users/me", "",                                                 [401, 200, 200, 200, 200]),
    row("PATCH", "/api/users/me", r#"{"email": "canary-olga@example.com"}"#,        [401, 409, 409, 409, 200]),
    row("PATCH", "/api/users/me", r#"{"username": "olga"}"#,                        [401, 409, 409, 409, 200]),
    row("POST", "/api/users/me/creator", r#"{"unknown": 1}"#,                       [401, 400, 400, 400, 400]),
    row("GET", "/api/creators", "",                                                 [401, 200, 200, 200, 200]),
    row("GET", "/api/creators/<user>", "",                                          [401, 200, 200, 200, 200]),
    row("PUT", "/api/creators/me/plans/<monthly>", r#"{"price_cents": 7}"#,         [401, 403, 200, 200, 200]),

    row("GET", "/api/wallet/balance", "",                                           [401, 200, 200, 200, 200]),
    row("GET", "/api/wallet/transactions", "",                                      [401, 200, 200, 200, 200]),
    row("GET", "/api/wallet/transactions?limit=1&cursor={history}", "",             [401, 400, 400, 400, 200]),
    row("GET", "/api/wallet/transactions/{transaction}", "",                        [401, 404, 404, 404, 200]),
    row("POST", "/api/wallet/transfer",
        r#"{"to_user_id": "<user>", "amount_cents": 900000000}"#,                   [401, 402, 402, 402, 422]),
    row("GET", "/api/wallet/deposits", "",                                          [401, 200, 200, 200, 200]),
    row("GET", "/api/wallet/deposits/{deposit}", "",                                [401, 404, 404, 404, 200]),
    row("POST", "/api/wallet/deposits", r#"{"amount_cents": 5, "provider": "acme"}"#, [401, 201, 201, 201, 201]),
    row("POST", "/api/webhooks/payments/<acme>",
        r#"{"type": "payment.succeeded", "data": {"deposit_id": "{deposit}"}}"#,    [401, 401, 401, 401, 401]),

    row("GET", "/api/content", "",                                                  [401, 200, 200, 200, 200]),
    row("GET", "/api/content?creator_id=<user>&sort=oldest", "",                    [401, 200, 200, 200, 200]),
    row("GET", "/api/content?q=canary", "",                                         [401, 200, 200, 200, 200]),
    row("GET", "/api/content/unlocked", "",                                         [401, 200, 200, 200, 200]),
    row("GET", "/api/content/<shown>", "",                                          [401, 200, 200, 200, 200]),
    row("GET", "/api/content/{hidden}", "",                                         [401, 404, 404, 404, 200]),
    row("POST", "/api/content", r#"{"type": "video"}"#,                             [401, 403, 400, 400, 400]),
    row("PATCH", "/api/content/{hidden}", r#"{"price_cents": 501}"#,                [401, 403, 404, 404, 200]),
    row("PATCH", "/api/content/<shown>", r#"{"price_cents": 800000000}"#,           [401, 403, 404, 404, 200]),
    row("POST", "/api/content/<shown>/unlock", "",                                  [401, 402, 402, 402, 422]),
    // By contract 410, not 404: what is off offer says so to whoever has its id, and nothing else.
    row("POST", "/api/content/{hidden}/unlock", "",                                 [401, 410, 410, 410, 422]),
    row("DELETE", "/api/content/{hidden}", "",                                      [401, 403, 404, 404, 204]),
    row("GET", "/api/entitlements?content_id=<shown>", "",                          [401, 200, 200, 200, 200]),
    row("GET", "/api/entitlements?content_id={hidden}", "",                         [401, 404, 404, 404, 200]),
    row("GET", "/api/entitlements?creator_id=<user>", "",                           [401, 200, 200, 200, 200]),

    row("GET", "/api/subscriptions", "",                                            [401, 200, 200, 200, 200]),
    row("GET", "/api/subscriptions/active", "",                                     [401, 200, 200, 200, 200]),
    row("GET", "/api/subscriptions/{subscription}", "",                             [401, 404, 404, 404, 200]),
    row("POST", "/api/subscriptions", r#"{"creator_id": "<user>", "tier": "yearly"}"#, [401, 402, 402, 402, 422]),
    row("POST", "/api/subscriptions/{subscription}/cancel", "",                     [401, 404, 404, 404, 200]),
    row("POST", "/api/subscriptions/{subscription}/resume", "",                     [401, 404, 404, 404, 200]),
    row("POST", "/api/subscriptions/{subscription}/token", "",                      [401, 404, 404, 404, 200]),

    row("GET", "/api/gifts/catalog", "",                                            [401, 200, 200, 200, 200]),
    row("GET", "/api/gifts/leaderboard?creator_id=<user>", "",                      [401, 200, 200, 200, 200]),
    row("GET", "/api/gifts/sent", "",                                               [401, 200, 200, 200, 200]),
    row("GET", "/api/gifts/received", "",                                           [401, 200, 200, 200, 200]),
    row("POST", "/api/gifts/send",
        r#"{"recipient_id": "<user>", "gift_type": "rose", "quantity": 100}"#,      [401, 402, 402, 402, 422]),
    row("GET", "/api/creator/earnings", "",                                         [401, 403, 200, 200, 200]),
    row("GET", "/api/creator/earnings/series", "",                                  [401, 403, 200, 200, 200]),
    row("GET", "/api/payouts", "",                                                  [401, 403, 200, 200, 200]),
    row("POST", "/api/payouts",
        r#"{"amount_cents": 900000000, "destination": "a bank"}"#,                  [401, 403, 402, 402, 409]),

    row("GET", "/api/admin/users", "",                                              [401, 403, 403, 200, 403]),
    row("GET", "/api/admin/users?email=canary-olga@example.com", "",                [401, 403, 403, 200, 403]),
    row("GET", "/api/admin/users/{account}", "",                                    [401, 403, 403, 200, 403]),
    row("PATCH", "/api/admin/users/{account}", r#"{"tier": "free"}"#,               [401, 403, 403, 200, 403]),
    row("GET", "/api/admin/transactions?user_id={account}", "",                     [401, 403, 403, 200, 403]),
    row("GET", "/api/admin/wallets", "",                                            [401, 403, 403, 200, 403]),
    row("GET", "/api/admin/wallets?user_id={account}", "",                          [401, 403, 403, 200, 403]),
    row("POST", "/api/admin/wallets/{wallet}/freeze", r#"{"reason": "a word"}"#,    [401, 403, 403, 200, 403]),
    row("POST", "/api/admin/wallets/{wallet}/unfreeze", r#"{"reason": "a word"}"#,  [401, 403, 403, 200, 403]),
    row("GET", "/api/admin/audit-logs?limit=100", "",                               [401, 403, 403, 200, 403]),
    row("GET", "/api/admin/audit-logs?entity_id={deposit}", "",                     [401, 403, 403, 200, 403]),
    row("GET", "/api/admin/jobs", "",                                               [401, 403, 403, 200, 403]),
    row("GET", "/api/admin/reconciliations", "",                                    [401, 403, 403, 200, 403]),
    row("POST", "/api/admin/reconciliations", "",                                   [401, 403, 403, 201, 403]),
    row("GET", "/api/admin/reconciliations/{reconciliation}", "",                   [401, 403, 403, 200, 403]),
    row("GET", "/api/admin/payment-events", "",                                     [401, 403, 403, 200, 403]),
    row("GET", "/api/admin/payouts", "",                                            [401, 403, 403, 200, 403]),
    row("POST", "/api/admin/payouts/{payout}/approve", r#"{"reference": "bank 42"}"#, [401, 403, 403, 409, 403]),
    row("POST", "/api/admin/payouts/{payout}/reject", r#"{"reason": "a word"}"#,    [401, 403, 403, 409, 403]),
    row("POST", "/api/admin/deposits/{deposit}/release", "",                        [401, 403, 403, 409, 403]),
    row("POST", "/api/admin/deposits/{deposit}/reject", r#"{"reason": "a word"}"#,  [401, 403, 403, 200, 403]),
    row("POST", "/api/admin/transactions/{sale}/refund",
        r#"{"amount_cents": 900000000, "reason": "a word"}"#,                       [401, 403, 403, 422, 403]),
];
