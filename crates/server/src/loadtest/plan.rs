//! Who arrives when: the phases of a profile become moments, before anything is sent. Pure.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use std::time::Duration;

/// Microseconds in a second.
const SECOND: u64 = 1_000_000;

/// What a visitor comes for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Scenario {
    /// Asks how the server is.
    Health,
    /// Signs in.
    SignIn,
    /// Looks at the balance and pays somebody.
    Wallet,
    /// Looks at a content and buys it.
    Unlock,
    /// Subscribes to a creator and looks at what is active.
    Subscriptions,
    /// Sends a gift and looks at the leaderboard.
    Gifts,
}

impl Scenario {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 6] =
        [Self::Health, Self::SignIn, Self::Wallet, Self::Unlock, Self::Subscriptions, Self::Gifts];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::SignIn => "sign-in",
            Self::Wallet => "wallet",
            Self::Unlock => "unlock",
            Self::Subscriptions => "subscriptions",
            Self::Gifts => "gifts",
        }
    }

    /// Of a hundred visitors, how many come for this.
    #[must_use]
    pub const fn percent(self) -> u64 {
        match self {
            Self::Health => 10,
            Self::SignIn | Self::Subscriptions | Self::Gifts => 15,
            Self::Wallet => 20,
            Self::Unlock => 25,
        }
    }
}

/// Which scenarios a run has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mix {
    /// All six, by their weights.
    Everything,
    /// All but sign-in, which a machine runs out of long before anything else.
    WithoutSignIn,
}

/// A stretch of time at a rate that stays or goes evenly from one to another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Phase {
    /// Its name.
    pub name: &'static str,
    /// How long it lasts.
    pub seconds: u64,
    /// Arrivals a second at its begin.
    pub from: u64,
    /// Arrivals a second at its end.
    pub to: u64,
}

impl Phase {
    /// One rate for all of the time.
    #[must_use]
    pub const fn steady(rate: u64, seconds: u64) -> Self {
        Self { name: "steady", seconds, from: rate, to: rate }
    }

    /// How many arrive.
    #[must_use]
    pub const fn arrivals(&self) -> u64 {
        (self.from + self.to) * self.seconds / 2
    }

    /// How many millionths of an arrival there were until a moment, times twice the seconds, times a million: whole
    /// numbers all the way.
    fn until(&self, micros: u64) -> i128 {
        let (time, from, to) = (i128::from(micros), i128::from(self.from), i128::from(self.to));
        2 * i128::from(self.seconds) * i128::from(SECOND) * from * time + (to - from) * time * time
    }

    /// When an arrival comes that is so many millionths behind the first moment.
    fn moment(&self, millionths: u64) -> u64 {
        let wanted = i128::from(millionths) * 2 * i128::from(self.seconds) * i128::from(SECOND);
        let (mut early, mut late) = (0, self.seconds * SECOND);
        while early < late {
            let middle = early + (late - early) / 2;
            if self.until(middle) < wanted { early = middle + 1 } else { late = middle }
        }
        early
    }
}

/// The report's five phases: 49 500 arrivals in ten minutes.
#[must_use]
pub fn seed() -> Vec<Phase> {
    shaped([60, 120, 300, 60, 60])
}

/// The same shape in a minute: 4 950 arrivals.
#[must_use]
pub fn quick() -> Vec<Phase> {
    shaped([6, 12, 30, 6, 6])
}

fn shaped([warm_up, ramp_up, sustained, spike, cool_down]: [u64; 5]) -> Vec<Phase> {
    vec![
        Phase { name: "warm-up", seconds: warm_up, from: 5, to: 5 },
        Phase { name: "ramp-up", seconds: ramp_up, from: 10, to: 100 },
        Phase { name: "sustained", seconds: sustained, from: 100, to: 100 },
        Phase { name: "spike", seconds: spike, from: 200, to: 200 },
        Phase { name: "cool-down", seconds: cool_down, from: 10, to: 10 },
    ]
}

/// One visitor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Arrival {
    /// When, from the begin of the run.
    pub at: Duration,
    /// Which phase it falls into.
    pub phase: usize,
    /// What for.
    pub scenario: Scenario,
}

/// Everybody who comes.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The phases.
    pub phases: Vec<Phase>,
    /// Everybody, in order.
    pub arrivals: Vec<Arrival>,
}

