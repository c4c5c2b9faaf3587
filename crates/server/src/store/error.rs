//! What can go wrong with a database, told apart by what it means to whoever asked.

use thiserror::Error;

/// What a database said, for the log alone.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a unit of work did not happen.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another unit of work was in the way; the whole unit may run again.
    #[error("the database is busy")]
    Busy(#[source] Option<Source>),
    /// A unique row appeared in between; the whole unit may run again and will see it.
    #[error("another unit of work won the race for {0}")]
    Lost(&'static str),
    /// The commit was sent and no answer came.
    #[error("the outcome of the commit is unknown")]
    OutcomeUnknown,
    /// The queue is full, or the caller's deadline passed while it waited.
    #[error("the database has more work than it can do in time")]
    Overloaded,
    /// There is no room for another row.
    #[error("the disk is full")]
    Full(#[source] Source),
    /// The database is shut down.
    #[error("the database is closed")]
    Closed,
    /// The closure panicked; nothing of it was kept.
    #[error("a unit of work panicked")]
    Panicked,
    /// A row is not what the code believes it to be.
    #[error("column {column} of a row cannot be read as {expected}")]
    Column {
        /// Its place in the row, from 0.
        column: usize,
        /// What was expected.
        expected: &'static str,
    },
    /// The unit of work cannot be done, and trying again will not help.
    #[error("the unit of work is broken: {0}")]
    Broken(&'static str),
    /// The database refused a statement.
    #[error("the database refused a statement")]
    Refused(#[source] Source),
}

impl StoreError {
    /// Whether the same unit of work may succeed at once when it runs again.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Lost(_))
    }

    /// Whether the fault lies with the database's state and not with the unit of work.
    #[must_use]
    pub const fn is_outage(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Lost(_) | Self::Overloaded | Self::Full(_) | Self::Closed)
    }
}

/// Why a database cannot be used.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The bundled library is older than the first one without a known bug that loses commits.
    #[error("SQLite {found} is too old: 3.51.3 or newer is needed")]
    LibraryTooOld {
        /// The version that is linked.
        found: &'static str,
    },
    /// A setting did not take.
    #[error("the database setting `{name}` is {found}, and must be {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// The file or its directory cannot be made or read.
    #[error("the database file cannot be used")]
    File(#[from] std::io::Error),
    /// SQLite refused the file.
    #[error("the database file cannot be opened")]
    Engine(#[from] rusqlite::Error),
    /// PostgreSQL cannot be reached, or refuses the connection.
    #[error("PostgreSQL cannot be reached; check DATABASE_URL and that the server runs")]
    Connect(#[source] Source),
    /// The connection string asks for TLS.
    #[error(
        "this superapp is built without TLS to PostgreSQL: build it with `--features postgres-tls`, or connect over a \
        private network or a local proxy, with sslmode=disable"
    )]
    NoTls,
    /// Nobody could vouch for the server.
    #[error(
        "the certificates in {path} cannot be used; `postgres.root_certificates` must name a file (PEM) of authorities"
    )]
    RootCertificates {
        /// The file.
        path: String,
        /// Why.
        source: Source,
    },
    /// A first statement failed.
    #[error("the database does not answer")]
    Store(#[from] StoreError),
}
