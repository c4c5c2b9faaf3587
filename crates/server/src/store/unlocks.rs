//! Who is paid for a content. What sells it is the ledger.

use super::LookUp;
use domain::id::{ContentId, UserId};

/// Whoever is paid for a content.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seller {
    /// The creator.
    pub id: UserId,
    /// Their public name, if they have one.
    pub username: Option<String>,
}

/// Whoever is paid for a content; none if there is no such content.
///
/// # Errors
/// If the database fails.
#[must_use]
pub fn seller(content: ContentId) -> LookUp<Seller> {
    let text = "SELECT u.id, u.username FROM contents c JOIN users u ON u.id = c.creator_id WHERE c.id = $1";
    LookUp::new(text, &[content.into()], |row| Ok(Seller { id: row.get(0)?, username: row.get(1)? }))
}
