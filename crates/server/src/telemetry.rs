//! Log lines: text for people in development, JSON for programs in production, on stderr and, if asked for, in files.
//!
//! An event becomes a [`line::Line`] in [`layer::Lines`], where [`mask`] takes its secrets out, and goes to a
//! [`writer::Thread`], which nobody waits for.

pub mod files;
pub mod layer;
pub mod line;
pub mod mask;
pub mod writer;

use crate::clock::Clock;
use crate::config::{Config, LogFormat};
use anyhow::Context;
use files::Files;
use layer::Lines;
use std::io::IsTerminal;
use std::path::Path;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;
use tracing_subscriber::util::SubscriberInitExt;
use writer::{Look, Thread};

/// Whether lines are for programs.
#[must_use]
pub fn is_json(config: &Config) -> bool {
    match config.log.format {
        LogFormat::Auto => config.is_production(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    }
}

/// Starts logging. Once, at the start of the process; what is told until the thread is dropped is written.
///
/// # Errors
/// If `log.level` is not a filter, or `log.directory` cannot be written.
pub fn start(config: &Config) -> anyhow::Result<Thread> {
    let levels = levels(&config.log.level)?;
    let look = if is_json(config) { Look::Json } else { Look::Text { colours: std::io::stderr().is_terminal() } };
    let directory = &config.log.directory;
    let open = |directory: &str| {
        Files::open(Path::new(directory), Clock::System)
            .with_context(|| format!("`log.directory` cannot be written: {directory}"))
    };
    let files = if directory.is_empty() { None } else { Some(open(directory)?) };
    let thread = Thread::start(look, files, std::io::stderr())?;
    let started = registry().with(Lines::new(levels, Clock::System, thread.writer())).try_init();
    started.map_err(|error| anyhow::anyhow!("logging cannot start: {error}"))?;
    std::panic::set_hook(Box::new(tell_panic));
    Ok(thread)
}

/// A panic is a line like any other: in its request, masked, and on one line.
fn tell_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let said = panic.payload_as_str().unwrap_or("no text");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    tracing::error!(said, place, thread = thread.name(), "a thread panicked");
}

/// Levels, and levels of targets: `info,superapp::ledger=debug`. Fields of spans are no part of it, for they would
/// bring an engine of regular expressions along.
fn levels(text: &str) -> anyhow::Result<Targets> {
    text.parse().with_context(|| format!("`log.level` is not a list of levels and of targets with levels: {text}"))
}

#[cfg(test)]
mod tests;
