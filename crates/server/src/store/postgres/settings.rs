//! What a session is told, and what a server must be: settings that durability rests on, asked for at each
//! connect, because a role or a database may have others than the server.

use super::connection::Connection;
use super::server::Duty;
use crate::store::OpenError;
use std::fmt::Write;
use std::time::Duration;

/// The oldest server that is tested against.
const SERVER_MIN: i32 = 150_000;

/// How long a session waits for what.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Timeouts {
    /// For one statement.
    pub(in crate::store) statement: Duration,
    /// For the lock of one row.
    pub(in crate::store) lock: Duration,
    /// For one statement, before it is told of.
    pub(in crate::store) slow: Option<Duration>,
}

/// What must be so, or commits are lost.
const REQUIRED: &[(&str, &[&str])] = &[
    ("fsync", &["on"]),
    ("full_page_writes", &["on"]),
    ("synchronous_commit", &["on", "remote_write", "remote_apply"]),
    ("server_encoding", &["UTF8"]),
];

/// Statements have one plan, whatever they are asked for, and look rows up by their keys though a table was small
/// when the plan was made. At SERIALIZABLE a whole scan would collide with every writer of the table.
pub(super) fn apply(connection: &Connection, timeouts: &Timeouts, duty: Duty) -> Result<(), OpenError> {
    let mut text = String::from(
        "SET application_name = 'superapp'; SET client_min_messages = 'warning'; \
        SET standard_conforming_strings = on; SET timezone = 'UTC'; \
        SET idle_in_transaction_session_timeout = '3s'; SET idle_session_timeout = 0; \
        SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3; \
        SET plan_cache_mode = force_generic_plan; SET jit = off; SET enable_seqscan = off; \
        SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_bitmapscan = off; ",
    );
    let (statement, lock) = (timeouts.statement.as_millis(), timeouts.lock.as_millis());
    // Numbers, so nothing can be smuggled in.
    let _ = write!(text, "SET statement_timeout = {statement}; SET lock_timeout = {lock};");
    connection.script(&text)?;
    verify(connection, duty)
}

/// Refuses a server that would not keep what it acknowledges.
fn verify(connection: &Connection, duty: Duty) -> Result<(), OpenError> {
    let version = setting(connection, "server_version_num")?;
    if version.parse::<i32>().is_ok_and(|number| number < SERVER_MIN) {
        return Err(OpenError::Setting { name: "server_version_num", expected: "150000 or newer", found: version });
    }
    // A standby is no place to write to, and a primary is none to look for what may be old.
    let read_only: &[&str] = if duty == Duty::Primary { &["off"] } else { &["on"] };
    let required = REQUIRED.iter().copied().chain([("transaction_read_only", read_only)]);
    for (name, good) in required {
        let found = setting(connection, name)?;
        if !good.contains(&found.as_str()) {
            let expected = good.first().copied().unwrap_or_default();
            return Err(OpenError::Setting { name, expected, found });
        }
    }
    Ok(())
}

fn setting(connection: &Connection, name: &str) -> Result<String, OpenError> {
    Ok(connection.setting(name)?)
}
