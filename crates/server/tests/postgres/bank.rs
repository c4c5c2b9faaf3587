//! A bank over two processes with one database: random transfers, repetitions and reads at both, while one of them is
//! killed or stands still now and then. Everybody writes down what they asked and heard, and when, and at the end all of
//! it must have one order that explains every answer. `BANK_OPERATIONS` and `BANK_SEED` change the run; `scripts/bank` is
//! the long one.

mod check;
mod history;
mod stage;
mod teller;

use crate::client::Client;
use crate::place::Place;
use crate::server::{Server, reconcile};
use check::check;
use history::{Asked, Heard, History, Operation};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use teller::{Bank, Teller};
use tokio::time::Instant;

const OPERATIONS: u64 = 12_000;
/// One process on a file: a quarter of it in the usual run, and as much in the long one.
const ON_A_FILE: u64 = 3_000;
const TELLERS: u64 = 64;
const PEOPLE: u32 = 16;
const DEPOSIT_CENTS: i64 = 5_000;

async fn open(servers: &[Server], operations: u64) -> Arc<Bank> {
    let mut client = Client::connect(servers[0].address).await.unwrap();
    let mut accounts = Vec::new();
    for number in 0..PEOPLE {
        accounts.push(client.newcomer(&format!("person{number}"), DEPOSIT_CENTS).await);
    }
    let places = (0..).zip(&accounts).map(|(place, account)| (account.id.clone(), place)).collect();
    Arc::new(Bank {
        accounts,
        places,
        addresses: servers.iter().map(|server| Mutex::new(server.address)).collect(),
        left: AtomicU64::new(operations),
        labels: AtomicU32::new(0),
        started: Instant::now(),
    })
}

#[expect(clippy::print_stdout, reason = "figures for whoever runs the tests with --nocapture")]
async fn run(place: &Place, processes: usize, operations: u64, seed: u64) {
    println!("BANK_OPERATIONS={operations} BANK_SEED={seed}");
    let mut servers = Vec::with_capacity(processes);
    for _ in 0..processes {
        servers.push(Server::start(place.path(), &place.settings(&[])).await);
    }
    let bank = open(&servers, operations).await;
    let mut random = StdRng::seed_from_u64(seed);
    let tellers = (1..=TELLERS).map(|number| Teller::new(Arc::clone(&bank), seed ^ number));
    let tellers: Vec<_> = tellers.map(|teller| tokio::spawn(teller.live())).collect();
    let troubles = stage::trouble(place, &bank, &mut servers, &mut random);
    let (troubles, sums) = tokio::join!(troubles, stage::sum_up(place, &bank, operations));
    let mut history = History { sums, ..History::default() };
    for teller in tellers {
        let logs = || servers.iter().map(Server::log).collect::<String>();
        history.operations.extend(teller.await.unwrap_or_else(|error| panic!("{error}\n{}", logs())));
    }
    let took = bank.started.elapsed();
    history.wallets = stage::histories(&bank, 0).await;
    let others = stage::histories(&bank, processes - 1).await;
    assert!(history.wallets == others, "two processes tell two histories");
    for server in servers {
        server.stop().await;
    }
    let entries: usize = history.wallets.iter().map(Vec::len).sum();
    // Two of each transfer, and a deposit for everybody.
    let transactions = (entries as u64 - u64::from(PEOPLE)) / 2 + u64::from(PEOPLE);
    assert_eq!(reconcile(place.path(), &place.settings(&[])), transactions);
    let checking = Instant::now();
    let found = check(&history);
    tell(&history, took, checking.elapsed());
    println!(
        "result: BANK_SEED={seed} {troubles:?}, {transactions} transactions, {} sums, anomalies {:?}",
        history.sums.len(),
        found.counts
    );
    assert!(found.counts.is_empty(), "BANK_SEED={seed}\n{}", found.examples.join("\n"));
    assert_happened(&history);
}

/// What was heard, by its kind.
fn heard(history: &History) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for operation in &history.operations {
        *counts.entry(word(operation)).or_default() += 1;
    }
    counts
}

fn word(operation: &Operation) -> &'static str {
    match operation.asked {
        Asked::Balance { .. } | Asked::Newest { .. } => "read",
        Asked::Transfer(_, Heard::Paid { .. }) => "paid",
        Asked::Transfer(_, Heard::Refused { .. }) => "refused",
        Asked::Transfer(_, Heard::Nothing) => "not now",
        Asked::Transfer(_, Heard::Unknown) => "unknown",
    }
}

#[expect(clippy::print_stdout, reason = "figures for whoever runs the tests with --nocapture")]
fn tell(history: &History, took: Duration, checked: Duration) {
    let count = history.operations.len() as u64;
    println!(
        "result: {count} operations in {took:.1?}, {} a second, {:?}, checked in {checked:.1?}",
        stage::per_second(count, took),
        heard(history),
    );
}

/// What the run is for did happen.
fn assert_happened(history: &History) {
    let counts = heard(history);
    for what in ["paid", "read", "refused", "unknown"] {
        assert!(counts.contains_key(what), "nothing was {what}: {counts:?}");
    }
}

fn seed() -> u64 {
    crate::from_environment("BANK_SEED", rand::random::<u32>().into())
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_two_processes_answer_has_one_order_that_explains_it() {
    let _turn = crate::TURN.lock().await;
    run(&crate::place(), 2, crate::from_environment("BANK_OPERATIONS", OPERATIONS), seed()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_one_process_with_a_file_answers_has_one_order_that_explains_it() {
    let _turn = crate::TURN.lock().await;
    run(&Place::on_a_file(), 1, crate::from_environment("BANK_OPERATIONS", ON_A_FILE), seed()).await;
}
