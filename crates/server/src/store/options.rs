//! Where a database is and how it is run.

use super::postgres::Timeouts;
use secrecy::SecretString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Which database.
#[derive(Clone, Debug)]
pub enum Location {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL server, by a connection string, which may hold a password.
    Postgres(SecretString),
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Self::Sqlite(path.to_owned())
    }
}

/// For people: no password, and no more of the connection string than where it leads.
impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(formatter, "{}", path.display()),
            Self::Postgres(url) => formatter.write_str(&super::postgres::place(url)),
        }
    }
}

/// How the ledger's batches see other processes, on PostgreSQL. They lock what they change either way.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Isolation {
    /// As PostgreSQL does by default.
    #[default]
    ReadCommitted,
    /// As some databases that speak PostgreSQL's protocol do by default. One lane is then the fastest.
    Serializable,
}

/// How a database is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Threads that read.
    pub readers: usize,
    /// Units of work that may wait for the writer, and reads that may wait for a reader.
    pub queue: usize,
    /// How long a read may wait for a reader.
    pub read_wait: Duration,
    /// How long one statement may take before it is told of in the log.
    pub slow_query: Option<Duration>,
    /// SQLite: WAL pages after which the checkpointer copies them into the file.
    pub checkpoint_pages: i64,
    /// SQLite: WAL bytes above which the writer itself empties the log, once.
    pub wal_bytes_max: u64,
    /// PostgreSQL: batches of the ledger that run at once.
    pub lanes: usize,
    /// PostgreSQL: threads for writes that are not the ledger's.
    pub writers: usize,
    /// PostgreSQL: how the ledger's batches see other processes.
    pub isolation: Isolation,
    /// PostgreSQL: how long one statement may take.
    pub statement_timeout: Duration,
    /// PostgreSQL: how long one statement may wait for the lock of a row.
    pub lock_timeout: Duration,
    /// PostgreSQL: how long connecting may take.
    pub connect_timeout: Duration,
    /// PostgreSQL: a file (PEM) with the authorities that may vouch for a server, where TLS is asked for.
    pub root_certificates: PathBuf,
}

impl Options {
    pub(super) const fn timeouts(&self) -> Timeouts {
        Timeouts { statement: self.statement_timeout, lock: self.lock_timeout, slow: self.slow_query }
    }
}

/// Where Debian and what comes from it keep the authorities of the web.
const ROOT_CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

impl Default for Options {
    fn default() -> Self {
        Self {
            readers: 2,
            queue: 4_096,
            read_wait: Duration::from_secs(5),
            slow_query: Some(Duration::from_millis(250)),
            checkpoint_pages: 20_000,
            wal_bytes_max: 512 * 1024 * 1024,
            lanes: 3,
            writers: 2,
            isolation: Isolation::ReadCommitted,
            statement_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(3),
            connect_timeout: Duration::from_secs(2),
            root_certificates: PathBuf::from(ROOT_CERTIFICATES),
        }
    }
}

/// Who writes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Lane {
    /// The ledger.
    Ledger,
    /// Who locks what they rest on.
    Locked,
    /// Everybody else.
    Other,
}
