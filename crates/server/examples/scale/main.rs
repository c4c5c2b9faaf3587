//! Measures what grows with the number of rows: `scripts/index-timings` and `scripts/flat-cost` run it.
//!
//! It fills a database in bulk, in a directory or on a server of its own, and prints a table. It judges nothing.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for developers"
)]

mod base;
mod client;
mod fill;
mod flat;
mod timings;

use base::Base;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let numbers = |text: &str| -> Vec<i64> { text.split(',').map(|number| number.parse().unwrap()).collect() };
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["indexes", rows, runs] => timings::print(&Base::place(), rows.parse().unwrap(), runs.parse().unwrap()),
        ["flat", sizes, requests] => flat::print(&numbers(sizes), requests.parse().unwrap()),
        _ => eprintln!("usage: scale indexes ROWS RUNS | scale flat TRANSACTIONS,… REQUESTS"),
    }
}
