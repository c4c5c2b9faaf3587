//! What administrators see and do. Every change is on record with who made it.

pub mod audit_logs;
pub mod jobs;
pub mod reconciliations;
pub mod transactions;
pub mod users;
pub mod wallets;

/// A word of an enum, or what would be one: for a parameter or a member.
fn word<T: Copy>(text: &str, parse: fn(&str) -> Option<T>, words: &[&str]) -> Result<T, String> {
    parse(text).ok_or_else(|| format!("must be {}", words.join(" or ")))
}
