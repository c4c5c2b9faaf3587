//! What happens to a subscription without money: cancelled, resumed, tried in vain, and ended.

use super::{Context, Denial, Done, Event};
use crate::store::{StoreError, Work, subscriptions};
use domain::audit::{Action, EntityType, Fields, Value};
use domain::id::{SubscriptionId, UserId};
use domain::subscription::{RenewalPolicy, Subscription};

/// Cancels a subscription at the end of its period.
///
/// # Errors
/// If the database fails.
pub fn cancel(work: &mut Work<'_>, context: &Context, subscriber: UserId, id: SubscriptionId) -> Done<Subscription> {
    let Some(before) = subscriptions::find_own(work, subscriber, id)? else {
        return Ok(Err(Denial::SubscriptionNotFound));
    };
    match before.cancel(context.now) {
        Ok(after) => change(work, context, Action::SubscriptionCancelled, &before, after).map(Ok),
        Err(_) => Ok(Err(Denial::SubscriptionEnded)),
    }
}

/// Lets a subscription be renewed after all.
///
/// # Errors
/// If the database fails.
pub fn resume(
    work: &mut Work<'_>,
    context: &Context,
    subscriber: UserId,
    id: SubscriptionId,
    policy: RenewalPolicy,
) -> Done<Subscription> {
    let Some(before) = subscriptions::find_own(work, subscriber, id)? else {
        return Ok(Err(Denial::SubscriptionNotFound));
    };
    match before.resume(policy, context.now) {
        Ok(after) => change(work, context, Action::SubscriptionResumed, &before, after).map(Ok),
        Err(_) => Ok(Err(Denial::SubscriptionEnded)),
    }
}

/// Puts the next try of a renewal off. Another process that did the same, or a renewal that was paid meanwhile,
/// has the last word: then nothing is changed.
///
/// # Errors
/// If the database fails.
pub fn postpone(
    work: &mut Work<'_>,
    context: &Context,
    tried: &Subscription,
    policy: RenewalPolicy,
    reason: &'static str,
) -> Result<(), StoreError> {
    let current = subscriptions::find_own(work, tried.subscriber_id, tried.id)?;
    let Some(current) = current.filter(|current| current == tried) else { return Ok(()) };
    let after = current.postpone(policy, context.now);
    subscriptions::update(work, &after, context.now)?;
    let mut event = event(Action::RenewalFailed, &current, &after);
    event.after.push(("reason", Value::Text(reason.to_owned())));
    context.record(work, event)
}

/// Marks subscriptions as ended whose access is over, at most `limit` of them. Says how many.
///
/// # Errors
/// If the database fails.
pub fn end_lapsed(work: &mut Work<'_>, context: &Context, limit: i64) -> Result<usize, StoreError> {
    let mut ended = 0;
    for before in subscriptions::lapsed(work, context.now, limit)? {
        if before.has_lapsed(context.now) {
            change(work, context, Action::SubscriptionEnded, &before, before.end())?;
            ended += 1;
        }
    }
    Ok(ended)
}

/// Keeps a change and records it. What is as it was is not recorded.
fn change(
    work: &mut Work<'_>,
    context: &Context,
    action: Action,
    before: &Subscription,
    after: Subscription,
) -> Result<Subscription, StoreError> {
    if *before != after {
        subscriptions::update(work, &after, context.now)?;
        context.record(work, event(action, before, &after))?;
    }
    Ok(after)
}

fn event(action: Action, before: &Subscription, after: &Subscription) -> Event {
    let fields = |row: &Subscription| -> Fields {
        vec![
            ("status", Value::Text(row.status.as_str().to_owned())),
            ("auto_renew", Value::Integer(i64::from(row.auto_renew))),
            ("renewals_tried", Value::Integer(row.renewals_tried)),
            ("expires_at", Value::Integer(row.expires_at.as_micros())),
        ]
    };
    let mut event = Event::new(action, EntityType::Subscription, Some(before.id.uuid()));
    (event.before, event.after) = (fields(before), fields(after));
    event
}
