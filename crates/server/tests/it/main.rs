//! The integration tests: one binary, whose modules lie as those of `src` do.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod documentation;
mod harness;
mod http;
mod ledger;
mod place;
mod renewals;
mod store;
mod telemetry;
mod tidy;
