//! The rules of superapp, as plain functions over data.
//!
//! Nothing here does I/O, reads a clock, or makes a random number: time, ids and rows are handed in.
//! So every rule can be run millions of times in a test, and two databases cannot disagree about it.

pub mod api_key;
pub mod audit;
pub mod book;
pub mod calendar;
pub mod command;
pub mod content;
pub mod decide;
pub mod entitlement;
pub mod gift;
pub mod id;
pub mod idempotency;
pub mod money;
pub mod password;
pub mod payment;
pub mod payout;
pub mod rate_limit;
pub mod receipt;
pub mod reconciliation;
pub mod refusal;
pub mod sale;
pub mod session;
pub mod sign_in;
pub mod split;
pub mod subscription;
pub mod text;
pub mod timestamp;
pub mod transaction;
pub mod user;
pub mod wallet;
mod words;
