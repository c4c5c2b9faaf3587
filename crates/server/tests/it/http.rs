//! The HTTP contract, route by route and rule by rule.

mod admin;
mod api_keys;
mod audit;
mod auth;
mod boards;
mod browsers;
mod concurrency;
mod contents;
mod copies;
mod creators;
mod earnings;
mod entitlement_tokens;
mod entitlements;
mod errors;
mod gifts;
mod health;
mod idempotency;
mod limits;
mod load;
mod matrix;
mod openapi;
mod sales;
mod users;
mod wallet;
mod webhooks;
