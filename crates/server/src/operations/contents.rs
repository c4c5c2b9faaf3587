//! Making contents, editing them, and taking them off offer.

use super::{Context, Denial, Done, Event};
use crate::store::contents::{self, Content};
use crate::store::{StoreError, Work};
use domain::audit::{Action, EntityType, Fields, Value};
use domain::content::{ContentType, Description, MediaUrl, Price, Title, is_same_place};
use domain::id::{ContentId, UserId};

/// A content to be made.
#[derive(Clone, Debug)]
pub struct NewContent {
    /// What it is.
    pub kind: ContentType,
    /// What it is called.
    pub title: Title,
    /// What is said of it.
    pub description: Option<Description>,
    /// What it costs.
    pub price: Price,
    /// Whether it is for subscribers.
    pub subscriber_only: bool,
    /// Where the media lie.
    pub media_url: MediaUrl,
    /// Where a preview lies.
    pub preview_url: Option<MediaUrl>,
    /// Whether it is on offer.
    pub is_active: bool,
}

/// What of a content is to be changed. What is `None` stays as it is.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the same as in `NewContent`")]
pub struct ContentChange {
    pub kind: Option<ContentType>,
    pub title: Option<Title>,
    pub description: Option<Option<Description>>,
    pub price: Option<Price>,
    pub subscriber_only: Option<bool>,
    pub media_url: Option<MediaUrl>,
    pub preview_url: Option<Option<MediaUrl>>,
    pub is_active: Option<bool>,
}

impl ContentChange {
    fn apply(&self, content: Content) -> Content {
        let text = |title: &Title| title.as_str().to_owned();
        let described = |text: &Option<Description>| text.as_ref().map(|text| text.as_str().to_owned());
        let previewed = |url: &Option<MediaUrl>| url.as_ref().map(|url| url.as_str().to_owned());
        Content {
            kind: self.kind.unwrap_or(content.kind),
            title: self.title.as_ref().map_or(content.title, text),
            description: self.description.as_ref().map_or(content.description, described),
            price: self.price.unwrap_or(content.price),
            subscriber_only: self.subscriber_only.unwrap_or(content.subscriber_only),
            media_url: self.media_url.as_ref().map_or(content.media_url, |url| url.as_str().to_owned()),
            preview_url: self.preview_url.as_ref().map_or(content.preview_url, previewed),
            is_active: self.is_active.unwrap_or(content.is_active),
            ..content
        }
    }
}

/// Makes a content.
///
/// # Errors
/// If the database fails.
pub fn create(work: &mut Work<'_>, context: &Context, creator: UserId, new: &NewContent) -> Done<Content> {
    let content = Content {
        id: ContentId::new(context.ids.uuid()),
        creator_id: creator,
        creator_username: None,
        kind: new.kind,
        title: new.title.as_str().to_owned(),
        description: new.description.as_ref().map(|text| text.as_str().to_owned()),
        price: new.price,
        subscriber_only: new.subscriber_only,
        media_url: new.media_url.as_str().to_owned(),
        preview_url: new.preview_url.as_ref().map(|url| url.as_str().to_owned()),
        is_active: new.is_active,
        created_at: context.now,
        updated_at: context.now,
    };
    if tells_media(&content) {
        return Ok(Err(Denial::SamePlace));
    }
    contents::insert(work, &content)?;
    let mut event = Event::new(Action::ContentCreated, EntityType::Content, Some(content.id.uuid()));
    event.after = fields(&content);
    context.record(work, event)?;
    // As it is kept, with its creator's name.
    contents::find_own(work, creator, content.id)?.ok_or(StoreError::Broken("a new content does not exist")).map(Ok)
}

/// Changes a creator's own content. A change that changes nothing is not on record.
///
/// # Errors
/// If the database fails.
pub fn change(
    work: &mut Work<'_>,
    context: &Context,
    creator: UserId,
    id: ContentId,
    change: &ContentChange,
) -> Done<Content> {
    let Some(before) = contents::find_own(work, creator, id)? else { return Ok(Err(Denial::ContentNotFound)) };
    let after = change.apply(before.clone());
    if tells_media(&after) {
        return Ok(Err(Denial::SamePlace));
    }
    if after == before {
        return Ok(Ok(before));
    }
    let after = Content { updated_at: context.now, ..after };
    contents::update(work, &after)?;
    let action = if before.is_active && !after.is_active { Action::ContentDeactivated } else { Action::ContentChanged };
    let mut event = Event::new(action, EntityType::Content, Some(id.uuid()));
    (event.before, event.after) = differences(&before, &after);
    context.record(work, event)?;
    Ok(Ok(after))
}

/// Takes a creator's own content off offer. Those who have bought it keep it. Twice is once.
///
/// # Errors
/// If the database fails.
pub fn deactivate(work: &mut Work<'_>, context: &Context, creator: UserId, id: ContentId) -> Done<()> {
    let off = ContentChange { is_active: Some(false), ..ContentChange::default() };
    change(work, context, creator, id, &off).map(|done| done.map(|_| ()))
}

/// Whether the preview, which everybody is told, tells where the media lie.
fn tells_media(content: &Content) -> bool {
    content.preview_url.as_deref().is_some_and(|preview| is_same_place(preview, &content.media_url))
}

/// What the audit log says of a content. Not where the media lie: the log has other readers.
fn fields(content: &Content) -> Fields {
    vec![
        ("type", Value::Text(content.kind.as_str().to_owned())),
        ("title", Value::Text(content.title.clone())),
        ("price_cents", Value::Integer(content.price.cents().get())),
        ("subscriber_only", Value::Integer(content.subscriber_only.into())),
        ("is_active", Value::Integer(content.is_active.into())),
    ]
}

/// The fields that differ, as they were and as they are. Of long texts and addresses only that they do.
fn differences(before: &Content, after: &Content) -> (Fields, Fields) {
    let pairs = fields(before).into_iter().zip(fields(after)).filter(|(old, new)| old != new);
    let (old, mut new): (Fields, Fields) = pairs.unzip();
    for (name, differs) in [
        ("description", before.description != after.description),
        ("media", before.media_url != after.media_url),
        ("preview", before.preview_url != after.preview_url),
    ] {
        if differs {
            new.push((name, Value::Text("replaced".to_owned())));
        }
    }
    (old, new)
}
