//! `superapp loadtest`: what is asked on the command line, and where the report goes.

use super::{CliError, End, runtime, say, say_error};
use crate::config::ConfigError;
use crate::loadtest::client::Target;
use crate::loadtest::plan::{self, Phase};
use crate::loadtest::report::Thresholds;
use crate::loadtest::{Options, html, run as load};
use anyhow::Context;
use clap::{Args, ValueEnum};
use secrecy::SecretString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The most arrivals of one run, which are kept in memory.
const ARRIVALS_MAX: u64 = 10_000_000;

/// Arguments of `superapp loadtest`.
#[derive(Args, Debug)]
pub(super) struct LoadTest {
    /// The report's ten minutes, or the same shape in one.
    #[arg(long, value_enum, default_value_t = Profile::Quick, conflicts_with_all = ["rate", "find_limit"])]
    profile: Profile,
    /// The server.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    target: String,
    /// Arrivals a second, instead of a profile.
    #[arg(long, value_name = "PER-SECOND", requires = "duration", value_parser = clap::value_parser!(u64).range(1..=50_000))]
    rate: Option<u64>,
    /// For how long: 30s, 5m.
    #[arg(long, value_name = "TIME", requires = "rate", value_parser = time)]
    duration: Option<Duration>,
    /// Find the highest rate at which p99 stays below --limit-p99, without sign-in.
    #[arg(long, conflicts_with = "rate")]
    find_limit: bool,
    /// The p99 that --find-limit looks for.
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = time)]
    limit_p99: Duration,
    /// The access token of an administrator: for premium accounts, and for the reconciliation afterwards.
    #[arg(long, value_name = "TOKEN", env = "LOADTEST_ADMIN_TOKEN", hide_env_values = true)]
    admin_token: Option<SecretString>,
    /// Write the report as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the report as a page that needs nothing else.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Repeats the same arrivals.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What 95 of 100 requests of a scenario must be below.
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = time)]
    p95: Duration,
    /// What 99 of 100 must be below.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = time)]
    p99: Duration,
    /// The share of requests of a scenario that must not fail: less than this, in percent.
    #[arg(long, value_name = "PERCENT", default_value = "1", value_parser = permille)]
    errors: u64,
    /// The same as --p95, for signing in, which takes as long as a hash of a password does.
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = time)]
    sign_in_p95: Duration,
    /// The same as --p99, for signing in.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time)]
    sign_in_p99: Duration,
    /// The share of sign-ins that may be answered with 503 for want of room: less than this, in percent.
    #[arg(long, value_name = "PERCENT", default_value = "50", value_parser = permille)]
    sign_in_busy: u64,
    /// How long one request may take before it counts as failed.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    timeout: Duration,
    /// Load a server that is not on this machine. It makes accounts there and spends sandbox money.
    #[arg(long)]
    beyond_this_machine: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Profile {
    /// 600 s, 49 500 arrivals: warm-up, ramp-up to 100 a second, five minutes of it, a spike of 200, cool-down.
    Seed,
    /// The same shape in 60 s.
    Quick,
}

/// Reads a length of time, with its unit.
fn time(text: &str) -> Result<Duration, String> {
    let read: Result<jiff::SignedDuration, _> = text.parse();
    let read = read.map_err(|_| "must be a time with its unit, such as 30s, 5m or 100ms".to_owned())?;
    Duration::try_from(read).ok().filter(|time| !time.is_zero()).ok_or_else(|| "must be longer than nothing".to_owned())
}

/// Reads percent with at most one decimal, as thousandths.
fn permille(text: &str) -> Result<u64, String> {
    let (whole, tenths) = text.split_once('.').unwrap_or((text, "0"));
    let read = || Some((whole.parse::<u64>().ok()?, tenths.parse::<u64>().ok().filter(|_| tenths.len() == 1)?));
    let permille = read().and_then(|(whole, tenths)| whole.checked_mul(10)?.checked_add(tenths));
    permille
        .filter(|permille| *permille <= 1_000)
        .ok_or_else(|| "must be 0 to 100, with at most one decimal".to_owned())
}

pub(super) fn run(arguments: LoadTest) -> Result<End, CliError> {
    let (json, page) = (arguments.json.clone(), arguments.html.clone());
    let options = options(arguments)?;
    if options.admin.is_none() {
        say_error(
            "without --admin-token there are no premium accounts, and the ledger is not reconciled; `superapp admin \
             create` makes an administrator, and POST /api/auth/login gives the token",
        );
    }
    let mut report = runtime()?.block_on(load(&options))?;
    report.judge();
    say(&report.text())?;
    if let Some(path) = json {
        let text = serde_json::to_string_pretty(&report).map_err(anyhow::Error::from)?;
        write(&path, &format!("{text}\n"))?;
    }
    if let Some(path) = page {
        write(&path, &html::page(&report))?;
    }
    Ok(if report.passed { End::Done } else { End::Failed })
}

fn options(arguments: LoadTest) -> Result<Options, CliError> {
    let wrong = |key: &'static str, problem: String| CliError::Use(ConfigError::Invalid { key, problem });
    let target = Target::parse(&arguments.target).map_err(|error| wrong("--target", error.to_string()))?;
    if !target.is_loopback() && !arguments.beyond_this_machine {
        let problem = format!(
            "is {target}, which is not this machine; add --beyond-this-machine if it is yours, and no production: \
             accounts are made there, and money is spent"
        );
        return Err(wrong("--target", problem));
    }
    let (profile, phases) = match (arguments.rate, arguments.duration, arguments.profile) {
        (Some(rate), Some(duration), _) => {
            let phase = Phase::steady(rate, duration.as_secs().max(1));
            if phase.arrivals() > ARRIVALS_MAX {
                return Err(wrong("--duration", format!("makes more than {ARRIVALS_MAX} arrivals")));
            }
            (format!("{rate} a second for {} s", phase.seconds), vec![phase])
        }
        _ if arguments.find_limit => ("find-limit".to_owned(), Vec::new()),
        (.., Profile::Seed) => ("seed".to_owned(), plan::seed()),
        (.., Profile::Quick) => ("quick".to_owned(), plan::quick()),
    };
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    Ok(Options {
        target,
        profile,
        phases,
        find_limit: arguments.find_limit.then_some(arguments.limit_p99),
        seed: arguments.seed,
        admin: arguments.admin_token,
        thresholds: Thresholds {
            p95_micros: micros(arguments.p95),
            p99_micros: micros(arguments.p99),
            failed_permille: arguments.errors,
            unavailable_permille: 0,
        },
        sign_in: Thresholds {
            p95_micros: micros(arguments.sign_in_p95),
            p99_micros: micros(arguments.sign_in_p99),
            failed_permille: arguments.errors,
            unavailable_permille: arguments.sign_in_busy,
        },
        timeout: arguments.timeout,
    })
}

/// Straight to the path, which may be a device.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("the report could not be written to {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::{permille, time};
    use std::time::Duration;

    #[test]
    fn times_have_a_unit_and_shares_are_percent() {
        assert_eq!(time("100ms"), Ok(Duration::from_millis(100)));
        assert_eq!(time("5m"), Ok(Duration::from_secs(300)));
        for text in ["", "5", "0s", "-1s", "abc"] {
            assert!(time(text).is_err(), "{text}");
        }
        assert_eq!((permille("1"), permille("0.5"), permille("100")), (Ok(10), Ok(5), Ok(1_000)));
        for text in ["", "101", "1.25", "-1", "x", "1."] {
            assert!(permille(text).is_err(), "{text}");
        }
    }
}
