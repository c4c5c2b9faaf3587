//! `superapp loadtest`: visitors who arrive when they arrive, whether or not the server has answered those before.
//!
//! An open loop: every arrival has its moment before the run begins, and what it waits is counted from that moment. A
//! server that stalls for a second has a second's arrivals waiting, and all of them show it; a client that asks again
//! only when it was answered would show one slow request.
//!
//! It speaks HTTP and nothing else: nothing here may know the store, the ledger or the rules.

pub mod cast;
pub mod client;
mod driver;
pub mod html;
pub mod plan;
mod progress;
pub mod record;
pub mod report;
mod search;
mod stage;
mod traffic;

use crate::clock::Clock;
use cast::Cast;
use client::{Client, Target};
use plan::{Mix, Phase, Plan};
use progress::Display;
use record::Recorder;
use report::{LimitStep, Reconciliation, Report, Thresholds};
use search::Search;
use secrecy::SecretString;
use std::sync::Arc;
use std::time::Duration;

/// What is to be done.
#[derive(Debug)]
pub struct Options {
    /// Where the server is.
    pub target: Target,
    /// What the run is called in its report.
    pub profile: String,
    /// The phases, unless a limit is looked for.
    pub phases: Vec<Phase>,
    /// Looks for the highest rate at which p99 stays below this.
    pub find_limit: Option<Duration>,
    /// Repeats the same arrivals.
    pub seed: u64,
    /// The access token of an administrator: for the other tiers and the reconciliation.
    pub admin: Option<SecretString>,
    /// What a scenario must keep.
    pub thresholds: Thresholds,
    /// What signing in must keep.
    pub sign_in: Thresholds,
    /// How long one request may take.
    pub timeout: Duration,
}

/// Arrivals under way at once. One more is not sent, and counts as failed: the server has lost long before.
const UNDER_WAY_MAX: usize = 8_192;
/// For how long a rate is tried.
const STEP_SECONDS: u64 = 10;
/// Nobody's machine is asked for more than this.
const RATE_MAX: u64 = 50_000;

/// Sets the stage, runs the load, and asks for a reconciliation.
///
/// # Errors
/// If the server cannot be reached, or the accounts cannot be made. What goes wrong under load is in the report.
pub async fn run(options: &Options) -> anyhow::Result<Report> {
    let client = Arc::new(Client::new(options.target.clone(), options.timeout, UNDER_WAY_MAX));
    let version = stage::version(&client, &options.target).await?;
    let admin = options.admin.as_ref();
    let mut report = Report::new(options, version, Clock::System.now());
    match options.find_limit {
        None => profile(options, &client, &mut report).await?,
        Some(limit) => find_limit(options, limit, &client, &mut report).await?,
    }
    report.reconciliation = match admin {
        None => Reconciliation::Skipped,
        Some(token) => stage::reconcile(&options.target, token).await,
    };
    Ok(report)
}

/// One run through the phases.
async fn profile(options: &Options, client: &Arc<Client>, report: &mut Report) -> anyhow::Result<()> {
    let plan = Plan::new(&options.phases, Mix::Everything, options.seed);
    let cast = Cast::of(&plan, options.admin.is_some());
    let stage = Arc::new(stage::set(client, &cast, options.admin.as_ref(), false).await?);
    report.accounts = stage.accounts();
    let recorder = Arc::new(Recorder::new(&plan)?);
    let display = Display::load(&plan);
    let lag = driver::run(client, &stage, &plan, &recorder, &display).await?;
    display.end();
    report.add(&plan, &recorder.take(), lag);
    Ok(())
}

/// Ever higher rates, and then between the highest good one and the lowest bad one.
async fn find_limit(
    options: &Options,
    limit: Duration,
    client: &Arc<Client>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let cast = Cast::for_limit();
    let stage = Arc::new(stage::set(client, &cast, options.admin.as_ref(), true).await?);
    report.accounts = stage.accounts();
    // Creators are limited themselves.
    let most = if options.admin.is_some() { RATE_MAX } else { cast.rate_within_limits() };
    let mut search = Search::new(100, most);
    while let Some(rate) = search.next() {
        let plan = Plan::new(&[Phase::steady(rate, STEP_SECONDS)], Mix::WithoutSignIn, options.seed ^ rate);
        let recorder = Arc::new(Recorder::new(&plan)?);
        let display = Display::load(&plan);
        let lag = driver::run(client, &stage, &plan, &recorder, &display).await?;
        display.end();
        let step = LimitStep::of(rate, &recorder.take(), lag, limit);
        progress::say(&step.line());
        search.judge(step.good);
        report.limit_steps.push(step);
    }
    report.limit = search.highest();
    Ok(())
}
