//! Contents, as they are kept and as somebody in particular sees them. Whether they may is not decided here.

pub(super) mod texts;

use super::{Row, StoreError, Value, View, Work};
use domain::content::{ContentSort, ContentType, Holding, Offer, Price};
use domain::id::{ContentId, UnlockId, UserId};
use domain::money::Amount;
use domain::timestamp::Timestamp;
use uuid::Uuid;

/// A content as it is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Content {
    /// Its id.
    pub id: ContentId,
    /// Whose it is.
    pub creator_id: UserId,
    /// The public name of the creator, if they have one. Not kept with the content.
    pub creator_username: Option<String>,
    /// What it is.
    pub kind: ContentType,
    /// What it is called.
    pub title: String,
    /// What is said of it.
    pub description: Option<String>,
    /// What it costs.
    pub price: Price,
    /// Whether it is for subscribers.
    pub subscriber_only: bool,
    /// Where the media lie: for those with access alone.
    pub media_url: String,
    /// Where a preview lies, for everybody.
    pub preview_url: Option<String>,
    /// Whether it is on offer.
    pub is_active: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Content {
    /// The content as the rules know it.
    #[must_use]
    pub const fn offer(&self) -> Offer {
        Offer {
            id: self.id,
            creator_id: self.creator_id,
            price: self.price,
            subscriber_only: self.subscriber_only,
            is_active: self.is_active,
        }
    }
}

/// A content, with what one viewer has of it in the same snapshot.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seen {
    /// The content.
    pub content: Content,
    /// What may give access to it.
    pub holding: Holding,
    /// Until when the viewer subscribes to its creator.
    pub subscribed_until: Option<Timestamp>,
}

/// A content that somebody has bought.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unlocked {
    /// The purchase.
    pub id: UnlockId,
    /// What was paid.
    pub amount: Amount,
    /// When.
    pub unlocked_at: Timestamp,
    /// The content, as it is now.
    pub content: Content,
}

/// Which contents, in which order, and from where on.
#[derive(Clone, Debug)]
pub struct Page {
    /// The order.
    pub sort: ContentSort,
    /// Only contents after this one: its price in cents or its moment in microseconds, by the order; its id.
    pub after: Option<(i64, ContentId)>,
    /// Only of this creator.
    pub creator: Option<UserId>,
    /// Only of this kind.
    pub kind: Option<ContentType>,
    /// Only with this in the title, whatever the case.
    pub title: Option<String>,
    /// At most this many.
    pub limit: i64,
}

fn read(row: &Row<'_>) -> Result<Content, StoreError> {
    Ok(Content {
        id: row.get(0)?,
        creator_id: row.get(1)?,
        creator_username: row.get(2)?,
        kind: row.get(3)?,
        title: row.get(4)?,
        description: row.get(5)?,
        price: row.get(6)?,
        subscriber_only: row.get(7)?,
        media_url: row.get(8)?,
        preview_url: row.get(9)?,
        is_active: row.get(10)?,
        created_at: row.get(11)?,
        updated_at: row.get(12)?,
    })
}

fn read_seen(row: &Row<'_>) -> Result<Seen, StoreError> {
    let (unlock, subscribed_until): (Option<UnlockId>, Option<Timestamp>) = (row.get(13)?, row.get(14)?);
    let holding = Holding { unlocked: unlock.is_some(), subscribed: subscribed_until.is_some() };
    Ok(Seen { content: read(row)?, holding, subscribed_until })
}

/// Adds a content.
///
/// # Errors
/// If the database fails.
pub fn insert(work: &mut Work<'_>, content: &Content) -> Result<(), StoreError> {
    let text = "INSERT INTO contents (id, creator_id, type, title, description, price_cents, subscriber_only, \
        media_url, preview_url, is_active, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    work.execute_one(
        text,
        &[
            content.id.into(),
            content.creator_id.into(),
            content.kind.into(),
            content.title.as_str().into(),
            content.description.as_deref().into(),
            content.price.into(),
            content.subscriber_only.into(),
            content.media_url.as_str().into(),
            content.preview_url.as_deref().into(),
            content.is_active.into(),
            content.created_at.into(),
            content.updated_at.into(),
        ],
    )
}

/// Changes everything of a content but its creator and when it was made.
///
/// # Errors
/// If the database fails; [`StoreError::Broken`] if its creator has no such content.
pub fn update(work: &mut Work<'_>, content: &Content) -> Result<(), StoreError> {
    let text = "UPDATE contents SET type = $3, title = $4, description = $5, price_cents = $6, subscriber_only = $7, \
        media_url = $8, preview_url = $9, is_active = $10, updated_at = $11 WHERE id = $1 AND creator_id = $2";
    work.execute_one(
        text,
        &[
            content.id.into(),
            content.creator_id.into(),
            content.kind.into(),
            content.title.as_str().into(),
            content.description.as_deref().into(),
            content.price.into(),
            content.subscriber_only.into(),
            content.media_url.as_str().into(),
            content.preview_url.as_deref().into(),
            content.is_active.into(),
            content.updated_at.into(),
        ],
    )
}

