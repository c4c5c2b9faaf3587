//! Gifts: what can be given.

use super::extract::Caller;
use super::parameters::Problems;
use crate::app::App;
use axum::Json;
use axum::extract::State;
use domain::gift::Listing;
use serde::Serialize;
use utoipa::ToSchema;

/// Everything that can be given.
#[derive(Debug, Serialize, ToSchema)]
pub struct GiftCatalog {
    /// The gifts, in the operator's order.
    data: Vec<GiftListing>,
}

/// Something that can be given.
#[derive(Debug, Serialize, ToSchema)]
pub struct GiftListing {
    /// What it is called in requests.
    #[schema(example = "rose")]
    gift_type: String,
    /// What people call it.
    #[schema(example = "Rose")]
    name: String,
    /// What one of it costs.
    #[schema(example = 100_000)]
    price_cents: i64,
}

impl From<&Listing> for GiftListing {
    fn from(listing: &Listing) -> Self {
        Self {
            gift_type: listing.gift_type.as_str().to_owned(),
            name: listing.name.clone(),
            price_cents: listing.price.credit().get(),
        }
    }
}

/// What can be given, and for how much.
#[utoipa::path(get, path = "/api/gifts/catalog", operation_id = "gift_catalog", tag = "gifts", security(("bearer" = [])),
    responses((status = 200, description = "The gifts", body = GiftCatalog), Problems))]
pub async fn catalog(State(app): State<App>, _caller: Caller) -> Json<GiftCatalog> {
    Json(GiftCatalog { data: app.gifts.listings().iter().map(GiftListing::from).collect() })
}
