//! Threads that read from a standby, and one that watches how far behind its primary it is.
//!
//! The primary says how far its log is, and a second later the standby says what of it it has replayed: so what is known
//! is that the standby has everything up to a moment of this process's own clock. No clocks are compared, nothing is
//! written, and a standby that is cut off is found out as well as one that is slow.

use super::Timeouts;
use super::connection::Connection;
use super::server::{Duty, Server};
use super::threads::{self, Queued, Reading};
use crate::store::connection::Connection as Either;
use crate::store::pool::Pool;
use crate::store::{OpenError, Options, StoreError, View, try_send};
use secrecy::SecretString;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

/// Between two looks at the logs.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Looks at the primary's log that are remembered.
const LOOKS_MAX: usize = 600;
/// How long a look may take; the answer would be of no use any more.
const LOOK_MAX: Duration = Duration::from_secs(2);
/// How long a read waits for the standby before it asks the primary.
const READ_MAX: Duration = Duration::from_secs(1);
/// What takes longer than whoever asked waits is not worth a thread.
const STANDBY_SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
    SET LOCAL statement_timeout = '1s'; SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on; \
    SET LOCAL enable_bitmapscan = on";
const WRITTEN: &str = "SELECT CAST(pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') AS BIGINT)";
const REPLAYED: &str = "SELECT CAST(pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0') AS BIGINT)";
/// A standby has its primary's.
const IDENTITY: &str = "SELECT CAST(system_identifier AS TEXT) FROM pg_control_system()";

/// The threads, and the queue that leads to them.
#[derive(Debug)]
pub(in crate::store) struct Standby {
    readers: Mutex<Option<flume::Sender<Queued>>>,
    /// Dropped to end the watch.
    watch: Mutex<Option<flume::Sender<()>>>,
    threads: tokio::sync::Mutex<Vec<JoinHandle<()>>>,
}

/// Hears up to which moment the standby has everything; none when that cannot be found out.
pub(in crate::store) type Watch = dyn Fn(Result<Option<Instant>, StoreError>) + Send;

impl Standby {
    /// Starts the threads. Whether the standby can be reached shows later, and may change.
    pub(in crate::store) fn open(
        primary: &SecretString,
        standby: &SecretString,
        options: &Options,
        watch: Box<Watch>,
    ) -> Result<Self, OpenError> {
        let (primary, standby) =
            (Server::of(primary, Duty::Primary, options)?, Server::of(standby, Duty::Standby, options)?);
        let (sender, queue) = flume::bounded::<Queued>(options.queue);
        let mut threads = Vec::new();
        let reading = Pool::new("replica", options.readers.max(1));
        for _ in 0..options.readers.max(1) {
            let (server, queue, timeouts) = (standby.clone(), queue.clone(), options.timeouts());
            let pool = reading.clone();
            let run = move || threads::run(None, &server, timeouts, &queue, &pool);
            threads.push(std::thread::Builder::new().name("standby-reader".to_owned()).spawn(run)?);
        }
        let (stop, stopped) = flume::bounded::<()>(1);
        let run = move || Watcher::new(primary, standby).run(&stopped, &watch);
        threads.push(std::thread::Builder::new().name("standby-watch".to_owned()).spawn(run)?);
        let (readers, watch) = (Mutex::new(Some(sender)), Mutex::new(Some(stop)));
        Ok(Self { readers, watch, threads: tokio::sync::Mutex::new(threads) })
    }

    /// Reads from a snapshot of the standby, once, within a second.
    pub(in crate::store) async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&View<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Reading { read, begin: Some(STANDBY_SNAPSHOT), reply });
        let deadline = Instant::now() + READ_MAX;
        {
            let readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
            try_send(readers.as_ref().ok_or(StoreError::Closed)?, Queued { job, deadline })?;
        }
        match timeout(READ_MAX, answer).await {
            Ok(Ok((_, result))) => result,
            Ok(Err(_)) | Err(_) => Err(StoreError::Overloaded),
        }
    }

    pub(in crate::store) async fn close(&self) {
        drop(self.readers.lock().unwrap_or_else(PoisonError::into_inner).take());
        drop(self.watch.lock().unwrap_or_else(PoisonError::into_inner).take());
        let ending = std::mem::take(&mut *self.threads.lock().await);
        let joined = tokio::task::spawn_blocking(move || ending.into_iter().for_each(|thread| drop(thread.join())));
        let _ = joined.await;
    }
}

/// Looks at both logs.
struct Watcher {
    primary: Server,
    standby: Server,
    connections: Option<(Connection, Connection)>,
    /// When, and how far the primary's log was then; oldest first.
    looks: VecDeque<(Instant, i64)>,
}

impl Watcher {
    const fn new(primary: Server, standby: Server) -> Self {
        Self { primary, standby, connections: None, looks: VecDeque::new() }
    }

    fn run(&mut self, stopped: &flume::Receiver<()>, watch: &Watch) {
        loop {
            let seen = self.look();
            if seen.is_err() {
                // After a failover the other log may have gone another way.
                self.connections = None;
                self.looks.clear();
            }
            watch(seen);
            if !matches!(stopped.recv_timeout(LOOK_EVERY), Err(flume::RecvTimeoutError::Timeout)) {
                return;
            }
        }
    }

    /// Up to which moment the standby has everything; none if that was longer ago than is remembered.
    fn look(&mut self) -> Result<Option<Instant>, StoreError> {
        let (primary, standby) = match self.connections.take() {
            Some(open) => self.connections.insert(open),
            None => self.connections.insert(connect(&self.primary, &self.standby)?),
        };
        let (asked, written) = (Instant::now(), number(primary, WRITTEN)?);
        let replayed = number(standby, REPLAYED)?;
        self.looks.push_back((asked, written));
        let mut known = None;
        // What is older than the newest one that is replayed is not asked for again.
        while let Some((at, _)) = self.looks.front().copied().filter(|(_, log)| *log <= replayed) {
            known = Some(at);
            if self.looks.get(1).is_none_or(|(_, log)| *log > replayed) {
                break;
            }
            self.looks.pop_front();
        }
        if self.looks.len() > LOOKS_MAX {
            self.looks.pop_front();
        }
        Ok(known)
    }
}

fn connect(primary: &Server, standby: &Server) -> Result<(Connection, Connection), StoreError> {
    let timeouts = Timeouts { statement: LOOK_MAX, lock: LOOK_MAX, slow: None };
    let open = |server| {
        metrics::counter!("database_connects_total").increment(1);
        Connection::open(server, &timeouts).map_err(|error| StoreError::Busy(Some(error.into())))
    };
    let (primary, standby) = (open(primary)?, open(standby)?);
    if text(&primary, IDENTITY)? != text(&standby, IDENTITY)? {
        return Err(StoreError::Broken("the replica follows another primary than the database of the settings"));
    }
    Ok((primary, standby))
}

fn number(connection: &Connection, text: &'static str) -> Result<i64, StoreError> {
    let number = View::new(Either::from(connection)).query_opt(text, &[], |row| row.get(0))?;
    number.ok_or(StoreError::Broken("a log has no position"))
}

fn text(connection: &Connection, text: &'static str) -> Result<Option<String>, StoreError> {
    View::new(Either::from(connection)).query_opt(text, &[], |row| row.get(0))
}
