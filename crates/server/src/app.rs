//! Everything that a request needs, built in one place and handed down. There are no globals.

use crate::auth::api_key::ApiKeys;
use crate::auth::entitlement::EntitlementTokens;
use crate::auth::password::Hasher;
use crate::auth::secrets::Secrets;
use crate::auth::token::Tokens;
use crate::clock::{Clock, Ids, stopwatch};
use crate::config::{Config, ConfigError, DatabaseUrl};
use crate::gateway::Gateway;
use crate::gateway::redis::Redis;
use crate::http::cursor::Cursors;
use crate::http::key_notes::KeyNotes;
use crate::idempotency::registry::Registry;
use crate::idempotency::{Fingerprints, InFlight};
use crate::ledger::{DatabaseEngine, Ledger, Limits};
use crate::limits::Limiter;
use crate::limits::admission::Admission;
use crate::limits::sign_in::SignIns;
use crate::store::migrations::Migrator;
use crate::store::{Database, Isolation, Location, Options, split_versions, wallets};
use anyhow::{Context, bail};
use domain::gift::Catalogue;
use domain::money::{Amount, CoinSize};
use domain::split::SplitTable;
use domain::subscription::RenewalPolicy;
use domain::timestamp::{Span, Timestamp};
use domain::wallet::{Provider, SystemWallet};
use secrecy::ExposeSecret;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// The parts. Public, because handlers are its only readers.
#[derive(Debug)]
#[expect(missing_docs, reason = "each field is named after its type, which is documented")]
pub struct Parts {
    pub config: Config,
    pub database: Database,
    pub ledger: Ledger,
    pub clock: Clock,
    pub ids: Ids,
    pub tokens: Tokens,
    pub api_keys: ApiKeys,
    pub key_notes: KeyNotes,
    pub hasher: Hasher,
    pub in_flight: InFlight,
    pub registry: Option<Registry>,
    pub limiter: Limiter,
    pub admission: Admission,
    pub cors_origins: Vec<String>,
    pub sign_ins: SignIns,
    pub redis: Option<Redis>,
    pub fingerprints: Fingerprints,
    pub cursors: Cursors,
    pub coin_size: CoinSize,
    pub splits: SplitTable,
    pub gifts: Catalogue,
    pub renewal_policy: RenewalPolicy,
    pub payout_min: Amount,
    pub entitlement_tokens: EntitlementTokens,
    pub entitlement_length: Span,
    pub deposit_lifetime: Span,
    pub gateway: Gateway,
    started: Instant,
    draining: AtomicBool,
}

/// How long after the moment that it bears a transaction is committed, at the latest, and some more.
const COMMITTED_WITHIN_SECONDS: i64 = 120;

/// A handle to the parts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App(Arc<Parts>);

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// The system wallets of a ledger: those that every one has, and one for each payment provider of the settings.
fn system_wallets(config: &Config) -> anyhow::Result<Vec<SystemWallet>> {
    let mut wallets = vec![
        SystemWallet::Platform,
        SystemWallet::Processor,
        SystemWallet::Payouts,
        SystemWallet::Promotion,
        SystemWallet::Clearing(Provider::sandbox()),
        SystemWallet::Clearing(Provider::manual()),
    ];
    wallets.extend(config.webhook()?.map(|webhook| SystemWallet::Clearing(webhook.provider)));
    Ok(wallets)
}

/// How the database is run, by the settings.
#[must_use]
pub fn database_options(config: &Config, location: &Location) -> Options {
    let readers = match location {
        Location::Sqlite(_) => config.database.readers,
        Location::Postgres(_) => config.postgres.readers,
    };
    Options {
        readers,
        queue: config.database.queue,
        slow_query: Some(config.database.slow_query_ms).filter(|ms| *ms > 0).map(Duration::from_millis),
        checkpoint_pages: config.database.checkpoint_pages,
        read_wait: config.request_deadline(),
        lanes: config.postgres.lanes,
        writers: config.postgres.writers,
        isolation: match config.postgres.isolation.as_str() {
            "serializable" => Isolation::Serializable,
            _ => Isolation::ReadCommitted,
        },
        statement_timeout: Duration::from_secs(config.postgres.statement_timeout_seconds),
        lock_timeout: Duration::from_secs(config.postgres.lock_timeout_seconds),
        connect_timeout: Duration::from_secs(config.postgres.connect_timeout_seconds),
        root_certificates: config.postgres.root_certificates.clone(),
        ..Options::default()
    }
}

