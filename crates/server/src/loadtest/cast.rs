//! How many accounts a run needs, and what they need, so that what is tried is the server and not its refusals. Pure.
//!
//! Of twenty visitors who are signed in, one is free, and with an administrator's token four have premium; the others
//! are creators, who buy from one another. The free ones are few, so that they run into their limit at every busy
//! moment: a 429 is a part of the picture. The others have half as much again as they need.

use super::plan::{Plan, Scenario};

/// Of twenty.
const DECK: u64 = 20;
/// Requests of a signed-in scenario.
const STEPS: u64 = 2;
/// What a content and a month cost.
pub const PRICE_CENTS: u64 = 100;
/// Accounts that are looked for a limit with.
const FOR_LIMIT: u64 = 300;

/// What a tier is, as the API calls it, and what it may do in a minute by default.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Tier {
    /// 10 requests a minute.
    Free,
    /// 100.
    Premium,
    /// 500.
    Creator,
}

impl Tier {
    /// The API's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Premium => "premium",
            Self::Creator => "creator",
        }
    }

    const fn a_minute(self) -> u64 {
        match self {
            Self::Free => 10,
            Self::Premium => 100,
            Self::Creator => 500,
        }
    }
}

/// Accounts of each tier, and what creators offer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cast {
    /// Free accounts.
    pub free: u64,
    /// Premium accounts.
    pub premium: u64,
    /// Creators.
    pub creators: u64,
    /// Contents of each creator.
    pub contents_each: u64,
    /// Things that one account buys at most, of each kind.
    pub bought_each: u64,
}

impl Cast {
    /// Enough for a plan.
    #[must_use]
    pub fn of(plan: &Plan, with_premium: bool) -> Self {
        let of = |scenario: Scenario| plan.arrivals.iter().filter(|arrival| arrival.scenario == scenario).count();
        let count = |scenario| u64::try_from(of(scenario)).unwrap_or(u64::MAX);
        let mut cast = Self { free: DECK, premium: 0, creators: 4, contents_each: 1, bought_each: 0 };
        if with_premium {
            cast.premium = within_limits(plan, cast.share(Tier::Premium), Tier::Premium).max(1);
        }
        cast.creators = cast.creators.max(within_limits(plan, cast.share(Tier::Creator), Tier::Creator));
        // Nobody subscribes to a creator twice, and to themselves never.
        let subscriptions = count(Scenario::Subscriptions);
        while cast.each(subscriptions) >= cast.creators {
            cast.creators += 1;
        }
        let unlocks = cast.each(count(Scenario::Unlock));
        cast.contents_each = unlocks.div_ceil(cast.creators - 1).max(1);
        let others = Scenario::ALL.iter().map(|scenario| cast.each(count(*scenario)));
        cast.bought_each = others.max().unwrap_or_default();
        cast
    }

    /// Enough for every rate that a machine of today bears for some seconds.
    #[must_use]
    pub const fn for_limit() -> Self {
        Self { free: 0, premium: 0, creators: FOR_LIMIT, contents_each: 4, bought_each: 4 * FOR_LIMIT }
    }

    /// The highest rate at which no creator is refused, if they are limited.
    #[must_use]
    pub const fn rate_within_limits(&self) -> u64 {
        self.creators * Tier::Creator.a_minute() / 60 / STEPS
    }

    /// Whose turn it is among the visitors of a scenario: the tier, and how many of it had theirs before. So each
    /// account of a tier comes as often as any other, for each thing.
    #[must_use]
    pub fn visitor(&self, turn: u64) -> (Tier, u64) {
        let (round, at) = (turn / DECK, turn % DECK);
        let free = if self.free > 0 { self.share(Tier::Free) } else { 0 };
        let premium = if self.premium > 0 { self.share(Tier::Premium) } else { 0 };
        match at {
            at if at < free => (Tier::Free, round * free + at),
            at if at < free + premium => (Tier::Premium, round * premium + at - free),
            at => (Tier::Creator, round * (DECK - free - premium) + at - free - premium),
        }
    }

    /// How many accounts a tier has.
    #[must_use]
    pub const fn count(&self, tier: Tier) -> u64 {
        match tier {
            Tier::Free => self.free,
            Tier::Premium => self.premium,
            Tier::Creator => self.creators,
        }
    }

