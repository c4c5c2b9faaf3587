//! The HTTP contract, route by route and rule by rule.

mod auth;
mod health;
mod idempotency;
mod users;
mod wallet;
