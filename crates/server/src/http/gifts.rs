//! Gifts: what can be given, and giving it.

use super::extract::{Caller, Fields, Origin};
use super::once::{self, Payment};
use super::parameters::{Problems, RequiredKey};
use super::problem::{Problem, ProblemBody};
use super::receipts::{Asker, GiftReceipt};
use crate::app::App;
use crate::store::users;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use domain::command::{Command, Gift};
use domain::gift::{GiftType, Listing, Quantity};
use domain::id::UserId;
use domain::text::Note;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
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

/// A gift to another user.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GiftRequest {
    /// Who gets it.
    #[schema(example = "usr_01h2xcejqtf2nbrexx3vqjhp41")]
    recipient_id: String,
    /// What it is, by the catalogue.
    #[schema(example = "rose")]
    gift_type: String,
    /// How many.
    #[schema(example = 1, minimum = 1, maximum = 100)]
    quantity: i64,
    /// A word to the recipient, at most 200 characters.
    #[schema(example = "what a song")]
    message: Option<String>,
    /// What it is given for, such as the id of a stream, at most 200 characters.
    #[schema(example = "stream-17")]
    context: Option<String>,
}

/// Sends a gift, at the catalogue's price.
#[utoipa::path(post, path = "/api/gifts/send", operation_id = "send_gift", tag = "gifts", security(("bearer" = [])), params(RequiredKey),
    request_body = GiftRequest,
    responses((status = 201, description = "The gift, its transaction, and how the price was divided", body = GiftReceipt),
        (status = 402, description = "`insufficient_funds`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`recipient_not_found`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`self_gift`, `balance_limit_exceeded`, `idempotency_key_reused`", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn send(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    Payment { body, key }: Payment<GiftRequest>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let recipient = fields.check("/recipient_id", body.recipient_id.parse::<UserId>());
    let listing = GiftType::parse(&body.gift_type).ok().and_then(|gift_type| app.gifts.find(&gift_type));
    let listing =
        fields.check("/gift_type", listing.ok_or("is not in the catalogue; list it with GET /api/gifts/catalog"));
    let quantity = fields.check("/quantity", Quantity::new(body.quantity));
    let note = |text: &Option<String>| Note::parse(text.as_deref().unwrap_or_default());
    let message = fields.check("/message", note(&body.message));
    let context = fields.check("/context", note(&body.context));
    let checked = recipient.zip(listing).zip(quantity).zip(message.zip(context));
    let (((recipient_id, listing), quantity), (message, context)) = fields.finish(checked)?;
    let gift = Gift {
        sender_id: caller.id(),
        recipient_id,
        gift_type: listing.gift_type.clone(),
        price: listing.price,
        quantity,
        message,
        context,
        terms: app.splits.gift(),
    };
    let request_id = Arc::clone(&origin.request_id);
    let plan = move |payee_username: Option<Option<String>>| {
        let asker = Asker { user_id: gift.sender_id, payee_username: payee_username.flatten(), request_id };
        (Command::Gift(gift), asker.renderer())
    };
    once::pay(&app, &caller, &origin, key, Some(users::username(recipient_id)), plan).await
}
