//! The HTTP contract, route by route and rule by rule.

mod audit;
mod auth;
mod concurrency;
mod errors;
mod health;
mod idempotency;
mod log;
mod openapi;
mod users;
mod wallet;
