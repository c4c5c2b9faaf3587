//! Where settings come from, in order: the defaults, a file, the environment.

use super::{Config, ConfigError, DEFAULTS};
use config::{Config as Merged, File, FileFormat, Value, ValueKind};
use std::collections::BTreeMap;
use std::path::Path;

/// Names that platforms set by habit, and the settings that they are.
const HABITS: &[(&str, &str)] = &[
    ("DATABASE_URL", "database.url"),
    ("DATABASE_READ_URL", "database.read_url"),
    ("REDIS_URL", "redis.url"),
    ("JWT_SECRET", "auth.jwt_secret"),
    ("SENTRY_DSN", "sentry.dsn"),
    ("RUST_LOG", "log.level"),
];
/// Variables of ours that are not settings.
const NOT_SETTINGS: &[&str] = &["SUPERAPP_DATA_DIR", "SUPERAPP_CONFIG", "SUPERAPP_COPY_FROM", "SUPERAPP_COPY_TO"];
const PREFIX: &str = "SUPERAPP_";

/// What was written beside the defaults.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The text of a settings file.
    pub file: Option<String>,
    /// The environment.
    pub environment: BTreeMap<String, String>,
}

impl Sources {
    /// The file that was named, or `superapp.toml` where there is one, and the process's environment.
    ///
    /// # Errors
    /// [`ConfigError::File`] if a named file cannot be read.
    pub fn from_process(file: Option<&Path>) -> Result<Self, ConfigError> {
        let read = |path: &Path| std::fs::read_to_string(path);
        let file = match file {
            Some(path) => Some(read(path).map_err(|error| ConfigError::File(error.to_string()))?),
            None => match read(Path::new("superapp.toml")) {
                Ok(text) => Some(text),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                Err(error) => return Err(ConfigError::File(error.to_string())),
            },
        };
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Ok(Self { file, environment: std::env::vars_os().filter_map(text).collect() })
    }

    /// Merges everything into one map from setting to value.
    ///
    /// # Errors
    /// [`ConfigError::Unknown`] with a suggestion for a setting that does not exist.
    pub fn merge(&self) -> Result<Merged, ConfigError> {
        let known = known_keys()?;
        let mut builder = Merged::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        if let Some(text) = &self.file {
            let file = Merged::builder().add_source(File::from_str(text, FileFormat::Toml));
            let file = file.build().map_err(|error| ConfigError::File(error.to_string()))?;
            flatten("", &file.cache).keys().try_for_each(|key| refuse_unknown(key, key, &known))?;
            builder = builder.add_source(file);
        }
        for (name, value) in &self.environment {
            let Some(key) = key_of(name) else { continue };
            refuse_unknown(name, &key, &known)?;
            builder = set(builder, &key, value)?;
        }
        for (name, key) in HABITS {
            if let Some(value) = self.environment.get(*name) {
                builder = set(builder, key, value)?;
            }
        }
        if let Some(port) = self.environment.get("PORT") {
            let listen = builder.build_cloned().and_then(|merged| merged.get_string("server.listen"));
            let listen = listen.map_err(|error| ConfigError::Value(error.to_string()))?;
            let host = listen.rsplit_once(':').map_or("127.0.0.1", |(host, _)| host);
            builder = set(builder, "server.listen", &format!("{host}:{port}"))?;
        }
        builder.build().map_err(|error| ConfigError::Value(error.to_string()))
    }

    /// Reads the settings, and checks them one by one and together.
    ///
    /// # Errors
    /// The first [`ConfigError`] that there is.
    pub fn load(&self) -> Result<Config, ConfigError> {
        let merged = self.merge()?;
        let config: Config = merged.try_deserialize().map_err(|error| ConfigError::Value(error.to_string()))?;
        config.check()?;
        Ok(config)
    }

    /// Every setting with its value, for people: secrets are masked.
    ///
    /// # Errors
    /// As [`Sources::merge`].
    pub fn print(&self) -> Result<Vec<(String, String)>, ConfigError> {
        let merged = self.merge()?;
        let shown = |(key, value): (String, Value)| {
            let text = value.into_string().unwrap_or_default();
            let text = if is_secret(&key) && !text.is_empty() { "********".to_owned() } else { text };
            (key, text)
        };
        Ok(flatten("", &merged.cache).into_iter().map(shown).collect())
    }
}

type Builder = config::ConfigBuilder<config::builder::DefaultState>;

fn set(builder: Builder, key: &str, value: &str) -> Result<Builder, ConfigError> {
    builder.set_override(key, value).map_err(|error| ConfigError::Value(error.to_string()))
}

/// The setting that a variable of ours names: `SUPERAPP_SERVER__LISTEN` is `server.listen`.
fn key_of(name: &str) -> Option<String> {
    if NOT_SETTINGS.contains(&name) {
        return None;
    }
    name.strip_prefix(PREFIX).map(|rest| rest.to_lowercase().replace("__", "."))
}

fn is_secret(key: &str) -> bool {
    ["secret", "pepper", "url", "dsn"].iter().any(|word| key.ends_with(word))
}

/// Every setting there is: the keys of the defaults.
///
/// # Errors
/// [`ConfigError::Value`] if the defaults cannot be read, which a test rules out.
pub fn known_keys() -> Result<Vec<String>, ConfigError> {
    let defaults = Merged::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml)).build();
    let defaults = defaults.map_err(|error| ConfigError::Value(error.to_string()))?;
    Ok(flatten("", &defaults.cache).into_keys().collect())
}

fn refuse_unknown(written: &str, key: &str, known: &[String]) -> Result<(), ConfigError> {
    if known.iter().any(|candidate| candidate == key) {
        return Ok(());
    }
    let close = |candidate: &&String| strsim::jaro_winkler(candidate, key) > 0.8;
    let suggestion =
        known.iter().filter(close).max_by(|a, b| strsim::jaro_winkler(a, key).total_cmp(&strsim::jaro_winkler(b, key)));
    let as_written = |candidate: &String| {
        if written.starts_with(PREFIX) {
            format!("{PREFIX}{}", candidate.to_uppercase().replace('.', "__"))
        } else {
            candidate.clone()
        }
    };
    Err(ConfigError::Unknown { key: written.to_owned(), suggestion: suggestion.map(as_written) })
}

fn flatten(prefix: &str, value: &Value) -> BTreeMap<String, Value> {
    match &value.kind {
        ValueKind::Table(table) => {
            let inside = |(name, value): (&String, &Value)| {
                let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                flatten(&key, value)
            };
            table.iter().flat_map(inside).collect()
        }
        _ => BTreeMap::from([(prefix.to_owned(), value.clone())]),
    }
}
