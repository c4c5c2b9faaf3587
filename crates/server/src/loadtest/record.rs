//! What became of each request: counted and timed by phase, scenario and second, in bounded memory.

use super::client::{Answer, Fault};
use super::plan::{Plan, Scenario};
use hdrhistogram::Histogram;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Longer than any request may take, in microseconds.
const LONGEST_MICROS: u64 = 600_000_000;
/// Kinds of failure that are told apart.
const KINDS_MAX: usize = 32;

/// What became of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// As it must be.
    Good,
    /// 429: the limit of whoever asked. Neither good nor a failure.
    Limited,
    /// 503: the server had no room, and said so.
    Unavailable,
    /// Anything else, by what it was.
    Failed(String),
}

impl Outcome {
    /// An answer, held against the status that it should have.
    #[must_use]
    pub fn of(answer: &Result<Answer, Fault>, expected: u16) -> Self {
        match answer {
            Ok(answer) if answer.status == expected => Self::Good,
            Ok(answer) if answer.status == 429 => Self::Limited,
            Ok(answer) => {
                let problem = answer.json();
                let code = problem.get("code").and_then(Value::as_str).unwrap_or_default();
                match answer.status {
                    503 => Self::Unavailable,
                    status => Self::Failed(format!("{status} {code}").trim_end().to_owned()),
                }
            }
            Err(fault) => Self::Failed(fault.to_string()),
        }
    }
}

/// A request that is over.
#[derive(Debug)]
pub struct Sample {
    /// The phase that its arrival falls into.
    pub phase: usize,
    /// What it was for.
    pub scenario: Scenario,
    /// The route, as people know it.
    pub route: &'static str,
    /// When it was due, from the begin of the run.
    pub due: Duration,
    /// From then to its end: what whoever asked has waited.
    pub waited: Duration,
    /// What became of it.
    pub outcome: Outcome,
}

/// Requests of one kind.
#[derive(Clone, Debug)]
pub struct Tally {
    /// As they must be.
    pub good: u64,
    /// 429.
    pub limited: u64,
    /// 503.
    pub unavailable: u64,
    /// Anything else, by what it was.
    pub failed: BTreeMap<String, u64>,
    /// How long the good ones took, in microseconds.
    pub micros: Histogram<u64>,
}

impl Tally {
    fn add(&mut self, outcome: &Outcome, waited: Duration) {
        match outcome {
            Outcome::Good => {
                self.good += 1;
                self.micros.saturating_record(u64::try_from(waited.as_micros()).unwrap_or(u64::MAX));
            }
            Outcome::Limited => self.limited += 1,
            Outcome::Unavailable => self.unavailable += 1,
            Outcome::Failed(kind) => {
                let kind = if self.failed.len() < KINDS_MAX { kind } else { "others" };
                *self.failed.entry(kind.to_owned()).or_default() += 1;
            }
        }
    }

    /// Adds what another one counted. Both are made of the same template, so no value is out of range.
    pub fn merge(&mut self, other: &Self) {
        self.good += other.good;
        self.limited += other.limited;
        self.unavailable += other.unavailable;
        for (kind, count) in &other.failed {
            *self.failed.entry(kind.clone()).or_default() += count;
        }
        let _ = self.micros.add(&other.micros);
    }

    /// Failures that are not for want of room.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    /// All of them.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.good + self.limited + self.unavailable + self.failures()
    }

    /// What so many of a thousand good ones took at most, in microseconds.
    #[must_use]
    pub fn at(&self, permille: u16) -> u64 {
        self.micros.value_at_quantile(f64::from(permille) / 1_000.0)
    }
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Record {
    /// By phase and scenario.
    pub scenarios: BTreeMap<(usize, Scenario), Tally>,
    /// By route.
    pub routes: BTreeMap<&'static str, Tally>,
    /// By the second that they were due in; sign-in, whose time is that of a hash, is not among them.
    pub seconds: Vec<Tally>,
    /// What a tally begins as.
    fine: Tally,
}

impl Record {
    /// All of a scenario, or of all of a phase's scenarios that are asked for.
    #[must_use]
    pub fn sum(&self, wanted: impl Fn(usize, Scenario) -> bool) -> Tally {
        let mut sum = self.fine.clone();
        for ((phase, scenario), tally) in &self.scenarios {
            if wanted(*phase, *scenario) {
                sum.merge(tally);
            }
        }
        sum
    }

