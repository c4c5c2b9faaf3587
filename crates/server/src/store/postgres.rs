//! PostgreSQL: a few threads with a connection each, for the ledger, for other writes, and for reads.
//!
//! The ledger's batches lock the rows that they change, in one order, and run at READ COMMITTED. Everything else
//! that writes runs at SERIALIZABLE, so that a rule that read a row and then changed it did so in one moment; the
//! whole unit runs again when another was in the way.

mod connection;
mod errors;
mod lookers;
mod server;
mod sets;
mod settings;
mod standby;
mod threads;
mod tls;
mod value;
mod waiting;
mod warnings;

pub(super) use connection::Connection;
pub(super) use server::{Duty, Server, place};
pub(super) use settings::Timeouts;
pub(super) use standby::Standby;
pub(super) use value::column;
pub(super) use waiting::Touches;

use super::LookUp;
use super::pool::Pool;
use super::retry::{TRIES_MAX, pause};
use super::{Isolation, Lane, OpenError, Options, StoreError, View, Work, try_send};
use lookers::Asking;
use secrecy::SecretString;
use std::sync::{PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;
use threads::{Queued, Reading, Writing};
use tokio::sync::{Mutex, oneshot};
use tokio::time::Instant;

const SERIALIZABLE: &str = "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE";
const READ_COMMITTED: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
/// A snapshot may be as long as a reconciliation.
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = '600s'; \
    SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on; \
    SET LOCAL enable_bitmapscan = on";

/// While one asks what waited, the next questions gather for the other.
const LOOKERS: usize = 2;

/// The threads and the queues that lead to them.
#[derive(Debug)]
pub(super) struct Postgres {
    read_wait: Duration,
    lanes: usize,
    /// How a batch of the ledger begins.
    ledger: &'static str,
    /// Gone once the database is closed: the threads then finish what is queued, and end.
    queues: RwLock<Option<Queues>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Queues {
    lanes: flume::Sender<Queued>,
    writers: flume::Sender<Queued>,
    readers: flume::Sender<Queued>,
    lookers: flume::Sender<lookers::Queued>,
}

/// The driver waits inside, which a thread of an asynchronous runtime must not.
pub(super) fn on_a_thread<T: Send, E: Send + From<StoreError>>(
    run: impl FnOnce() -> Result<T, E> + Send,
) -> Result<T, E> {
    std::thread::scope(|scope| scope.spawn(run).join()).unwrap_or_else(|_| Err(StoreError::Panicked.into()))
}

impl Postgres {
    pub(super) fn open(url: &SecretString, options: &Options) -> Result<Self, OpenError> {
        let server = Server::of(url, Duty::Primary, options)?;
        let timeouts = options.timeouts();
        // One that is refused is told to whoever opens; the others are made by their threads.
        let mut first = Some(on_a_thread(|| Connection::open(&server, &timeouts))?);
        let mut threads = Vec::new();
        let mut pool = |name: &'static str, count: usize| -> Result<flume::Sender<Queued>, OpenError> {
            let (sender, queue) = flume::bounded::<Queued>(options.queue);
            let pool = Pool::new(name, count.max(1));
            for _ in 0..count.max(1) {
                let pool = pool.clone();
                let (server, queue, first) = (server.clone(), queue.clone(), first.take());
                let run = move || threads::run(first, &server, timeouts, &queue, &pool);
                threads.push(std::thread::Builder::new().name(format!("postgres-{name}")).spawn(run)?);
            }
            Ok(sender)
        };
        let (lanes, writers) = (pool("ledger", options.lanes)?, pool("writer", options.writers)?);
        let readers = pool("reader", options.readers)?;
        let (lookers, asked) = flume::bounded(options.queue);
        let looking = Pool::new("looker", LOOKERS);
        for _ in 0..LOOKERS {
            let (server, asked, pool) = (server.clone(), asked.clone(), looking.clone());
            let run = move || lookers::run(&server, timeouts, &asked, &pool);
            threads.push(std::thread::Builder::new().name("postgres-looker".to_owned()).spawn(run)?);
        }
        let queues = Queues { lanes, writers, readers, lookers };
        let ledger = match options.isolation {
            Isolation::ReadCommitted => READ_COMMITTED,
            Isolation::Serializable => SERIALIZABLE,
        };
        let read_wait = options.read_wait;
        let lanes = options.lanes.max(1);
        Ok(Self { read_wait, lanes, ledger, queues: RwLock::new(Some(queues)), threads: Mutex::new(threads) })
    }

    pub(super) const fn lanes(&self) -> usize {
        self.lanes
    }

    pub(super) async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&View<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.look(read, Some(SNAPSHOT)).await
    }

    pub(super) async fn look_up<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&View<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.look(read, None).await
    }

    /// Looks one row up, together with what others look up at the same moment.
    pub(super) async fn find<T: Send + 'static>(&self, look_up: LookUp<T>) -> Result<Option<T>, StoreError> {
        let ask = |look_up, deadline, reply| {
            let question = Box::new(Asking::new(look_up, reply));
            self.enqueue(|queues| try_send(&queues.lookers, lookers::Queued { question, deadline }))
        };
        self.again(look_up, ask).await
    }

    async fn look<T, F>(&self, read: F, begin: Option<&'static str>) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&View<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let ask = |read, deadline, reply| {
            let job = Box::new(Reading { read, begin, reply });
            self.enqueue(|queues| try_send(&queues.readers, Queued { job, deadline }))
        };
        self.again(read, ask).await
    }

    /// A connection that broke while it was idle shows it to whoever comes next, who therefore tries again. Not for
    /// long: what waits for a database that is gone should be told so.
    async fn again<Q, T>(
        &self,
        mut question: Q,
        ask: impl Fn(Q, Instant, oneshot::Sender<(Q, Result<T, StoreError>)>) -> Result<(), StoreError>,
    ) -> Result<T, StoreError> {
        let deadline = Instant::now() + self.read_wait;
        let mut tries = 0;
        loop {
            tries += 1;
            let (reply, answer) = oneshot::channel();
            ask(question, deadline, reply)?;
            let (returned, result) = answer.await.map_err(|_| StoreError::Overloaded)?;
            match result {
                Err(error) if error.is_passing() && tries < TRIES_MAX => {
                    metrics::counter!("database_retries_total").increment(1);
                    question = returned;
                    if !pause(tries, deadline).await {
                        return Err(error);
                    }
                }
                result => return result,
            }
        }
    }

    /// The closure comes back with its result, so that it can run again.
    pub(super) async fn write<T, F>(
        &self,
        work: F,
        deadline: Instant,
        lane: Lane,
    ) -> Result<(F, Result<T, StoreError>), StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Work<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let begin = match lane {
            Lane::Ledger => self.ledger,
            Lane::Locked => READ_COMMITTED,
            Lane::Other => SERIALIZABLE,
        };
        let queued = Queued { job: Box::new(Writing { work, begin, reply }), deadline };
        self.enqueue(|queues| try_send(if lane == Lane::Ledger { &queues.lanes } else { &queues.writers }, queued))?;
        // A thread that goes away without an answer may have committed.
        answer.await.map_err(|_| StoreError::OutcomeUnknown)
    }

    fn enqueue(&self, send: impl FnOnce(&Queues) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let queues = self.queues.read().unwrap_or_else(PoisonError::into_inner);
        queues.as_ref().map_or(Err(StoreError::Closed), send)
    }

    pub(super) async fn close(&self) {
        drop(self.queues.write().unwrap_or_else(PoisonError::into_inner).take());
        let mut threads = self.threads.lock().await;
        let ending = std::mem::take(&mut *threads);
        let joined = tokio::task::spawn_blocking(move || ending.into_iter().for_each(|thread| drop(thread.join())));
        let _ = joined.await;
    }
}
