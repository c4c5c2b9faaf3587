//! The HTTP contract, route by route and rule by rule.

mod audit;
mod auth;
mod concurrency;
mod errors;
mod health;
mod idempotency;
mod log;
mod openapi;
mod sales;
mod users;
mod wallet;
mod webhooks;
