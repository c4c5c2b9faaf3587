//! What creators earned, day by day (UTC), and what they owe. What changes it is the ledger, sale by sale.

use super::{StoreError, View};
use domain::id::{UserId, WalletId};
use domain::money::Cents;
use domain::sale::Source;
use domain::timestamp::Timestamp;

/// What sales brought and refunds took.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sums {
    /// How many sales.
    pub sales: i64,
    /// The creator's parts of them.
    pub earned: Cents,
    /// The creator's parts of refunds.
    pub refunded: Cents,
}

/// What one source brought on one day.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Day {
    /// Where the day begins.
    pub start: Timestamp,
    /// The source.
    pub source: Source,
    /// What it brought.
    pub sums: Sums,
}

/// The sums of each source over the days that begin in `[from, to)`. A source without any is left out.
///
/// # Errors
/// If the database fails.
pub fn totals(
    view: &View<'_>,
    creator: UserId,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<(Source, Sums)>, StoreError> {
    let text = "SELECT source, CAST(SUM(sales) AS BIGINT), CAST(SUM(earned_cents) AS BIGINT),
            CAST(SUM(refunded_cents) AS BIGINT) FROM earnings
        WHERE creator_id = $1 AND day_start >= $2 AND day_start < $3 GROUP BY source ORDER BY source";
    view.query(text, &[creator.into(), from.into(), to.into()], |row| {
        Ok((row.get(0)?, Sums { sales: row.get(1)?, earned: row.get(2)?, refunded: row.get(3)? }))
    })
}

/// The days that begin in `[from, to)`, oldest first, each with a line for every source that moved on it.
///
/// # Errors
/// If the database fails.
pub fn days(view: &View<'_>, creator: UserId, from: Timestamp, to: Timestamp) -> Result<Vec<Day>, StoreError> {
    let text = "SELECT day_start, source, sales, earned_cents, refunded_cents FROM earnings
        WHERE creator_id = $1 AND day_start >= $2 AND day_start < $3 ORDER BY day_start, source";
    view.query(text, &[creator.into(), from.into(), to.into()], |row| {
        let sums = Sums { sales: row.get(2)?, earned: row.get(3)?, refunded: row.get(4)? };
        Ok(Day { start: row.get(0)?, source: row.get(1)?, sums })
    })
}

/// What a creator owes because of refunds: zero or more.
///
/// # Errors
/// If the database fails.
pub fn debt(view: &View<'_>, creator: UserId) -> Result<Cents, StoreError> {
    let text = "SELECT -balance_cents FROM wallets WHERE id = $1 AND kind = 'debt'";
    let debt = view.query_opt(text, &[WalletId::of_debt(creator).into()], |row| row.get(0))?;
    Ok(debt.unwrap_or(Cents::ZERO))
}
