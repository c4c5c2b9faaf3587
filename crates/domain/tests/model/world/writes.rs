//! What goes on beside the ledger: the clock, administrators, creators who change their offers, fans who cancel
//! their subscriptions, and the job that puts renewals off and marks what has lapsed.

use super::{Tally, World, count};
use crate::ask::{Number, User, content_id, tier, user_id};
use crate::chance::{CREATORS, LATECOMER};
use crate::reference::{Content, Pending, Plan};
use crate::terms::{POLICIES, TERMS};
use crate::told::plain;
use domain::content::{Offer, Price};
use domain::id::DepositId;
use domain::money::Amount;
use domain::receipt::{DepositAsked, DepositStatus};
use domain::subscription::{Plan as PlanRow, Subscription};
use domain::timestamp::Timestamp;
use domain::wallet::Provider;
use std::collections::HashSet;
use uuid::Uuid;

const CONTENTS: u64 = 10;
const CONTENTS_MAX: u64 = 40;

impl World {
    /// The first contents and plans.
    pub(super) fn open(&mut self) {
        self.settings.policy = self.chance.one_of(&POLICIES);
        self.change_prices();
        for content in 1..=CONTENTS {
            self.set_content(content);
        }
        for creator in 1..=CREATORS {
            for months in [1, 3, 12] {
                if !self.chance.once_in(4) {
                    self.set_plan(creator, months);
                }
            }
        }
    }

    /// Time passes, and people are at work.
    pub(super) fn disturb(&mut self) {
        self.now = self.chance.tick(self.now, &self.store);
        self.write();
        if !self.model.balances.contains_key(&LATECOMER) && self.chance.once_in(60) {
            self.register(LATECOMER);
        }
    }

    pub(super) fn write(&mut self) {
        self.change_standing();
        self.change_offers();
        if self.chance.once_in(5) {
            self.settings.terms = if self.chance.once_in(2) { 0 } else { self.chance.size(TERMS.len()) - 1 };
            self.change_prices();
        }
        if self.chance.once_in(2) {
            self.ask_for_deposit();
        }
        if self.chance.once_in(3) {
            self.change_subscription();
        }
        if self.chance.once_in(4) {
            self.end_what_lapsed();
        }
    }

    pub(super) fn register(&mut self, user: User) {
        self.store.register(user);
        self.model.balances.insert(user, 0);
    }

    fn change_standing(&mut self) {
        if self.chance.once_in(3) {
            let (user, frozen) = (self.chance.user(), self.chance.once_in(10));
            self.store.set_frozen(user, frozen);
            mark(&mut self.model.frozen, user, frozen);
        }
        if self.chance.once_in(3) {
            let (user, suspended) = (self.chance.user(), self.chance.once_in(10));
            self.store.set_suspended(user, suspended);
            mark(&mut self.model.suspended, user, suspended);
        }
    }

    fn change_prices(&mut self) {
        self.settings.prices = [(); 4].map(|()| self.chance.price().max(1));
    }

    fn change_offers(&mut self) {
        if self.chance.once_in(2) {
            let known = u64::try_from(self.model.contents.len()).unwrap();
            let content = u64::try_from(self.chance.size(usize::try_from(known).unwrap() + 1)).unwrap();
            self.set_content(content.min(CONTENTS_MAX));
        }
        if self.chance.once_in(4) {
            let (creator, months) = (self.chance.creator(), self.chance.one_of(&[1, 3, 12]));
            self.set_plan(creator, months);
        }
    }

    fn set_content(&mut self, content: u64) {
        let known = self.model.contents.get(&content).map(|row| row.creator);
        let row = Content {
            creator: known.unwrap_or_else(|| self.chance.creator()),
            price: self.chance.price(),
            subscriber_only: self.chance.once_in(8),
            is_active: !self.chance.once_in(8),
        };
        self.model.contents.insert(content, row);
        let offer = Offer {
            id: content_id(content),
            creator_id: user_id(row.creator),
            price: Price::new(row.price).unwrap(),
            subscriber_only: row.subscriber_only,
            is_active: row.is_active,
        };
        self.store.contents.insert(offer.id, offer);
    }

