//! The OpenAPI document: that it is one, that it is about this server, and that what it does not call public is
//! closed. That every answer is as it says is checked for each answer that any test receives.

use crate::harness::{TestApp, document, operations, validate};
use serde_json::Value;
use std::collections::BTreeSet;

/// Every route there is. A new one is entered here, with the decision whether it is public.
const ROUTES: &[(&str, &str, Access)] = &[
    ("DELETE", "/api/api-keys/{id}", Access::SignedIn),
    ("DELETE", "/api/auth/sessions/{id}", Access::SignedIn),
    ("DELETE", "/api/content/{id}", Access::Creator),
    ("GET", "/api/admin/audit-logs", Access::Admin),
    ("GET", "/api/admin/jobs", Access::Admin),
    ("GET", "/api/admin/payment-events", Access::Admin),
    ("GET", "/api/admin/payouts", Access::Admin),
    ("GET", "/api/admin/reconciliations", Access::Admin),
    ("GET", "/api/admin/reconciliations/{id}", Access::Admin),
    ("GET", "/api/admin/transactions", Access::Admin),
    ("GET", "/api/admin/users", Access::Admin),
    ("GET", "/api/admin/users/{id}", Access::Admin),
    ("GET", "/api/admin/wallets", Access::Admin),
    ("GET", "/api/api-keys", Access::SignedIn),
    ("GET", "/api/auth/sessions", Access::SignedIn),
    ("GET", "/api/content", Access::SignedIn),
    ("GET", "/api/content/unlocked", Access::SignedIn),
    ("GET", "/api/content/{id}", Access::SignedIn),
    ("GET", "/api/creators", Access::SignedIn),
    ("GET", "/api/creators/{id}", Access::SignedIn),
    ("GET", "/api/entitlements", Access::SignedIn),
    ("GET", "/api/gifts/catalog", Access::SignedIn),
    ("GET", "/api/creator/earnings", Access::Creator),
    ("GET", "/api/creator/earnings/series", Access::Creator),
    ("GET", "/api/gifts/leaderboard", Access::SignedIn),
    ("GET", "/api/gifts/received", Access::SignedIn),
    ("GET", "/api/gifts/sent", Access::SignedIn),
    ("GET", "/api/health", Access::Public),
    ("GET", "/api/payouts", Access::Creator),
    ("GET", "/api/subscriptions", Access::SignedIn),
    ("GET", "/api/subscriptions/active", Access::SignedIn),
    ("GET", "/api/subscriptions/{id}", Access::SignedIn),
    ("GET", "/api/users/me", Access::SignedIn),
    ("GET", "/api/wallet/balance", Access::SignedIn),
    ("GET", "/api/wallet/deposits", Access::SignedIn),
    ("GET", "/api/wallet/deposits/{id}", Access::SignedIn),
    ("GET", "/api/wallet/transactions", Access::SignedIn),
    ("GET", "/api/wallet/transactions/{tx_id}", Access::SignedIn),
    ("GET", "/livez", Access::Public),
    ("GET", "/readyz", Access::Public),
    ("PATCH", "/api/admin/users/{id}", Access::Admin),
    ("PATCH", "/api/content/{id}", Access::Creator),
    ("PATCH", "/api/users/me", Access::SignedIn),
    ("POST", "/api/admin/deposits/{id}/reject", Access::AdminMoney),
    ("POST", "/api/admin/deposits/{id}/release", Access::AdminMoney),
    ("POST", "/api/admin/payouts/{id}/approve", Access::AdminMoney),
    ("POST", "/api/admin/payouts/{id}/reject", Access::AdminMoney),
    ("POST", "/api/admin/reconciliations", Access::Admin),
    ("POST", "/api/admin/transactions/{tx_id}/refund", Access::AdminMoney),
    ("POST", "/api/admin/wallets/{id}/freeze", Access::Admin),
    ("POST", "/api/admin/wallets/{id}/unfreeze", Access::Admin),
    ("POST", "/api/api-keys", Access::SignedIn),
    ("POST", "/api/auth/login", Access::Public),
    ("POST", "/api/auth/logout", Access::SignedIn),
    ("POST", "/api/auth/password", Access::SignedIn),
    ("POST", "/api/auth/refresh", Access::Public),
    ("POST", "/api/auth/register", Access::Public),
    ("POST", "/api/content", Access::Creator),
    ("POST", "/api/content/{id}/unlock", Access::Money),
    ("POST", "/api/gifts/send", Access::Money),
    ("POST", "/api/payouts", Access::CreatorMoney),
    ("POST", "/api/subscriptions", Access::Money),
    ("POST", "/api/subscriptions/{id}/cancel", Access::SignedIn),
    ("POST", "/api/subscriptions/{id}/resume", Access::SignedIn),
    ("POST", "/api/subscriptions/{id}/token", Access::Secret),
    ("POST", "/api/users/me/creator", Access::SignedIn),
    ("POST", "/api/wallet/deposits", Access::Money),
    ("POST", "/api/wallet/transfer", Access::Money),
    ("POST", "/api/webhooks/payments/{provider}", Access::Public),
    ("PUT", "/api/creators/me/plans/{tier}", Access::Creator),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Access {
    /// Anybody.
    Public,
    /// Whoever is signed in.
    SignedIn,
    /// Whoever is signed in. The answer is a secret, which is kept for no key.
    Secret,
    /// Whoever is signed in and sends a key.
    Money,
    /// Whoever is a creator.
    Creator,
    /// Whoever is a creator and sends a key.
    CreatorMoney,
    /// Whoever is an administrator.
    Admin,
    /// Whoever is an administrator and sends a key.
    AdminMoney,
}

impl Access {
    const fn needs_key(self) -> bool {
        matches!(self, Self::Money | Self::CreatorMoney | Self::AdminMoney)
    }
}

#[tokio::test]
async fn the_document_lists_every_route_with_its_access() {
    let app = TestApp::new().await;
    let listed: BTreeSet<_> = operations(&app)
        .into_iter()
        .map(|operation| (operation.method.to_string(), operation.path, operation.is_public))
        .collect();
    let expected: BTreeSet<_> = ROUTES
        .iter()
        .map(|(method, path, access)| ((*method).to_owned(), (*path).to_owned(), *access == Access::Public))
        .collect();
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn what_is_not_public_is_closed_to_whoever_is_not_signed_in() {
    let app = TestApp::new().await;
    for operation in operations(&app) {
        let call = || app.call(operation.method.clone(), &operation.path);
        for reply in [
            call().send().await,
            call().bearer("garbage").send().await,
            call().key("k").text("{}").send().await,
            call().header("authorization", "Basic YW5uOmFubg==").send().await,
        ] {
            assert_eq!(reply.code() == "unauthenticated", !operation.is_public, "{reply}");
            // A provider that is not set up is no public route's fault.
            assert!(reply.status != 405 && reply.code() != "route_not_found", "{reply}");
        }
    }
}

#[tokio::test]
async fn every_route_is_reached_by_whoever_is_signed_in() {
    let app = TestApp::new().await;
    for (method, path, access) in ROUTES {
        let ann = app.user(&crate::harness::unique("user")).await;
        let path = path.replace("{id}", &ann.session().await.to_string()).replace("{tier}", "monthly");
        let refused = ann.call(method.parse().unwrap(), &path).text("not json").send().await;
        match access {
            Access::Creator | Access::CreatorMoney => {
                refused.refused(403, "forbidden");
                ann.become_creator().await;
            }
            Access::Admin | Access::AdminMoney => {
                refused.refused(403, "forbidden");
                ann.become_creator().await;
                ann.call(method.parse().unwrap(), &path).text("not json").send().await.refused(403, "forbidden");
                app.promote(&ann).await;
            }
            Access::Public | Access::SignedIn | Access::Secret | Access::Money => {}
        }
        let reply = ann.call(method.parse().unwrap(), &path).send().await;
        assert!(!matches!(reply.status, 401 | 403 | 405) && reply.code() != "route_not_found", "{reply}");
        // An id of another kind names nothing, before anything else is asked.
        if access.needs_key() && reply.status != 404 {
            let named = reply.json()["errors"].is_array() || reply.code() == "idempotency_key_required";
            assert!(named, "{reply}");
        }
    }
}

#[tokio::test]
async fn what_is_for_creators_is_closed_to_everybody_else_whatever_they_send() {
    let app = TestApp::new().await;
    let (ann, cleo, root) = (app.user("ann").await, app.creator("cleo").await, app.user("root").await);
    app.promote(&root).await;
    let writes = ROUTES.iter().filter(|(method, _, access)| *method != "GET" && *access == Access::Creator);
    for (method, path, _) in writes {
        let path = path.replace("{tier}", "monthly");
        for body in ["{}", "{", "[]", "{\"title\": 5}"] {
            let call = |person: &crate::harness::Person| person.call(method.parse().unwrap(), &path).text(body);
            call(&ann).send().await.refused(403, "forbidden");
            for person in [&cleo, &root] {
                let reply = call(person).send().await;
                assert!(matches!(reply.status, 400 | 404), "{reply}");
            }
        }
    }
}

#[tokio::test]
async fn writes_take_a_key_and_payments_require_one() {
    let app = TestApp::new().await;
    let paths = &document(&app)["paths"];
    for (method, path, access) in ROUTES {
        let operation = &paths[path][method.to_lowercase()];
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let key =
            parameters.iter().find(|parameter| parameter["name"] == "Idempotency-Key" && parameter["in"] == "header");
        let takes = match access {
            Access::Public | Access::Secret => None,
            Access::SignedIn | Access::Creator | Access::Admin => (*method != "GET").then_some(false),
            Access::Money | Access::CreatorMoney | Access::AdminMoney => Some(true),
        };
        assert_eq!(key.map(|key| key["required"] == true), takes, "{method} {path}");
    }
}

#[tokio::test]
async fn the_document_is_served_as_version_3_1_and_every_reference_leads_somewhere() {
    let app = TestApp::new().await;
    let served = app.get("/api/openapi.json").send().await.done(200);
    assert_eq!(served.content_type(), "application/json");
    let served = served.json();
    assert_eq!(&served, document(&app));
    assert!(served["openapi"].as_str().unwrap().starts_with("3.1."));
    assert_eq!(served["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(served["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    let (mut references, mut names) = (0, BTreeSet::new());
    walk(&served, &mut |member, value| match (member, value) {
        ("$ref", Value::String(reference)) => {
            references += 1;
            assert!(served.pointer(reference.trim_start_matches('#')).is_some(), "{reference} leads nowhere");
        }
        ("operationId", Value::String(name)) => assert!(names.insert(name.clone()), "{name} is there twice"),
        _ => {}
    });
    assert!(references > 20, "{references}");
    assert_eq!(names.len(), ROUTES.len());
}

/// Shows every member of every object to `look`.
fn walk(value: &Value, look: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(object) => object.iter().for_each(|(name, member)| {
            look(name, member);
            walk(member, look);
        }),
        Value::Array(items) => items.iter().for_each(|item| walk(item, look)),
        _ => {}
    }
}

#[tokio::test]
async fn every_operation_is_explained_and_every_example_is_one() {
    let app = TestApp::new().await;
    let document = document(&app);
    for (method, path, _) in ROUTES {
        let operation = &document["paths"][path][method.to_lowercase()];
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{method} {path}");
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{method} {path}");
        for (status, response) in operation["responses"].as_object().unwrap() {
            let media: Vec<_> =
                response["content"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
            let expected: &[&str] = match (status.as_bytes()[0], *path) {
                _ if status == "204" => &[],
                (b'2', "/livez" | "/readyz") => &["text/plain"],
                (b'2', _) => &["application/json"],
                (_, "/api/health") if status == "503" => &["application/json"],
                _ => &["application/problem+json"],
            };
            assert_eq!(media, expected, "{method} {path} {status}");
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        for (member, schema) in schema["properties"].as_object().into_iter().flatten() {
            if let Some(example) = schema.get("example") {
                assert_eq!(validate(document, schema, example, member), Ok(()), "{name}");
            }
        }
    }
}

#[tokio::test]
async fn the_page_shows_the_document_and_loads_nothing_from_elsewhere() {
    let app = TestApp::new().await;
    assert_eq!(app.get("/docs").send().await.header("location"), "/docs/");
    let page = app.get("/docs/").send().await.done(200);
    assert_eq!(page.content_type(), "text/html");
    assert!(page.header("content-security-policy").starts_with("default-src 'self'"), "{page}");
    let text = String::from_utf8(page.bytes.to_vec()).unwrap();
    assert!(!text.contains("//"), "{text}");
    for file in text.split('"').filter_map(|part| part.strip_prefix("./")) {
        app.get(format!("/docs/{file}")).send().await.done(200);
    }
    app.get("/docs/nothing-here").send().await.refused(404, "route_not_found");
    for path in ["/docs/", "/docs/swagger-ui.css", "/api/openapi.json"] {
        app.post(path).send().await.refused(405, "method_not_allowed");
    }
}

#[tokio::test]
async fn the_settings_can_keep_the_document_to_ourselves() {
    let app = TestApp::with(&[("SUPERAPP_SERVER__DOCS", "off")]).await;
    for path in ["/docs", "/docs/", "/docs/index.html", "/api/openapi.json"] {
        app.get(path).send().await.refused(404, "route_not_found");
    }
}
