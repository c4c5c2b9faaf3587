//! Measures the money path over real HTTP, beside two limits taken in the same run: a bare loop that
//! writes the same rows in the same batches, and a bare HTTP server that answers a constant.
//!
//! Beside a PostgreSQL server it measures unlocks there instead, beside what `pgbench` gets out of the same server.
//! It prints figures and ratios, and judges nothing. `scripts/bench` runs it.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program for developers that prints its findings")]

mod bare;
mod client;
mod entitlements;
mod server;
mod unlocks;

use client::{Load, Outcome};
use server::{Constant, Superapp};
use std::time::Duration;

/// How long each figure is measured for, unless BENCH_SECONDS says otherwise.
const SECONDS: u64 = 5;
const CONNECTIONS: [usize; 3] = [1, 64, 256];
/// Wallets that take part.
const USERS: usize = 256;

fn main() {
    if std::env::args().any(|argument| argument == "--constant-server") {
        return server::serve_constant();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match std::env::var("SUPERAPP_TEST_POSTGRES") {
        Ok(server) => runtime.block_on(unlocks::run(&server, USERS, seconds())),
        Err(_) => runtime.block_on(run()),
    }
}

fn seconds() -> Duration {
    let seconds = std::env::var("BENCH_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(SECONDS))
}

async fn run() {
    let time = seconds();
    println!("{:34} {:>12} {:>10} {:>10} {:>10}", "", "per second", "p50 ms", "p99 ms", "errors");
    let (transfers, batch) = transfers(time).await;
    let reads = balance_reads(time).await;
    let checks = entitlements::measure(USERS, time).await;
    let constant = constant(time).await;

    let rows = bare::rows_per_second(USERS, batch, time).await;
    println!("{:34} {rows:>12.0}   (batches of {batch})", "bare loop, same rows");
    println!();
    println!("transfers at 256 connections / bare loop      {:.2}", transfers.per_second() / rows);
    println!("balance reads / constant answers              {:.2}", reads.per_second() / constant.per_second());
    println!("entitlement checks / constant answers         {:.2}", checks.per_second() / constant.per_second());
    bare::print_cost_of_a_transfer().await;
}

/// Transfers at each number of connections; the last outcome, and the mean batch that it made.
async fn transfers(time: Duration) -> (Outcome, usize) {
    let superapp = Superapp::start().await;
    let users = superapp.users(USERS).await;
    let mut last = None;
    let mut batch = 1;
    for connections in CONNECTIONS {
        let before = superapp.batches().await;
        let outcome = Load { servers: &[superapp.address], connections, time }.run(client::transfers(&users)).await;
        let after = superapp.batches().await;
        batch = after.mean_since(before);
        outcome.print(&format!("transfers, {connections} connections"));
        println!("{:34} {batch:>12}", "  commands in a commit, mean");
        last = Some(outcome);
    }
    (last.unwrap(), batch)
}

async fn balance_reads(time: Duration) -> Outcome {
    let superapp = Superapp::start().await;
    let users = superapp.users(USERS).await;
    let load = Load { servers: &[superapp.address], connections: 256, time };
    let outcome = load.run(client::balances(&users)).await;
    outcome.print("balance reads, 256 connections");
    outcome
}

async fn constant(time: Duration) -> Outcome {
    let constant = Constant::start().await;
    let load = Load { servers: &[constant.address], connections: 256, time };
    let outcome = load.run(client::constants()).await;
    outcome.print("constant answers, 256 connections");
    outcome
}
