//! The integration tests: one binary, whose modules lie as those of `src` do.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod documentation;
mod harness;
mod http;
mod ledger;
mod model;
mod place;
mod renewals;
mod store;
mod telemetry;
mod tidy;

// The reference model of the ledger's own tests, whose files name one another from the root of their binary.
#[expect(dead_code, reason = "used by the tests of the domain")]
#[path = "../../../domain/tests/model/ask.rs"]
mod ask;
#[path = "model/people.rs"]
mod chance;
#[expect(dead_code, reason = "used by the tests of the domain")]
#[path = "../../../domain/tests/model/months.rs"]
mod months;
#[expect(dead_code, reason = "used by the tests of the domain")]
#[path = "../../../domain/tests/model/reference.rs"]
mod reference;
#[expect(dead_code, reason = "used by the tests of the domain")]
#[path = "../../../domain/tests/model/terms.rs"]
mod terms;
#[expect(dead_code, reason = "used by the tests of the domain")]
#[path = "../../../domain/tests/model/told.rs"]
mod told;
