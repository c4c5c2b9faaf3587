//! Tests of whole servers on PostgreSQL: connections that are cut in the middle of a commit, a database that is
//! restarted, several processes on one database. They need the server that `scripts/with-postgres` starts, and fail
//! without it.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]
#![expect(clippy::expect_used, reason = "it says what is missing")]

// The same clients and servers as in the tests of processes, which use more of them.
#[path = "../process/client.rs"]
mod client;
#[expect(dead_code, reason = "used by other tests")]
#[path = "../process/place.rs"]
mod place;
#[expect(dead_code, reason = "used by other tests")]
#[path = "../process/server.rs"]
mod server;

mod bank;
mod copies;
mod cuts;
mod fans;
mod own;
mod pair;
mod past;
mod processes;
mod proxy;
mod replica;
mod restarts;
mod switch_overs;

/// Tests that load the machine take turns: otherwise they would measure each other.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// A new database on the server of the run.
fn place() -> place::Place {
    let server = place::server().unwrap_or_else(|| {
        panic!("no PostgreSQL server: run `scripts/with-postgres cargo test -p superapp --test postgres`")
    });
    place::Place::on(&server)
}

/// A number for a run, from the environment or as it comes.
fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}
