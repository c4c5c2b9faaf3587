//! Contents: what there is, what the caller has access to, and what they have bought.
//!
//! Where the media lie is told in `media_url` of this module's bodies, to those with access, and nowhere else.

mod edit;

pub use edit::{__path_change, __path_create, __path_deactivate, change, create, deactivate};

use super::extract::{Caller, Fields, Id, Parameters};
use super::parameters::{Page, Problems, limit, rfc3339};
use super::problem::{Problem, ProblemBody};
use crate::app::App;
use crate::store::catalogue;
use crate::store::contents::{self, Content, Seen, Unlocked};
use axum::Json;
use axum::extract::State;
use domain::content::{ContentSort, ContentType, Holding};
use domain::id::{ContentId, UnlockId, UserId};
use domain::text::Text;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A content, as the caller sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ContentBody {
    /// Its id.
    #[schema(example = "cnt_01h2xcejqtf2nbrexx3vqjhp41")]
    id: String,
    /// Whose it is.
    creator: ContentCreator,
    /// `video`, `image`, `audio`, `document` or `course`.
    #[schema(example = "video")]
    r#type: &'static str,
    /// What it is called.
    #[schema(example = "Morning practice")]
    title: String,
    /// What is said of it.
    description: Option<String>,
    /// What it costs; 0 is nothing.
    #[schema(example = 50000)]
    price_cents: i64,
    /// Whether it is for subscribers of its creator, and cannot be bought by itself.
    subscriber_only: bool,
    /// Where a preview lies.
    preview_url: Option<String>,
    /// Where the media lie. Only with access.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    media_url: Option<String>,
    /// Whether it is on offer.
    is_active: bool,
    /// Why the caller sees the media: `creator`, `free`, `unlocked` or `subscription`; or `locked`.
    #[schema(example = "locked")]
    access: &'static str,
    /// When it was made.
    created_at: String,
    /// When it was last changed.
    updated_at: String,
}

/// Who made a content.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ContentCreator {
    /// Their id.
    #[schema(example = "usr_01h2xcejqtf2nbrexx3vqjhp41")]
    id: String,
    /// Their public name, if they have one.
    username: Option<String>,
}

impl ContentBody {
    fn new(content: Content, viewer: UserId, holding: Holding) -> Self {
        let access = content.offer().access(viewer, holding);
        Self {
            id: content.id.to_string(),
            creator: ContentCreator { id: content.creator_id.to_string(), username: content.creator_username },
            r#type: content.kind.as_str(),
            title: content.title,
            description: content.description,
            price_cents: content.price.cents().get(),
            subscriber_only: content.subscriber_only,
            preview_url: content.preview_url,
            media_url: access.is_granted().then_some(content.media_url),
            is_active: content.is_active,
            access: access.as_str(),
            created_at: rfc3339(content.created_at),
            updated_at: rfc3339(content.updated_at),
        }
    }
}

/// Which contents.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ContentFilter {
    /// Only of this creator.
    creator_id: Option<String>,
    /// Only of this kind.
    #[param(example = "video")]
    r#type: Option<String>,
    /// Only with this in the title, whatever the case: 1 to 100 characters.
    q: Option<String>,
    /// `newest` (the default), `oldest`, `price_asc` or `price_desc`.
    #[param(example = "newest")]
    sort: Option<String>,
    /// Lines on a page, 20 by default, at most 100.
    #[param(minimum = 1, example = 20)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

impl ContentFilter {
    /// Names the list, its viewer and its filters, so that a cursor is good for nothing else.
    fn scope(&self, viewer: UserId) -> String {
        format!("content {viewer} {:?} {:?} {:?} {:?}", self.creator_id, self.r#type, self.q, self.sort)
    }

    fn page(&self, app: &App, viewer: UserId) -> Result<catalogue::Page, Problem> {
        let mut fields = Fields::default();
        let creator = self.creator_id.as_deref().map(|id| fields.check("creator_id", id.parse()));
        let kind = self.r#type.as_deref().map(|word| fields.check("type", kind(word)));
        let title = self.q.as_deref().map(|text| fields.check("q", Text::<100>::parse(text)));
        let sort = self.sort.as_deref().map(|word| {
            let unknown = "must be newest, oldest, price_asc or price_desc";
            fields.check("sort", ContentSort::parse(word).ok_or(unknown))
        });
        fields.finish(Some(()))?;
        let cursor = self.cursor.as_deref().map(|cursor| app.cursors.read(&self.scope(viewer), cursor)).transpose()?;
        Ok(catalogue::Page {
            sort: sort.flatten().unwrap_or(ContentSort::Newest),
            after: cursor.map(|(key, id)| (key.as_micros(), ContentId::new(id))),
            creator: creator.flatten(),
            kind: kind.flatten(),
            title: title.flatten().map(|title| title.as_str().to_owned()),
            limit: limit(self.limit)?,
        })
    }
}

fn kind(word: &str) -> Result<ContentType, &'static str> {
    ContentType::parse(word).ok_or("must be video, image, audio, document or course")
}

