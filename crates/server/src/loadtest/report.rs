//! What a run came to, and whether it kept what was asked of it. `text.rs` says it to people. Pure.

mod text;

use super::Options;
use super::plan::{Plan, Scenario};
use super::progress::millis;
use super::record::{Record, Tally};
use domain::timestamp::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// The shape of the JSON report. A change to it that is no addition has another number.
const SCHEMA: u32 = 1;

/// What a scenario must keep.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Thresholds {
    /// What 95 of 100 good requests take at most, in microseconds.
    pub p95_micros: u64,
    /// What 99 of 100 take at most.
    pub p99_micros: u64,
    /// How many of a thousand requests that were not limited may fail.
    pub failed_permille: u64,
    /// How many of a thousand may be answered with 503. Of signing in; elsewhere a 503 is a failure.
    pub unavailable_permille: u64,
}

/// Requests of one kind, as they are reported.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Line {
    /// All that were due.
    pub requests: u64,
    /// As they must be.
    pub good: u64,
    /// 429.
    pub limited: u64,
    /// 503.
    pub unavailable: u64,
    /// Everything else, by what it was.
    pub failed: BTreeMap<String, u64>,
    /// Of the good ones, from the moment that each was due to the end of its answer.
    pub p50_micros: u64,
    /// The same.
    pub p95_micros: u64,
    /// The same.
    pub p99_micros: u64,
    /// The slowest.
    pub max_micros: u64,
}

impl From<&Tally> for Line {
    fn from(tally: &Tally) -> Self {
        Self {
            requests: tally.requests(),
            good: tally.good,
            limited: tally.limited,
            unavailable: tally.unavailable,
            failed: tally.failed.clone(),
            p50_micros: tally.at(500),
            p95_micros: tally.at(950),
            p99_micros: tally.at(990),
            max_micros: tally.micros.max(),
        }
    }
}

impl Line {
    fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    /// What of the thresholds was not kept, in words.
    fn broken(&self, limits: Thresholds) -> Vec<String> {
        let counted = self.requests - self.limited;
        let share = |count: u64, permille: u64| count * 1_000 >= counted * permille && count > 0;
        let (mut failed, mut unavailable) = (self.failures(), self.unavailable);
        if limits.unavailable_permille == 0 {
            (failed, unavailable) = (failed + unavailable, 0);
        }
        let mut broken = Vec::new();
        if self.p95_micros >= limits.p95_micros {
            broken.push(format!("p95 {} is not below {}", millis(self.p95_micros), millis(limits.p95_micros)));
        }
        if self.p99_micros >= limits.p99_micros {
            broken.push(format!("p99 {} is not below {}", millis(self.p99_micros), millis(limits.p99_micros)));
        }
        if share(failed, limits.failed_permille) {
            broken.push(format!("{failed} of {counted} failed, not below {}", percent(limits.failed_permille)));
        }
        if share(unavailable, limits.unavailable_permille) {
            let most = percent(limits.unavailable_permille);
            broken.push(format!("{unavailable} of {counted} were answered with 503, not below {most}"));
        }
        if self.good == 0 && self.requests > self.limited {
            broken.push("not one request was answered as it must be".to_owned());
        }
        broken
    }
}

/// So many of a thousand, as people read it.
#[must_use]
pub fn percent(permille: u64) -> String {
    if permille.is_multiple_of(10) {
        format!("{} %", permille / 10)
    } else {
        format!("{}.{} %", permille / 10, permille % 10)
    }
}

/// A scenario, held against its thresholds.
#[derive(Clone, Debug, Serialize)]
pub struct ScenarioLine {
    /// Its name.
    pub name: &'static str,
    /// What it came to.
    #[serde(flatten)]
    pub line: Line,
    /// What it must keep.
    pub thresholds: Thresholds,
    /// What it did not, in words; nothing if all is well.
    pub broken: Vec<String>,
}

/// A phase.
#[derive(Clone, Debug, Serialize)]
pub struct PhaseLine {
    /// Its name.
    pub name: &'static str,
    /// How long it lasts.
    pub seconds: u64,
    /// Arrivals a second at its begin.
    pub from: u64,
    /// Arrivals a second at its end.
    pub to: u64,
    /// All scenarios but sign-in.
    pub requests: Line,
    /// Sign-in alone.
    pub sign_in: Line,
}

/// One second of the run, without sign-in.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SecondLine {
    /// Requests that were due in it.
    pub requests: u64,
    /// 429.
    pub limited: u64,
    /// 503 and everything else that is not good.
    pub failed: u64,
    /// Of the good ones.
    pub p50_micros: u64,
    /// The same.
    pub p99_micros: u64,
}

/// A rate that was tried.
#[derive(Clone, Debug, Serialize)]
pub struct LimitStep {
    /// Arrivals a second.
    pub rate: u64,
    /// What it came to.
    pub line: Line,
    /// By how much the latest arrival was let go too late, in microseconds.
    pub late_micros: u64,
    /// Whether p99 stayed below the limit, and less than one in a hundred failed.
    pub good: bool,
}

