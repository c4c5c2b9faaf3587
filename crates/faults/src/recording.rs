//! What was done to the files of a server, in one order with what was asked and answered, and its way to a file and back.

use crate::vfs::{Call, Kind, Op, Reach, Watcher};
use rusqlite::ffi::{SQLITE_IOERR, SQLITE_OK, SQLITE_OPEN_CREATE};
use std::ffi::c_int;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Which file.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Name {
    /// The database file.
    Database,
    /// Its write-ahead log.
    Wal,
}

/// One thing that happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// A file that was not there was made.
    Made(Name),
    /// Bytes were written.
    Written(Name, u64, Vec<u8>),
    /// A file was made this long.
    Cut(Name, u64),
    /// A file was deleted; `true` if its directory was synced as well.
    Deleted(Name, bool),
    /// A sync returned: what was done to the file before the event of that number is on the disk. With SQLite's flags.
    Synced(Name, usize, i64),
    /// A client was about to send a request.
    Asked(String),
    /// It was answered: the id of the request under which its key is on record, and the stored body.
    Answered(String, Vec<u8>),
}

/// Everything, in order.
#[derive(Debug, Default)]
pub struct Recorder {
    events: Mutex<Vec<Event>>,
}

impl Recorder {
    /// Writes down that something happened. Its place in the order.
    pub fn note(&self, event: Event) -> usize {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.push(event);
        events.len()
    }

    fn len(&self) -> usize {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Takes what was written down.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.events.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The file that a call is about. By its name, because a deletion has nothing else.
fn name(call: &Call<'_>) -> Option<Name> {
    match call.path.file_name()?.to_str()? {
        "superapp.db" => Some(Name::Database),
        "superapp.db-wal" => Some(Name::Wal),
        _ => None,
    }
}

impl Watcher for Recorder {
    fn handle(&self, call: &Call<'_>, proceed: &mut dyn FnMut(Reach) -> c_int) -> c_int {
        assert!(call.kind != Kind::Journal, "a rollback journal is not part of the model");
        let Some(name) = name(call) else { return proceed(Reach::Whole) };
        let number = u64::try_from(call.number).unwrap_or_default();
        match call.op {
            // Before it is done: no sync that begins later may be taken for one that came first.
            Op::Write => drop(self.note(Event::Written(name, number, call.data.to_vec()))),
            Op::Truncate => drop(self.note(Event::Cut(name, number))),
            Op::Delete => drop(self.note(Event::Deleted(name, call.number != 0))),
            Op::Open if call.number & i64::from(SQLITE_OPEN_CREATE) != 0 && !call.path.exists() => {
                self.note(Event::Made(name));
            }
            Op::Sync => {
                // After it is done, with how far it reaches.
                let began = self.len();
                let code = proceed(Reach::Whole);
                if code == SQLITE_OK {
                    self.note(Event::Synced(name, began, call.number));
                }
                return code;
            }
            _ => {}
        }
        let code = proceed(Reach::Whole);
        assert!(call.op != Op::Write || code != SQLITE_IOERR, "the disk of the recording itself failed");
        code
    }
}

/// A database as it was before, and what was then done to it.
#[derive(Debug, Eq, PartialEq)]
pub struct Recording {
    /// The database file; there was no log.
    pub base: Vec<u8>,
    /// What happened.
    pub events: Vec<Event>,
}

fn put(out: &mut Vec<u8>, tag: u8, name: Name, numbers: [u64; 2], bytes: &[u8]) {
    out.extend([tag, u8::from(name == Name::Wal)]);
    for number in numbers.into_iter().chain([bytes.len() as u64]) {
        out.extend(number.to_le_bytes());
    }
    out.extend(bytes);
}

impl Recording {
    /// Writes it to a file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&self, file: &Path) -> io::Result<()> {
        let mut out = Vec::new();
        put(&mut out, 0, Name::Database, [0, 0], &self.base);
        for event in &self.events {
            match event {
                Event::Made(name) => put(&mut out, 1, *name, [0, 0], &[]),
                Event::Written(name, at, data) => put(&mut out, 2, *name, [*at, 0], data),
                Event::Cut(name, size) => put(&mut out, 3, *name, [*size, 0], &[]),
                Event::Deleted(name, synced) => put(&mut out, 4, *name, [u64::from(*synced), 0], &[]),
                Event::Synced(name, began, flags) => {
                    put(&mut out, 5, *name, [*began as u64, u64::try_from(*flags).unwrap_or_default()], &[]);
                }
                Event::Asked(id) => put(&mut out, 6, Name::Database, [0, 0], id.as_bytes()),
                Event::Answered(id, body) => {
                    let both = [id.as_bytes(), body].concat();
                    put(&mut out, 7, Name::Database, [id.len() as u64, 0], &both);
                }
            }
        }
        fs::write(file, out)
    }

    /// Reads it from a file.
    ///
    /// # Errors
    /// If it cannot be read, or is none.
    pub fn load(file: &Path) -> io::Result<Self> {
        let bytes = fs::read(file)?;
        let (mut rest, mut base, mut events) = (bytes.as_slice(), None, Vec::new());
        let broken = || io::Error::new(io::ErrorKind::InvalidData, "no recording");
        while !rest.is_empty() {
            let (head, after) = rest.split_at_checked(26).ok_or_else(broken)?;
            let number = |index: usize| {
                let eight = head[2 + index * 8..10 + index * 8].try_into().expect("eight bytes");
                u64::from_le_bytes(eight)
            };
            let length = usize::try_from(number(2)).map_err(|_| broken())?;
            let (data, after) = after.split_at_checked(length).ok_or_else(broken)?;
            rest = after;
            let name = if head[1] == 0 { Name::Database } else { Name::Wal };
            let (first, second) = (number(0), number(1));
            let size = |number: u64| usize::try_from(number).map_err(|_| broken());
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| broken());
            events.push(match head[0] {
                0 => {
                    base = Some(data.to_vec());
                    continue;
                }
                1 => Event::Made(name),
                2 => Event::Written(name, first, data.to_vec()),
                3 => Event::Cut(name, first),
                4 => Event::Deleted(name, first != 0),
                5 => Event::Synced(name, size(first)?, i64::try_from(second).map_err(|_| broken())?),
                6 => Event::Asked(text(data)?),
                7 => {
                    let (id, body) = data.split_at_checked(size(first)?).ok_or_else(broken)?;
                    Event::Answered(text(id)?, body.to_vec())
                }
                _ => return Err(broken()),
            });
        }
        Ok(Self { base: base.ok_or_else(broken)?, events })
    }
}
