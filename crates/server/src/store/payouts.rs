//! Payouts, as creators and administrators see them. What changes them is the ledger.

use super::{LookUp, Row, StoreError, View};
use domain::id::{PayoutId, UserId};
use domain::money::Cents;
use domain::payout::{Destination, Payout, PayoutStatus};
use domain::text::Reason;
use domain::timestamp::Timestamp;
use uuid::Uuid;

/// A payout with its decision, and with what its creator owes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listed {
    /// The payout.
    pub payout: Payout,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
    /// How much of it repaid what its creator owed.
    pub repaid: Cents,
    /// What its creator owes now.
    pub debt: Cents,
}

/// Reads the columns `id, creator_id, amount_cents, destination, status, remark, created_at`.
pub(super) fn read(row: &Row<'_>) -> Result<Payout, StoreError> {
    let destination: String = row.get(3)?;
    let remark: Option<String> = row.get(5)?;
    let broken = |column| StoreError::Column { column, expected: "a text within its bounds" };
    Ok(Payout {
        id: row.get(0)?,
        creator_id: row.get(1)?,
        amount: row.get(2)?,
        destination: Destination::parse(&destination).map_err(|_| broken(3))?,
        status: row.get(4)?,
        remark: remark.map(|remark| Reason::parse(&remark)).transpose().map_err(|_| broken(5))?,
        created_at: row.get(6)?,
    })
}

/// Whose a payout is.
///
/// # Errors
/// If the database fails.
#[must_use]
pub fn creator(id: PayoutId) -> LookUp<UserId> {
    LookUp::new("SELECT creator_id FROM payouts WHERE id = $1", &[id.into()], |row| row.get(0))
}

/// Payouts, newest first: of one creator or of all, in one status or in any, before a line.
///
/// # Errors
/// If the database fails.
pub fn list(
    view: &View<'_>,
    creator: Option<UserId>,
    status: Option<PayoutStatus>,
    before: Option<(Timestamp, PayoutId)>,
    limit: i64,
) -> Result<Vec<Listed>, StoreError> {
    let of_one =
        "SELECT p.id, p.creator_id, p.amount_cents, p.destination, p.status, p.remark, p.created_at, p.decided_at,
            COALESCE(e.amount_cents, 0), COALESCE(-w.balance_cents, 0) FROM payouts p
        LEFT JOIN wallets w ON w.user_id = p.creator_id AND w.kind = 'debt'
        LEFT JOIN entries e ON e.wallet_id = w.id AND e.created_at = p.decided_at AND e.tx_id = p.decision_tx_id
        WHERE p.creator_id = $1 AND (CAST($2 AS TEXT) IS NULL OR p.status = $2) AND (p.created_at, p.id) < ($3, $4)
        ORDER BY p.created_at DESC, p.id DESC LIMIT $5";
    let of_all =
        "SELECT p.id, p.creator_id, p.amount_cents, p.destination, p.status, p.remark, p.created_at, p.decided_at,
            COALESCE(e.amount_cents, 0), COALESCE(-w.balance_cents, 0) FROM payouts p
        LEFT JOIN wallets w ON w.user_id = p.creator_id AND w.kind = 'debt'
        LEFT JOIN entries e ON e.wallet_id = w.id AND e.created_at = p.decided_at AND e.tx_id = p.decision_tx_id
        WHERE (CAST($1 AS TEXT) IS NULL OR p.status = $1) AND (p.created_at, p.id) < ($2, $3)
        ORDER BY p.created_at DESC, p.id DESC LIMIT $4";
    let end = (Timestamp::from_micros(i64::MAX), PayoutId::new(Uuid::max()));
    let (at, id) = before.unwrap_or(end);
    let listed = |row: &Row<'_>| {
        Ok(Listed { payout: read(row)?, decided_at: row.get(7)?, repaid: row.get(8)?, debt: row.get(9)? })
    };
    match creator {
        Some(creator) => {
            view.query(of_one, &[creator.into(), status.into(), at.into(), id.into(), limit.into()], listed)
        }
        None => view.query(of_all, &[status.into(), at.into(), id.into(), limit.into()], listed),
    }
}
