//! The Redis of this run, and what a test does to it.

use redis::{Client, Connection};
use std::process::Command;
use std::time::Duration;

/// A server that says nothing for so long says nothing at all.
const PATIENCE: Duration = Duration::from_secs(10);

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("no {name}: run `scripts/with-redis scripts/with-postgres cargo test -p superapp --test redis`")
    })
}

/// Its URL.
pub fn url() -> String {
    variable("SUPERAPP_TEST_REDIS")
}

/// The URLs of the cluster.
pub fn cluster() -> String {
    variable("SUPERAPP_TEST_REDIS_CLUSTER")
}

pub fn connect() -> Connection {
    let connection = Client::open(url()).unwrap().get_connection_with_timeout(PATIENCE).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    connection.set_write_timeout(Some(PATIENCE)).unwrap();
    connection
}

/// Forgets everything.
pub fn forget() {
    redis::cmd("FLUSHALL").exec(&mut connect()).unwrap();
}

fn control(what: &str) {
    let done = Command::new(variable("SUPERAPP_TEST_REDIS_CONTROL")).arg(what).status().unwrap();
    assert!(done.success(), "{what}");
}

/// An outage, which ends when this is dropped: a test that fails in the middle of one leaves no dead server to those
/// after it.
pub struct Outage {
    end: &'static str,
}

impl Outage {
    /// It is there, and says nothing.
    pub fn pause() -> Self {
        control("pause");
        Self { end: "resume" }
    }

    /// It is gone, and what it knew with it.
    pub fn kill() -> Self {
        control("stop");
        Self { end: "start" }
    }
}

impl Drop for Outage {
    fn drop(&mut self) {
        control(self.end);
    }
}
