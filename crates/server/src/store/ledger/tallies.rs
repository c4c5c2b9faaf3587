//! Sums that are kept beside the ledger: each line is added to once for a batch.

use crate::store::{StoreError, Value, Work};
use domain::gift::{Standing, StandingChange};
use domain::id::UserId;
use domain::sale::{EarningChange, EarningDay};

/// Adds to lines of leaderboards. The board over all creators lies under sixteen zero bytes.
pub(super) fn add_standings(work: &mut Work<'_>, lines: &[(Standing, StandingChange)]) -> Result<(), StoreError> {
    let is_taken_back = |change: &StandingChange| change.total.is_negative() || change.gifts < 0;
    let given = "INSERT INTO leaderboards (creator_id, period, period_start, sender_id, total_cents, gifts, reached_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (creator_id, period, period_start, sender_id) DO UPDATE SET
            total_cents = leaderboards.total_cents + excluded.total_cents,
            gifts = leaderboards.gifts + excluded.gifts,
            reached_at = CASE WHEN leaderboards.reached_at < excluded.reached_at THEN excluded.reached_at
                ELSE leaderboards.reached_at END";
    let rows: Vec<_> = lines.iter().filter(|(_, change)| !is_taken_back(change)).map(standing).collect();
    work.execute_all(given, &rows)?;
    // What is taken back was given before, so the line is there. As an insert it would fail the checks of the
    // table before anybody noticed that it is. One by one, so that the lines are locked in their order.
    let taken_back = "UPDATE leaderboards SET total_cents = total_cents + $5, gifts = gifts + $6,
            reached_at = CASE WHEN reached_at < $7 THEN $7 ELSE reached_at END
        WHERE creator_id = $1 AND period = $2 AND period_start = $3 AND sender_id = $4";
    for line in lines.iter().filter(|(_, change)| is_taken_back(change)) {
        work.execute_one(taken_back, &standing(line))?;
    }
    Ok(())
}

fn standing((line, change): &(Standing, StandingChange)) -> [Value<'static>; 7] {
    [
        line.creator_id.unwrap_or(UserId::SYSTEM).into(),
        line.period.into(),
        line.period_start.into(),
        line.sender_id.into(),
        change.total.into(),
        change.gifts.into(),
        change.reached_at.into(),
    ]
}

/// Adds to days of earnings.
pub(super) fn add_earnings(work: &mut Work<'_>, days: &[(EarningDay, EarningChange)]) -> Result<(), StoreError> {
    let text = "INSERT INTO earnings (creator_id, day_start, source, sales, earned_cents, refunded_cents)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (creator_id, day_start, source) DO UPDATE SET
            sales = earnings.sales + excluded.sales,
            earned_cents = earnings.earned_cents + excluded.earned_cents,
            refunded_cents = earnings.refunded_cents + excluded.refunded_cents";
    let row = |(day, change): &(EarningDay, EarningChange)| {
        [
            day.creator_id.into(),
            day.day_start.into(),
            day.source.into(),
            change.sales.into(),
            change.earned.into(),
            change.refunded.into(),
        ]
    };
    work.execute_all(text, &days.iter().map(row).collect::<Vec<_>>())
}
