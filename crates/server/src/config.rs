//! Settings: the commented defaults, then a file, then the environment; checked as a whole at start.

mod database;
mod exports;
mod limits;
mod numbers;
mod payments;
mod sales;
mod secrets;
mod sources;

pub use database::DatabaseUrl;
pub use limits::{Cost, Network};
pub use payments::Webhook;
pub use sources::{Sources, known_keys};

use domain::money::{CoinSize, InvalidAmount};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use thiserror::Error;

/// The defaults, which are the manual, too.
pub const DEFAULTS: &str = include_str!("../../../config.default.toml");

/// The shortest secret that production accepts.
pub const SECRET_BYTES_MIN: usize = 32;

/// Why settings cannot be used. The texts name the setting and say what to do.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the settings file cannot be read: {0}")]
    File(String),
    /// There is no such setting.
    #[error("`{key}` is not a setting{}", .suggestion.as_ref().map_or(String::new(), |key| format!("; did you mean `{key}`?")))]
    Unknown {
        /// What was written.
        key: String,
        /// The setting that looks like it.
        suggestion: Option<String>,
    },
    /// A value is of the wrong kind.
    #[error("{0}")]
    Value(String),
    /// A value is of the right kind and still not possible.
    #[error("`{key}` {problem}")]
    Invalid {
        /// The setting.
        key: &'static str,
        /// What is wrong, and what would be right.
        problem: String,
    },
}

fn invalid(key: &'static str, problem: impl Into<String>) -> ConfigError {
    ConfigError::Invalid { key, problem: problem.into() }
}

/// Where superapp runs.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Secrets are made on the spot, deposits complete by themselves.
    Development,
    /// Nothing is assumed.
    Production,
}

/// A switch that follows the environment unless it is set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Switch {
    /// On in development, off in production.
    Auto,
    /// As set.
    Set(bool),
}

impl Switch {
    /// Whether it is on.
    #[must_use]
    pub fn is_on(self, environment: Environment) -> bool {
        match self {
            Self::Auto => environment == Environment::Development,
            Self::Set(on) => on,
        }
    }
}

impl<'de> Deserialize<'de> for Switch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Booleans arrive as "true" and "false" here, whether they were written with quotes or without.
        match String::deserialize(deserializer)?.as_str() {
            "auto" => Ok(Self::Auto),
            "true" | "on" => Ok(Self::Set(true)),
            "false" | "off" => Ok(Self::Set(false)),
            other => Err(de::Error::custom(format!("`{other}` is not auto, true or false"))),
        }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text in development, JSON in production.
    Auto,
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Every setting. `config.default.toml` says what each means.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "config.default.toml is the manual, and a test holds the two together")]
pub struct Config {
    pub environment: Environment,
    pub server: Server,
    pub database: Database,
    pub postgres: Postgres,
    pub redis: Redis,
    pub backup: Backup,
    pub ledger: Ledger,
    pub idempotency: Idempotency,
    pub reconciliation: Reconciliation,
    pub money: Money,
    pub payments: Payments,
    pub splits: Splits,
    pub gifts: Gifts,
    pub subscriptions: Subscriptions,
    pub payouts: Payouts,
    pub auth: Auth,
    pub rate_limits: RateLimits,
    pub metrics: Metrics,
    pub log: Log,
    pub traces: Traces,
    pub sentry: Sentry,
}

/// Plain structs whose fields are the keys of a section.
macro_rules! section {
    ($($name:ident { $($field:ident: $type:ty,)+ })+) => {$(
        #[derive(Clone, Debug, Deserialize)]
        #[expect(missing_docs, reason = "config.default.toml is the manual, and a test holds the two together")]
        pub struct $name { $(pub $field: $type,)+ }
    )+};
}