    fn set_plan(&mut self, creator: User, months: i64) {
        let plan = Plan { price: self.chance.price().max(1), is_active: !self.chance.once_in(6) };
        self.model.plans.insert((creator, months), plan);
        let row = PlanRow {
            creator_id: user_id(creator),
            tier: tier(months),
            price: Amount::new(plan.price).unwrap(),
            is_active: plan.is_active,
        };
        self.store.plans.insert((row.creator_id, row.tier), row);
    }

    /// A deposit that waits for its provider; or the provider says no to one.
    fn ask_for_deposit(&mut self) {
        let waiting: Vec<_> = self.model.deposits.iter().filter(|(_, row)| row.is_pending).map(|(id, _)| *id).collect();
        let (id, row) = if self.chance.once_in(8) && !waiting.is_empty() {
            let id = self.chance.one_of(&waiting);
            (id, Pending { is_pending: false, ..self.model.deposits[&id] })
        } else {
            let through = self.chance.one_of(&["sandbox", "other"]);
            let (to, amount) = (self.chance.user(), self.chance.amount(0, 0));
            (self.chance.number(), Pending { to, amount, through, is_pending: true })
        };
        self.model.deposits.insert(id, row);
        self.store.set_deposit(DepositAsked {
            id: DepositId::new(Uuid::from_u128(id)),
            user_id: user_id(row.to),
            amount: Amount::new(row.amount).unwrap(),
            provider: Provider::parse(row.through).unwrap(),
            provider_tx_id: None,
            status: if row.is_pending { DepositStatus::Pending } else { DepositStatus::Failed },
        });
    }

    /// A fan cancels, or thinks better of it.
    fn change_subscription(&mut self) {
        let rows: Vec<Subscription> = self.store.subscriptions().copied().collect();
        if rows.is_empty() {
            return;
        }
        let newest = rows.len().saturating_sub(12);
        let (row, now) = (self.chance.one_of(&rows[newest..]), Timestamp::from_micros(self.now));
        let (policy, plain_row) = (self.settings.policy, plain(&row));
        let (given, due) = if self.chance.once_in(3) {
            (row.cancel(now), plain_row.cancelled(self.now))
        } else {
            (row.resume(policy.policy(), now), plain_row.resumed(policy, self.now))
        };
        self.replace(given.ok(), due);
    }

    /// The job marks what has come to its end.
    fn end_what_lapsed(&mut self) {
        let (rows, now): (Vec<Subscription>, _) =
            (self.store.subscriptions().copied().collect(), Timestamp::from_micros(self.now));
        for row in rows {
            let due = plain(&row).lapsed(self.now);
            self.replace(row.has_lapsed(now).then(|| row.end()), due);
        }
    }

    /// The job puts off a renewal that was refused, unless it died before it could.
    pub(super) fn postpone(&mut self, subscription: Number, tally: &mut Tally) {
        let row = self.store.subscriptions().find(|row| row.id.uuid().as_u128() == subscription).copied();
        let row = row.filter(|row| row.is_due(Timestamp::from_micros(self.now)) && !self.chance.once_in(3));
        let Some(row) = row else { return };
        let (policy, now) = (self.settings.policy, Timestamp::from_micros(self.now));
        count(tally, "renewal put off");
        self.replace(Some(row.postpone(policy.policy(), now)), Some(plain(&row).postponed(policy, self.now)));
    }

    fn replace(&mut self, given: Option<Subscription>, due: Option<crate::told::Sub>) {
        assert_eq!(given.as_ref().map(plain), due);
        if let (Some(row), Some(due)) = (given, due) {
            self.store.set_subscription(row);
            self.model.subscriptions.insert(due.id, due);
        }
    }
}

fn mark(users: &mut HashSet<User>, user: User, marked: bool) {
    if marked {
        users.insert(user);
    } else {
        users.remove(&user);
    }
}
