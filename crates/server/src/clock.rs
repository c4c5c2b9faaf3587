//! The only place that asks what time it is, and the only one that makes ids and random bytes.

use domain::timestamp::Timestamp;
use rand::Rng;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use uuid::{ContextV7, Uuid};

/// Where the time comes from.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's.
    System,
    /// A test's: it stands still until it is moved.
    Frozen(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands still.
    #[must_use]
    pub fn frozen(at: Timestamp) -> Self {
        Self::Frozen(Arc::new(AtomicI64::new(at.as_micros())))
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self {
            #[expect(clippy::disallowed_methods, reason = "the clock that everything else takes the time from")]
            Self::System => Timestamp::from_micros(jiff::Timestamp::now().as_microsecond()),
            Self::Frozen(at) => Timestamp::from_micros(at.load(Ordering::SeqCst)),
        }
    }
}

/// A moment on the monotonic clock, for how long things took. Never for what time it is.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
pub fn stopwatch() -> std::time::Instant {
    std::time::Instant::now()
}

/// Counts microseconds, and never goes back, whatever is done to the machine's clock. For how long something lasts.
#[derive(Clone, Debug)]
pub struct Ticker {
    clock: Clock,
    started: std::time::Instant,
}

impl Ticker {
    /// Counts from now on. A test's clock is counted by as it is moved.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, started: stopwatch() }
    }

    /// Microseconds since some moment before this process's first request.
    #[must_use]
    pub fn micros(&self) -> u64 {
        let counted = match &self.clock {
            Clock::System => self.started.elapsed().as_micros().try_into(),
            Clock::Frozen(at) => at.load(Ordering::SeqCst).try_into(),
        };
        counted.unwrap_or(u64::MAX)
    }
}

/// Makes ids: UUIDs of version 7, in order within the process.
#[derive(Clone, Debug)]
pub struct Ids {
    clock: Clock,
    context: Arc<std::sync::Mutex<ContextV7>>,
}

impl Ids {
    /// Ids whose time is the clock's.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, context: Arc::new(std::sync::Mutex::new(ContextV7::new())) }
    }

    /// A new id.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        let micros = u64::try_from(self.clock.now().as_micros()).unwrap_or_default();
        let nanos = u32::try_from(micros % 1_000_000 * 1_000).unwrap_or_default();
        // The counter in the context keeps ids of one millisecond in order. It is only a number: a
        // panic while it was held cannot have broken it.
        let context = self.context.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Uuid::new_v7(uuid::Timestamp::from_unix(&*context, micros / 1_000_000, nanos))
    }
}

/// Random bytes that nobody can guess.
#[must_use]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}
