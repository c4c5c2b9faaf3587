//! A database to fill and to measure: a file in a directory of its own, or one on the server that
//! SUPERAPP_TEST_POSTGRES names. It is past every rule of the store, because it takes indexes away.

use domain::timestamp::Timestamp;
use postgres::NoTls;
use secrecy::SecretString;
use std::sync::atomic::{AtomicU32, Ordering};
use superapp::store::migrations::Migrator;
use superapp::store::{Location, Options, Value};
use tempfile::TempDir;
use tokio::time::Instant;

/// Where a database is. One that was made here is gone when this is.
pub struct Place {
    /// For the files of a server.
    pub directory: TempDir,
    /// For `DATABASE_URL`.
    pub url: String,
    /// The server and the name of a database that was made there.
    made: Option<(String, String)>,
}

pub enum Base {
    Sqlite(rusqlite::Connection),
    Postgres(Box<postgres::Client>),
}

impl Base {
    /// A new database with its schema. `SCALE_DIR` says on which disk a file is.
    pub fn place() -> Place {
        let directory = std::env::var("SCALE_DIR").map_or_else(|_| tempfile::tempdir(), tempfile::tempdir_in).unwrap();
        let server = std::env::var("SUPERAPP_TEST_POSTGRES").ok().filter(|url| !url.is_empty());
        let server = server.map(|server| {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let name = format!("scale_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
            let mut client = postgres::Client::connect(&format!("{server}/postgres"), NoTls).unwrap();
            client.batch_execute(&format!("DROP DATABASE IF EXISTS {name}")).unwrap();
            client.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
            (server, name)
        });
        let file = directory.path().join("superapp.db");
        let url = match &server {
            None => format!("sqlite:{}", file.display()),
            Some((server, name)) => format!("{server}/{name}"),
        };
        let location = match &server {
            None => Location::Sqlite(file),
            Some(_) => Location::Postgres(SecretString::from(url.clone())),
        };
        let migrator = Migrator::open(&location, &Options::default()).unwrap();
        migrator.up(Timestamp::from_micros(0)).unwrap();
        Place { directory, url, made: server }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((server, name)) = &self.made {
            let mut client = postgres::Client::connect(&format!("{server}/postgres"), NoTls).unwrap();
            client.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).unwrap();
        }
    }
}

impl Place {
    /// A database that was filled before.
    pub fn filled(url: &str) -> Self {
        Self { directory: tempfile::tempdir().unwrap(), url: url.to_owned(), made: None }
    }

    pub fn open(&self) -> Base {
        match self.url.strip_prefix("sqlite:") {
            Some(path) => {
                let connection = rusqlite::Connection::open(path).unwrap();
                connection.busy_timeout(std::time::Duration::from_secs(60)).unwrap();
                Base::Sqlite(connection)
            }
            None => Base::Postgres(Box::new(postgres::Client::connect(&self.url, NoTls).unwrap())),
        }
    }
}

impl Base {
    pub fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    pub fn batch(&mut self, text: &str) {
        match self {
            Self::Sqlite(connection) => connection.execute_batch(text),
            Self::Postgres(client) => return client.batch_execute(text).unwrap(),
        }
        .unwrap();
    }

    /// One column of texts.
    pub fn texts(&mut self, text: &str) -> Vec<String> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare(text).unwrap();
                let rows = statement.query_map([], |row| row.get(0)).unwrap();
                rows.collect::<Result<_, _>>().unwrap()
            }
            Self::Postgres(client) => client.query(text, &[]).unwrap().iter().map(|row| row.get(0)).collect(),
        }
    }

    /// Milliseconds of each run of a query, and how many rows it found.
    pub fn time(&mut self, text: &str, values: &[Value<'_>], runs: usize) -> (Vec<f64>, usize) {
        let mut found = 0;
        let times = match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare(&text.replace('$', "?")).unwrap();
                let run = |_| {
                    let begun = Instant::now();
                    let mut rows = statement.query(rusqlite::params_from_iter(values)).unwrap();
                    found = 0;
                    while rows.next().unwrap().is_some() {
                        found += 1;
                    }
                    begun.elapsed().as_secs_f64() * 1e3
                };
                (0..runs).map(run).collect()
            }
            Self::Postgres(client) => {
                let statement = client.prepare(text).unwrap();
                let values: Vec<_> = values.iter().map(|value| value as &(dyn postgres::types::ToSql + Sync)).collect();
                let run = |_| {
                    let begun = Instant::now();
                    found = client.query(&statement, &values).unwrap().len();
                    begun.elapsed().as_secs_f64() * 1e3
                };
                (0..runs).map(run).collect()
            }
        };
        (times, found)
    }
}

/// The middle of some figures, or another part of the way through them.
pub fn quantile(mut figures: Vec<f64>, part: f64) -> f64 {
    figures.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "small")]
    let place = ((figures.len() - 1) as f64 * part).round() as usize;
    figures.get(place).copied().unwrap()
}
