//! What administrators see and do. Every change is on record with who made it.

pub mod audit_logs;
pub mod jobs;
pub mod reconciliations;
pub mod users;
pub mod wallets;

use super::parameters::Page;

/// A page from one line more than it shows, which tells whether there is another page.
fn page<L, T>(mut lines: Vec<L>, shown: i64, cursor: impl FnOnce(&L) -> String, body: impl FnMut(L) -> T) -> Page<T> {
    let shown = usize::try_from(shown).unwrap_or_default();
    let more = lines.len() > shown;
    lines.truncate(shown);
    let next_cursor = lines.last().filter(|_| more).map(cursor);
    Page { data: lines.into_iter().map(body).collect(), next_cursor }
}

/// A word of an enum, or what would be one: for a parameter or a member.
fn word<T: Copy>(text: &str, parse: fn(&str) -> Option<T>, words: &[&str]) -> Result<T, String> {
    parse(text).ok_or_else(|| format!("must be {}", words.join(" or ")))
}
