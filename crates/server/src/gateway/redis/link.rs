//! A connection to one Redis or to a cluster, with one way to ask either.

use ::redis::aio::MultiplexedConnection;
use ::redis::cluster::{ClusterClient, ClusterClientBuilder};
use ::redis::cluster_async::ClusterConnection;
use ::redis::{AsyncConnectionConfig, Client, FromRedisValue, RedisError, ScriptInvocation};
use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::time::Duration;

/// What there is to connect to.
pub enum Target {
    /// One server.
    One(Client),
    /// A cluster, by some of its servers.
    Cluster(Box<ClusterClient>),
}

/// A connection that many can ask at once.
#[derive(Clone)]
pub enum Link {
    /// To one server.
    One(MultiplexedConnection),
    /// To every server of a cluster.
    Cluster(ClusterConnection),
}

// A URL may hold a password.
impl fmt::Debug for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Target")
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Link")
    }
}

impl Target {
    /// One URL is a server, several with commas between are a cluster.
    pub fn parse(url: &SecretString) -> anyhow::Result<Self> {
        let urls: Vec<&str> = url.expose_secret().split(',').map(str::trim).collect();
        let wrong =
            "`redis.url` must be redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], or several with commas between";
        Ok(match urls.as_slice() {
            [url] => Self::One(Client::open(*url).ok().context(wrong)?),
            urls => Self::Cluster(Box::new(cluster(urls).build().ok().context(wrong)?)),
        })
    }

    /// Connects.
    pub async fn connect(&self, patience: Duration) -> Result<Link, RedisError> {
        Ok(match self {
            Self::One(client) => {
                // Whoever asks has a time-out of their own.
                let config =
                    AsyncConnectionConfig::new().set_connection_timeout(Some(patience)).set_response_timeout(None);
                Link::One(client.get_multiplexed_async_connection_with_config(&config).await?)
            }
            Self::Cluster(client) => Link::Cluster(client.get_async_connection().await?),
        })
    }
}

/// Without retries: whoever asks does not wait for them.
fn cluster(urls: &[&str]) -> ClusterClientBuilder {
    let patience = Duration::from_millis(500);
    ClusterClientBuilder::new(urls.iter().copied()).retries(1).connection_timeout(patience).response_timeout(patience)
}

impl Link {
    /// Runs a script.
    pub async fn run<T: FromRedisValue>(&mut self, call: &ScriptInvocation<'_>) -> Result<T, RedisError> {
        match self {
            Self::One(connection) => call.invoke_async(connection).await,
            Self::Cluster(connection) => call.invoke_async(connection).await,
        }
    }
}
