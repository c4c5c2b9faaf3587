//! The HTTP interface: the table of routes and the order of the layers, on one page.
//!
//! Handlers parse, call one thing, answer. Only this module knows axum.

pub mod access;
mod admin;
mod api_keys;
mod auth;
mod boards;
mod contents;
mod creators;
pub mod cursor;
mod deposits;
mod docs;
mod earnings;
mod entitlement_tokens;
mod entitlements;
pub mod extract;
mod gifts;
mod health;
mod json;
pub mod key_notes;
pub mod metrics;
mod middleware;
mod once;
mod parameters;
mod payment_events;
mod payouts;
pub mod problem;
mod receipts;
mod refunds;
mod roles;
pub mod server;
mod subscriptions;
mod unlocks;
mod users;
mod wallet;
mod webhooks;

pub use middleware::load::KEPT_FOR;

use crate::app::App;
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use middleware::{authenticate, body, compress, cors, envelope, limit, load};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Routes for whoever watches over the server, as often as they like.
fn watched() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(health::health)).routes(routes!(health::livez)).routes(routes!(health::readyz))
}

/// Routes that anybody may call.
fn public(app: &App) -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(auth::register))
        .routes(routes!(auth::login))
        .routes(routes!(auth::refresh))
        .routes(routes!(webhooks::payment))
        .route_layer(from_fn_with_state(app.clone(), limit::strangers))
        .route_layer(from_fn_with_state(app.clone(), load::admit))
}

/// Routes for whoever is signed in. Nothing here runs without a caller.
fn signed_in(app: &App) -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(auth::logout))
        .routes(routes!(auth::sessions))
        .routes(routes!(auth::end_session))
        .routes(routes!(auth::change_password))
        .routes(routes!(api_keys::create, api_keys::list))
        .routes(routes!(api_keys::revoke))
        .routes(routes!(users::me, users::change_me))
        .routes(routes!(users::become_creator))
        .routes(routes!(wallet::balance))
        .routes(routes!(wallet::transactions))
        .routes(routes!(wallet::transaction))
        .routes(routes!(wallet::transfer))
        .routes(routes!(deposits::deposits, deposits::deposit))
        .routes(routes!(deposits::find))
        .routes(routes!(contents::list, contents::create))
        .routes(routes!(contents::unlocked))
        .routes(routes!(contents::find, contents::change, contents::deactivate))
        .routes(routes!(creators::list))
        .routes(routes!(creators::find))
        .routes(routes!(creators::set_plan))
        .routes(routes!(entitlements::check))
        .routes(routes!(gifts::catalog))
        .routes(routes!(unlocks::unlock))
        .routes(routes!(subscriptions::list, subscriptions::subscribe))
        .routes(routes!(subscriptions::active))
        .routes(routes!(subscriptions::find))
        .routes(routes!(subscriptions::cancel))
        .routes(routes!(subscriptions::resume))
        .routes(routes!(entitlement_tokens::token))
        .routes(routes!(gifts::send))
        .routes(routes!(boards::leaderboard))
        .routes(routes!(boards::sent))
        .routes(routes!(boards::received))
        .routes(routes!(earnings::totals))
        .routes(routes!(earnings::series))
        .routes(routes!(payouts::request, payouts::list))
        .route_layer(from_fn_with_state(app.clone(), authenticate::require_caller))
        .route_layer(from_fn_with_state(app.clone(), load::admit))
}

/// Routes for administrators. The role is checked here for all of them, and once more by the handlers' types.
fn administrators(app: &App) -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(admin::users::users))
        .routes(routes!(admin::users::user, admin::users::change_user))
        .routes(routes!(admin::transactions::admin_transactions))
        .routes(routes!(admin::wallets::admin_wallets))
        .routes(routes!(admin::wallets::freeze_wallet))
        .routes(routes!(admin::wallets::unfreeze_wallet))
        .routes(routes!(admin::audit_logs::audit_logs))
        .routes(routes!(admin::reconciliations::reconciliations, admin::reconciliations::reconcile))
        .routes(routes!(admin::reconciliations::reconciliation))
        .routes(routes!(admin::jobs::jobs))
        .routes(routes!(payouts::list_all))
        .routes(routes!(payouts::approve))
        .routes(routes!(payouts::reject))
        .routes(routes!(refunds::refund))
        .routes(routes!(deposits::release_deposit))
        .routes(routes!(deposits::reject_deposit))
        .routes(routes!(payment_events::payment_events))
        .route_layer(from_fn(authenticate::require_admin))
        .route_layer(from_fn_with_state(app.clone(), authenticate::require_caller))
        .route_layer(from_fn_with_state(app.clone(), load::admit))
}

/// Every route in one document.
fn routes(app: &App) -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(docs::document())
        .merge(watched())
        .merge(public(app))
        .merge(signed_in(app))
        .merge(administrators(app))
}

/// Every route, with its layers. A test needs no socket: it calls this router.
pub fn router(app: &App) -> Router {
    let (routes, openapi) = routes(app).split_for_parts();
    let routes = if app.config.docs() { docs::serve(routes, &docs::finish(openapi)) } else { routes };
    // From the inside to the outside.
    let routes = routes
        .fallback(limit::no_route)
        .method_not_allowed_fallback(limit::method_not_allowed)
        .layer(from_fn_with_state(app.clone(), body::bounded))
        .layer(CatchPanicLayer::custom(envelope::panicked));
    let routes = match cors::layer(&app.cors_origins) {
        Some(layer) => routes.layer(layer).layer(from_fn_with_state(app.clone(), cors::preflight)),
        None => routes,
    };
    let routes = routes.layer(from_fn_with_state(app.clone(), envelope::envelop));
    let routes = if app.config.server.compression {
        routes.layer(from_fn(compress::mark)).layer(compress::layer())
    } else {
        routes
    };
    routes.with_state(app.clone())
}

/// A route that the settings give a cost, and that there is not.
#[must_use]
pub fn unknown_cost(app: &App) -> Option<String> {
    let document = openapi(app);
    let is_known = |method: &str, path: &str| {
        let operations = document.paths.paths.get(path);
        operations.is_some_and(|item| match method {
            "GET" => item.get.is_some(),
            "POST" => item.post.is_some(),
            "PUT" => item.put.is_some(),
            "PATCH" => item.patch.is_some(),
            "DELETE" => item.delete.is_some(),
            _ => false,
        })
    };
    app.limiter.priced().find(|(method, path)| !is_known(method, path)).map(|(method, path)| format!("{method} {path}"))
}

/// The OpenAPI document, as it is served.
#[must_use]
pub fn openapi(app: &App) -> utoipa::openapi::OpenApi {
    docs::finish(routes(app).into_openapi())
}
