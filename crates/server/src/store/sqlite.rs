//! SQLite: one thread that writes and groups commits, a few that read, one that checkpoints.
//!
//! A client that hangs up can never cancel a unit of work half-way: the closure runs to its end on its
//! thread, whoever still listens.

mod connection;
mod lookers;
mod readers;
mod settings;
mod writer;

pub(super) use connection::Connection;

use super::{OpenError, StoreError, View, Work};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{Mutex, oneshot};
use tokio::time::Instant;

/// How a database is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Threads that read.
    pub readers: usize,
    /// Units of work that may wait for the writer, and reads that may wait for a reader.
    pub queue: usize,
    /// How long a read may wait for a reader.
    pub read_wait: Duration,
    /// WAL pages after which the checkpointer copies them into the file.
    pub checkpoint_pages: i64,
    /// WAL bytes above which the writer itself empties the log, once.
    pub wal_bytes_max: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            readers: 2,
            queue: 4_096,
            read_wait: Duration::from_secs(5),
            checkpoint_pages: 20_000,
            wal_bytes_max: 512 * 1024 * 1024,
        }
    }
}

/// Bytes on disk.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct DiskBytes {
    /// The database file.
    pub database: u64,
    /// Its write-ahead log.
    pub wal: u64,
}

/// The threads and the queues that lead to them.
#[derive(Debug)]
pub(super) struct Sqlite {
    path: PathBuf,
    read_wait: Duration,
    writer: flume::Sender<writer::Message>,
    readers: flume::Sender<readers::Message>,
    lookers: lookers::Lookers,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Sqlite {
    pub(super) fn open(path: &Path, options: &Options) -> Result<Self, OpenError> {
        prepare(path)?;
        let writing = Connection::open_writer(path)?;
        let (writer, writer_queue) = flume::bounded(options.queue);
        let (readers, readers_queue) = flume::bounded(options.queue);
        let mut threads = Vec::with_capacity(options.readers + 2);
        let (stop_checkpoints, checkpoints_stopped) = flume::bounded::<()>(1);
        let checkpointing = Connection::open_writer(path)?;
        let pages = options.checkpoint_pages;
        threads.push(spawn("checkpointer", move || writer::checkpoint(&checkpointing, pages, &checkpoints_stopped))?);
        let wal = settings::wal_path(path);
        let wal_bytes_max = options.wal_bytes_max;
        threads.push(spawn("writer", move || {
            writer::run(&writing, &writer_queue, &wal, wal_bytes_max);
            // Dropping it ends the checkpointer.
            drop(stop_checkpoints);
        })?);
        for _ in 0..options.readers.max(1) {
            let connection = Connection::open_reader(path)?;
            let queue = readers_queue.clone();
            threads.push(spawn("reader", move || readers::run(&connection, &queue))?);
        }
        let lookers = lookers::Lookers::open(path, options.readers)?;
        let read_wait = options.read_wait;
        Ok(Self { path: path.to_owned(), read_wait, writer, readers, lookers, threads: Mutex::new(threads) })
    }

    pub(super) async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&View<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = readers::Reading { read, reply };
        let deadline = Instant::now() + self.read_wait;
        let message = readers::Message::Read(Box::new(job), deadline);
        self.readers.try_send(message).map_err(|_| StoreError::Overloaded)?;
        answer.await.map_err(|_| StoreError::Overloaded)?
    }

    /// On the caller's own thread if a connection is free, else as any other read.
    pub(super) async fn look_up<T, F>(&self, mut read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&View<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        match self.lookers.try_look(&mut read) {
            Some(result) => result,
            None => self.read(read).await,
        }
    }

    /// The closure comes back with its result, so that it can run again.
    pub(super) async fn write<T, F>(&self, work: F, deadline: Instant) -> Result<(F, Result<T, StoreError>), StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Work<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = writer::Writing { work, value: None, reply };
        let message = writer::Message::Write(Box::new(job), deadline);
        self.writer.try_send(message).map_err(|_| StoreError::Overloaded)?;
        // A writer that goes away without an answer may have committed.
        answer.await.map_err(|_| StoreError::OutcomeUnknown)
    }

    pub(super) fn disk_bytes(&self) -> DiskBytes {
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        DiskBytes { database: size(&self.path), wal: size(&settings::wal_path(&self.path)) }
    }

    pub(super) async fn close(&self) {
        let threads = std::mem::take(&mut *self.threads.lock().await);
        self.lookers.close();
        // The writer first, then one farewell to each reader: what is queued before it is still done.
        let _ = self.writer.send_async(writer::Message::Stop).await;
        for _ in &threads {
            let _ = self.readers.send_async(readers::Message::Stop).await;
        }
        let joined = tokio::task::spawn_blocking(move || threads.into_iter().for_each(|thread| drop(thread.join())));
        let _ = joined.await;
    }
}

/// Checks the library and makes the file.
pub(super) fn prepare(path: &Path) -> Result<(), OpenError> {
    settings::assert_library()?;
    settings::prepare_file(path)
}

fn spawn(name: &'static str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, std::io::Error> {
    std::thread::Builder::new().name(format!("sqlite-{name}")).spawn(run)
}
