//! The thread that writes lines, so that nobody who tells something waits for a terminal or a disk.
//!
//! What it is told waits in a queue with a bound. A line that finds no room there is dropped and counted, because a
//! payment is worth more than its line.

use super::files::Files;
use super::layer::Sink;
use super::line::Line;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tracing::Level;

/// The target of a line behind which the process ends: it is written before its teller goes on.
pub const FATAL: &str = "superapp::fatal";

/// Lines that may wait. So many come while a file is compressed, on a busy server.
const WAITING_MAX: usize = 32_768;
/// Bytes that are written at once.
const TOGETHER_BYTES: usize = 64 * 1_024;
/// How long the thread lets lines gather. To be woken for each of them would cost more than to write it.
const GATHER: Duration = Duration::from_millis(10);
/// How often an idle thread looks whether a day is over.
const LOOK: Duration = Duration::from_secs(30);
/// How long somebody waits for what they told to be written, where they do.
const PATIENCE: Duration = Duration::from_secs(5);

const LEVELS: [Level; 5] = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];

/// What lines look like on standard error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Look {
    /// For programs.
    Json,
    /// For people.
    Text {
        /// Whether they can see colours.
        colours: bool,
    },
}

enum Message {
    Line {
        level: Level,
        shown: String,
        /// For the files, if they have another form.
        kept: Option<String>,
    },
    /// Somebody does not want to wait.
    Wake,
}

/// Somebody who waits until what was told before is written.
struct Hurry {
    tell: flume::Sender<()>,
    /// Whether the thread is to end then.
    is_last: bool,
}

/// Sends lines to the thread.
#[derive(Clone, Debug)]
pub struct Writer {
    queue: flume::Sender<Message>,
    hurry: flume::Sender<Hurry>,
    dropped: Arc<AtomicU64>,
    look: Look,
    has_files: bool,
}

/// The thread. Dropping it writes what is told until then, and ends it.
#[derive(Debug)]
pub struct Thread {
    writer: Writer,
    handle: Option<JoinHandle<()>>,
}

impl Thread {
    /// Starts it, on standard error or whatever stands in its place.
    ///
    /// # Errors
    /// If there can be no thread.
    pub fn start(look: Look, files: Option<Files>, out: impl Write + Send + 'static) -> std::io::Result<Self> {
        Self::with_room(WAITING_MAX, look, files, out)
    }

    fn with_room(
        room: usize,
        look: Look,
        files: Option<Files>,
        out: impl Write + Send + 'static,
    ) -> std::io::Result<Self> {
        let (queue, queued) = flume::bounded(room);
        let (hurry, hurried) = flume::bounded(room);
        let dropped = Arc::new(AtomicU64::new(0));
        let writer = Writer { queue, hurry, dropped: Arc::clone(&dropped), look, has_files: files.is_some() };
        let outputs = Outputs { out, files, written: [0; LEVELS.len()], dropped, lost: 0 };
        let handle =
            std::thread::Builder::new().name("log-writer".to_owned()).spawn(move || run(&queued, &hurried, outputs))?;
        Ok(Self { writer, handle: Some(handle) })
    }

    /// Where lines go in.
    #[must_use]
    pub fn writer(&self) -> Writer {
        self.writer.clone()
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        // Whoever reads our standard error may have stopped reading: then nobody waits for ever.
        if self.writer.flush(true) {
            let _ = self.handle.take().map(JoinHandle::join);
        }
    }
}

impl Writer {
    /// Waits until what was told is written, for a while. Says whether it is.
    fn flush(&self, is_last: bool) -> bool {
        let (tell, told) = flume::bounded(1);
        if self.hurry.send_timeout(Hurry { tell, is_last }, PATIENCE).is_err() {
            return false;
        }
        // Where there is no room for it, nobody sleeps.
        let _ = self.queue.try_send(Message::Wake);
        told.recv_timeout(PATIENCE).is_ok()
    }

    fn look(&self, line: &Line) -> String {
        match self.look {
            Look::Json => line.json(),
            Look::Text { colours } => line.text(colours),
        }
    }
}

