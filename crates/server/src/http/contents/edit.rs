//! Making contents, editing them, and taking them off offer: for creators, and only their own.

use super::{ContentBody, kind};
use crate::app::App;
use crate::http::extract::{Fields, Id, Origin};
use crate::http::once::{self, Once};
use crate::http::parameters::{OptionalKey, Problems};
use crate::http::problem::{Problem, ProblemBody};
use crate::http::roles::Creator;
use crate::http::users::{Nothing, given, json_response};
use crate::operations::contents::{self as operations, ContentChange, NewContent};
use crate::store::Work;
use crate::store::contents::Content;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::content::{Description, Holding, MediaUrl, Price, Title};
use domain::id::{ContentId, UserId};
use domain::idempotency::StoredResponse;
use serde::Deserialize;
use utoipa::ToSchema;

/// A content to be made.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateContent {
    /// `video`, `image`, `audio`, `document` or `course`.
    #[schema(example = "video")]
    r#type: String,
    /// What it is called: 1 to 200 characters.
    #[schema(example = "Morning practice")]
    title: String,
    /// What is said of it: 1 to 5 000 characters.
    description: Option<String>,
    /// What it costs; 0 is nothing.
    #[schema(example = 50000, minimum = 0, maximum = 9_007_199_254_740_991i64)]
    price_cents: i64,
    /// Whether it is for subscribers, and cannot be bought by itself. No by default.
    subscriber_only: Option<bool>,
    /// Where the media lie. Told to those with access alone.
    #[schema(example = "https://cdn.example.com/practice.mp4")]
    media_url: String,
    /// Where a preview lies, which everybody may see. Not where the media lie.
    #[schema(example = "https://cdn.example.com/practice-preview.mp4")]
    preview_url: Option<String>,
    /// Whether it is on offer. Yes by default.
    is_active: Option<bool>,
}

/// What of a content is to be changed. A member that is left out stays as it is.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeContent {
    /// `video`, `image`, `audio`, `document` or `course`.
    #[schema(example = "video")]
    r#type: Option<String>,
    /// What it is called: 1 to 200 characters.
    #[schema(example = "Morning practice")]
    title: Option<String>,
    /// What is said of it: 1 to 5 000 characters; null for nothing.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    description: Option<Option<String>>,
    /// What it costs from now on; 0 is nothing.
    #[schema(example = 50000, minimum = 0, maximum = 9_007_199_254_740_991i64)]
    price_cents: Option<i64>,
    /// Whether it is for subscribers.
    subscriber_only: Option<bool>,
    /// Where the media lie.
    #[schema(example = "https://cdn.example.com/practice.mp4")]
    media_url: Option<String>,
    /// Where a preview lies; null for none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "https://cdn.example.com/practice-preview.mp4")]
    preview_url: Option<Option<String>>,
    /// Whether it is on offer.
    is_active: Option<bool>,
}

/// A price below the cap of the settings.
fn price(cents: i64, cents_max: i64) -> Result<Price, String> {
    let price = Price::new(cents).map_err(|problem| problem.to_string())?;
    if cents <= cents_max { Ok(price) } else { Err(format!("must be at most {cents_max}")) }
}

