//! Subscriptions, outside of ledger batches: as their owners and the jobs see them, and what changes without money.

use super::{Row, StoreError, View, Work};
use domain::id::{SubscriptionId, UserId};
use domain::subscription::Subscription;
use domain::timestamp::Timestamp;
use uuid::Uuid;

/// At most this many active subscriptions are listed; the oldest fall off.
pub const ACTIVE_MAX: i64 = 100;

/// Reads the columns `id, subscriber_id, creator_id, tier, status, price_cents, anchor_at, period, period_start,
/// period_end, expires_at, auto_renew, renew_at, renewals_tried, created_at`.
pub(super) fn read(row: &Row<'_>) -> Result<Subscription, StoreError> {
    Ok(Subscription {
        id: row.get(0)?,
        subscriber_id: row.get(1)?,
        creator_id: row.get(2)?,
        tier: row.get(3)?,
        status: row.get(4)?,
        price: row.get(5)?,
        anchor_at: row.get(6)?,
        period: row.get(7)?,
        period_start: row.get(8)?,
        period_end: row.get(9)?,
        expires_at: row.get(10)?,
        auto_renew: row.get(11)?,
        renew_at: row.get(12)?,
        renewals_tried: row.get(13)?,
        created_at: row.get(14)?,
    })
}

/// One of a subscriber's own subscriptions.
///
/// # Errors
/// If the database fails.
pub fn find_own(view: &View<'_>, subscriber: UserId, id: SubscriptionId) -> Result<Option<Subscription>, StoreError> {
    let text = "SELECT id, subscriber_id, creator_id, tier, status, price_cents, anchor_at, period, period_start, \
        period_end, expires_at, auto_renew, renew_at, renewals_tried, created_at FROM subscriptions
        WHERE id = $1 AND subscriber_id = $2";
    view.query_opt(text, &[id.into(), subscriber.into()], read)
}

/// A subscriber's subscriptions, newest first, before a line.
///
/// # Errors
/// If the database fails.
pub fn list(
    view: &View<'_>,
    subscriber: UserId,
    before: Option<(Timestamp, SubscriptionId)>,
    limit: i64,
) -> Result<Vec<Subscription>, StoreError> {
    let text = "SELECT id, subscriber_id, creator_id, tier, status, price_cents, anchor_at, period, period_start, \
        period_end, expires_at, auto_renew, renew_at, renewals_tried, created_at FROM subscriptions
        WHERE subscriber_id = $1 AND (created_at, id) < ($2, $3) ORDER BY created_at DESC, id DESC LIMIT $4";
    let (at, id) = before.unwrap_or((Timestamp::from_micros(i64::MAX), SubscriptionId::new(Uuid::max())));
    view.query(text, &[subscriber.into(), at.into(), id.into(), limit.into()], read)
}

/// A subscriber's subscriptions that give access at a moment, newest first.
///
/// # Errors
/// If the database fails.
pub fn active(view: &View<'_>, subscriber: UserId, now: Timestamp) -> Result<Vec<Subscription>, StoreError> {
    let text = "SELECT id, subscriber_id, creator_id, tier, status, price_cents, anchor_at, period, period_start, \
        period_end, expires_at, auto_renew, renew_at, renewals_tried, created_at FROM subscriptions
        WHERE subscriber_id = $1 AND status = 'active' AND expires_at > $2
        ORDER BY created_at DESC, id DESC LIMIT $3";
    view.query(text, &[subscriber.into(), now.into(), ACTIVE_MAX.into()], read)
}

/// Subscriptions whose renewal is to be tried by a moment, the longest due first.
///
/// # Errors
/// If the database fails.
pub fn due(view: &View<'_>, now: Timestamp, limit: i64) -> Result<Vec<Subscription>, StoreError> {
    let text = "SELECT id, subscriber_id, creator_id, tier, status, price_cents, anchor_at, period, period_start, \
        period_end, expires_at, auto_renew, renew_at, renewals_tried, created_at FROM subscriptions
        WHERE status = 'active' AND renew_at IS NOT NULL AND renew_at <= $1 ORDER BY renew_at, id LIMIT $2";
    view.query(text, &[now.into(), limit.into()], read)
}

/// Subscriptions that are over, the longest over first.
pub(super) const LAPSED: &str =
    "SELECT id, subscriber_id, creator_id, tier, status, price_cents, anchor_at, period, period_start, \
    period_end, expires_at, auto_renew, renew_at, renewals_tried, created_at FROM subscriptions
    WHERE expires_at <= $1 AND status = 'active' AND (auto_renew = 0 OR renewals_tried > 0)
    ORDER BY expires_at, id LIMIT $2";

/// Subscriptions whose access is over at a moment, though they are still marked as active; not those whose
/// renewal was never tried. The longest over first.
///
/// # Errors
/// If the database fails.
pub fn lapsed(view: &View<'_>, now: Timestamp, limit: i64) -> Result<Vec<Subscription>, StoreError> {
    view.query(LAPSED, &[now.into(), limit.into()], read)
}

/// Changes what can change without money: the status, the end of access, and when a renewal is tried.
///
/// # Errors
/// [`StoreError::Lost`] if the subscription is not active any more, or another period of it has been paid for;
/// otherwise if the database fails.
pub fn update(work: &mut Work<'_>, row: &Subscription, now: Timestamp) -> Result<(), StoreError> {
    let text = "UPDATE subscriptions SET status = $3, expires_at = $4, auto_renew = $5, renew_at = $6, \
        renewals_tried = $7, updated_at = $8 WHERE id = $1 AND period = $2 AND status = 'active'";
    let values = [
        row.id.into(),
        row.period.into(),
        row.status.into(),
        row.expires_at.into(),
        row.auto_renew.into(),
        row.renew_at.into(),
        row.renewals_tried.into(),
        now.into(),
    ];
    match work.execute(text, &values)? {
        1 => Ok(()),
        _ => Err(StoreError::Lost("a subscription")),
    }
}
