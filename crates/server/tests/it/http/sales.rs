//! What fans pay for, over HTTP: each sale with its receipt, its refusals and its way back.

mod gifts;
mod payouts;
mod refunds;
mod renewals;
mod subscriptions;
mod unlocks;