/// Where a list in some order goes on after a content. A cursor carries a moment and an id; in the orders by
/// price the cents stand in for the moment.
fn position(sort: ContentSort, content: &Content) -> super::cursor::Position {
    let key = match sort {
        ContentSort::Newest | ContentSort::Oldest => content.created_at,
        ContentSort::PriceAsc | ContentSort::PriceDesc => {
            domain::timestamp::Timestamp::from_micros(content.price.cents().get())
        }
    };
    (key, content.id.uuid())
}

/// The catalogue, newest first unless asked otherwise. Contents that are not on offer are in their creator's
/// own list alone.
#[utoipa::path(get, path = "/api/content", operation_id = "list_contents", tag = "content", security(("bearer" = [])),
    params(ContentFilter), responses((status = 200, description = "A page of contents", body = Page<ContentBody>), Problems))]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Parameters(filter): Parameters<ContentFilter>,
) -> Result<Json<Page<ContentBody>>, Problem> {
    let (viewer, now) = (caller.id(), app.clock.now());
    let page = filter.page(&app, viewer)?;
    let (limit, sort) = (page.limit, page.sort);
    let wanted = catalogue::Page { limit: limit.saturating_add(1), ..page };
    let lines = if app.database.replica().is_none() || caller.may_publish() {
        // Whoever has just published wants to see it there.
        app.database.read(move |view| contents::list(view, viewer, now, &wanted)).await?
    } else {
        let listed = app.database.read_stale(move |reader| catalogue::list(reader, viewer, &wanted)).await?;
        app.database.read(move |view| contents::hold(view, viewer, now, &listed)).await?
    };
    let cursor = |seen: &Seen| app.cursors.write(&filter.scope(viewer), position(sort, &seen.content));
    Ok(Json(Page::cut(lines, limit, cursor, |seen| ContentBody::new(seen.content, viewer, seen.holding))))
}

/// One content. One that is not on offer is shown to its creator and to those who have bought it.
#[utoipa::path(get, path = "/api/content/{id}", operation_id = "content", tag = "content", security(("bearer" = [])),
    params(("id" = String, Path, description = "The content")),
    responses((status = 200, description = "The content", body = ContentBody),
        (status = 404, description = "There is no such content for you", body = ProblemBody, content_type = "application/problem+json"), Problems))]
pub async fn find(State(app): State<App>, caller: Caller, Id(id): Id<ContentId>) -> Result<Json<ContentBody>, Problem> {
    let viewer = caller.id();
    let seen = seen(&app, viewer, id).await?;
    Ok(Json(ContentBody::new(seen.content, viewer, seen.holding)))
}

/// A content that somebody may know of.
pub async fn seen(app: &App, viewer: UserId, id: ContentId) -> Result<Seen, Problem> {
    let seen = app.database.find(contents::find(viewer, id, app.clock.now())).await?;
    seen.filter(|seen| seen.content.offer().is_shown(viewer, seen.holding))
        .ok_or_else(|| Problem::not_found("there is no such content"))
}

/// Which part of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Part {
    /// Lines on a page, 20 by default, at most 100.
    #[param(minimum = 1, example = 20)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

/// A content that the caller has bought.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UnlockedBody {
    /// The purchase.
    #[schema(example = "unl_01h2xcejqtf2nbrexx3vqjhp41")]
    id: String,
    /// What was paid.
    #[schema(example = 50000)]
    amount_cents: i64,
    /// When.
    unlocked_at: String,
    /// The content, as it is now.
    content: ContentBody,
}

/// What the caller has bought and was not given the money back for, newest first.
#[utoipa::path(get, path = "/api/content/unlocked", operation_id = "unlocked_contents", tag = "content", security(("bearer" = [])),
    params(Part), responses((status = 200, description = "A page of purchases", body = Page<UnlockedBody>), Problems))]
pub async fn unlocked(
    State(app): State<App>,
    caller: Caller,
    Parameters(part): Parameters<Part>,
) -> Result<Json<Page<UnlockedBody>>, Problem> {
    let (user, limit) = (caller.id(), limit(part.limit)?);
    let scope = format!("content/unlocked {user}");
    let before = part.cursor.map(|cursor| app.cursors.read(&scope, &cursor)).transpose()?;
    let before = before.map(|(at, id)| (at, UnlockId::new(id)));
    let lines = app.database.read(move |view| contents::unlocked(view, user, before, limit.saturating_add(1))).await?;
    let cursor = |line: &Unlocked| app.cursors.write(&scope, (line.unlocked_at, line.id.uuid()));
    let show = |line: Unlocked| UnlockedBody {
        id: line.id.to_string(),
        amount_cents: line.amount.credit().get(),
        unlocked_at: rfc3339(line.unlocked_at),
        content: ContentBody::new(line.content, user, Holding { unlocked: true, subscribed: false }),
    };
    Ok(Json(Page::cut(lines, limit, cursor, show)))
}