impl App {
    /// Puts the parts together. The schema is there already. The handle is the ledger's writer, which
    /// ends when the last `App` is gone and its queue is empty.
    ///
    /// # Errors
    /// If the database does not answer, or was made for another currency.
    pub async fn build(
        config: Config,
        secrets: Secrets,
        database: Database,
        clock: Clock,
    ) -> anyhow::Result<(Self, JoinHandle<()>)> {
        let splits = prepare_ledger(&config, &database, &clock).await?;
        let limits = Limits {
            queue: config.ledger.queue,
            batch: config.ledger.batch_max,
            resolve: config.request_deadline(),
            lanes: database.lanes(),
        };
        let (ledger, writer) = Ledger::start(DatabaseEngine::new(database.clone(), clock.clone()), limits);
        let redis = redis(&config, &clock).await?;
        let parts = Parts {
            api_keys: ApiKeys::new(&secrets.server, config.is_production())?,
            key_notes: KeyNotes::start(database.clone(), Ids::new(clock.clone())),
            tokens: Tokens::new(&secrets.jwt, config.auth.access_token_seconds).with_previous(&secrets.previous_jwt),
            hasher: Hasher::new(&config.auth, secrets.pepper)?,
            cursors: Cursors::new(&secrets.server)?,
            fingerprints: Fingerprints::new(&secrets.server)?,
            coin_size: config.coin_size()?,
            splits,
            gifts: config.gifts()?,
            renewal_policy: config.renewal_policy()?,
            payout_min: config.payout_min()?,
            entitlement_tokens: EntitlementTokens::new(&secrets.server)?,
            entitlement_length: config.entitlement_length()?,
            deposit_lifetime: config.deposit_lifetime()?,
            gateway: Gateway::new(&config)?,
            ids: Ids::new(clock.clone()),
            in_flight: InFlight::default(),
            registry: redis.clone().map(Registry::new),
            admission: Admission::new(
                config.server.requests_max,
                config.rate_limits.concurrency_per_user,
                config.rate_limits.connections_per_address,
            ),
            cors_origins: config.cors_origins()?,
            sign_ins: SignIns::new(config.is_production(), clock.clone()),
            limiter: Limiter::new(&config, clock.clone(), redis.clone())?,
            redis,
            started: stopwatch(),
            draining: AtomicBool::new(false),
            config,
            database,
            ledger,
            clock,
        };
        Ok((Self(Arc::new(parts)), writer))
    }

    /// How long the server has been up.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Whether everything that happened before a moment is on a replica that may be read from, too: it was committed long
    /// before the bound of the replica.
    #[must_use]
    pub fn is_long_past(&self, moment: Timestamp) -> bool {
        let bound = i64::try_from(self.config.database.read_lag_seconds_max).unwrap_or(i64::MAX / 2);
        moment.plus(Span::seconds(bound.saturating_add(COMMITTED_WITHIN_SECONDS))) < self.clock.now()
    }

    /// Whether the server is on its way down.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Says that the server is on its way down: answers ask clients to connect anew, and readiness ends.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}

/// The Redis of the settings, if there is one.
async fn redis(config: &Config, clock: &Clock) -> anyhow::Result<Option<Redis>> {
    if config.redis.url.expose_secret().is_empty() {
        return Ok(None);
    }
    // A name that no other process has, whatever clock it has.
    Redis::start(&config.redis.url, Ids::new(clock.clone()).uuid()).await.map(Some)
}

/// Makes the rows that the ledger rests on, and says which version of the splits is in use.
async fn prepare_ledger(config: &Config, database: &Database, clock: &Clock) -> anyhow::Result<SplitTable> {
    let currency = config.money.currency.clone();
    let wanted = currency.clone();
    let other = database.read(move |view| wallets::other_currency(view, &wanted)).await;
    if let Some(other) = other.context("the database does not answer")? {
        bail!("the wallets are kept in {other}, and money.currency is {currency}; set it back to {other}");
    }
    let (now, splits, system) = (clock.now(), config.splits()?, system_wallets(config)?);
    let deadline = tokio::time::Instant::now() + config.request_deadline();
    let make = move |work: &mut crate::store::Work<'_>| {
        wallets::insert_system(work, &system, &currency, now)?;
        split_versions::find_or_insert(work, &splits, now)
    };
    let version = database.write(make, deadline).await.context("the ledger's first rows cannot be made")?;
    Ok(SplitTable { version, splits })
}

/// Where the database of the settings is.
///
/// # Errors
/// If the settings do not say so.
pub fn location(config: &Config, data_dir: &Path) -> Result<Location, ConfigError> {
    config.database_url(data_dir).map(Location::from)
}

/// Where backups of an SQLite file are, unless a command says otherwise.
#[must_use]
pub fn backup_directory(config: &Config, data_dir: &Path) -> PathBuf {
    let directory = &config.backup.directory;
    if directory.as_os_str().is_empty() { data_dir.join("backups") } else { directory.clone() }
}

impl From<DatabaseUrl> for Location {
    fn from(url: DatabaseUrl) -> Self {
        match url {
            DatabaseUrl::Sqlite(path) => Self::Sqlite(path),
            DatabaseUrl::Postgres(url) => Self::Postgres(url),
        }
    }
}

/// Opens a database, with its schema in place.
///
/// # Errors
/// If the schema is newer than this binary, or pending and not to be applied.
pub fn open_database(config: &Config, location: &Location, clock: &Clock) -> anyhow::Result<Database> {
    let options = database_options(config, location);
    // On a thread of its own, because it waits, and whoever calls may be asynchronous.
    let prepare = || {
        let migrator = Migrator::open(location, &options)?;
        if config.database.migrate {
            for name in migrator.up(clock.now())? {
                tracing::info!(name, "migration applied");
            }
        }
        migrator.check()
    };
    let prepared = std::thread::scope(|scope| scope.spawn(prepare).join());
    prepared.map_err(|_| anyhow::anyhow!("the schema could not be looked at"))??;
    Ok(Database::open(location, &options)?)
}

/// The same database, with the replica of the settings beside it. The replica need not be there yet.
///
/// # Errors
/// If its URL cannot be kept to.
pub fn with_replica(database: Database, config: &Config, location: &Location) -> anyhow::Result<Database> {
    let Some(url) = config.read_url()? else { return Ok(database) };
    let lag_max = Duration::from_secs(config.database.read_lag_seconds_max);
    Ok(database.with_replica(location, url, lag_max, &database_options(config, location))?)
}
