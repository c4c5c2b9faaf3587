//! What is asked of a database beside units of work: how it is, and to end.

use super::{Database, DiskBytes, Engine, StoreError};

impl Database {
    /// How many batches of the ledger may run at once.
    #[must_use]
    pub fn lanes(&self) -> usize {
        match &*self.engine {
            Engine::Sqlite(_) => 1,
            Engine::Postgres(postgres) => postgres.lanes(),
        }
    }

    /// Asks for nothing, to see whether the database answers.
    ///
    /// # Errors
    /// As [`Database::read`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read(|view| view.query_opt("SELECT 1", &[], |row| row.get::<i64>(0)).map(|_| ())).await
    }

    /// What the database holds on this machine's disk: nothing, if it is a server.
    #[must_use]
    pub fn disk_bytes(&self) -> DiskBytes {
        match &*self.engine {
            Engine::Sqlite(sqlite) => sqlite.disk_bytes(),
            Engine::Postgres(_) => DiskBytes::default(),
        }
    }

    /// Waits for the queued units of work, and stops the threads. SQLite folds the log into the file.
    pub async fn close(&self) {
        if let Some(replica) = &self.replica {
            replica.close().await;
        }
        match &*self.engine {
            Engine::Sqlite(sqlite) => sqlite.close().await,
            Engine::Postgres(postgres) => postgres.close().await,
        }
    }
}
