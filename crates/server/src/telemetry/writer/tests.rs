//! What the thread writes, what it drops, and that both are counted.

use super::{FATAL, Look, Thread};
use crate::clock::Clock;
use crate::telemetry::files::Files;
use crate::telemetry::layer::Sink;
use crate::telemetry::line::{Fields, Line};
use domain::timestamp::Timestamp;
use std::io::{self, Write};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use tracing::Level;

/// A standard error that blocks while somebody holds it.
#[derive(Clone, Debug, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Screen {
    fn lines(&self) -> Vec<String> {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap().lines().map(ToOwned::to_owned).collect()
    }
}

fn line(level: Level, target: &'static str, message: &str) -> Line {
    let fields = Fields { message: message.to_owned(), named: Vec::new() };
    Line { time: Timestamp::default(), level, target, fields }
}

#[test]
fn everything_that_was_told_is_written_before_the_end() {
    let (screen, directory) = (Screen::default(), tempfile::tempdir().unwrap());
    let files = Files::open(directory.path(), Clock::System).unwrap();
    let thread = Thread::start(Look::Text { colours: false }, Some(files), screen.clone()).unwrap();
    let writer = thread.writer();
    for number in 0..1_000 {
        let level = if number % 10 == 0 { Level::ERROR } else { Level::INFO };
        writer.write(&line(level, "here", &format!("line {number}")));
    }
    drop(thread);
    let lines = screen.lines();
    assert_eq!(lines.len(), 1_000);
    assert!(lines[999].ends_with("here: line 999") && lines[0].starts_with("1970-01-01T00:00:00.000000Z ERROR"));
    let kept = |name| std::fs::read_to_string(directory.path().join(name)).unwrap();
    assert_eq!((kept("combined.log").lines().count(), kept("error.log").lines().count()), (1_000, 100));
    let last: serde_json::Value = serde_json::from_str(kept("combined.log").lines().last().unwrap()).unwrap();
    assert_eq!(last["message"], "line 999", "files are for programs");
}

#[test]
fn a_line_that_finds_no_room_is_dropped_and_counted_and_nobody_waits() {
    let screen = Screen::default();
    let blocked = screen.0.lock().unwrap();
    let thread = Thread::with_room(4, Look::Json, None, screen.clone()).unwrap();
    let writer = thread.writer();
    for number in 0..1_000 {
        writer.write(&line(Level::INFO, "here", &format!("line {number}")));
    }
    let dropped = writer.dropped.load(Ordering::Relaxed);
    drop(blocked);
    drop(thread);
    let written = u64::try_from(screen.lines().len()).unwrap();
    assert_eq!(written + dropped, 1_000);
    assert!(dropped > 0);
}

#[test]
fn a_line_before_the_end_of_the_process_is_written_before_its_teller_goes_on() {
    let screen = Screen::default();
    let thread = Thread::start(Look::Json, None, screen.clone()).unwrap();
    thread.writer().write(&line(Level::ERROR, FATAL, "the disk failed"));
    assert!(screen.lines()[0].contains("the disk failed"));
}
