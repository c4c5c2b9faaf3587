//! The HTTP contract, route by route and rule by rule.

mod audit;
mod auth;
mod concurrency;
mod health;
mod idempotency;
mod users;
mod wallet;