impl CreateContent {
    fn checked(self, cents_max: i64) -> Result<NewContent, Problem> {
        let mut fields = Fields::default();
        let kind = fields.check("/type", kind(&self.r#type));
        let title = fields.check("/title", Title::parse(&self.title));
        let description = self.description.map(|text| fields.check("/description", Description::parse(&text)));
        let price = fields.check("/price_cents", price(self.price_cents, cents_max));
        let media_url = fields.check("/media_url", MediaUrl::parse(&self.media_url));
        let preview_url = self.preview_url.map(|url| fields.check("/preview_url", MediaUrl::parse(&url)));
        let checked = kind.zip(title).zip(price).zip(media_url);
        let (((kind, title), price), media_url) = fields.finish(checked)?;
        Ok(NewContent {
            kind,
            title,
            description: description.flatten(),
            price,
            subscriber_only: self.subscriber_only.unwrap_or(false),
            media_url,
            preview_url: preview_url.flatten(),
            is_active: self.is_active.unwrap_or(true),
        })
    }
}

impl ChangeContent {
    fn checked(self, cents_max: i64) -> Result<ContentChange, Problem> {
        let mut fields = Fields::default();
        let kind = self.r#type.map(|word| fields.check("/type", kind(&word)));
        let title = self.title.map(|text| fields.check("/title", Title::parse(&text)));
        let description =
            self.description.map(|text| text.and_then(|text| fields.check("/description", Description::parse(&text))));
        let price = self.price_cents.map(|cents| fields.check("/price_cents", price(cents, cents_max)));
        let media_url = self.media_url.map(|url| fields.check("/media_url", MediaUrl::parse(&url)));
        let preview_url =
            self.preview_url.map(|url| url.and_then(|url| fields.check("/preview_url", MediaUrl::parse(&url))));
        fields.finish(Some(()))?;
        Ok(ContentChange {
            kind: kind.flatten(),
            title: title.flatten(),
            description,
            price: price.flatten(),
            subscriber_only: self.subscriber_only,
            media_url: media_url.flatten(),
            preview_url,
            is_active: self.is_active,
        })
    }
}

fn show(status: u16, content: Content, creator: UserId) -> Result<StoredResponse, Problem> {
    json_response(status, &ContentBody::new(content, creator, Holding::default()))
}

/// Makes a content.
#[utoipa::path(post, path = "/api/content", operation_id = "create_content", tag = "content", security(("bearer" = [])),
    params(OptionalKey), request_body = CreateContent,
    responses((status = 201, description = "The content", body = ContentBody),
        (status = 403, description = "`forbidden`: not a creator", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn create(
    State(app): State<App>,
    Creator(caller): Creator,
    origin: Origin,
    once: Once<CreateContent>,
) -> Result<Response, Problem> {
    let (body, key) = once.into_parts();
    let new = body.checked(app.config.money.amount_cents_max)?;
    let (context, creator) = (origin.context(&app, Some(&caller)), caller.id());
    let operation = move |work: &mut Work<'_>| operations::create(work, &context, creator, &new);
    let render = move |content: Content| {
        let location = format!("/api/content/{}", content.id);
        let mut response = show(201, content, creator)?;
        response.headers.push(("location".to_owned(), location));
        Ok(response)
    };
    once::write(&app, &origin, key, operation, render).await
}

/// Changes one of one's own contents.
#[utoipa::path(patch, path = "/api/content/{id}", operation_id = "change_content", tag = "content", security(("bearer" = [])),
    params(("id" = String, Path, description = "The content"), OptionalKey), request_body = ChangeContent,
    responses((status = 200, description = "The content", body = ContentBody),
        (status = 403, description = "`forbidden`: not a creator", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No content of yours", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn change(
    State(app): State<App>,
    Creator(caller): Creator,
    origin: Origin,
    Id(id): Id<ContentId>,
    once: Once<ChangeContent>,
) -> Result<Response, Problem> {
    let (body, key) = once.into_parts();
    let change = body.checked(app.config.money.amount_cents_max)?;
    let (context, creator) = (origin.context(&app, Some(&caller)), caller.id());
    let operation = move |work: &mut Work<'_>| operations::change(work, &context, creator, id, &change);
    once::write(&app, &origin, key, operation, move |content| show(200, content, creator)).await
}

/// Takes one of one's own contents off offer. It is kept, and so is the access of those who have bought it.
#[utoipa::path(delete, path = "/api/content/{id}", operation_id = "deactivate_content", tag = "content", security(("bearer" = [])),
    params(("id" = String, Path, description = "The content"), OptionalKey),
    responses((status = 204, description = "Off offer, now or already"),
        (status = 403, description = "`forbidden`: not a creator", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No content of yours", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn deactivate(
    State(app): State<App>,
    Creator(caller): Creator,
    origin: Origin,
    Id(id): Id<ContentId>,
    once: Once<Nothing>,
) -> Result<Response, Problem> {
    let (Nothing {}, key) = once.into_parts();
    let (context, creator) = (origin.context(&app, Some(&caller)), caller.id());
    let operation = move |work: &mut Work<'_>| operations::deactivate(work, &context, creator, id);
    let render =
        |()| Ok(StoredResponse { status: StatusCode::NO_CONTENT.as_u16(), headers: Vec::new(), body: Vec::new() });
    once::write(&app, &origin, key, operation, render).await
}
