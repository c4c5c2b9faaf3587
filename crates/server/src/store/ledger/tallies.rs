//! Sums that are kept beside the ledger: each line is added to once for a batch.

use crate::store::{StoreError, Work};
use domain::gift::{Standing, StandingChange};
use domain::id::UserId;
use domain::sale::{EarningChange, EarningDay};

/// Adds to a line of a leaderboard. The board over all creators lies under sixteen zero bytes.
pub(super) fn add_standing(work: &mut Work<'_>, line: &Standing, change: &StandingChange) -> Result<(), StoreError> {
    let values = [
        line.creator_id.unwrap_or(UserId::SYSTEM).into(),
        line.period.into(),
        line.period_start.into(),
        line.sender_id.into(),
        change.total.into(),
        change.gifts.into(),
        change.reached_at.into(),
    ];
    // What is taken back was given before, so the line is there. As an insert it would fail the checks of the
    // table before anybody noticed that it is.
    if change.total.is_negative() || change.gifts < 0 {
        let text = "UPDATE leaderboards SET total_cents = total_cents + $5, gifts = gifts + $6,
                reached_at = CASE WHEN reached_at < $7 THEN $7 ELSE reached_at END
            WHERE creator_id = $1 AND period = $2 AND period_start = $3 AND sender_id = $4";
        return work.execute_one(text, &values);
    }
    let text = "INSERT INTO leaderboards (creator_id, period, period_start, sender_id, total_cents, gifts, reached_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (creator_id, period, period_start, sender_id) DO UPDATE SET
            total_cents = leaderboards.total_cents + excluded.total_cents,
            gifts = leaderboards.gifts + excluded.gifts,
            reached_at = CASE WHEN leaderboards.reached_at < excluded.reached_at THEN excluded.reached_at
                ELSE leaderboards.reached_at END";
    work.execute_one(text, &values)
}

/// Adds to a day of earnings.
pub(super) fn add_earning(work: &mut Work<'_>, day: &EarningDay, change: &EarningChange) -> Result<(), StoreError> {
    let text = "INSERT INTO earnings (creator_id, day_start, source, sales, earned_cents, refunded_cents)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (creator_id, day_start, source) DO UPDATE SET
            sales = earnings.sales + excluded.sales,
            earned_cents = earnings.earned_cents + excluded.earned_cents,
            refunded_cents = earnings.refunded_cents + excluded.refunded_cents";
    work.execute_one(
        text,
        &[
            day.creator_id.into(),
            day.day_start.into(),
            day.source.into(),
            change.sales.into(),
            change.earned.into(),
            change.refunded.into(),
        ],
    )
}