section! {
    Server {
        listen: SocketAddr,
        header_timeout_seconds: u64,
        body_timeout_seconds: u64,
        request_deadline_seconds: u64,
        drain_timeout_seconds: u64,
        connections_max: usize,
        write_timeout_seconds: u64,
        requests_max: usize,
        compression: bool,
        cors_origins: String,
        body_bytes_max: usize,
        docs: Switch,
        trusted_proxies: String,
    }
    Database {
        url: SecretString,
        readers: usize,
        queue: usize,
        migrate: bool,
        checkpoint_pages: i64,
        read_url: SecretString,
        read_lag_seconds_max: u64,
        slow_query_ms: u64,
    }
    Postgres {
        readers: usize,
        writers: usize,
        lanes: usize,
        isolation: String,
        statement_timeout_seconds: u64,
        lock_timeout_seconds: u64,
        connect_timeout_seconds: u64,
        root_certificates: PathBuf,
    }
    Redis { url: SecretString, }
    Backup { directory: PathBuf, }
    Ledger { queue: usize, batch_max: usize, }
    Idempotency { sweep_seconds: u64, }
    Reconciliation { interval_seconds: u64, }
    Money { currency: String, cents_per_coin: i64, amount_cents_max: i64, }
    Payments {
        sandbox: Switch,
        webhook_provider: String,
        webhook_secret: SecretString,
        pending_hours: i64,
        settle_seconds: u64,
    }
    Splits { premium_unlock: String, subscription: String, gift: String, }
    Gifts { catalogue: String, }
    Subscriptions { job_seconds: u64, grace_days: i64, retry_hours: i64, tries_max: i64, token_seconds: i64, }
    Payouts { amount_cents_min: i64, }
    Auth {
        jwt_secret: SecretString,
        previous_jwt_secret: SecretString,
        server_secret: SecretString,
        password_pepper: SecretString,
        access_token_seconds: u32,
        argon2_memory_kib: u32,
        argon2_passes: u32,
        hashers: usize,
        hash_queue: usize,
    }
    RateLimits {
        enabled: bool,
        free: u32,
        premium: u32,
        creator: u32,
        anonymous: u32,
        costs: String,
        concurrency_per_user: usize,
        connections_per_address: usize,
    }
    Metrics { listen: String, }
    Log { level: String, format: LogFormat, directory: String, }
    Traces { endpoint: String, }
    Sentry { dsn: SecretString, }
}

impl Config {
    /// Whether this is production.
    #[must_use]
    pub fn is_production(&self) -> bool {
        self.environment == Environment::Production
    }

    /// Whether deposits through the sandbox provider complete by themselves.
    #[must_use]
    pub fn sandbox(&self) -> bool {
        self.payments.sandbox.is_on(self.environment)
    }

    /// Whether the documentation is served.
    #[must_use]
    pub fn docs(&self) -> bool {
        self.server.docs.is_on(self.environment)
    }

    /// Cents to the coin.
    ///
    /// # Errors
    /// [`InvalidAmount`] if it is not positive; [`Config::check`] has refused that.
    pub fn coin_size(&self) -> Result<CoinSize, InvalidAmount> {
        CoinSize::new(self.money.cents_per_coin)
    }

    /// Checks everything that no single type can.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] with the setting and what would be right.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.check_numbers()?;
        self.check_sales()?;
        self.webhook()?;
        self.deposit_lifetime()?;
        self.check_limits()?;
        self.cors_origins()?;
        let currency = &self.money.currency;
        if currency.len() != 3 || !currency.bytes().all(|letter| letter.is_ascii_uppercase()) {
            return Err(invalid("money.currency", "must be three capital letters (ISO 4217), such as IDR"));
        }
        if !self.metrics.listen.is_empty() && self.metrics.listen.parse::<SocketAddr>().is_err() {
            return Err(invalid("metrics.listen", "must be ADDRESS:PORT, or empty"));
        }
        self.check_database()?;
        self.check_exports()?;
        self.check_secrets()?;
        if self.is_production() { self.check_production() } else { Ok(()) }
    }

    fn check_production(&self) -> Result<(), ConfigError> {
        if self.sandbox() {
            return Err(invalid("payments.sandbox", "gives money away and must be off in production"));
        }
        if self.auth.argon2_memory_kib < 19_456 || self.auth.argon2_passes < 2 {
            return Err(invalid("auth.argon2_memory_kib", "must be at least 19456 with 2 passes in production"));
        }
        Ok(())
    }

    /// How long a request may wait before it is picked up.
    #[must_use]
    pub const fn request_deadline(&self) -> Duration {
        Duration::from_secs(self.server.request_deadline_seconds)
    }
}

#[cfg(test)]
#[path = "config/tests.rs"]
mod tests;
