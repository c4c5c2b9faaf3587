//! How a server is reached, and what it must be: in plain or over TLS, a primary or a standby.

use super::tls::{self, Tls};
use super::warnings::Warnings;
use crate::store::{OpenError, Options};
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config};

/// What a server must be to be worked on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::store) enum Duty {
    /// It takes what is written, and keeps it.
    Primary,
    /// It follows a primary and takes nothing.
    Standby,
}

/// A server, with all that it takes to connect.
#[derive(Clone, Debug)]
pub(in crate::store) struct Server {
    config: Config,
    tls: Tls,
    pub(super) duty: Duty,
}

impl Server {
    /// Parses a connection string, and refuses one that cannot be kept to.
    pub(in crate::store) fn of(url: &SecretString, duty: Duty, options: &Options) -> Result<Self, OpenError> {
        let mut config = parse(url).map_err(|error| OpenError::Connect(Box::new(error)))?;
        // A host that dies says nothing: it is found out within seconds, or every lane would wait for it.
        config.connect_timeout(options.connect_timeout).keepalives_idle(Duration::from_secs(5));
        config.keepalives_interval(Duration::from_secs(2)).keepalives_retries(3);
        config.tcp_user_timeout(options.statement_timeout.saturating_mul(2));
        let tls = match config.get_ssl_mode() {
            SslMode::Require => tls::verifying(&options.root_certificates)?,
            // `prefer`, which is the default, would protect from nobody who can answer in the server's place.
            _ => Tls::Off,
        };
        Ok(Self { config, tls, duty })
    }

    /// Connects. The connection is driven by the runtime that this runs on.
    pub(super) async fn connect(&self) -> Result<(Client, Warnings), OpenError> {
        // The driver's own limit is for the socket of each host: a server that accepts and then says nothing has none.
        let each = self.config.get_connect_timeout().copied().unwrap_or_default();
        let hosts = u32::try_from(self.config.get_hosts().len()).unwrap_or(u32::MAX);
        let connecting =
            tokio::time::timeout(each.saturating_mul(hosts.saturating_add(1)), self.tls.connect(&self.config));
        let connected = connecting.await.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))?;
        connected.map_err(|error| OpenError::Connect(Box::new(error)))
    }
}

/// `verify-full` is what `require` means here, so both words are understood.
fn parse(url: &SecretString) -> Result<Config, tokio_postgres::Error> {
    url.expose_secret().replace("sslmode=verify-full", "sslmode=require").parse()
}

/// Which database on which host.
pub(in crate::store) fn place(url: &SecretString) -> String {
    let Ok(config) = parse(url) else { return "PostgreSQL".to_owned() };
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        Some(Host::Unix(path)) => path.display().to_string(),
        None => "localhost".to_owned(),
    };
    let database = config.get_dbname().or(config.get_user()).unwrap_or_default();
    let port =
        config.get_ports().first().filter(|port| **port != 5_432).map_or_else(String::new, |port| format!(":{port}"));
    format!("PostgreSQL database {database} on {host}{port}")
}

#[cfg(test)]
mod tests {
    use super::{Duty, Server, Tls, place};
    use crate::store::{OpenError, Options};
    use secrecy::SecretString;

    fn open(url: &str, roots: &str) -> Result<Server, OpenError> {
        let options = Options { root_certificates: roots.into(), ..Options::default() };
        Server::of(&SecretString::from(url.to_owned()), Duty::Primary, &options)
    }

    #[test]
    fn a_url_that_demands_tls_gets_it_or_is_refused_and_no_other_mode_verifies_nothing() {
        for mode in ["require", "verify-full"] {
            let refused = open(&format!("postgres://db/app?sslmode={mode}"), "nowhere.pem").unwrap_err().to_string();
            let told =
                if cfg!(feature = "postgres-tls") { "postgres.root_certificates" } else { "--features postgres-tls" };
            assert!(refused.contains(told), "{refused}");
        }
        for url in ["postgres://db/app", "postgres://db/app?sslmode=prefer", "postgres://db/app?sslmode=disable"] {
            assert!(matches!(open(url, "nowhere.pem").unwrap().tls, Tls::Off), "{url}");
        }
        assert!(matches!(open("postgres://db/app?sslmode=allow", ""), Err(OpenError::Connect(_))));
    }

    #[test]
    fn a_place_is_told_without_its_password() {
        let url = SecretString::from("postgres://ann:hidden@db.internal/app?sslmode=verify-full".to_owned());
        assert_eq!(place(&url), "PostgreSQL database app on db.internal");
        let url = SecretString::from("postgres://ann:hidden@db.internal:5433/app".to_owned());
        assert_eq!(place(&url), "PostgreSQL database app on db.internal:5433");
    }
}
