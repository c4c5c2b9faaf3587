//! One life of a server: it ends in peace, or in the middle of a job.

use crate::harness::Client;
use crate::place::Place;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use superapp::jobs::run_due;
use tokio::runtime::Runtime;

/// The whole ledger is recomputed when the test asks for it: each time would be most of the work. Small batches, so
/// that a run of a few charges is several commits, and can die between them.
const SETTINGS: &[(&str, &str)] =
    &[("SUPERAPP_RECONCILIATION__INTERVAL_SECONDS", "0"), ("SUPERAPP_LEDGER__BATCH_MAX", "2")];

/// A server with a runtime of its own, so that its tasks can end where they stand.
pub struct Life {
    runtime: Runtime,
    pub client: Client,
}

impl Life {
    /// Opens the database, as a start of the server does.
    pub fn begin(directory: &Path, place: &Place, time: &Arc<AtomicI64>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let client = runtime.block_on(Client::open(directory, &place.location, time, SETTINGS));
        Self { runtime, client }
    }

    /// Waits for something on this server.
    pub fn run<F: Future>(&self, what: F) -> F::Output {
        self.runtime.block_on(what)
    }

    /// Runs the jobs that are due, as the background task does. Whether the renewals and the ends all went well.
    pub fn wake(&self) -> bool {
        self.run(wake(&self.client))
    }

    /// The same, given up after some steps of the runtime. `None` if it was not done by then: the server is to die.
    pub fn wake_for(&self, steps: u64) -> Option<bool> {
        let give_up = async {
            for _ in 0..steps {
                tokio::task::yield_now().await;
            }
        };
        self.run(async {
            tokio::select! {
                done = wake(&self.client) => Some(done),
                () = give_up => None,
            }
        })
    }

    /// Ends as after SIGTERM: what is queued is done.
    pub fn end(self) {
        self.run(self.client.database.close());
    }

    /// Ends where it stands. What the writer of the database has in hand may still be committed, at once or beside
    /// the next life.
    pub fn die(self, at_once: bool) {
        let Self { runtime, client } = self;
        drop(runtime);
        if at_once {
            let after = tokio::runtime::Builder::new_current_thread().build().unwrap();
            after.block_on(client.database.close());
        }
    }
}

async fn wake(client: &Client) -> bool {
    let failures = || async {
        let rows = client.database.read(superapp::store::jobs::list).await.unwrap();
        rows.iter().map(|row| row.failures).sum::<i64>()
    };
    let before = failures().await;
    let ran = run_due(client).await.unwrap();
    ran.contains(&"renew") && ran.contains(&"end_lapsed") && failures().await == before
}
