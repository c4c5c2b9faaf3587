//! The sums that are kept beside the ledger: leaderboards and daily earnings, each recomputed and compared in
//! both directions, so that a line that is missing is found as well as one too many.

use super::NAMED_MAX;
use crate::store::{Row, StoreError, View};
use domain::gift::BoardPeriod;
use domain::id::UserId;
use domain::reconciliation::Discrepancy;
use domain::timestamp::Timestamp;
use std::collections::BTreeMap;

/// Each board of a creator's, and the board over all of them. A gift counts once on either.
pub(super) fn leaderboard_mismatch(view: &View<'_>, _now: Timestamp) -> Result<Vec<Discrepancy>, StoreError> {
    let of_creators = "SELECT creator_id, sender_id, period, at, total_cents, gifts, reached_at FROM (
            SELECT recipient_id AS creator_id, sender_id, NULL AS period, created_at AS at,
                amount_cents - refunded_cents AS total_cents,
                CASE WHEN refunded_cents < amount_cents THEN quantity ELSE 0 END AS gifts, created_at AS reached_at
            FROM gifts
            UNION ALL SELECT creator_id, sender_id, period, period_start, total_cents, gifts, reached_at
            FROM leaderboards WHERE creator_id <> $1) lines
        ORDER BY creator_id, sender_id";
    let over_all = "SELECT creator_id, sender_id, period, at, total_cents, gifts, reached_at FROM (
            SELECT recipient_id AS creator_id, sender_id, NULL AS period, created_at AS at,
                amount_cents - refunded_cents AS total_cents,
                CASE WHEN refunded_cents < amount_cents THEN quantity ELSE 0 END AS gifts, created_at AS reached_at
            FROM gifts
            UNION ALL SELECT creator_id, sender_id, period, period_start, total_cents, gifts, reached_at
            FROM leaderboards WHERE creator_id = $1) lines
        ORDER BY sender_id";
    let mut found = Vec::new();
    for (text, is_over_all) in [(of_creators, false), (over_all, true)] {
        let mut pair = Pair::default();
        view.query(text, &[UserId::SYSTEM.into()], |row| {
            let creator = if is_over_all { UserId::SYSTEM } else { row.get(0)? };
            let parties = (creator, row.get(1)?);
            if pair.parties != Some(parties) {
                std::mem::replace(&mut pair, Pair::of(parties)).report(&mut found);
            }
            pair.add(row)
        })?;
        pair.report(&mut found);
    }
    Ok(found)
}

/// One creator's board (or the one over all) and one sender: the lines that they have, whatever they gave.
#[derive(Debug, Default)]
struct Pair {
    parties: Option<(UserId, UserId)>,
    lines: BTreeMap<(BoardPeriod, Timestamp), Line>,
}

/// A line as it is kept, less what the gifts make of it.
#[derive(Debug, Default)]
struct Line {
    cents: i64,
    gifts: i64,
    kept_at: Option<Timestamp>,
    newest: Option<Timestamp>,
}

impl Pair {
    fn of(parties: (UserId, UserId)) -> Self {
        Self { parties: Some(parties), lines: BTreeMap::new() }
    }

    /// Adds a line of a board, or takes off a gift.
    fn add(&mut self, row: &Row<'_>) -> Result<(), StoreError> {
        let (at, cents, gifts): (Timestamp, i64, i64) = (row.get(3)?, row.get(4)?, row.get(5)?);
        let reached_at: Timestamp = row.get(6)?;
        if let Some(period) = row.get(2)? {
            let line = self.lines.entry((period, at)).or_default();
            line.cents = line.cents.saturating_add(cents);
            line.gifts = line.gifts.saturating_add(gifts);
            line.kept_at = Some(reached_at);
            return Ok(());
        }
        for period in BoardPeriod::ALL {
            let line = self.lines.entry((*period, period.start(at))).or_default();
            line.cents = line.cents.saturating_sub(cents);
            line.gifts = line.gifts.saturating_sub(gifts);
            line.newest = line.newest.max(Some(reached_at));
        }
        Ok(())
    }

    /// A line of nothing may be there or not: nobody sees it.
    fn report(self, found: &mut Vec<Discrepancy>) {
        let Some((creator_id, sender_id)) = self.parties else { return };
        for ((period, period_start), Line { cents, gifts, kept_at, newest }) in self.lines {
            let is_dated = kept_at.is_none() || newest.is_none() || kept_at == newest;
            let is_right = cents == 0 && gifts == 0 && is_dated;
            if !is_right && found.len() < usize::try_from(NAMED_MAX).unwrap_or_default() {
                let line =
                    Discrepancy::LeaderboardMismatch { creator_id, period, period_start, sender_id, cents, gifts };
                found.push(line);
            }
        }
    }
}

/// Sales count on their day, and refunds on theirs, whenever the sale was.
pub(super) fn earnings_mismatch(view: &View<'_>, _now: Timestamp) -> Result<Vec<Discrepancy>, StoreError> {
    let text = "SELECT creator_id, day_start, source FROM (
            SELECT payee_id AS creator_id, created_at - created_at % 86400000000 AS day_start, type AS source,
                1 AS sales, COALESCE(creator_cents, 0) AS earned_cents, 0 AS refunded_cents
            FROM transactions WHERE type IN ('unlock', 'subscription', 'gift')
            UNION ALL SELECT o.payee_id, r.created_at - r.created_at % 86400000000, o.type, 0, 0, r.creator_cents
            FROM refunds r JOIN transactions o ON o.tx_id = r.original_tx_id
            WHERE o.type IN ('unlock', 'subscription', 'gift')
            UNION ALL SELECT creator_id, day_start, source, -sales, -earned_cents, -refunded_cents FROM earnings) lines
        GROUP BY creator_id, day_start, source
        HAVING SUM(sales) <> 0 OR SUM(earned_cents) <> 0 OR SUM(refunded_cents) <> 0
        ORDER BY creator_id, day_start, source LIMIT $1";
    view.query(text, &[NAMED_MAX.into()], |row| {
        Ok(Discrepancy::EarningsMismatch { creator_id: row.get(0)?, day_start: row.get(1)?, from: row.get(2)? })
    })
}
