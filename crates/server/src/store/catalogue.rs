//! The catalogue: which contents are on offer, in some order. What it lists may be some seconds old; what a viewer has of
//! it is asked elsewhere, and so is what is charged.

use super::contents::{Content, read};
use super::{Past, StoreError, Value};
use domain::content::{ContentSort, ContentType};
use domain::id::{ContentId, UserId};
use uuid::Uuid;

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

/// The catalogue from its newest content on, along the index on the moments.
const NEWEST: &str =
    "SELECT c.id, c.creator_id, u.username, c.type, c.title, c.description, c.price_cents, c.subscriber_only,
        c.media_url, c.preview_url, c.is_active, c.created_at, c.updated_at
    FROM contents c
    JOIN users u ON u.id = c.creator_id
    WHERE (c.created_at, c.id) < ($2, $3)
        AND (c.is_active = 1 OR c.creator_id = $1) AND u.account_status = 'active'
        AND (CAST($4 AS TEXT) IS NULL OR c.type = $4)
        AND (CAST($5 AS TEXT) IS NULL OR lower(c.title) LIKE lower($5) ESCAPE '!')
    ORDER BY c.created_at DESC, c.id DESC LIMIT $6";

/// The catalogue from its oldest content on, along the index on the moments.
const OLDEST: &str =
    "SELECT c.id, c.creator_id, u.username, c.type, c.title, c.description, c.price_cents, c.subscriber_only,
        c.media_url, c.preview_url, c.is_active, c.created_at, c.updated_at
    FROM contents c
    JOIN users u ON u.id = c.creator_id
    WHERE (c.created_at, c.id) > ($2, $3)
        AND (c.is_active = 1 OR c.creator_id = $1) AND u.account_status = 'active'
        AND (CAST($4 AS TEXT) IS NULL OR c.type = $4)
        AND (CAST($5 AS TEXT) IS NULL OR lower(c.title) LIKE lower($5) ESCAPE '!')
    ORDER BY c.created_at, c.id LIMIT $6";

/// One creator's contents, along the index on the creators, or all of them by price: sorted, largest first.
const DESCENDING: &str =
    "SELECT c.id, c.creator_id, u.username, c.type, c.title, c.description, c.price_cents, c.subscriber_only,
        c.media_url, c.preview_url, c.is_active, c.created_at, c.updated_at
    FROM contents c
    JOIN users u ON u.id = c.creator_id
    WHERE (CASE WHEN $7 = 1 THEN c.price_cents ELSE c.created_at END, c.id) < ($2, $3)
        AND c.creator_id BETWEEN $8 AND $9
        AND (c.is_active = 1 OR c.creator_id = $1) AND u.account_status = 'active'
        AND (CAST($4 AS TEXT) IS NULL OR c.type = $4)
        AND (CAST($5 AS TEXT) IS NULL OR lower(c.title) LIKE lower($5) ESCAPE '!')
    ORDER BY CASE WHEN $7 = 1 THEN c.price_cents ELSE c.created_at END DESC, c.id DESC LIMIT $6";

/// The same, smallest first.
const ASCENDING: &str =
    "SELECT c.id, c.creator_id, u.username, c.type, c.title, c.description, c.price_cents, c.subscriber_only,
        c.media_url, c.preview_url, c.is_active, c.created_at, c.updated_at
    FROM contents c
    JOIN users u ON u.id = c.creator_id
    WHERE (CASE WHEN $7 = 1 THEN c.price_cents ELSE c.created_at END, c.id) > ($2, $3)
        AND c.creator_id BETWEEN $8 AND $9
        AND (c.is_active = 1 OR c.creator_id = $1) AND u.account_status = 'active'
        AND (CAST($4 AS TEXT) IS NULL OR c.type = $4)
        AND (CAST($5 AS TEXT) IS NULL OR lower(c.title) LIKE lower($5) ESCAPE '!')
    ORDER BY CASE WHEN $7 = 1 THEN c.price_cents ELSE c.created_at END, c.id LIMIT $6";

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

/// A page of the catalogue. What is not on offer is listed for its creator alone.
///
/// # Errors
/// If the database fails.
pub fn list(reader: &impl Past, viewer: UserId, page: &Page) -> Result<Vec<Content>, StoreError> {
    let descending = matches!(page.sort, ContentSort::Newest | ContentSort::PriceDesc);
    let by_price = matches!(page.sort, ContentSort::PriceAsc | ContentSort::PriceDesc);
    let end = if descending { (i64::MAX, Uuid::max()) } else { (i64::MIN, Uuid::nil()) };
    let (key, id) = page.after.map_or(end, |(key, id)| (key, id.uuid()));
    let title = page.title.as_deref().map(pattern);
    let mut values: Vec<Value<'_>> =
        vec![viewer.into(), key.into(), id.into(), page.kind.into(), title.as_deref().into(), page.limit.into()];
    if page.creator.is_none() && !by_price {
        return reader.ask(if descending { NEWEST } else { OLDEST }, &values, read);
    }
    let (first, last) = page.creator.map_or((Uuid::nil(), Uuid::max()), |creator| (creator.uuid(), creator.uuid()));
    values.extend([Value::from(by_price), first.into(), last.into()]);
    reader.ask(if descending { DESCENDING } else { ASCENDING }, &values, read)
}