/// A content of a creator's own.
///
/// # Errors
/// If the database fails.
pub fn find_own(view: &View<'_>, creator: UserId, id: ContentId) -> Result<Option<Content>, StoreError> {
    let text = "SELECT c.id, c.creator_id, u.username, c.type, c.title, c.description, c.price_cents,
            c.subscriber_only, c.media_url, c.preview_url, c.is_active, c.created_at, c.updated_at
        FROM contents c JOIN users u ON u.id = c.creator_id WHERE c.id = $1 AND c.creator_id = $2";
    view.query_opt(text, &[id.into(), creator.into()], read)
}

/// The access check of a content: each step a look-up by key, however many contents, unlocks and subscriptions
/// there are. Public so that a test can ask the database for its plan.
pub const FIND: &str =
    "SELECT c.id, c.creator_id, u.username, c.type, c.title, c.description, c.price_cents, c.subscriber_only,
        c.media_url, c.preview_url, c.is_active, c.created_at, c.updated_at, l.id, s.expires_at
    FROM contents c
    JOIN users u ON u.id = c.creator_id
    LEFT JOIN unlocks l ON l.user_id = $1 AND l.content_id = c.id AND l.revoked_at IS NULL
    LEFT JOIN subscriptions s
        ON s.subscriber_id = $1 AND s.creator_id = c.creator_id AND s.status = 'active' AND s.expires_at > $2
    WHERE c.id = $3";

/// One content, with what a viewer has of it.
///
/// # Errors
/// If the database fails.
pub fn find(view: &View<'_>, viewer: UserId, id: ContentId, now: Timestamp) -> Result<Option<Seen>, StoreError> {
    view.query_opt(FIND, &[viewer.into(), now.into(), id.into()], read_seen)
}

/// A text as a pattern that finds it anywhere: what means something in a pattern means itself.
fn pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len().saturating_add(2));
    pattern.push('%');
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

/// A page of the catalogue, with what a viewer has of each content. What is not on offer is listed for its
/// creator alone.
///
/// # Errors
/// If the database fails.
pub fn list(view: &View<'_>, viewer: UserId, now: Timestamp, page: &Page) -> Result<Vec<Seen>, StoreError> {
    let descending = matches!(page.sort, ContentSort::Newest | ContentSort::PriceDesc);
    let by_price = matches!(page.sort, ContentSort::PriceAsc | ContentSort::PriceDesc);
    let end = if descending { (i64::MAX, Uuid::max()) } else { (i64::MIN, Uuid::nil()) };
    let (key, id) = page.after.map_or(end, |(key, id)| (key, id.uuid()));
    let title = page.title.as_deref().map(pattern);
    let (kind, title, limit) = (Value::from(page.kind), Value::from(title.as_deref()), Value::from(page.limit));
    let (viewer, now) = (Value::from(viewer), Value::from(now));
    view.connection.plan_for_values()?;
    if let Some(creator) = page.creator {
        let text = if descending { texts::DESCENDING } else { texts::ASCENDING };
        let values = [viewer, now, key.into(), id.into(), kind, title, limit, by_price.into(), creator.into()];
        return view.query(text, &values, read_seen);
    }
    if page.kind.is_some() && !by_price {
        let text = if descending { texts::NEWEST_OF_KIND } else { texts::OLDEST_OF_KIND };
        return view.query(text, &[viewer, now, id.into(), title, kind, limit], read_seen);
    }
    let text = match page.sort {
        ContentSort::Newest => texts::NEWEST,
        ContentSort::Oldest => texts::OLDEST,
        ContentSort::PriceDesc => texts::DEAREST,
        ContentSort::PriceAsc => texts::CHEAPEST,
    };
    view.query(text, &[viewer, now, key.into(), id.into(), kind, title, limit], read_seen)
}

/// A page of what a user has bought and was not given the money back for, newest first.
///
/// # Errors
/// If the database fails.
pub fn unlocked(
    view: &View<'_>,
    user: UserId,
    before: Option<(Timestamp, UnlockId)>,
    limit: i64,
) -> Result<Vec<Unlocked>, StoreError> {
    let text = "SELECT c.id, c.creator_id, u.username, c.type, c.title, c.description, c.price_cents,
            c.subscriber_only, c.media_url, c.preview_url, c.is_active, c.created_at, c.updated_at,
            l.id, l.amount_cents, l.created_at
        FROM unlocks l
        JOIN contents c ON c.id = l.content_id
        JOIN users u ON u.id = c.creator_id
        WHERE l.user_id = $1 AND l.revoked_at IS NULL AND (l.created_at, l.id) < ($2, $3)
        ORDER BY l.created_at DESC, l.id DESC LIMIT $4";
    let end = (Timestamp::from_micros(i64::MAX), UnlockId::new(Uuid::max()));
    let (before_at, before_id) = before.unwrap_or(end);
    view.query(text, &[user.into(), before_at.into(), before_id.into(), limit.into()], |row| {
        Ok(Unlocked { id: row.get(13)?, amount: row.get(14)?, unlocked_at: row.get(15)?, content: read(row)? })
    })
}
