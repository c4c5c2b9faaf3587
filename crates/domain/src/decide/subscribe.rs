//! A fan subscribes, and each further period is charged once, at the price that was signed up for.

use super::sale;
use crate::audit::Action;
use crate::book::{Book, Draft};
use crate::command::{Renew, Subscribe};
use crate::id::{SubscriptionId, TransactionId};
use crate::receipt::Act;
use crate::refusal::Refusal;
use crate::subscription::{Subscription, SubscriptionStatus};
use crate::timestamp::Timestamp;

pub(super) fn begin(book: &Book, id: TransactionId, subscribe: &Subscribe, now: Timestamp) -> Result<Draft, Refusal> {
    let (fan, creator) = (subscribe.subscriber_id, subscribe.creator_id);
    if fan == creator {
        return Err(Refusal::SelfSubscription);
    }
    let plan = book.plan(creator, subscribe.tier).ok_or(Refusal::PlanNotFound)?;
    // One that has lapsed, and that nobody has marked as ended yet, is in nobody's way.
    let earlier = book.active_subscription(fan, creator);
    if earlier.is_some_and(|earlier| earlier.is_entitled(now)) {
        return Err(Refusal::AlreadySubscribed);
    }
    if !plan.is_active {
        return Err(Refusal::PlanInactive);
    }
    sale::expect(plan.price, subscribe.expected_price)?;
    let subscription = Subscription::begin(SubscriptionId::new(id.uuid()), fan, plan, subscribe.policy, now);
    let act = Act::Subscribe { subscription, ended: earlier.map(Subscription::end) };
    sale::draft(book, (fan, creator), plan.price, subscribe.terms, (Action::Subscribed, act))
}

pub(super) fn renew(book: &Book, renew: &Renew, now: Timestamp) -> Result<Draft, Refusal> {
    let subscription = book.subscription(renew.subscription_id).ok_or(Refusal::RenewalNotDue)?;
    let parties = (subscription.subscriber_id, subscription.creator_id);
    if parties != (renew.subscriber_id, renew.creator_id) || subscription.status != SubscriptionStatus::Active {
        return Err(Refusal::RenewalNotDue);
    }
    let renewed = subscription.renew(renew.policy, now).ok_or(Refusal::RenewalNotDue)?;
    sale::draft(book, parties, renewed.price, renew.terms, (Action::Renewed, Act::Renew(renewed)))
}