impl Plan {
    /// Each arrival has a slot of its own, and comes somewhere in it: so the numbers are exact, and yet two may come
    /// at almost the same moment, as people do. Scenarios are dealt from a shuffled deck of their weights.
    #[must_use]
    pub fn new(phases: &[Phase], mix: Mix, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let deck = deck(mix);
        let (mut hand, mut arrivals, mut begin) = (Vec::new(), Vec::new(), 0);
        for (index, phase) in phases.iter().enumerate() {
            for slot in 0..phase.arrivals() {
                let scenario = loop {
                    match hand.pop() {
                        Some(scenario) => break scenario,
                        None => {
                            hand.clone_from(&deck);
                            hand.shuffle(&mut random);
                        }
                    }
                };
                let within = phase.moment(slot * SECOND + random.random_range(0..SECOND));
                arrivals.push(Arrival { at: Duration::from_micros(begin + within), phase: index, scenario });
            }
            begin += phase.seconds * SECOND;
        }
        Self { phases: phases.to_vec(), arrivals }
    }

    /// How long it lasts.
    #[must_use]
    pub fn seconds(&self) -> u64 {
        self.phases.iter().map(|phase| phase.seconds).sum()
    }

    /// The highest rate.
    #[must_use]
    pub fn peak(&self) -> u64 {
        self.phases.iter().map(|phase| phase.from.max(phase.to)).max().unwrap_or_default()
    }
}

/// As many of each scenario as its share is of twenty.
fn deck(mix: Mix) -> Vec<Scenario> {
    let scenarios = Scenario::ALL.iter().filter(|scenario| mix == Mix::Everything || **scenario != Scenario::SignIn);
    scenarios.flat_map(|scenario| (0..scenario.percent() / 5).map(|_| *scenario)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Mix, Phase, Plan, Scenario, quick, seed};
    use std::time::Duration;

    #[test]
    fn the_reports_profile_has_exactly_its_arrivals_and_its_weights() {
        let plan = Plan::new(&seed(), Mix::Everything, 1);
        assert_eq!((plan.arrivals.len(), plan.seconds(), plan.peak()), (49_500, 600, 200));
        for scenario in Scenario::ALL {
            let count = plan.arrivals.iter().filter(|arrival| arrival.scenario == scenario).count();
            assert_eq!(u64::try_from(count).unwrap(), 495 * scenario.percent(), "{}", scenario.name());
        }
        let plan = Plan::new(&quick(), Mix::Everything, 1);
        assert_eq!((plan.arrivals.len(), plan.seconds(), plan.peak()), (4_950, 60, 200));
    }

    #[test]
    fn arrivals_are_in_order_each_in_its_phase_and_every_second_has_its_rate() {
        let plan = Plan::new(&seed(), Mix::Everything, 7);
        assert!(plan.arrivals.is_sorted_by_key(|arrival| arrival.at));
        let mut per_second = vec![0_u64; 600];
        for arrival in &plan.arrivals {
            per_second[usize::try_from(arrival.at.as_secs()).unwrap()] += 1;
        }
        for (second, count) in (0_u64..).zip(per_second) {
            let expected = match second {
                0..60 => 5,
                // The middle of a second on the way from 10 to 100 in two minutes.
                60..180 => 10 + (2 * (second - 60) + 1) * 90 / 240,
                180..480 => 100,
                480..540 => 200,
                _ => 10,
            };
            assert!(count.abs_diff(expected) <= 2, "second {second} has {count} arrivals instead of {expected}");
        }
        let of = |at: u64| plan.arrivals.iter().find(|arrival| arrival.at >= Duration::from_secs(at)).unwrap().phase;
        assert_eq!([of(0), of(60), of(180), of(480), of(540)], [0, 1, 2, 3, 4]);
    }

    #[test]
    fn the_same_seed_is_the_same_run_and_another_is_not() {
        let phases = [Phase::steady(50, 3)];
        let plan = |seed| Plan::new(&phases, Mix::Everything, seed).arrivals;
        assert_eq!(plan(3), plan(3));
        assert_ne!(plan(3), plan(4));
        assert_eq!(plan(3).len(), 150);
    }

    #[test]
    fn nobody_signs_in_where_a_limit_is_looked_for() {
        let plan = Plan::new(&[Phase::steady(170, 10)], Mix::WithoutSignIn, 3);
        assert!(plan.arrivals.iter().all(|arrival| arrival.scenario != Scenario::SignIn));
        let unlocks = plan.arrivals.iter().filter(|arrival| arrival.scenario == Scenario::Unlock).count();
        assert_eq!((plan.arrivals.len(), unlocks), (1_700, 500));
    }
}
