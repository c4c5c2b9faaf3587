//! Statements that take long: which they were and for how long, and nothing of what they were given.

use std::time::Duration;
use tokio::time::Instant;

/// Letters of a statement that are shown: enough to find it in the source.
const SHOWN_MAX: usize = 160;

/// Runs a statement, and tells if it took longer than a bound. Without a bound, nobody looks at the clock.
pub(super) fn watched<T>(bound: Option<Duration>, text: &'static str, run: impl FnOnce() -> T) -> T {
    let Some(bound) = bound else { return run() };
    let started = Instant::now();
    let result = run();
    let elapsed = started.elapsed();
    if elapsed > bound {
        tell(text, elapsed);
    }
    result
}

#[cold]
fn tell(text: &'static str, elapsed: Duration) {
    let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    metrics::counter!("database_slow_statements_total").increment(1);
    tracing::warn!(target: "superapp::store", statement = beginning(text), milliseconds, "a slow statement");
}

/// The first words of a text, which is in the source as it is: values have a place in it and are not there.
fn beginning(text: &str) -> String {
    let mut words = String::new();
    for word in text.split_ascii_whitespace() {
        if words.len() + word.len() >= SHOWN_MAX {
            words.push_str(" …");
            break;
        }
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::beginning;

    #[test]
    fn a_statement_is_shown_on_one_line_and_not_to_its_end() {
        assert_eq!(beginning("what a\n        text c = $1"), "what a text c = $1");
        let long = beginning(&"word ".repeat(100));
        assert!(long.len() < 170 && long.ends_with(" …"), "{long}");
    }
}
