//! Idempotent requests: which keys there are, which requests are the same, what is stored and for how long.

mod expiry;
mod keys;
mod records;
mod replays;
mod sameness;
