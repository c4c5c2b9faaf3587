//! Where the databases of the tests are: an SQLite file each, or, where `SUPERAPP_TEST_POSTGRES` names a server, a
//! database of its own there for each test. `scripts/test` runs everything on both.

use postgres::{Client, NoTls};
use secrecy::SecretString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use superapp::store::migrations::Migrator;
use superapp::store::{Isolation, Location, Options};
use tempfile::TempDir;

/// A database with its schema in place, that is gone when the test is over.
#[derive(Debug)]
pub struct Place {
    pub location: Location,
    /// The name of a database on the server.
    name: Option<String>,
    _directory: TempDir,
}

/// The server that this run is to use, if it is not to use files.
pub fn server() -> Option<&'static str> {
    static SERVER: OnceLock<Option<String>> = OnceLock::new();
    SERVER.get_or_init(|| std::env::var("SUPERAPP_TEST_POSTGRES").ok().filter(|url| !url.is_empty())).as_deref()
}

/// How the databases of this run are opened.
pub fn options() -> Options {
    let serializable = std::env::var("SUPERAPP_TEST_ISOLATION").is_ok_and(|level| level == "serializable");
    match server() {
        None => Options::default(),
        // One lane, as the settings advise.
        Some(_) if serializable => Options { lanes: 1, isolation: Isolation::Serializable, ..Options::default() },
        Some(_) => Options { readers: 3, ..Options::default() },
    }
}

impl Place {
    /// On the database of this run.
    pub fn new() -> Self {
        server().map_or_else(Self::sqlite, Self::postgres)
    }

    /// A file, whatever the run is on: for what only files have.
    pub fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(directory.path().join("superapp.db"));
        Migrator::open(&location, &Options::default()).unwrap().up(crate::store::START).unwrap();
        Self { location, name: None, _directory: directory }
    }

    fn postgres(server: &'static str) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = SPARE.lock().unwrap().pop().unwrap_or_else(|| {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("test_{}_{number}", std::process::id());
            command(server, "postgres", &format!("CREATE DATABASE {name} TEMPLATE {}", template(server)));
            name
        });
        let location = Location::Postgres(SecretString::from(format!("{server}/{name}")));
        Self { location, name: Some(name), _directory: tempfile::tempdir().unwrap() }
    }

    /// The file of a database that is one.
    pub fn file(&self) -> PathBuf {
        match &self.location {
            Location::Sqlite(path) => path.clone(),
            Location::Postgres(_) => panic!("this test needs a file: let it make its place with `Place::sqlite`"),
        }
    }
}

/// Databases whose tests are over. Making one takes the server a hundred times as long as emptying one.
static SPARE: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl Drop for Place {
    fn drop(&mut self) {
        // What a failed test left behind may be looked at.
        if let (Some(server), Some(name), false) = (server(), self.name.take(), std::thread::panicking()) {
            let empty = || empty(&mut Client::connect(&format!("{server}/{name}"), NoTls).unwrap());
            std::thread::scope(|scope| scope.spawn(empty).join()).unwrap();
            SPARE.lock().unwrap().push(name);
        }
    }
}

/// Ends every other session and deletes every row but those of the migrations.
fn empty(client: &mut Client) {
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    // Until they have ended: one of them may be committing.
    while !client.query(others, &[]).unwrap().is_empty() {
        std::thread::yield_now();
    }
    let tables = "SELECT string_agg('DELETE FROM ' || tablename, '; ') FROM pg_tables
        WHERE schemaname = 'public' AND tablename NOT IN ('schema_migrations', 'copy_in_progress')";
    let deletes: String = client.query_one(tables, &[]).unwrap().get(0);
    // What a copy that did not end leaves.
    client.batch_execute(&format!("DROP TABLE IF EXISTS copy_in_progress; {deletes}")).unwrap();
}

/// A database with the schema, which others are copied from.
fn template(server: &'static str) -> &'static str {
    static TEMPLATE: OnceLock<String> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let name = format!("template_{}", std::process::id());
        command(server, "postgres", &format!("CREATE DATABASE {name}"));
        let location = Location::Postgres(SecretString::from(format!("{server}/{name}")));
        // The driver waits inside, which a thread of an asynchronous runtime must not.
        let up = || Migrator::open(&location, &Options::default()).unwrap().up(crate::store::START).unwrap();
        std::thread::scope(|scope| scope.spawn(up).join()).unwrap();
        name
    })
}

fn command(server: &str, database: &str, text: &str) {
    let run = || Client::connect(&format!("{server}/{database}"), NoTls).unwrap().batch_execute(text).unwrap();
    std::thread::scope(|scope| scope.spawn(run).join()).unwrap();
}
