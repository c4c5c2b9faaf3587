//! A replica beside the database: what may be read from it, when it is not, and how that shows. A read that the replica
//! cannot answer, or would answer from too long ago, goes to the database: nobody notices.

use super::postgres::Standby;
use super::{Database, Location, OpenError, Options, StaleReader, StoreError};
use secrecy::SecretString;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How a replica is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReplicaState {
    /// It is read from.
    Up,
    /// It is too far behind, or cannot be reached: the database answers for it.
    Down,
}

/// A replica and what is known of it.
#[derive(Debug)]
pub(super) struct Replica {
    standby: Standby,
    known: Arc<Known>,
}

/// Up to when the replica has everything.
#[derive(Debug)]
struct Known {
    lag_max: Duration,
    opened: Instant,
    moment: Mutex<Moment>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Moment {
    /// None: it cannot be reached, or a read of it failed since it was looked at.
    until: Option<Instant>,
    /// The last such moment, for the figure of the lag.
    last: Option<Instant>,
    /// What was said last, so that it is not said again.
    said_up: Option<bool>,
}

impl Known {
    fn state(&self) -> ReplicaState {
        let moment = self.moment();
        let is_fresh = moment.until.is_some_and(|until| until.elapsed() <= self.lag_max);
        if is_fresh { ReplicaState::Up } else { ReplicaState::Down }
    }

    fn moment(&self) -> std::sync::MutexGuard<'_, Moment> {
        self.moment.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what a look at the logs said.
    fn note(&self, seen: &Result<Option<Instant>, StoreError>) {
        let mut moment = self.moment();
        let until = seen.as_ref().ok().copied().flatten();
        moment.until = until;
        moment.last = until.or(moment.last);
        let lag = moment.last.unwrap_or(self.opened).elapsed();
        metrics::gauge!("database_replica_lag_seconds").set(lag.as_secs_f64());
        let is_up = until.is_some_and(|until| until.elapsed() <= self.lag_max);
        if moment.said_up.replace(is_up) == Some(is_up) {
            return;
        }
        match seen {
            _ if is_up => tracing::info!("the replica is read from"),
            Ok(_) => tracing::warn!(?lag, "the replica is too far behind; the database answers for it"),
            Err(error) => tracing::warn!(
                error = error as &dyn std::error::Error,
                "the replica or its log cannot be looked at; the database answers for it"
            ),
        }
    }

    /// A read failed: it is not asked again before the next look.
    fn suspend(&self) {
        self.moment().until = None;
    }
}

impl Database {
    /// Reads what may be read from a replica from there, if it is not further behind than a bound. Only PostgreSQL has
    /// one. It need not be there yet.
    ///
    /// # Errors
    /// If its URL or that of the database is not one of a PostgreSQL server.
    pub fn with_replica(
        self,
        database: &Location,
        replica: &SecretString,
        lag_max: Duration,
        options: &Options,
    ) -> Result<Self, OpenError> {
        let Location::Postgres(primary) = database else { return Ok(self) };
        let known = Arc::new(Known { lag_max, opened: Instant::now(), moment: Mutex::default() });
        let noted = Arc::clone(&known);
        let standby = Standby::open(primary, replica, options, Box::new(move |seen| noted.note(&seen)))?;
        Ok(Self { replica: Some(Arc::new(Replica { standby, known })), ..self })
    }

    /// How the replica is; none if there is none.
    #[must_use]
    pub fn replica(&self) -> Option<ReplicaState> {
        self.replica.as_ref().map(|replica| replica.known.state())
    }

    /// Reads from one snapshot, which may be of some seconds ago. What is read is never what a payment, a right of access
    /// or a sign-in rests on: see [`StaleReader`].
    ///
    /// # Errors
    /// As [`Database::read`].
    pub async fn read_stale<T, F>(&self, mut read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&StaleReader<'_>) -> Result<T, StoreError> + Clone + Send + 'static,
    {
        if let Some(replica) = &self.replica {
            let reason = match replica.known.state() {
                ReplicaState::Down => "behind",
                ReplicaState::Up => {
                    let mut read = read.clone();
                    match replica.standby.read(move |view| read(&StaleReader::new(view))).await {
                        Ok(made) => {
                            metrics::counter!("database_replica_reads_total").increment(1);
                            return Ok(made);
                        }
                        Err(error) => {
                            tracing::debug!(error = &error as &dyn std::error::Error, "a read of the replica failed");
                            replica.known.suspend();
                            "failed"
                        }
                    }
                }
            };
            metrics::counter!("database_replica_fallbacks_total", "reason" => reason).increment(1);
        }
        self.read(move |view| read(&StaleReader::new(view))).await
    }
}

impl Replica {
    pub(super) async fn close(&self) {
        self.standby.close().await;
    }
}
