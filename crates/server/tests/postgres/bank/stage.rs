//! The processes of a bank, and what happens to them: one is killed or stands still, now and then.

use super::history::Entry;
use super::teller::Bank;
use crate::client::Client;
use crate::place::Place;
use crate::server::{GLANCE, Server};
use rand::RngExt;
use rand::rngs::StdRng;
use rustix::process::Signal;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Between two troubles, how long a process is gone, and how long one stands still.
const QUIET_MILLISECONDS: std::ops::Range<u64> = 500..2_500;
const GONE_MILLISECONDS: std::ops::Range<u64> = 0..300;
const STILL_MILLISECONDS: std::ops::Range<u64> = 50..500;
const SUM_EVERY: Duration = Duration::from_millis(200);
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// What happened to the processes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Troubles {
    pub kills: u32,
    pub pauses: u32,
}

/// Kills and stops processes until nothing is left to do. They all run at the end.
pub async fn trouble(place: &Place, bank: &Bank, servers: &mut [Server], random: &mut StdRng) -> Troubles {
    let mut troubles = Troubles::default();
    while sleep_unless_over(bank, random.random_range(QUIET_MILLISECONDS)).await {
        let process = random.random_range(0..servers.len());
        // Not waits for anything: the moments are what is random here.
        if random.random_bool(0.5) {
            servers[process].kill_in_place();
            sleep(Duration::from_millis(random.random_range(GONE_MILLISECONDS))).await;
            servers[process] = Server::start(place.path(), &place.settings(&[])).await;
            *bank.addresses[process].lock().unwrap() = servers[process].address;
            troubles.kills += 1;
        } else {
            servers[process].signal(Signal::STOP);
            sleep(Duration::from_millis(random.random_range(STILL_MILLISECONDS))).await;
            servers[process].signal(Signal::CONT);
            troubles.pauses += 1;
        }
    }
    troubles
}

async fn sleep_unless_over(bank: &Bank, milliseconds: u64) -> bool {
    let until = Instant::now() + Duration::from_millis(milliseconds);
    while Instant::now() < until {
        if is_over(bank) {
            return false;
        }
        sleep(GLANCE).await;
    }
    true
}

fn is_over(bank: &Bank) -> bool {
    bank.left.load(Ordering::Relaxed) == 0
}

/// Sums all balances now and then, past every process, and says how far the run is.
#[expect(clippy::print_stdout, reason = "the long run says how far it is")]
pub async fn sum_up(place: &Place, bank: &Bank, operations: u64) -> Vec<i64> {
    let (mut sums, mut told) = (Vec::new(), Instant::now());
    let text = "SELECT CASE WHEN MIN(balance_cents) < 0 THEN -1 ELSE SUM(balance_cents) END FROM wallets
        WHERE kind = 'user'";
    while !is_over(bank) {
        sums.push(tokio::task::block_in_place(|| place.count(text)));
        if told.elapsed() > TOLD_EVERY {
            let done = operations - bank.left.load(Ordering::Relaxed);
            println!("{done} operations, {} a second", per_second(done, bank.started.elapsed()));
            told = Instant::now();
        }
        sleep(SUM_EVERY).await;
    }
    sums
}

pub fn per_second(count: u64, took: Duration) -> u64 {
    count * 1_000 / u64::try_from(took.as_millis()).unwrap().max(1)
}

/// Every wallet's whole history as a process tells it, from the oldest entry on.
pub async fn histories(bank: &Bank, process: usize) -> Vec<Vec<Entry>> {
    let address = *Mutex::lock(&bank.addresses[process]).unwrap();
    let mut client = Client::connect(address).await.unwrap();
    let mut wallets = Vec::with_capacity(bank.accounts.len());
    for (wallet, account) in bank.accounts.iter().enumerate() {
        let (mut entries, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/wallet/transactions?limit=100{cursor}");
            let page = client.get(&path, &account.token).await.unwrap();
            assert_eq!(page.status, 200, "{}", page.body);
            let lines = page.body["data"].as_array().unwrap().iter();
            entries.extend(lines.map(|line| bank.entry(u16::try_from(wallet).unwrap(), line)));
            let Some(next) = page.body["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        entries.reverse();
        wallets.push(entries);
    }
    wallets
}
