//! Threads that do nothing but hash, at a lower priority than everything else: a storm of sign-ins has what the payments
//! leave.

use super::HashError;
use crate::clock::stopwatch;
use anyhow::Context;
use std::sync::Arc;
use std::thread;
use tokio::sync::{Semaphore, oneshot};

type Job = Box<dyn FnOnce() + Send>;

/// How much nicer than other threads those that hash are: at 10 they get about a tenth of a processor that somebody else
/// wants, too.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// A bounded queue with its threads, which end when the last handle is gone.
#[derive(Clone, Debug)]
pub(super) struct Threads {
    jobs: flume::Sender<Job>,
    /// Jobs that run or wait.
    places: Arc<Semaphore>,
}

fn tell_depth(waiting: usize) {
    metrics::gauge!("password_hash_queue_depth").set(f64::from(u32::try_from(waiting).unwrap_or(u32::MAX)));
}

impl Threads {
    /// Starts as many threads as there are hashes at once. So many more may wait.
    pub(super) fn start(count: usize, queue: usize) -> anyhow::Result<Self> {
        let places = count.saturating_add(queue).min(Semaphore::MAX_PERMITS);
        // The places are the bound. A job that has one has room in the queue, too.
        let (jobs, taken) = flume::unbounded::<Job>();
        for number in 0..count {
            let taken = taken.clone();
            let work = move || {
                be_nice();
                while let Ok(job) = taken.recv() {
                    tell_depth(taken.len());
                    job();
                }
            };
            let thread = thread::Builder::new().name(format!("hash-{number}"));
            thread.spawn(work).context("a thread for password hashes cannot be started")?;
        }
        Ok(Self { jobs, places: Arc::new(Semaphore::new(places)) })
    }

    /// Runs something on one of the threads, unless whoever asked has gone by then.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| HashError::Overloaded)?;
        let (tell, told) = oneshot::channel();
        let job = move || {
            if !tell.is_closed() {
                let started = stopwatch();
                // Whoever has gone meanwhile is told nothing.
                let _ = tell.send(work());
                metrics::histogram!("password_hash_duration_seconds").record(started.elapsed());
            }
            drop(place);
        };
        self.jobs.send(Box::new(job)).map_err(|_| HashError::Broken)?;
        tell_depth(self.jobs.len());
        told.await.map_err(|_| HashError::Broken)
    }
}

/// Asks the system for a lower priority. Without it hashes are only as many at once as there are threads.
#[cfg(target_os = "linux")]
fn be_nice() {
    // Linux takes the caller's own id for this thread alone.
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::warn!(%error, "password hashes run at the priority of everything else");
    }
}

#[cfg(not(target_os = "linux"))]
const fn be_nice() {}

#[cfg(test)]
mod tests {
    use super::Threads;
    use crate::auth::password::HashError;
    use std::sync::mpsc;
    use std::time::Duration;
    use tokio::task::JoinHandle;

    fn spawn<T: Send + 'static>(
        threads: &Threads,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<Result<T, HashError>> {
        let threads = threads.clone();
        tokio::spawn(async move { threads.run(work).await })
    }

    #[tokio::test]
    async fn more_than_have_a_place_are_refused_and_the_others_are_done() {
        let threads = Threads::start(1, 1).unwrap();
        let (go, wait) = mpsc::channel::<()>();
        let first = spawn(&threads, move || wait.recv());
        while threads.places.available_permits() == 2 {
            tokio::task::yield_now().await;
        }
        let second = spawn(&threads, || 2);
        while threads.places.available_permits() == 1 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(threads.run(|| 3).await, Err(HashError::Overloaded)));
        go.send(()).unwrap();
        assert!(first.await.unwrap().unwrap().is_ok());
        assert_eq!(second.await.unwrap().unwrap(), 2);
        assert_eq!(threads.run(|| 4).await.unwrap(), 4);
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_not_done() {
        let threads = Threads::start(1, 8).unwrap();
        let (go, wait) = mpsc::channel::<()>();
        let (done, count) = mpsc::channel::<u32>();
        let first = spawn(&threads, move || wait.recv());
        while threads.places.available_permits() == 9 {
            tokio::task::yield_now().await;
        }
        for number in 0..3 {
            let done = done.clone();
            let asked = threads.run(move || done.send(number));
            // Asked once, and given up.
            assert!(tokio::time::timeout(Duration::ZERO, asked).await.is_err());
        }
        drop(done);
        assert_eq!(threads.places.available_permits(), 5);
        go.send(()).unwrap();
        assert!(first.await.unwrap().unwrap().is_ok());
        assert_eq!(threads.run(|| 4).await.unwrap(), 4);
        assert_eq!(count.iter().count(), 0);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_threads_are_nicer_than_whoever_asks() {
        let nice = || rustix::process::getpriority_process(None).unwrap();
        let threads = Threads::start(2, 8).unwrap();
        let own = nice();
        assert_eq!(threads.run(nice).await.unwrap(), 10.max(own));
        assert_eq!(nice(), own);
    }
}