    /// Everybody.
    #[must_use]
    pub const fn accounts(&self) -> u64 {
        self.free + self.premium + self.creators
    }

    /// How many of twenty a tier is.
    const fn share(&self, tier: Tier) -> u64 {
        match tier {
            Tier::Free => 1,
            Tier::Premium => 4,
            Tier::Creator if self.premium > 0 => 15,
            Tier::Creator => 19,
        }
    }

    /// How often the busiest account does something that is done so often in all, and a little more.
    fn each(&self, times: u64) -> u64 {
        let of = |tier, accounts: u64| (times * self.share(tier)).div_ceil(DECK * accounts.max(1));
        let premium = if self.premium > 0 { of(Tier::Premium, self.premium) } else { 0 };
        of(Tier::Creator, self.creators).max(premium).max(of(Tier::Free, self.free)) + 2
    }
}

/// How many accounts of a tier a share of the peak needs, with half as much again.
fn within_limits(plan: &Plan, share: u64, tier: Tier) -> u64 {
    let signed_in = 100 - Scenario::Health.percent() - Scenario::SignIn.percent();
    let a_minute = plan.peak() * 60 * STEPS * signed_in * share / 100 / DECK;
    (a_minute * 3).div_ceil(tier.a_minute() * 2)
}

#[cfg(test)]
mod tests {
    use super::{Cast, Tier};
    use crate::loadtest::plan::{Mix, Phase, Plan, Scenario, quick, seed};
    use std::collections::BTreeMap;

    #[test]
    fn there_are_enough_accounts_for_every_profile_and_not_too_many() {
        for (phases, at_most) in [(seed(), 260), (quick(), 160), (vec![Phase::steady(20, 3)], 40)] {
            let plan = Plan::new(&phases, Mix::Everything, 1);
            for with_premium in [false, true] {
                let cast = Cast::of(&plan, with_premium);
                assert!(cast.accounts() <= at_most, "{cast:?}");
                assert_eq!(cast.premium > 0, with_premium);
                // What the busiest account of all buys, by the very turns that the run takes.
                for (scenario, there_are) in [
                    (Scenario::Subscriptions, cast.creators - 1),
                    (Scenario::Unlock, (cast.creators - 1) * cast.contents_each),
                ] {
                    let bought = plan.arrivals.iter().filter(|arrival| arrival.scenario == scenario).count();
                    let mut by_account = BTreeMap::new();
                    for turn in 0..u64::try_from(bought).unwrap() {
                        let (tier, before) = cast.visitor(turn);
                        *by_account.entry((tier, before % cast.count(tier))).or_insert(0) += 1;
                    }
                    let most = by_account.into_values().max().unwrap();
                    assert!(most <= there_are, "{scenario:?}: {most}, {cast:?}");
                }
            }
        }
    }

    #[test]
    fn paying_tiers_stay_below_their_limit_at_the_peak_and_free_ones_do_not() {
        let cast = Cast::of(&Plan::new(&seed(), Mix::Everything, 1), true);
        // 200 a second, three quarters of them signed in, with two requests each.
        let of_twenty = 200 * 60 * 2 * 75 / 100 / 20;
        assert!(of_twenty * 15 / cast.creators < 500, "{cast:?}");
        assert!(of_twenty * 4 / cast.premium < 100, "{cast:?}");
        assert!(of_twenty / cast.free > 10, "{cast:?}");
    }

    #[test]
    fn turns_are_dealt_by_share() {
        let mut cast = Cast { free: 1, premium: 1, creators: 1, contents_each: 1, bought_each: 1 };
        let count = |cast: &Cast, tier| (0..20).filter(|turn| cast.visitor(*turn).0 == tier).count();
        assert_eq!([Tier::Free, Tier::Premium, Tier::Creator].map(|tier| count(&cast, tier)), [1, 4, 15]);
        let numbers = |tier| (0..60).map(|turn| cast.visitor(turn)).filter(move |(of, _)| *of == tier);
        for tier in [Tier::Free, Tier::Premium, Tier::Creator] {
            assert!(numbers(tier).map(|(_, number)| number).eq(0..3 * cast.share(tier)), "{tier:?}");
        }
        cast.premium = 0;
        assert_eq!([Tier::Free, Tier::Premium, Tier::Creator].map(|tier| count(&cast, tier)), [1, 0, 19]);
    }
}
