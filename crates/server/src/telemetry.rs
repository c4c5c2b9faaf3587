//! Log lines: text for people in development, JSON for programs in production, on stderr and, if asked for, in files.
//!
//! An event becomes a [`line::Line`] in [`layer::Lines`], where [`mask`] takes its secrets out, and goes to a
//! [`writer::Thread`], which nobody waits for.

#[cfg(feature = "sentry")]
pub mod errors;
pub mod files;
pub mod layer;
pub mod line;
#[cfg(all(test, any(feature = "otel", feature = "sentry")))]
mod listener;
pub mod mask;
#[cfg(any(feature = "otel", feature = "sentry"))]
mod outgoing;
#[cfg(feature = "otel")]
pub mod traces;
pub mod writer;

use crate::clock::Clock;
use crate::config::{Config, LogFormat};
use anyhow::Context;
use files::Files;
use layer::{Lines, Sink};
use line::Line;
use std::io::IsTerminal;
use std::path::Path;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;
use tracing_subscriber::util::SubscriberInitExt;
use writer::{Look, Thread, Writer};

#[cfg(feature = "otel")]
pub use traces::name_trace;

/// Without the feature `otel`, nothing belongs to a trace.
#[cfg(not(feature = "otel"))]
pub const fn name_trace(_: &tracing::Span) {}

/// What tells others. Dropping it sends and writes what was told until then.
#[derive(Debug)]
pub struct Telemetry {
    #[cfg(feature = "sentry")]
    errors: Option<errors::Errors>,
    #[cfg(feature = "otel")]
    _traces: Option<traces::Traces>,
    /// Last, because the others may have something to say.
    _thread: Thread,
}

#[cfg(feature = "sentry")]
impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(errors) = &self.errors {
            errors.close();
        }
    }
}

/// Where a line goes.
struct Everywhere {
    writer: Writer,
    #[cfg(feature = "sentry")]
    errors: Option<errors::Errors>,
}

impl Sink for Everywhere {
    fn write(&self, line: &Line) {
        #[cfg(feature = "sentry")]
        if let Some(errors) = &self.errors {
            errors.write(line);
        }
        self.writer.write(line);
    }
}

/// Whether lines are for programs.
#[must_use]
pub fn is_json(config: &Config) -> bool {
    match config.log.format {
        LogFormat::Auto => config.is_production(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    }
}

/// Starts logging, and sending where the settings ask for it. Once, at the start of the process, outside of any runtime.
///
/// # Errors
/// If `log.level` is not a filter, `log.directory` cannot be written, or nothing can be sent.
pub fn start(config: &Config) -> anyhow::Result<Telemetry> {
    let levels = levels(&config.log.level)?;
    let look = if is_json(config) { Look::Json } else { Look::Text { colours: std::io::stderr().is_terminal() } };
    let directory = &config.log.directory;
    let open = |directory: &str| {
        Files::open(Path::new(directory), Clock::System)
            .with_context(|| format!("`log.directory` cannot be written: {directory}"))
    };
    let files = if directory.is_empty() { None } else { Some(open(directory)?) };
    let thread = Thread::start(look, files, std::io::stderr())?;
    #[cfg(feature = "sentry")]
    let errors = errors::Errors::start(config)?;
    let sink = Everywhere {
        writer: thread.writer(),
        #[cfg(feature = "sentry")]
        errors: errors.clone(),
    };
    let subscriber = registry().with(Lines::new(levels, Clock::System, sink));
    #[cfg(feature = "otel")]
    let traces = traces::Traces::start(config)?;
    #[cfg(feature = "otel")]
    let subscriber = subscriber.with(traces.as_ref().map(traces::Traces::layer));
    subscriber.try_init().map_err(|error| anyhow::anyhow!("logging cannot start: {error}"))?;
    std::panic::set_hook(Box::new(tell_panic));
    if config.misses_sentry() {
        tracing::warn!(
            "`sentry.dsn` is set, and this superapp is built without Sentry: errors are only in the log; build it with `--features sentry`"
        );
    }
    Ok(Telemetry {
        #[cfg(feature = "sentry")]
        errors,
        #[cfg(feature = "otel")]
        _traces: traces,
        _thread: thread,
    })
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