    fn add(&mut self, sample: &Sample) {
        let Sample { phase, scenario, route, due, waited, outcome } = sample;
        let fine = &self.fine;
        self.scenarios.entry((*phase, *scenario)).or_insert_with(|| fine.clone()).add(outcome, *waited);
        self.routes.entry(route).or_insert_with(|| fine.clone()).add(outcome, *waited);
        if *scenario == Scenario::SignIn {
            return;
        }
        // The second step of the last arrivals is due after the end.
        let last = self.seconds.len().saturating_sub(1);
        let second = usize::try_from(due.as_secs()).unwrap_or(last).min(last);
        if let Some(tally) = self.seconds.get_mut(second) {
            tally.add(outcome, *waited);
        }
    }
}

/// Takes samples from everywhere.
#[derive(Debug)]
pub struct Recorder(Mutex<Record>);

impl Recorder {
    /// Nothing yet.
    ///
    /// # Errors
    /// Never: the bounds are constants.
    pub fn new(plan: &Plan) -> anyhow::Result<Self> {
        let empty = |digits| -> anyhow::Result<Tally> {
            let micros = Histogram::new_with_bounds(1, LONGEST_MICROS, digits)?;
            Ok(Tally { good: 0, limited: 0, unavailable: 0, failed: BTreeMap::new(), micros })
        };
        let (fine, coarse) = (empty(3)?, empty(2)?);
        let seconds = vec![coarse; usize::try_from(plan.seconds())?];
        let (scenarios, routes) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self(Mutex::new(Record { scenarios, routes, seconds, fine })))
    }

    /// One more.
    pub fn add(&self, sample: &Sample) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(sample);
    }

    /// Good ones, 429, and the others so far; and p99 of the good ones of a second, in microseconds.
    #[must_use]
    pub fn glance(&self, second: usize) -> Glance {
        let record = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut glance = Glance::default();
        for tally in record.scenarios.values() {
            glance.good += tally.good;
            glance.limited += tally.limited;
            glance.wrong += tally.unavailable + tally.failures();
        }
        glance.p99_micros = record.seconds.get(second).map_or(0, |tally| tally.at(990));
        glance
    }

    /// What there is.
    #[must_use]
    pub fn take(&self) -> Record {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// How it goes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Glance {
    /// As they must be.
    pub good: u64,
    /// 429.
    pub limited: u64,
    /// Everything else.
    pub wrong: u64,
    /// Of one second's good ones.
    pub p99_micros: u64,
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Recorder, Sample};
    use crate::loadtest::plan::{Mix, Phase, Plan, Scenario};
    use std::time::Duration;

    #[test]
    fn refusals_of_the_limiter_are_neither_good_nor_failures_and_have_no_time() {
        let recorder = Recorder::new(&Plan::new(&[Phase::steady(1, 2)], Mix::Everything, 1)).unwrap();
        let failed = || Outcome::Failed("409 already_unlocked".to_owned());
        let outcomes = [Outcome::Good, Outcome::Good, Outcome::Limited, Outcome::Unavailable, failed(), failed()];
        for (number, outcome) in (1..).zip(outcomes) {
            let waited = Duration::from_millis(number * 10);
            let due = Duration::from_millis(number * 400);
            let route = "GET /api/content/{id}";
            recorder.add(&Sample { phase: 0, scenario: Scenario::Unlock, route, due, waited, outcome });
        }
        let record = recorder.take();
        let all = record.sum(|_, _| true);
        assert_eq!((all.good, all.limited, all.unavailable, all.failures(), all.requests()), (2, 1, 1, 2, 6));
        assert_eq!(all.failed.get("409 already_unlocked"), Some(&2));
        assert!((19_900..20_100).contains(&all.at(990)), "{}", all.at(990));
        assert_eq!(record.sum(|_, scenario| scenario == Scenario::Gifts).requests(), 0);
        // Due at 400 and 800 ms; everything later counts to the last second.
        assert_eq!(record.seconds.iter().map(super::Tally::requests).collect::<Vec<_>>(), [2, 4]);
        let glance = recorder.glance(0);
        assert_eq!((glance.good, glance.limited, glance.wrong), (2, 1, 3));
    }

    #[test]
    fn kinds_of_failure_are_bounded() {
        let recorder = Recorder::new(&Plan::new(&[Phase::steady(1, 1)], Mix::Everything, 1)).unwrap();
        for number in 0..1_000 {
            let (due, waited) = (Duration::ZERO, Duration::ZERO);
            let outcome = Outcome::Failed(format!("{number}"));
            recorder.add(&Sample { phase: 0, scenario: Scenario::Gifts, route: "a", due, waited, outcome });
        }
        let all = recorder.take().sum(|_, _| true);
        assert_eq!((all.failures(), all.failed.len()), (1_000, super::KINDS_MAX + 1));
    }
}
