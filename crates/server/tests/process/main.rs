//! Tests that need a real process: it is killed, drained, starved and asked from a shell. What needs no process
//! is tested elsewhere, faster.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod backups;
mod cli;
mod client;
mod crowds;
mod drain;
mod kill;
mod loadtest;
mod log;
mod place;
mod raw;
mod server;
mod sign_ins;
mod slow;
mod smuggling;
mod stalls;

/// Tests that load the machine, or measure it, take turns: otherwise they would measure each other.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