impl LimitStep {
    /// Judges a rate.
    #[must_use]
    pub fn of(rate: u64, record: &Record, lag: Duration, limit: Duration) -> Self {
        let line = Line::from(&record.sum(|_, _| true));
        let p99_micros = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX);
        let limits = Thresholds { p95_micros: p99_micros, p99_micros, failed_permille: 10, unavailable_permille: 0 };
        let good = line.broken(limits).is_empty();
        Self { rate, line, late_micros: u64::try_from(lag.as_micros()).unwrap_or(u64::MAX), good }
    }

    /// For people.
    #[must_use]
    pub fn line(&self) -> String {
        let Self { rate, line, late_micros, good } = self;
        let verdict = if *good { "good" } else { "too much" };
        let wrong = line.failures() + line.unavailable;
        let (p50, p99) = (millis(line.p50_micros), millis(line.p99_micros));
        let late = millis(*late_micros);
        format!(
            "{rate:>6} arrivals a second: p50 {p50}, p99 {p99}, {wrong} wrong, let go at most {late} late: {verdict}"
        )
    }
}

/// The look at the ledger afterwards.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "status", content = "report", rename_all = "snake_case")]
pub enum Reconciliation {
    /// There was no administrator's token.
    Skipped,
    /// Everything adds up.
    Clean(Value),
    /// Something does not.
    Discrepancies(Value),
    /// Nobody knows.
    Failed(String),
}

/// All of it.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The shape of this report.
    pub schema: u32,
    /// Where the server is.
    pub target: String,
    /// Its version.
    pub version: String,
    /// What was run.
    pub profile: String,
    /// Repeats the same arrivals.
    pub seed: u64,
    /// When it began, in microseconds since 1970.
    pub began_at_micros: i64,
    /// Whether everything that was asked of it was kept.
    pub passed: bool,
    /// How many accounts of each tier there were.
    pub accounts: Vec<(&'static str, u64)>,
    /// How many visitors came.
    pub arrivals: usize,
    /// By how much the latest visitor was let go too late, in microseconds: what they waited counts all the same.
    pub late_micros: u64,
    /// By scenario.
    pub scenarios: Vec<ScenarioLine>,
    /// By route.
    pub routes: BTreeMap<&'static str, Line>,
    /// By phase.
    pub phases: Vec<PhaseLine>,
    /// By second.
    pub seconds: Vec<SecondLine>,
    /// The rates that were tried, where a limit was looked for.
    pub limit_steps: Vec<LimitStep>,
    /// The highest rate that was good.
    pub limit: Option<u64>,
    /// The look at the ledger afterwards.
    pub reconciliation: Reconciliation,
    #[serde(skip)]
    thresholds: (Thresholds, Thresholds),
    #[serde(skip)]
    looks_for_limit: bool,
}

impl Report {
    /// Of a run that has not begun.
    #[must_use]
    pub fn new(options: &Options, version: String, now: Timestamp) -> Self {
        Self {
            schema: SCHEMA,
            target: options.target.to_string(),
            version,
            profile: options.profile.clone(),
            seed: options.seed,
            began_at_micros: now.as_micros(),
            passed: false,
            accounts: Vec::new(),
            arrivals: 0,
            late_micros: 0,
            scenarios: Vec::new(),
            routes: BTreeMap::new(),
            phases: Vec::new(),
            seconds: Vec::new(),
            limit_steps: Vec::new(),
            limit: None,
            reconciliation: Reconciliation::Skipped,
            thresholds: (options.thresholds, options.sign_in),
            looks_for_limit: options.find_limit.is_some(),
        }
    }

    /// What was recorded of a plan.
    pub fn add(&mut self, plan: &Plan, record: &Record, lag: Duration) {
        self.arrivals = plan.arrivals.len();
        self.late_micros = u64::try_from(lag.as_micros()).unwrap_or(u64::MAX);
        let (usual, sign_in) = self.thresholds;
        self.scenarios = Scenario::ALL
            .iter()
            .map(|scenario| {
                let line = Line::from(&record.sum(|_, of| of == *scenario));
                let thresholds = if *scenario == Scenario::SignIn { sign_in } else { usual };
                ScenarioLine { name: scenario.name(), broken: line.broken(thresholds), line, thresholds }
            })
            .collect();
        self.routes = record.routes.iter().map(|(route, tally)| (*route, Line::from(tally))).collect();
        let of_phase = |index: usize, signs_in: bool| {
            Line::from(&record.sum(|phase, of| phase == index && (of == Scenario::SignIn) == signs_in))
        };
        let phases = plan.phases.iter().enumerate().map(|(index, phase)| PhaseLine {
            name: phase.name,
            seconds: phase.seconds,
            from: phase.from,
            to: phase.to,
            requests: of_phase(index, false),
            sign_in: of_phase(index, true),
        });
        self.phases = phases.collect();
        let second = |tally: &Tally| SecondLine {
            requests: tally.requests(),
            limited: tally.limited,
            failed: tally.unavailable + tally.failures(),
            p50_micros: tally.at(500),
            p99_micros: tally.at(990),
        };
        self.seconds = record.seconds.iter().map(second).collect();
    }

    /// Says whether everything was kept.
    pub fn judge(&mut self) {
        let adds_up = matches!(self.reconciliation, Reconciliation::Skipped | Reconciliation::Clean(_));
        let kept = self.scenarios.iter().all(|scenario| scenario.broken.is_empty());
        self.passed = adds_up && kept && (!self.looks_for_limit || self.limit.is_some());
    }
}
