//! What fans pay for, over HTTP: each sale with its receipt, its refusals and its way back.

mod crowds;
mod gifts;
mod payouts;
mod refunds;
mod subscriptions;
mod unlocks;
