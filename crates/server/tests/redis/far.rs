//! The Redis of this run, and what a test does to it.

use redis::{Client, Connection};
use std::process::Command;

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
    Client::open(url()).unwrap().get_connection().unwrap()
}

/// Forgets everything.
pub fn forget() {
    redis::cmd("FLUSHALL").exec(&mut connect()).unwrap();
}

/// `stop`, `start`, `pause` or `resume`.
pub fn control(what: &str) {
    let done = Command::new(variable("SUPERAPP_TEST_REDIS_CONTROL")).arg(what).status().unwrap();
    assert!(done.success(), "{what}");
}