impl Sink for Writer {
    fn write(&self, line: &Line) {
        let kept = (self.has_files && self.look != Look::Json).then(|| line.json());
        let message = Message::Line { level: line.level, shown: self.look(line), kept };
        let is_taken = match self.queue.try_send(message) {
            Ok(()) => true,
            Err(flume::TrySendError::Full(_)) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                false
            }
            // The thread has ended, and the process is about to.
            Err(flume::TrySendError::Disconnected(_)) => {
                let _ = writeln!(std::io::stderr().lock(), "{}", self.look(line));
                true
            }
        };
        if line.target == FATAL && !(is_taken && self.flush(false)) {
            let _ = writeln!(std::io::stderr().lock(), "{}", self.look(line));
        }
    }
}

struct Outputs<W> {
    out: W,
    files: Option<Files>,
    written: [u64; LEVELS.len()],
    dropped: Arc<AtomicU64>,
    /// What no file could take.
    lost: u64,
}

fn run<W: Write>(queue: &flume::Receiver<Message>, hurry: &flume::Receiver<Hurry>, mut outputs: Outputs<W>) {
    loop {
        // Sleeps until there is something, and then a little longer, unless somebody waits.
        let mut first = match queue.recv_timeout(LOOK) {
            Ok(first) => Some(first),
            Err(flume::RecvTimeoutError::Timeout) => None,
            Err(flume::RecvTimeoutError::Disconnected) => return,
        };
        let mut waiting: Vec<Hurry> = Vec::new();
        if first.is_some() {
            waiting.extend(hurry.recv_timeout(GATHER));
        }
        waiting.extend(hurry.try_iter());
        // What was told before somebody began to wait is among these; what is told meanwhile comes next.
        let mut left = queue.len() + usize::from(first.is_some());
        loop {
            let taken = outputs.write(first.take().into_iter().chain(queue.try_iter()).take(left));
            left = left.saturating_sub(taken);
            if left == 0 || taken == 0 {
                break;
            }
        }
        let is_over = waiting.iter().any(|hurry| hurry.is_last);
        for Hurry { tell, .. } in waiting {
            let _ = tell.send(());
        }
        if is_over {
            return;
        }
    }
}

fn push(bytes: &mut Vec<u8>, line: &str) {
    bytes.extend_from_slice(line.as_bytes());
    bytes.push(b'\n');
}

impl<W: Write> Outputs<W> {
    fn count(&mut self, level: Level) {
        let place = LEVELS.iter().position(|known| *known == level);
        if let Some(count) = place.and_then(|place| self.written.get_mut(place)) {
            *count += 1;
        }
    }

    /// Writes some messages at once, and says how many.
    fn write(&mut self, messages: impl Iterator<Item = Message>) -> usize {
        let (mut shown, mut kept, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        let mut taken = 0_usize;
        for message in messages {
            taken += 1;
            if let Message::Line { level, shown: text, kept: json } = message {
                if self.files.is_some() {
                    let json = json.as_ref().unwrap_or(&text);
                    push(&mut kept, json);
                    if level == Level::ERROR {
                        push(&mut errors, json);
                    }
                }
                push(&mut shown, &text);
                self.count(level);
            }
            if shown.len() >= TOGETHER_BYTES {
                break;
            }
        }
        self.put(&shown, &kept, &errors);
        taken
    }

    fn put(&mut self, shown: &[u8], kept: &[u8], errors: &[u8]) {
        // There is nobody to tell that nobody can be told.
        let _ = self.out.write_all(shown).and_then(|()| self.out.flush());
        if let Some(files) = &mut self.files
            && let Err(error) = files.write(kept, errors)
        {
            if self.lost == 0 {
                let error = serde_json::Value::from(error.to_string());
                let _ = writeln!(
                    self.out,
                    r#"{{"level":"ERROR","message":"log files cannot be written","error":{error}}}"#
                );
            }
            let lines = kept.iter().filter(|byte| **byte == b'\n').count();
            self.lost += u64::try_from(lines).unwrap_or(u64::MAX);
        }
        for (level, count) in LEVELS.iter().zip(&self.written) {
            metrics::counter!("log_lines_total", "level" => level.as_str().to_lowercase()).absolute(*count);
        }
        let dropped = self.dropped.load(Ordering::Relaxed).saturating_add(self.lost);
        metrics::counter!("log_lines_dropped_total").absolute(dropped);
    }
}

#[cfg(test)]
mod tests;
