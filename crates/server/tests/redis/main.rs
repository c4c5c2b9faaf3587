//! Tests with a Redis: the limiter's window there, several processes that share it, and what they do while it is gone.
//! They need the servers that `scripts/with-redis scripts/with-postgres` starts, and fail without them.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

// The same clients and servers as in the tests of processes, which use more of them.
#[path = "../process/client.rs"]
mod client;
#[expect(dead_code, reason = "used by other tests")]
#[path = "../process/place.rs"]
mod place;
#[expect(dead_code, reason = "used by other tests")]
#[path = "../process/server.rs"]
mod server;
// The same tests as those of the rule.
#[path = "../../../domain/tests/rate_limit/suite.rs"]
mod suite;

mod far;
mod flights;
mod inside;
mod outages;
mod windows;

/// Tests that stop the server, or empty it, take turns with those that use it.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// A new database on the server of the run.
fn place() -> place::Place {
    let server = place::server().unwrap_or_else(|| {
        panic!("no PostgreSQL: run `scripts/with-redis scripts/with-postgres cargo test -p superapp --test redis`")
    });
    place::Place::on(&server)
}
