//! Subscriptions in the reference model. Period k starts k tiers after the anchor, on the anchor's day.

use super::Model;
use super::sales::{OF_SUBSCRIPTIONS, expect};
use crate::ask::{Number, Sending, User};
use crate::months::{add_months, months_between};
use crate::terms::Policy;
use crate::told::{Done, Of, Refused, Row, Sub};

impl Sub {
    /// There is access until the grace after the period is over, unless it was ended or revoked.
    pub fn gives_access(&self, now: i64) -> bool {
        self.status == "active" && now < self.expires
    }

    /// Whoever does not want to go on is not charged. A try that failed is repeated within the grace only; one
    /// that was never made, because the server was down, is made whenever the server is back.
    fn is_due(&self, now: i64) -> bool {
        let never_tried = self.tries == 0;
        self.status == "active" && self.renews && now >= self.end && (never_tried || now < self.expires)
    }

    fn start_of(&self, period: i64) -> i64 {
        add_months(self.anchor, period * self.months)
    }

    /// Paid for the period that runs now, and at least for the next.
    fn renewed(&self, policy: Policy, now: i64) -> Self {
        let guess = months_between(self.anchor, now) / self.months;
        let running = if self.start_of(guess) > now { guess - 1 } else { guess };
        let period = running.max(self.period + 1);
        let end = self.start_of(period + 1);
        let start = self.start_of(period);
        Self { period, start, end, expires: end + policy.grace, next_try: Some(end), tries: 0, ..*self }
    }

    pub fn postponed(&self, policy: Policy, now: i64) -> Self {
        let (tries, next) = (self.tries + 1, now + policy.retry_after);
        let next_try = if tries < policy.tries && next < self.expires { Some(next) } else { None };
        Self { tries, next_try, ..*self }
    }

    pub fn cancelled(&self, now: i64) -> Option<Self> {
        self.gives_access(now).then_some(Self { renews: false, next_try: None, expires: self.end, ..*self })
    }

    pub fn resumed(&self, policy: Policy, now: i64) -> Option<Self> {
        if !self.gives_access(now) {
            None
        } else if self.renews {
            Some(*self)
        } else {
            let (expires, next_try) = (self.end + policy.grace, Some(self.end));
            Some(Self { renews: true, next_try, expires, tries: 0, ..*self })
        }
    }

    /// At its end, unless a charge for it is still due.
    pub fn lapsed(&self, now: i64) -> Option<Self> {
        let over = self.status == "active" && now >= self.expires && !self.is_due(now);
        over.then_some(self.ended())
    }

    fn ended(&self) -> Self {
        Self { status: "ended", next_try: None, ..*self }
    }

    pub(super) fn revoked(&self) -> Self {
        Self { status: "revoked", next_try: None, renews: false, ..*self }
    }
}

impl Model {
    pub(super) fn subscribe(
        &mut self,
        sending: &Sending,
        (fan, creator): (User, User),
        (months, expected): (i64, Option<i64>),
        now: i64,
    ) -> Result<Done, Refused> {
        if fan == creator {
            return Err(Refused::new("self_subscription"));
        }
        let plan = *self.plans.get(&(creator, months)).ok_or(Refused::new("plan_not_found"))?;
        let earlier = self.subscription(fan, creator).copied();
        if earlier.is_some_and(|earlier| earlier.gives_access(now)) {
            return Err(Refused::new("already_subscribed"));
        }
        if !plan.is_active {
            return Err(Refused::new("plan_inactive"));
        }
        expect(plan.price, expected)?;
        let end = add_months(now, months);
        let new = Sub {
            id: sending.number,
            fan,
            creator,
            months,
            status: "active",
            price: plan.price,
            anchor: now,
            period: 0,
            start: now,
            end,
            expires: end + sending.seen.policy.grace,
            renews: true,
            next_try: Some(end),
            tries: 0,
            made: now,
        };
        let ended = earlier.map(|earlier| earlier.ended());
        let done = self.charge(sending, &new, Row::Subscribe { new, ended }, now)?;
        self.subscriptions.extend(ended.map(|ended| (ended.id, ended)));
        Ok(done)
    }

    pub(super) fn renew(&mut self, sending: &Sending, subscription: Number, now: i64) -> Result<Done, Refused> {
        let (row, seen) = (self.subscriptions.get(&subscription).copied(), &sending.seen);
        let known = row.filter(|row| (Some(row.fan), Some(row.creator)) == (seen.fan, seen.creator));
        let row = known.filter(|row| row.is_due(now)).ok_or(Refused::new("renewal_not_due"))?;
        let renewed = row.renewed(sending.seen.policy, now);
        let done = self.charge(sending, &renewed, Row::Renew { renewed }, now)?;
        if renewed.period > row.period + 1 {
            self.notes.push("renewal after missed periods");
        } else if now > row.end && row.tries > 0 {
            self.notes.push("renewal within the grace");
        }
        Ok(done)
    }

    /// One charge for a period, at the price that was signed up for.
    fn charge(&mut self, sending: &Sending, row: &Sub, act: Row, now: i64) -> Result<Done, Refused> {
        let of = Of::Period { subscription: row.id, period: row.period };
        let done = self.sell(sending, (row.fan, row.creator, row.price), (OF_SUBSCRIPTIONS, of), act, now)?;
        self.subscriptions.insert(row.id, *row);
        Ok(done)
    }

    /// The one that is active, though it may have come to its end.
    pub fn subscription(&self, fan: User, creator: User) -> Option<&Sub> {
        self.subscriptions.values().find(|row| (row.fan, row.creator, row.status) == (fan, creator, "active"))
    }

    /// Why somebody sees a content.
    pub fn access(&self, user: User, content: u64, now: i64) -> &'static str {
        let row = &self.contents[&content];
        let subscribes = self.subscription(user, row.creator).is_some_and(|row| row.gives_access(now));
        if row.creator == user {
            "creator"
        } else if row.price == 0 && !row.subscriber_only {
            "free"
        } else if self.unlocked.contains_key(&(user, content)) {
            "unlocked"
        } else if subscribes && row.subscriber_only {
            "subscription"
        } else {
            "locked"
        }
    }
}
