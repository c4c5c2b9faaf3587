//! The catalogue: which contents are on offer, in some order. What it lists may be some seconds old; what a viewer has of
//! it is asked elsewhere, and so is what is charged.

pub(super) mod texts;

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
    let (kind, title, limit) = (Value::from(page.kind), Value::from(title.as_deref()), Value::from(page.limit));
    let viewer = Value::from(viewer);
    reader.plan_for_values();
    if let Some(creator) = page.creator {
        let text = if descending { texts::DESCENDING } else { texts::ASCENDING };
        let values = [viewer, key.into(), id.into(), kind, title, limit, by_price.into(), creator.into()];
        return reader.ask(text, &values, read);
    }
    if page.kind.is_some() && !by_price {
        let text = if descending { texts::NEWEST_OF_KIND } else { texts::OLDEST_OF_KIND };
        return reader.ask(text, &[viewer, id.into(), title, kind, limit], read);
    }
    let text = match page.sort {
        ContentSort::Newest => texts::NEWEST,
        ContentSort::Oldest => texts::OLDEST,
        ContentSort::PriceDesc => texts::DEAREST,
        ContentSort::PriceAsc => texts::CHEAPEST,
    };
    reader.ask(text, &[viewer, key.into(), id.into(), kind, title, limit], read)
}
