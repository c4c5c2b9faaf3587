//! Where a server of these tests keeps what it knows: a directory, with an SQLite file in it, or beside it, where
//! `SUPERAPP_TEST_POSTGRES` names a server, a database there.

use postgres::{Client, NoTls};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;

/// The variable that names a PostgreSQL server for these tests, by a URL without a database.
pub const SERVER: &str = "SUPERAPP_TEST_POSTGRES";

/// A directory and a database of a test's own. Every server and command on them is told the settings.
#[derive(Debug)]
pub struct Place {
    directory: TempDir,
    /// The URL of a database on a server.
    url: Option<String>,
}

/// The PostgreSQL server that this run is to use, if it is not to use files.
pub fn server() -> Option<String> {
    std::env::var(SERVER).ok().filter(|url| !url.is_empty())
}

/// The driver waits inside, which a thread of an asynchronous runtime must not.
pub fn on_a_thread<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(run).join()).unwrap()
}

impl Place {
    /// On the database of this run.
    pub fn new() -> Self {
        server().map_or_else(Self::on_a_file, |server| Self::on(&server))
    }

    /// On a file of its own.
    pub fn on_a_file() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), url: None }
    }

    /// A new database on a PostgreSQL server. It goes with the server.
    pub fn on(server: &str) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("process_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let create = format!("CREATE DATABASE {name}");
        on_a_thread(|| Client::connect(&format!("{server}/postgres"), NoTls).unwrap().batch_execute(&create).unwrap());
        Self { directory: tempfile::tempdir().unwrap(), url: Some(format!("{server}/{name}")) }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The URL of the database, if it is on a server.
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// Where the database is, and more settings.
    pub fn settings<'text>(&'text self, more: &[(&'text str, &'text str)]) -> Vec<(&'text str, &'text str)> {
        self.url().map(|url| ("DATABASE_URL", url)).into_iter().chain(more.iter().copied()).collect()
    }

    /// The answer to a query for one number, past every server.
    pub fn count(&self, text: &str) -> i64 {
        match &self.url {
            Some(url) => rows(url, &format!("SELECT CAST(({text}) AS BIGINT)"), |row| row.get(0)).remove(0),
            None => {
                let connection = rusqlite::Connection::open(self.file()).unwrap();
                connection.query_row(text, [], |row| row.get(0)).unwrap()
            }
        }
    }

    fn file(&self) -> PathBuf {
        self.path().join("data/superapp.db")
    }
}

/// Rows of a database on a server.
pub fn rows<T: Send>(url: &str, text: &str, read: impl Fn(&postgres::Row) -> T + Send) -> Vec<T> {
    on_a_thread(|| Client::connect(url, NoTls).unwrap().query(text, &[]).unwrap().iter().map(read).collect())
}
