//! What is seen while it runs: a bar on a terminal, and lines elsewhere. On standard error, because standard output is
//! for the result.

use super::plan::Plan;
use super::record::Recorder;
use crate::clock::stopwatch;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Where nobody can watch a bar, a line comes this often.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// A bar or lines.
#[derive(Debug)]
pub struct Display {
    bar: Option<ProgressBar>,
    /// Names and ends of phases, in seconds.
    phases: Vec<(&'static str, u64)>,
    total: u64,
    said: Mutex<Instant>,
}

impl Display {
    /// For the set-up.
    pub fn set_up(accounts: u64) -> Self {
        Self::new(accounts, "accounts  {wide_bar} {pos}/{len}", Vec::new())
    }

    /// For the load.
    pub fn load(plan: &Plan) -> Self {
        let mut end = 0;
        let ends = plan.phases.iter().map(|phase| {
            end += phase.seconds;
            (phase.name, end)
        });
        let phases = ends.collect();
        Self::new(plan.seconds(), "{wide_bar} {pos}/{len} s  {msg}", phases)
    }

    fn new(total: u64, template: &str, phases: Vec<(&'static str, u64)>) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr()).with_style(style)
        });
        Self { bar, phases, total, said: Mutex::new(stopwatch()) }
    }

    /// So many accounts are made.
    pub fn made(&self, accounts: usize) {
        let (count, total) = (u64::try_from(accounts).unwrap_or(u64::MAX), self.total);
        match &self.bar {
            Some(bar) => bar.set_position(count),
            None if count == total || self.is_time() => say(&format!("accounts: {count} of {total}")),
            None => {}
        }
    }

    /// How the load goes.
    pub fn look(&self, recorder: &Recorder, elapsed: Duration, under_way: usize) {
        let second = elapsed.as_secs();
        if self.bar.is_none() && !self.is_time() {
            return;
        }
        let glance = recorder.glance(usize::try_from(second.saturating_sub(1)).unwrap_or_default());
        let phase = self.phases.iter().find(|(_, end)| second < *end).map_or("the last answers", |(name, _)| name);
        let message = format!(
            "{phase}: {} good, {} limited, {} wrong, {under_way} under way, p99 {}",
            glance.good,
            glance.limited,
            glance.wrong,
            millis(glance.p99_micros)
        );
        match &self.bar {
            Some(bar) => {
                bar.set_position(second.min(self.total));
                bar.set_message(message);
            }
            None => say(&format!("{second} of {} s, {message}", self.total)),
        }
    }

    /// Whether a line is due, which is then said.
    fn is_time(&self) -> bool {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let due = said.elapsed() >= LINE_EVERY;
        if due {
            *said = stopwatch();
        }
        due
    }

    /// It is over.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Microseconds as people read them.
pub fn millis(micros: u64) -> String {
    match micros {
        0..10_000 => format!("{}.{:02} ms", micros / 1_000, micros % 1_000 / 10),
        10_000..1_000_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        _ => format!("{}.{:02} s", micros / 1_000_000, micros % 1_000_000 / 10_000),
    }
}

/// A line on standard error. There is nobody to tell if it fails.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::millis;

    #[test]
    fn times_have_three_digits_that_say_something() {
        let shown = [0, 90, 1_234, 12_345, 999_999, 1_000_000, 61_239_999].map(millis);
        assert_eq!(shown, ["0.00 ms", "0.09 ms", "1.23 ms", "12.3 ms", "999.9 ms", "1.00 s", "61.23 s"]);
    }
}
