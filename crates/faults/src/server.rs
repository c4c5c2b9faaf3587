//! The real server without a socket, by a clock that stands still, on the files of a directory.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use domain::reconciliation::Discrepancy;
use domain::timestamp::Timestamp;
use http_body_util::BodyExt;
use serde_json::Value;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;
use superapp::app::App;
use superapp::auth::secrets::Secrets;
use superapp::clock::Clock;
use superapp::config::Sources;
use superapp::http::router;
use superapp::store::migrations::Migrator;
use superapp::store::reconciliation::CHECKS;
use superapp::store::{Database, Location, Options, StoreError, View, Work};
use tokio::time::Instant;
use tower::ServiceExt;

/// What time it is: 2027-01-15T08:00:00Z.
pub const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
/// What the provider `acme` signs with.
pub const WEBHOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// How long anything may take before the run is a failure.
pub const PATIENCE: Duration = Duration::from_secs(30);

const SETTINGS: &[(&str, &str)] = &[
    ("SUPERAPP_AUTH__ARGON2_MEMORY_KIB", "64"),
    ("SUPERAPP_AUTH__ARGON2_PASSES", "1"),
    ("SUPERAPP_METRICS__LISTEN", ""),
    // The document of the routes takes longer to write than everything else here.
    ("SUPERAPP_SERVER__DOCS", "off"),
    ("SUPERAPP_RATE_LIMITS__ENABLED", "false"),
    ("SUPERAPP_PAYMENTS__WEBHOOK_PROVIDER", "acme"),
    ("SUPERAPP_PAYMENTS__WEBHOOK_SECRET", WEBHOOK_SECRET),
];

/// Why there is no server.
pub type Failure = Box<dyn Error + Send + Sync>;

/// A server. It has no job running beside its requests.
#[derive(Clone, Debug)]
pub struct Server {
    app: App,
    router: Router,
}

/// A request that is sent as often as one wants.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Such as `POST`.
    pub method: String,
    /// Where to.
    pub path: String,
    /// Header lines.
    pub headers: Vec<(String, String)>,
    /// A JSON text, or nothing.
    pub body: String,
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// The id of the request.
    pub request_id: String,
    /// Whether it is what the key was answered before.
    pub is_replay: bool,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON, or null.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl Asked {
    /// A request.
    #[must_use]
    pub fn new(method: &str, path: impl Into<String>) -> Self {
        Self { method: method.to_owned(), path: path.into(), ..Self::default() }
    }

    /// With a header line.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// With a token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// With an idempotency key.
    #[must_use]
    pub fn key(self, key: impl Into<String>) -> Self {
        self.header("idempotency-key", key)
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string();
        self.header("content-type", "application/json")
    }
}

/// Where the database of a directory is.
#[must_use]
pub fn file(directory: &Path) -> PathBuf {
    directory.join("superapp.db")
}

/// Makes the schema.
///
/// # Errors
/// If it cannot be made.
pub fn migrate(directory: &Path) -> Result<(), Failure> {
    Migrator::open(&Location::Sqlite(file(directory)), &Options::default())?.up(NOW)?;
    Ok(())
}

impl Server {
    /// On the database and the secrets of a directory.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn open(directory: &Path, options: &Options) -> Result<Self, Failure> {
        let named = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let environment: BTreeMap<String, String> = SETTINGS.iter().map(named).collect();
        let config = Sources { file: None, environment }.load()?;
        let secrets = Secrets::load(&config.auth, directory)?;
        let database = Database::open(&Location::Sqlite(file(directory)), options)?;
        let (app, _writer) = App::build(config, secrets, database, Clock::frozen(NOW)).await?;
        Ok(Self { router: router(&app), app })
    }

    /// Sends a request and waits for its answer.
    pub async fn send(&self, asked: &Asked) -> Answer {
        let mut request = Request::new(Body::from(asked.body.clone()));
        *request.method_mut() = asked.method.parse::<Method>().expect("a method");
        *request.uri_mut() = asked.path.parse().expect("a path");
        for (name, value) in &asked.headers {
            let name: axum::http::HeaderName = name.parse().expect("a header");
            request.headers_mut().append(name, value.parse().expect("a header"));
        }
        let response = self.router.clone().oneshot(request).await.expect("a router always answers");
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("a body is in memory").to_bytes().to_vec();
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        Answer {
            status: head.status.as_u16(),
            request_id: header("x-request-id").unwrap_or_default().to_owned(),
            is_replay: header("idempotent-replayed") == Some("true"),
            body,
        }
    }

    /// Sends a request that must be answered so.
    pub async fn ask(&self, asked: &Asked, status: u16) -> Value {
        let answer = self.send(asked).await;
        let body = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, status, "{} {} was answered {body}", asked.method, asked.path);
        answer.json()
    }

    /// Changes one row behind the server's back.
    pub async fn change(&self, text: &'static str, id: uuid::Uuid) {
        let change = move |work: &mut Work<'_>| work.execute_one(text, &[id.into()]);
        self.app.database.write(change, Instant::now() + PATIENCE).await.expect("a row was changed");
    }

    /// Everything that is wrong with the ledger, by every check that there is.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn discrepancies(&self) -> Result<Vec<Discrepancy>, StoreError> {
        let look = |view: &View<'_>| {
            let found: Result<Vec<_>, _> = CHECKS.iter().map(|(_, check)| check(view, NOW)).collect();
            Ok(found?.concat())
        };
        self.app.database.read(look).await
    }

    /// Ends it: what is queued is done, and the log emptied.
    pub async fn close(self) {
        self.app.database.close().await;
    }
}
