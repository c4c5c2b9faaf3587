//! SQLite: one thread that writes and groups commits, a few that read, one that checkpoints.
//!
//! A client that hangs up can never cancel a unit of work half-way: the closure runs to its end on its
//! thread, whoever still listens.

mod connection;
mod lookers;
mod readers;
mod settings;
pub(in crate::store) mod snapshot;
mod truncation;
mod value;
mod writer;

pub(super) use connection::Connection;
pub(super) use value::column;

use super::pool::Pool;
use super::{LookUp, OpenError, Options, StoreError, View, Work, try_send};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{Mutex, oneshot};
use tokio::time::Instant;

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
    /// Gone once the database is closed: the threads then finish what is queued, and end.
    queues: RwLock<Option<Queues>>,
    lookers: lookers::Lookers,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Queues {
    writer: flume::Sender<writer::Queued>,
    readers: flume::Sender<readers::Queued>,
}

impl Sqlite {
    pub(super) fn open(path: &Path, options: &Options) -> Result<Self, OpenError> {
        prepare(path)?;
        let writing = Connection::open_writer(path)?.watch(options.slow_query);
        let (writer, writer_queue) = flume::bounded(options.queue);
        let (readers, readers_queue) = flume::bounded(options.queue);
        let mut threads = Vec::with_capacity(options.readers + 2);
        let (stop_checkpoints, checkpoints_stopped) = flume::bounded::<()>(1);
        let checkpointing = Connection::open_writer(path)?;
        let pages = options.checkpoint_pages;
        threads.push(spawn("checkpointer", move || writer::checkpoint(&checkpointing, pages, &checkpoints_stopped))?);
        let truncation = truncation::Truncation::new(settings::wal_path(path), options.wal_bytes_max);
        threads.push(spawn("writer", move || {
            writer::run(&writing, &writer_queue, truncation);
            // Dropping it ends the checkpointer.
            drop(stop_checkpoints);
        })?);
        let reading = Pool::new("reader", options.readers.max(1));
        for _ in 0..options.readers.max(1) {
            let connection = Connection::open_reader(path)?.watch(options.slow_query);
            let queue = readers_queue.clone();
            let pool = reading.clone();
            threads.push(spawn("reader", move || readers::run(&connection, &queue, &pool))?);
        }
        let lookers = lookers::Lookers::open(path, options.readers, options.slow_query)?;
        let read_wait = options.read_wait;
        let queues = RwLock::new(Some(Queues { writer, readers }));
        Ok(Self { path: path.to_owned(), read_wait, queues, lookers, threads: Mutex::new(threads) })
    }

    pub(super) async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&View<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(readers::Reading { read, reply });
        let deadline = Instant::now() + self.read_wait;
        self.enqueue(|queues| try_send(&queues.readers, readers::Queued { job, deadline }))?;
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

    /// One row, by the shortest way.
    pub(super) async fn find<T: Send + 'static>(&self, look_up: LookUp<T>) -> Result<Option<T>, StoreError> {
        self.look_up(move |view| view.find(&look_up)).await
    }

    /// The closure comes back with its result, so that it can run again.
    pub(super) async fn write<T, F>(&self, work: F, deadline: Instant) -> Result<(F, Result<T, StoreError>), StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Work<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(writer::Writing { work, value: None, reply });
        self.enqueue(|queues| try_send(&queues.writer, writer::Queued { job, deadline }))?;
        // A writer that goes away without an answer may have committed.
        answer.await.map_err(|_| StoreError::OutcomeUnknown)
    }

    fn enqueue(&self, send: impl FnOnce(&Queues) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let queues = self.queues.read().unwrap_or_else(PoisonError::into_inner);
        queues.as_ref().map_or(Err(StoreError::Closed), send)
    }

    pub(super) fn disk_bytes(&self) -> DiskBytes {
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        DiskBytes { database: size(&self.path), wal: size(&settings::wal_path(&self.path)) }
    }

    pub(super) async fn close(&self) {
        self.lookers.close();
        // Whoever sends holds the lock, so after this nothing can slip into a queue that nobody reads.
        drop(self.queues.write().unwrap_or_else(PoisonError::into_inner).take());
        // Held until they have ended, so that whoever closes second waits as well.
        let mut threads = self.threads.lock().await;
        let ending = std::mem::take(&mut *threads);
        let joined = tokio::task::spawn_blocking(move || ending.into_iter().for_each(|thread| drop(thread.join())));
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
