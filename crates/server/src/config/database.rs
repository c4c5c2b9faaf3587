//! Which database: what its URL may say. Whether it can be reached is not asked here.

use super::{Config, ConfigError, invalid};
use secrecy::{ExposeSecret, SecretString};
use std::path::{Path, PathBuf};

/// What a URL of a database may be.
const SHAPE: &str = "must be sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE";

/// Which database a URL names.
#[derive(Clone, Debug)]
pub enum DatabaseUrl {
    /// A file.
    Sqlite(PathBuf),
    /// A server, with all that it takes to connect.
    Postgres(SecretString),
}

impl DatabaseUrl {
    /// Reads a URL; `key` is the setting or the argument that it stands in.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] for a kind of database that this version does not have.
    pub fn parse(key: &'static str, url: &SecretString) -> Result<Self, ConfigError> {
        match url.expose_secret().split_once(':') {
            Some(("sqlite", path)) if !path.trim_start_matches('/').is_empty() => {
                // sqlite:PATH and sqlite:///PATH, as other tools write it.
                let path = path.strip_prefix("//").unwrap_or(path);
                Ok(Self::Sqlite(PathBuf::from(path.split('?').next().unwrap_or(path))))
            }
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres(url.clone())),
            // The value may hold a password, so it is not repeated.
            _ => Err(invalid(key, SHAPE)),
        }
    }
}

impl Config {
    /// The database, which lies in the data directory unless the URL says otherwise.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] for a kind of database that this version does not have.
    pub fn database_url(&self, data_dir: &Path) -> Result<DatabaseUrl, ConfigError> {
        if self.database.url.expose_secret().is_empty() {
            return Ok(DatabaseUrl::Sqlite(data_dir.join("superapp.db")));
        }
        DatabaseUrl::parse("database.url", &self.database.url)
    }

    /// The replica, if there is one.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] if it, or the database, is not a PostgreSQL server.
    pub fn read_url(&self) -> Result<Option<&SecretString>, ConfigError> {
        let url = &self.database.read_url;
        if url.expose_secret().is_empty() {
            return Ok(None);
        }
        let both = (self.database_url(Path::new(""))?, DatabaseUrl::parse("database.read_url", url)?);
        match both {
            (DatabaseUrl::Postgres(_), DatabaseUrl::Postgres(_)) => Ok(Some(url)),
            _ => Err(invalid("database.read_url", "needs PostgreSQL there and in database.url; leave it empty")),
        }
    }

    pub(super) fn check_database(&self) -> Result<(), ConfigError> {
        self.database_url(Path::new(""))?;
        self.read_url()?;
        // The figure is known once a second, and a second old.
        if self.database.read_lag_seconds_max < 2 {
            return Err(invalid("database.read_lag_seconds_max", "must be at least 2"));
        }
        if !["read_committed", "serializable"].contains(&self.postgres.isolation.as_str()) {
            return Err(invalid("postgres.isolation", "must be read_committed or serializable"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Sources;
    use secrecy::ExposeSecret;

    fn load(environment: &[(&str, &str)]) -> Result<Option<String>, String> {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let sources = Sources { file: None, environment: environment.iter().map(pair).collect() };
        let config = sources.load().map_err(|error| error.to_string())?;
        let url = config.read_url().map_err(|error| error.to_string())?;
        Ok(url.map(|url| url.expose_secret().to_owned()))
    }

    #[test]
    fn a_replica_needs_postgresql_on_both_sides() {
        let (primary, replica) = ("postgres://a@primary/app", "postgres://a@replica/app");
        assert_eq!(load(&[]), Ok(None));
        assert_eq!(load(&[("DATABASE_URL", primary)]), Ok(None));
        let both = [("DATABASE_URL", primary), ("DATABASE_READ_URL", replica)];
        assert_eq!(load(&both), Ok(Some(replica.to_owned())));
        for wrong in [
            [("DATABASE_URL", "sqlite:x.db"), ("DATABASE_READ_URL", replica)].as_slice(),
            &[("DATABASE_READ_URL", replica)],
            &[("DATABASE_URL", primary), ("DATABASE_READ_URL", "sqlite:x.db")],
            &[("DATABASE_URL", primary), ("DATABASE_READ_URL", "nowhere")],
        ] {
            let refused = load(wrong).unwrap_err();
            assert!(refused.contains("database.read_url") && !refused.contains("replica/app"), "{refused}");
        }
        let bound = [both[0], both[1], ("SUPERAPP_DATABASE__READ_LAG_SECONDS_MAX", "1")];
        assert!(load(&bound).unwrap_err().contains("at least 2"));
    }
}
