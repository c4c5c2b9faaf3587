//! Gifts, as the one who gave and the one who got them see them. What adds them is the ledger.

use super::{Row, StoreError, Value, View};
use domain::id::{GiftId, UserId};
use domain::money::Cents;
use domain::timestamp::Timestamp;
use uuid::Uuid;

/// A gift, with the one on the other side.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listed {
    /// Its id.
    pub id: GiftId,
    /// The recipient of a gift that was sent, the sender of one that was received.
    pub other_id: UserId,
    /// Their public name.
    pub other_username: Option<String>,
    /// What it is.
    pub gift_type: String,
    /// How many.
    pub quantity: i64,
    /// What was paid for all of them.
    pub amount: Cents,
    /// What of that was given back.
    pub refunded: Cents,
    /// A word to the recipient.
    pub message: Option<String>,
    /// What it was given for.
    pub context: Option<String>,
    /// When.
    pub created_at: Timestamp,
}

/// What somebody gave, newest first, before a line.
///
/// # Errors
/// If the database fails.
pub fn sent(
    view: &View<'_>,
    sender: UserId,
    before: Option<(Timestamp, GiftId)>,
    limit: i64,
) -> Result<Vec<Listed>, StoreError> {
    let text = "SELECT g.id, g.recipient_id, u.username, g.gift_type, g.quantity, g.amount_cents, g.refunded_cents, \
            g.message, g.context, g.created_at
        FROM gifts g LEFT JOIN users u ON u.id = g.recipient_id
        WHERE g.sender_id = $1 AND (g.created_at, g.id) < ($2, $3)
        ORDER BY g.created_at DESC, g.id DESC LIMIT $4";
    view.query(text, &range(sender, before, limit), read)
}

/// What somebody got, newest first, before a line.
///
/// # Errors
/// If the database fails.
pub fn received(
    view: &View<'_>,
    recipient: UserId,
    before: Option<(Timestamp, GiftId)>,
    limit: i64,
) -> Result<Vec<Listed>, StoreError> {
    let text = "SELECT g.id, g.sender_id, u.username, g.gift_type, g.quantity, g.amount_cents, g.refunded_cents, \
            g.message, g.context, g.created_at
        FROM gifts g LEFT JOIN users u ON u.id = g.sender_id
        WHERE g.recipient_id = $1 AND (g.created_at, g.id) < ($2, $3)
        ORDER BY g.created_at DESC, g.id DESC LIMIT $4";
    view.query(text, &range(recipient, before, limit), read)
}

fn range(user: UserId, before: Option<(Timestamp, GiftId)>, limit: i64) -> [Value<'static>; 4] {
    let end = (Timestamp::from_micros(i64::MAX), GiftId::new(Uuid::max()));
    let (at, id) = before.unwrap_or(end);
    [user.into(), at.into(), id.into(), limit.into()]
}

fn read(row: &Row<'_>) -> Result<Listed, StoreError> {
    Ok(Listed {
        id: row.get(0)?,
        other_id: row.get(1)?,
        other_username: row.get(2)?,
        gift_type: row.get(3)?,
        quantity: row.get(4)?,
        amount: row.get(5)?,
        refunded: row.get(6)?,
        message: row.get(7)?,
        context: row.get(8)?,
        created_at: row.get(9)?,
    })
}
