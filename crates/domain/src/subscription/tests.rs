//! Periods, grace, cancelling, and what happens after the server was down.

use super::{NotRunning, Plan, PlanTier, RenewalPolicy, Subscription, SubscriptionStatus};
use crate::id::{SubscriptionId, UserId};
use crate::money::Amount;
use crate::timestamp::{Span, Timestamp};
use uuid::Uuid;

const POLICY: RenewalPolicy = RenewalPolicy { grace: Span::days(3), retry_after: Span::hours(24), tries_max: 3 };

fn at(text: &str) -> Timestamp {
    Timestamp::from_micros(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
}

fn monthly(start: &str) -> Subscription {
    let plan = Plan {
        creator_id: UserId::new(Uuid::from_u128(1)),
        tier: PlanTier::Monthly,
        price: Amount::new(500).unwrap(),
        is_active: true,
    };
    Subscription::begin(
        SubscriptionId::new(Uuid::from_u128(3)),
        UserId::new(Uuid::from_u128(2)),
        &plan,
        POLICY,
        at(start),
    )
}

#[test]
fn every_period_keeps_the_anchor_day() {
    let mut subscription = monthly("2027-01-31T10:00:00Z");
    for (start, end) in [
        ("2027-02-28T10:00:00Z", "2027-03-31T10:00:00Z"),
        ("2027-03-31T10:00:00Z", "2027-04-30T10:00:00Z"),
        ("2027-04-30T10:00:00Z", "2027-05-31T10:00:00Z"),
    ] {
        subscription = subscription.renew(POLICY, subscription.period_end).unwrap();
        assert_eq!((subscription.period_start, subscription.period_end), (at(start), at(end)));
    }
    assert_eq!(subscription.period, 3);
}

#[test]
fn access_lasts_through_the_grace_and_not_a_microsecond_longer() {
    let subscription = monthly("2027-01-15T00:00:00Z");
    let last = at("2027-02-18T00:00:00Z").minus(Span::MICROSECOND);
    assert!(subscription.is_entitled(last) && !subscription.is_entitled(at("2027-02-18T00:00:00Z")));
    assert!(!subscription.is_due(at("2027-02-15T00:00:00Z").minus(Span::MICROSECOND)));
    assert!(subscription.is_due(at("2027-02-15T00:00:00Z")));
}

#[test]
fn a_charge_is_tried_a_bounded_number_of_times_and_then_the_end_comes() {
    let subscription = monthly("2027-01-15T00:00:00Z");
    let first = subscription.postpone(POLICY, at("2027-02-15T00:00:00Z"));
    assert_eq!(first.renew_at, Some(at("2027-02-16T00:00:00Z")));
    let second = first.postpone(POLICY, at("2027-02-16T00:00:00Z"));
    assert_eq!(second.renew_at, Some(at("2027-02-17T00:00:00Z")));
    let third = second.postpone(POLICY, at("2027-02-17T00:00:00Z"));
    assert_eq!(third.renew_at, None);
    assert!(!third.has_lapsed(at("2027-02-17T23:59:59Z")));
    assert!(third.has_lapsed(at("2027-02-18T00:00:00Z")) && third.renew(POLICY, at("2027-02-18T00:00:00Z")).is_none());
    // A charge that succeeds within the grace pays for the period that began with it.
    let renewed = second.renew(POLICY, at("2027-02-17T12:00:00Z")).unwrap();
    assert_eq!((renewed.period, renewed.period_start), (1, at("2027-02-15T00:00:00Z")));
    assert_eq!(renewed.renewals_tried, 0);
}

#[test]
fn after_a_long_downtime_the_running_period_is_charged_once_and_the_missed_ones_are_not() {
    let subscription = monthly("2027-01-31T00:00:00Z");
    let late = at("2027-06-15T00:00:00Z");
    assert!(!subscription.is_entitled(late) && !subscription.has_lapsed(late));
    let renewed = subscription.renew(POLICY, late).unwrap();
    assert_eq!(
        (renewed.period, renewed.period_start, renewed.period_end),
        (4, at("2027-05-31T00:00:00Z"), at("2027-06-30T00:00:00Z"))
    );
    assert!(renewed.is_entitled(late) && renewed.renew(POLICY, late).is_none());
    // Tried once and failed, it is over.
    assert!(subscription.postpone(POLICY, late).has_lapsed(late));
}

#[test]
fn cancelling_keeps_the_period_and_resuming_brings_the_renewal_back() {
    let subscription = monthly("2027-01-15T00:00:00Z");
    let middle = at("2027-02-01T00:00:00Z");
    let cancelled = subscription.cancel(middle).unwrap();
    assert!(cancelled.is_entitled(at("2027-02-14T23:59:59Z")) && !cancelled.is_entitled(at("2027-02-15T00:00:00Z")));
    assert!(!cancelled.is_due(at("2027-02-15T00:00:00Z")) && cancelled.has_lapsed(at("2027-02-15T00:00:00Z")));
    assert_eq!(cancelled.resume(POLICY, middle), Ok(subscription));
    assert_eq!(cancelled.resume(POLICY, at("2027-02-15T00:00:00Z")), Err(NotRunning));
    assert_eq!(subscription.resume(POLICY, middle), Ok(subscription));
    assert_eq!(cancelled.cancel(middle), Ok(cancelled));
}

/// Every state against every act: what is not declared here is refused.
#[test]
fn only_a_running_subscription_can_change() {
    let running = monthly("2027-01-15T00:00:00Z");
    let (middle, end) = (at("2027-02-01T00:00:00Z"), at("2027-02-15T00:00:00Z"));
    for stopped in [running.end(), running.revoke()] {
        assert_ne!(stopped.status, SubscriptionStatus::Active);
        assert_eq!(stopped.cancel(middle), Err(NotRunning));
        assert_eq!(stopped.resume(POLICY, middle), Err(NotRunning));
        assert!(stopped.renew(POLICY, end).is_none() && !stopped.has_lapsed(at("2028-01-01T00:00:00Z")));
        assert!(!stopped.is_entitled(middle) && stopped.renew_at.is_none());
    }
}
