//! A whole server without a socket: a clock that stands still, people as objects, and a ledger that is
//! audited when the test ends, whether the test asks for it or not.

mod call;
mod contract;
mod market;
mod odd_body;
mod person;
mod reply;
mod rows;
mod sales;

pub use call::Call;
pub use contract::{Operation, document, has_type, operations, validate};
pub use market::transaction_of;
pub use odd_body::OddBody;
pub use person::Person;
pub use reply::Reply;
pub use rows::AuditRow;

use crate::place::{self, Place};
use axum::Router;
use axum::http::Method;
use domain::reconciliation::Discrepancy;
use domain::timestamp::{Span, Timestamp};
use std::collections::BTreeMap;
use std::ops::{ControlFlow, Deref};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use superapp::app::App;
use superapp::auth::secrets::Secrets;
use superapp::clock::Clock;
use superapp::config::Sources;
use superapp::http::router;
use superapp::store::copy::{self, Report};
use superapp::store::reconciliation::CHECKS;
use superapp::store::{Database, Location, StoreError};
use tempfile::TempDir;

/// When every test begins: 2027-01-15T08:00:00Z.
pub const START: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

/// The password of everybody who did not choose another.
pub const PASSWORD: &str = "correct horse battery staple";

/// Hashes that cost nothing, and no listener beside the router.
const SETTINGS: &[(&str, &str)] = &[
    ("SUPERAPP_AUTH__ARGON2_MEMORY_KIB", "64"),
    ("SUPERAPP_AUTH__ARGON2_PASSES", "1"),
    ("SUPERAPP_METRICS__LISTEN", ""),
    // The tests of limits turn them on.
    ("SUPERAPP_RATE_LIMITS__ENABLED", "false"),
];

/// Sends requests to a server that is not behind a socket.
#[derive(Clone)]
pub struct Client {
    app: App,
    router: Router,
}

impl Deref for Client {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}

impl Client {
    /// A server on a database and the secrets of a directory, which may have been another one's before, by a clock
    /// that is handed in.
    pub async fn open(directory: &Path, location: &Location, time: &Arc<AtomicI64>, settings: &[(&str, &str)]) -> Self {
        let named = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let environment: BTreeMap<String, String> = SETTINGS.iter().chain(settings).map(named).collect();
        let config = Sources { file: None, environment }.load().unwrap();
        let secrets = Secrets::load(&config.auth, directory).unwrap();
        let clock = Clock::Frozen(Arc::clone(time));
        let database = Database::open(location, &place::options()).unwrap();
        let (app, _writer) = App::build(config, secrets, database, clock).await.unwrap();
        Self { router: router(&app), app }
    }

    /// A request without a credential.
    pub fn call(&self, method: Method, path: impl Into<String>) -> Call {
        Call::new(self.clone(), method, path)
    }
}

/// A server of its own for one test. Dropping it reconciles the ledger and fails the test on any discrepancy.
pub struct TestApp {
    client: Client,
    time: Arc<AtomicI64>,
    // Its secrets.
    directory: TempDir,
    place: Place,
    reconciled: bool,
}

impl Deref for TestApp {
    type Target = App;

    fn deref(&self) -> &App {
        &self.client.app
    }
}

