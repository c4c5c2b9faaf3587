//! Subscriptions: plans, periods with an anchor day, renewal with a grace, and who is entitled when.

use crate::calendar::months_after;
use crate::id::{SubscriptionId, UserId};
use crate::money::Amount;
use crate::timestamp::{Span, Timestamp};
use crate::words::words;

words! {
    /// How long a period is.
    PlanTier {
        /// A month.
        Monthly = "monthly",
        /// Three months.
        Quarterly = "quarterly",
        /// Twelve months.
        Yearly = "yearly",
    }
}

impl PlanTier {
    /// In months.
    #[must_use]
    pub const fn months(self) -> i32 {
        match self {
            Self::Monthly => 1,
            Self::Quarterly => 3,
            Self::Yearly => 12,
        }
    }
}

words! {
    /// Where a subscription stands.
    SubscriptionStatus {
        /// It runs, or is in its grace.
        Active = "active",
        /// It came to its end.
        Ended = "ended",
        /// Its charge was refunded.
        Revoked = "revoked",
    }
}

/// What a creator asks for a subscription.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Plan {
    /// Whose it is, and who is paid.
    pub creator_id: UserId,
    /// For how long.
    pub tier: PlanTier,
    /// For how much.
    pub price: Amount,
    /// Whether it is on offer. Those who have it keep it.
    pub is_active: bool,
}

/// How renewals are charged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RenewalPolicy {
    /// How long access goes on after a period whose renewal could not be charged.
    pub grace: Span,
    /// How long after a failed charge the next one is tried.
    pub retry_after: Span,
    /// How often a charge is tried within the grace.
    pub tries_max: i64,
}

/// A subscription. Times are half-open: a period ends where the next one starts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Subscription {
    /// Its id: the UUID of its first transaction.
    pub id: SubscriptionId,
    /// Who pays.
    pub subscriber_id: UserId,
    /// Who is paid.
    pub creator_id: UserId,
    /// How long a period is.
    pub tier: PlanTier,
    /// Where it stands.
    pub status: SubscriptionStatus,
    /// What a period costs: the price that was signed up for.
    pub price: Amount,
    /// When it began. Every period is counted from here, so that its day of the month stays.
    pub anchor_at: Timestamp,
    /// The newest period that was paid for, counted from 0.
    pub period: i64,
    /// Where that period starts.
    pub period_start: Timestamp,
    /// Where it ends.
    pub period_end: Timestamp,
    /// Until when there is access: the end of the period, or of the grace after it.
    pub expires_at: Timestamp,
    /// Whether the next period is charged for.
    pub auto_renew: bool,
    /// When that is tried next.
    pub renew_at: Option<Timestamp>,
    /// How often it was tried.
    pub renewals_tried: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What is asked of a subscription that a subscription in that state cannot do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotRunning;

impl Subscription {
    /// A subscription that begins, with its first period.
    #[must_use]
    pub fn begin(
        id: SubscriptionId,
        subscriber_id: UserId,
        plan: &Plan,
        policy: RenewalPolicy,
        now: Timestamp,
    ) -> Self {
        let period_end = months_after(now, plan.tier.months());
        Self {
            id,
            subscriber_id,
            creator_id: plan.creator_id,
            tier: plan.tier,
            status: SubscriptionStatus::Active,
            price: plan.price,
            anchor_at: now,
            period: 0,
            period_start: now,
            period_end,
            expires_at: period_end.plus(policy.grace),
            auto_renew: true,
            renew_at: Some(period_end),
            renewals_tried: 0,
            created_at: now,
        }
    }

    /// Whether there is access at a moment.
    #[must_use]
    pub fn is_entitled(&self, now: Timestamp) -> bool {
        self.status == SubscriptionStatus::Active && now < self.expires_at
    }

    /// Where a period starts.
    fn start_of(&self, period: i64) -> Timestamp {
        let months = i32::try_from(period).ok().and_then(|period| period.checked_mul(self.tier.months()));
        months.map_or(Timestamp::from_micros(i64::MAX), |months| months_after(self.anchor_at, months))
    }

    /// Whether a renewal may be charged at a moment.
    ///
    /// One that was never tried may be late by any time: the server may have been down.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        let in_time = now < self.expires_at || self.renewals_tried == 0;
        self.status == SubscriptionStatus::Active && self.auto_renew && now >= self.period_end && in_time
    }

    /// The subscription with the period that runs at a moment paid for. Periods that nobody could have
    /// charged for, because the server was down, are not made up for.
    ///
    /// `None` if no renewal is due.
    #[must_use]
    pub fn renew(&self, policy: RenewalPolicy, now: Timestamp) -> Option<Self> {
        if !self.is_due(now) {
            return None;
        }
        let mut period = self.period.checked_add(1)?;
        while self.start_of(period.checked_add(1)?) <= now {
            period = period.checked_add(1)?;
        }
        let (period_start, period_end) = (self.start_of(period), self.start_of(period.checked_add(1)?));
        (period_start < period_end).then(|| Self {
            period,
            period_start,
            period_end,
            expires_at: period_end.plus(policy.grace),
            renew_at: Some(period_end),
            renewals_tried: 0,
            ..*self
        })
    }

    /// The subscription after a charge that failed: it is tried again later, or not any more.
    #[must_use]
    pub fn postpone(&self, policy: RenewalPolicy, now: Timestamp) -> Self {
        let renewals_tried = self.renewals_tried.saturating_add(1);
        let next = now.plus(policy.retry_after);
        let again = renewals_tried < policy.tries_max && next < self.expires_at;
        Self { renewals_tried, renew_at: again.then_some(next), ..*self }
    }

    /// Whether it has come to its end without anybody saying so: to be marked as ended.
    ///
    /// A renewal that is due and was never tried comes first.
    #[must_use]
    pub fn has_lapsed(&self, now: Timestamp) -> bool {
        self.status == SubscriptionStatus::Active && now >= self.expires_at && !self.is_due(now)
    }

    /// The subscription at its end.
    #[must_use]
    pub fn end(&self) -> Self {
        Self { status: SubscriptionStatus::Ended, renew_at: None, ..*self }
    }

    /// The subscription whose charge was given back: access ends at once.
    #[must_use]
    pub fn revoke(&self) -> Self {
        Self { status: SubscriptionStatus::Revoked, renew_at: None, auto_renew: false, ..*self }
    }

    /// The subscription that is not renewed: access until the period's end.
    ///
    /// # Errors
    /// [`NotRunning`] if there is no access any more.
    pub fn cancel(&self, now: Timestamp) -> Result<Self, NotRunning> {
        if !self.is_entitled(now) {
            return Err(NotRunning);
        }
        Ok(Self { auto_renew: false, renew_at: None, expires_at: self.period_end, ..*self })
    }

    /// The subscription that is renewed after all.
    ///
    /// # Errors
    /// [`NotRunning`] if there is no access any more: subscribe anew.
    pub fn resume(&self, policy: RenewalPolicy, now: Timestamp) -> Result<Self, NotRunning> {
        if !self.is_entitled(now) {
            return Err(NotRunning);
        }
        if self.auto_renew {
            return Ok(*self);
        }
        let expires_at = self.period_end.plus(policy.grace);
        Ok(Self { auto_renew: true, renew_at: Some(self.period_end), expires_at, renewals_tried: 0, ..*self })
    }
}

#[cfg(test)]
#[path = "subscription/tests.rs"]
mod tests;
