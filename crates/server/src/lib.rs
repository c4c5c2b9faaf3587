//! superapp: a self-hosted backend for apps in which fans pay creators.
//!
//! `http → {ledger, operations} → store → domain`, never upward. `ARCHITECTURE.md` is the map.

pub mod app;
pub mod auth;
pub mod cli;
pub mod clock;
pub mod config;
pub mod gateway;
pub mod http;
pub mod idempotency;
pub mod jobs;
pub mod ledger;
pub mod limits;
pub mod loadtest;
pub mod operations;
pub mod renewals;
pub mod settlements;
pub mod store;
pub mod telemetry;