impl TestApp {
    /// A server with the default settings.
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// A server with settings, named as in the environment.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        Self::on(Place::new(), settings).await
    }

    /// A server on a file, whatever the run is on: for what only files have.
    pub async fn on_a_file() -> Self {
        Self::on(Place::sqlite(), &[]).await
    }

    /// The same with settings.
    pub async fn on_a_file_with(settings: &[(&str, &str)]) -> Self {
        Self::on(Place::sqlite(), settings).await
    }

    /// Stops the server, copies its database to a new one of this run, and goes on there, with the same secrets and the
    /// same clock.
    pub async fn move_to_a_copy(&mut self, settings: &[(&str, &str)]) -> Report {
        self.database.close().await;
        let place = Place::new();
        let (from, to, now) = (&self.place.location, &place.location, self.clock.now());
        let options = place::options();
        let run = || copy::run((from, &options), (to, &options), now, &mut |_| ControlFlow::Continue(()));
        let report = std::thread::scope(|scope| scope.spawn(run).join()).unwrap().unwrap();
        self.client = Client::open(self.directory.path(), &place.location, &self.time, settings).await;
        self.place = place;
        report
    }

    /// Another process on the same database and by the same clock, with settings of its own.
    pub async fn beside(&self, settings: &[(&str, &str)]) -> Client {
        Client::open(self.directory.path(), &self.place.location, &self.time, settings).await
    }

    async fn on(place: Place, settings: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let time = Arc::new(AtomicI64::new(START.as_micros()));
        let client = Client::open(directory.path(), &place.location, &time, settings).await;
        Self { client, time, directory, place, reconciled: false }
    }

    /// Another process on the same database, with the same clock.
    pub async fn another_process(&self) -> App {
        let config = self.config.clone();
        let secrets = Secrets::load(&config.auth, self.directory.path()).unwrap();
        let database = Database::open(&self.place.location, &place::options()).unwrap();
        App::build(config, secrets, database, self.clock.clone()).await.unwrap().0
    }

    /// Moves the clock on.
    pub fn advance(&self, span: Span) {
        self.time.fetch_add(span.as_micros(), Ordering::SeqCst);
    }

    /// Moves the clock on to the last microsecond before `span` is over.
    pub fn advance_almost(&self, span: Span) {
        self.time.fetch_add(span.as_micros() - 1, Ordering::SeqCst);
    }

    /// A request without a credential.
    pub fn call(&self, method: Method, path: impl Into<String>) -> Call {
        self.client.call(method, path)
    }

    /// A read without a credential.
    pub fn get(&self, path: impl Into<String>) -> Call {
        self.call(Method::GET, path)
    }

    /// A write without a credential.
    pub fn post(&self, path: impl Into<String>) -> Call {
        self.call(Method::POST, path)
    }

    /// A person who has just registered.
    pub async fn user(&self, name: &str) -> Person {
        Person::register(&self.client, name).await
    }

    /// A person who has just registered and deposited.
    pub async fn rich(&self, name: &str, cents: i64) -> Person {
        let person = self.user(name).await;
        person.deposit(cents).fresh_key().send().await.done(201);
        person
    }

    /// The files of the database, as bytes: what somebody finds who takes the disk.
    pub fn disk(&self) -> Vec<u8> {
        let path = self.place.file();
        let log = path.with_extension("db-wal");
        [std::fs::read(path).unwrap(), std::fs::read(log).unwrap()].concat()
    }

    /// Ends the test with a ledger that it broke on purpose.
    pub fn give_up_the_ledger(&mut self) {
        self.reconciled = true;
    }

    /// Takes the database away from under the server, after a last reconciliation.
    pub async fn lose_the_database(&mut self) {
        assert_eq!(discrepancies(self.database.clone(), self.clock.now()).await.unwrap(), []);
        self.reconciled = true;
        self.database.close().await;
    }
}

/// Everything that is wrong with a ledger, by every check that there is.
pub async fn discrepancies(database: Database, now: Timestamp) -> Result<Vec<Discrepancy>, StoreError> {
    let look = move |view: &superapp::store::View<'_>| {
        let found: Result<Vec<_>, _> = CHECKS.iter().map(|(_, check)| check(view, now)).collect();
        Ok(found?.concat())
    };
    database.read(look).await
}

impl Drop for TestApp {
    fn drop(&mut self) {
        // A second panic would hide the first.
        if self.reconciled || std::thread::panicking() {
            return;
        }
        let (database, now) = (self.database.clone(), self.clock.now());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        // On a thread of its own, because this one belongs to the test's runtime, which must not wait.
        let look = move || runtime.block_on(discrepancies(database, now));
        let found = std::thread::spawn(look).join().unwrap().unwrap();
        assert!(found.is_empty(), "the test left a ledger that does not add up: {found:#?}");
    }
}

/// Runs all of them at once, and waits for all. In the order given.
pub async fn together<F>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let running: Vec<_> = futures.into_iter().map(tokio::spawn).collect();
    let mut outputs = Vec::with_capacity(running.len());
    for task in running {
        outputs.push(task.await.unwrap());
    }
    outputs
}

/// A text that no test has used before, such as for an idempotency key.
pub fn unique(prefix: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{prefix}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

#[tokio::test]
#[should_panic(expected = "the test left a ledger that does not add up")]
async fn a_cent_that_comes_from_nowhere_fails_the_test() {
    let app = TestApp::new().await;
    let ann = app.rich("ann", 100).await;
    app.counterfeit(&ann).await;
}

#[tokio::test]
#[should_panic(expected = "the document does not know")]
async fn an_answer_that_the_document_does_not_know_fails_the_test() {
    let app = TestApp::new().await;
    let mut reply = app.get("/livez").send().await;
    reply.status = 301;
    let sent = reply::Sent { method: Method::GET, path: "/livez".to_owned(), request_id: None, may_break: false };
    contract::check(&app, &sent, &reply);
}
