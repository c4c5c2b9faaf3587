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
    /// Answered once everything before it is written.
    Flush(flume::Sender<()>),
    Stop,
}

/// Sends lines to the thread.
#[derive(Clone, Debug)]
pub struct Writer {
    queue: flume::Sender<Message>,
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
        let dropped = Arc::new(AtomicU64::new(0));
        let writer = Writer { queue, dropped: Arc::clone(&dropped), look, has_files: files.is_some() };
        let outputs = Outputs { out, files, written: [0; LEVELS.len()], dropped, lost: 0 };
        let handle = std::thread::Builder::new().name("log-writer".to_owned()).spawn(move || run(&queued, outputs))?;
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
        if self.writer.flush() && self.writer.queue.send_timeout(Message::Stop, PATIENCE).is_ok() {
            let _ = self.handle.take().map(JoinHandle::join);
        }
    }
}

impl Writer {
    /// Waits until what was told is written, for a while. Says whether it is.
    fn flush(&self) -> bool {
        let (tell, told) = flume::bounded(1);
        self.queue.send_timeout(Message::Flush(tell), PATIENCE).is_ok() && told.recv_timeout(PATIENCE).is_ok()
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
        if line.target == FATAL && !(is_taken && self.flush()) {
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

fn run<W: Write>(queue: &flume::Receiver<Message>, mut outputs: Outputs<W>) {
    loop {
        let (first, mut is_over) = match queue.recv_timeout(LOOK) {
            Ok(first) => (Some(first), false),
            Err(flume::RecvTimeoutError::Timeout) => (None, false),
            Err(flume::RecvTimeoutError::Disconnected) => (None, true),
        };
        let (mut shown, mut kept, mut errors, mut waiting) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for message in first.into_iter().chain(queue.try_iter()) {
            match message {
                Message::Line { level, shown: text, kept: json } => {
                    if outputs.files.is_some() {
                        let json = json.as_ref().unwrap_or(&text);
                        push(&mut kept, json);
                        if level == Level::ERROR {
                            push(&mut errors, json);
                        }
                    }
                    push(&mut shown, &text);
                    outputs.count(level);
                }
                Message::Flush(tell) => waiting.push(tell),
                Message::Stop => is_over = true,
            }
            if is_over || shown.len() >= TOGETHER_BYTES {
                break;
            }
        }
        outputs.write(&shown, &kept, &errors);
        for tell in waiting {
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

    fn write(&mut self, shown: &[u8], kept: &[u8], errors: &[u8]) {
        // There is nobody to tell that nobody can be told.
        let _ = self.out.write_all(shown).and_then(|()| self.out.flush());
        if let Some(files) = &mut self.files
            && let Err(error) = files.write(kept, errors)
        {
            if self.lost == 0 {
                let _ =
                    writeln!(self.out, "{{\"level\":\"ERROR\",\"message\":\"log files cannot be written: {error}\"}}");
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
