//! Log lines: text for people in development, JSON for programs in production. Always on stderr.

use crate::config::{Config, LogFormat};
use anyhow::Context;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// Starts logging. Once, at the start of the process.
///
/// # Errors
/// If `log.level` is not a filter.
pub fn start(config: &Config) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.log.level)
        .with_context(|| format!("`log.level` is not a filter: {}", config.log.level))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::NONE)
        .with_ansi(std::io::stderr().is_terminal());
    let json = match config.log.format {
        LogFormat::Auto => config.is_production(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let started = if json { builder.json().flatten_event(true).try_init() } else { builder.try_init() };
    started.map_err(|error| anyhow::anyhow!("logging cannot start: {error}"))
}
