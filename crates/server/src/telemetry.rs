//! Log lines: text for people in development, JSON for programs in production. Always on stderr.

use crate::config::{Config, LogFormat};
use anyhow::Context;
use std::io::IsTerminal;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{fmt, registry};

/// Starts logging. Once, at the start of the process.
///
/// # Errors
/// If `log.level` is not a filter.
pub fn start(config: &Config) -> anyhow::Result<()> {
    let filter = filter(&config.log.level)?;
    let lines = fmt::layer()
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::NONE)
        .with_ansi(std::io::stderr().is_terminal());
    let json = match config.log.format {
        LogFormat::Auto => config.is_production(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let started = if json {
        registry().with(lines.json().flatten_event(true)).with(filter).try_init()
    } else {
        registry().with(lines).with(filter).try_init()
    };
    started.map_err(|error| anyhow::anyhow!("logging cannot start: {error}"))
}

/// Levels, and levels of targets: `info,superapp::ledger=debug`. Fields of spans are no part of it, for they would
/// bring an engine of regular expressions along.
fn filter(text: &str) -> anyhow::Result<Targets> {
    text.parse().with_context(|| format!("`log.level` is not a list of levels and of targets with levels: {text}"))
}

#[cfg(test)]
mod tests {
    use super::filter;
    use tracing::Level;

    #[test]
    fn a_level_is_for_all_targets_and_a_target_may_have_its_own() {
        let filter = filter("info,superapp::ledger=debug,hyper=off").unwrap();
        for (target, level, shown) in [
            ("superapp::http", Level::INFO, true),
            ("superapp::http", Level::DEBUG, false),
            ("superapp::ledger::writer", Level::DEBUG, true),
            ("superapp::ledger", Level::TRACE, false),
            ("hyper::proto", Level::ERROR, false),
        ] {
            assert_eq!(filter.would_enable(target, &level), shown, "{target} {level}");
        }
        assert!(super::filter("warn").is_ok() && super::filter("off").is_ok() && super::filter("TRACE").is_ok());
    }

    #[test]
    fn what_is_no_filter_is_named() {
        let error = filter("superapp=loud").unwrap_err().to_string();
        assert!(error.contains("superapp=loud"), "{error}");
    }
}
