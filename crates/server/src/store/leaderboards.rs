//! Leaderboards, as fans see them. What changes them is the ledger, gift by gift.

use super::{Past, StoreError};
use domain::gift::BoardPeriod;
use domain::id::UserId;
use domain::money::Cents;
use domain::timestamp::Timestamp;

/// One line: who gave how much.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// The sender.
    pub sender_id: UserId,
    /// Their public name.
    pub username: Option<String>,
    /// What they gave, less what was refunded.
    pub total: Cents,
    /// How many gifts that was.
    pub gifts: i64,
}

/// The first lines of one board: a range of the index `leaderboards_rank`, which is in this order already.
/// Public so that a test can ask the database for its plan.
pub const TOP: &str = "SELECT l.sender_id, u.username, l.total_cents, l.gifts FROM leaderboards l
    LEFT JOIN users u ON u.id = l.sender_id
    WHERE l.creator_id = $1 AND l.period = $2 AND l.period_start = $3 AND l.total_cents > 0
    ORDER BY l.total_cents DESC, l.reached_at, l.sender_id LIMIT $4";

/// The first lines of the board of one creator, or of the one over all creators: the largest total first, and of
/// two that are equal the one that was reached first. Lines of nothing are not shown.
///
/// # Errors
/// If the database fails.
pub fn top(
    view: &impl Past,
    creator: Option<UserId>,
    period: BoardPeriod,
    period_start: Timestamp,
    limit: i64,
) -> Result<Vec<Line>, StoreError> {
    // The board over all creators lies under sixteen zero bytes.
    let creator = creator.unwrap_or(UserId::SYSTEM);
    view.plan_for_values();
    view.ask(TOP, &[creator.into(), period.into(), period_start.into(), limit.into()], |row| {
        Ok(Line { sender_id: row.get(0)?, username: row.get(1)?, total: row.get(2)?, gifts: row.get(3)? })
    })
}
