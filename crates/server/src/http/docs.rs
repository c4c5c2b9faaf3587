//! The OpenAPI document, generated from the handlers, and a page that shows it and loads nothing from elsewhere.

mod texts;

use super::problem::Problem;
use crate::app::App;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};
use utoipa_swagger_ui::{Config, SwaggerUi};

/// What the page needs: its own scripts and styles, and this API.
const POLICY: &str =
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'";

/// The document before any route is in it.
pub fn document() -> OpenApi {
    let info = InfoBuilder::new()
        .title("superapp")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Wallets, transfers and what fans pay creators for. Money is integer cents; every payment takes an `Idempotency-Key`."))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let components = ComponentsBuilder::new().security_scheme("bearer", SecurityScheme::Http(bearer)).build();
    OpenApiBuilder::new().info(info).components(Some(components)).build()
}

/// The document with every route in it.
pub fn finish(document: OpenApi) -> OpenApi {
    texts::describe_all(document)
}

/// Where the document is.
const PLACE: &str = "/api/openapi.json";

/// Adds the document and the page. The document is written once: nobody is limited in asking for it, so it must cost
/// nothing.
pub fn serve(routes: Router<App>, openapi: &OpenApi) -> Router<App> {
    let document = Bytes::from(serde_json::to_vec(openapi).unwrap_or_default());
    let routes = routes.route(PLACE, get(async move || ([(CONTENT_TYPE, "application/json")], document)));
    let page = SwaggerUi::new("/docs").config(Config::new([PLACE]).validator_url("none"));
    let page: Router<App> = Router::<App>::from(page).layer(map_response(async |mut response: Response| {
        if response.status() == StatusCode::NOT_FOUND {
            return Problem::no_route().into_response();
        }
        let name = HeaderName::from_static("content-security-policy");
        response.headers_mut().insert(name, HeaderValue::from_static(POLICY));
        response
    }));
    routes.merge(page)
}
