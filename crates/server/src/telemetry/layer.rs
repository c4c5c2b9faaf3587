//! From events to lines: what is told, what the spans around it know, and nothing that is not asked for.

use super::line::{Fields, Line};
use crate::clock::Clock;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// What our own targets begin with.
const OURS: &str = "superapp";

/// Where lines go.
pub trait Sink: Send + Sync + 'static {
    /// Takes a line. It must not wait for anybody.
    fn write(&self, line: &Line);
}

impl<F: Fn(&Line) + Send + Sync + 'static> Sink for F {
    fn write(&self, line: &Line) {
        self(line);
    }
}

/// Makes a line of every event that the levels let through.
#[derive(Debug)]
pub struct Lines<S> {
    levels: Targets,
    clock: Clock,
    sink: S,
}

impl<S: Sink> Lines<S> {
    /// Lines of these levels, to a sink.
    pub const fn new(levels: Targets, clock: Clock, sink: S) -> Self {
        Self { levels, clock, sink }
    }

    /// A span of ours that is of the level `error` is always there, whatever is shown: it knows to which request a line
    /// belongs.
    fn shows(&self, metadata: &Metadata<'_>) -> bool {
        let is_ours = metadata.is_span() && *metadata.level() == Level::ERROR && metadata.target().starts_with(OURS);
        is_ours || self.levels.would_enable(metadata.target(), metadata.level())
    }
}

impl<T: Subscriber + for<'span> LookupSpan<'span>, S: Sink> Layer<T> for Lines<S> {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.shows(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, T>) -> bool {
        self.shows(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        // Spans are of the level `error`.
        let of_targets = self.levels.iter().map(|(_, level)| level).max().unwrap_or(LevelFilter::OFF);
        let of_all = self.levels.default_level().unwrap_or(LevelFilter::OFF);
        Some(of_targets.max(of_all).max(LevelFilter::ERROR))
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, T>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, T>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, T>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        // From the inside to the outside: the inner one knows better.
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(known) = span.extensions().get::<Fields>() {
                fields.inherit(known);
            }
        }
        self.sink.write(&Line::new(event.metadata(), self.clock.now(), fields));
    }
}
