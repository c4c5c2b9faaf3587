//! A client of the bank: it transfers, reads, asks again and gives up, at random, and writes down what it asked and heard.

use super::history::{Asked, Entry, Heard, Operation, Order};
use crate::client::{Account, Answer, Client, Fault};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// More than a wallet has after a while, so that refusals are part of the run.
const CENTS_MAX: u32 = 3_000;
/// Transfers that a teller may ask for again.
const REMEMBERED_MAX: usize = 32;
/// Lines of a page that is looked at.
const LINES: usize = 3;
/// How long an answer may take, whatever happens to the processes.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// How long a teller waits for a process that is being started.
const STARTED_WITHIN: Duration = Duration::from_secs(30);
const BREATH: Duration = Duration::from_millis(5);

/// What every teller knows.
#[derive(Debug)]
pub struct Bank {
    pub accounts: Vec<Account>,
    /// The place of an account by its id.
    pub places: HashMap<String, u16>,
    /// Where each process listens now.
    pub addresses: Vec<Mutex<SocketAddr>>,
    /// Operations that are still to be done.
    pub left: AtomicU64,
    pub labels: AtomicU32,
    /// The clock of the history.
    pub started: Instant,
}

impl Bank {
    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap()
    }

    /// Takes so many operations, if there are any left.
    fn take(&self, count: u64) -> bool {
        let left = self.left.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(count)));
        left.unwrap() > 0
    }

    /// An entry as a line of a history tells it.
    pub fn entry(&self, wallet: u16, line: &Value) -> Entry {
        let number = |name: &str| line[name].as_i64().unwrap();
        let other = line["counterparty"]["id"].as_str().map_or(wallet, |id| self.places[id]);
        let label = line["note"].as_str().map_or(0, |note| note.parse().unwrap());
        Entry {
            label,
            other,
            cents: number("amount_cents"),
            balance: number("balance_after_cents"),
            at: moment(&line["created_at"]),
        }
    }
}

fn moment(text: &Value) -> i64 {
    let moment: jiff::Timestamp = text.as_str().unwrap().parse().unwrap();
    moment.as_microsecond()
}

/// A teller with its book.
#[derive(Debug)]
pub struct Teller {
    bank: Arc<Bank>,
    random: StdRng,
    /// A connection to each process.
    lines: Vec<Option<Client>>,
    /// Transfers of before, to be asked for again.
    remembered: VecDeque<Order>,
    pub book: Vec<Operation>,
}

impl Teller {
    pub fn new(bank: Arc<Bank>, seed: u64) -> Self {
        let lines = bank.addresses.iter().map(|_| None).collect();
        Self { bank, random: StdRng::seed_from_u64(seed), lines, remembered: VecDeque::new(), book: Vec::new() }
    }

    /// Does what comes to mind until enough is done.
    pub async fn live(mut self) -> Vec<Operation> {
        while self.bank.take(1) {
            match self.random.random_range(0..100) {
                0..15 => self.look_at_a_balance().await,
                15..25 => self.look_at_a_page().await,
                25..35 if !self.remembered.is_empty() => {
                    let which = self.random.random_range(0..self.remembered.len());
                    self.ask_once(self.remembered[which]).await;
                }
                35..42 => self.ask_everywhere().await,
                _ => {
                    let order = self.think();
                    self.ask_once(order).await;
                }
            }
        }
        self.book
    }

    fn think(&mut self) -> Order {
        let people = u16::try_from(self.bank.accounts.len()).unwrap();
        let payer = self.random.random_range(0..people);
        let payee = (payer + self.random.random_range(1..people)) % people;
        let label = self.bank.labels.fetch_add(1, Ordering::Relaxed) + 1;
        let order = Order { label, payer, payee, cents: self.random.random_range(1..=CENTS_MAX) };
        self.remembered.push_back(order);
        if self.remembered.len() > REMEMBERED_MAX {
            self.remembered.pop_front();
        }
        order
    }

    /// Any process.
    fn process(&mut self) -> usize {
        self.random.random_range(0..self.lines.len())
    }

    /// Mostly waits for the answer. Now and then it hangs up at about the time of the commit.
    fn patience(&mut self) -> Duration {
        if self.random.random_ratio(1, 20) {
            Duration::from_micros(self.random.random_range(50..20_000))
        } else {
            ANSWER_WITHIN
        }
    }

    async fn ask_once(&mut self, order: Order) {
        let (process, patience) = (self.process(), self.patience());
        let client = self.lines[process].take();
        let (client, operation) = ask(&self.bank, process, client, order, patience).await;
        self.lines[process] = client;
        self.book.extend(operation);
    }

    /// The same at every process at once, with one key.
    async fn ask_everywhere(&mut self) {
        let order = self.think();
        self.bank.take(self.lines.len() as u64 - 1);
        let mut asking = Vec::with_capacity(self.lines.len());
        for process in 0..self.lines.len() {
            let (client, patience) = (self.lines[process].take(), self.patience());
            let bank = Arc::clone(&self.bank);
            asking.push(tokio::spawn(async move { ask(&bank, process, client, order, patience).await }));
        }
        for (process, asking) in asking.into_iter().enumerate() {
            let (client, operation) = asking.await.unwrap();
            self.lines[process] = client;
            self.book.extend(operation);
        }
    }

    async fn look_at_a_balance(&mut self) {
        let Some((from, wallet, process, answer)) = self.look("/api/wallet/balance").await else { return };
        let until = self.bank.now();
        let (cents, at) = (answer["balance_cents"].as_i64().unwrap(), moment(&answer["last_transaction_at"]));
        let (process, asked) = (u8::try_from(process).unwrap(), Asked::Balance { wallet, cents, at });
        self.book.push(Operation { from, until, process, asked });
    }

    async fn look_at_a_page(&mut self) {
        let path = format!("/api/wallet/transactions?limit={LINES}");
        let Some((from, wallet, process, answer)) = self.look(&path).await else { return };
        let until = self.bank.now();
        let lines = answer["data"].as_array().unwrap().iter();
        let entries = lines.map(|line| self.bank.entry(wallet, line)).collect();
        let (process, asked) = (u8::try_from(process).unwrap(), Asked::Newest { wallet, entries });
        self.book.push(Operation { from, until, process, asked });
    }

    /// Reads something of a wallet. What has no answer is asked again by nobody: it says nothing.
    async fn look(&mut self, path: &str) -> Option<(u64, u16, usize, Value)> {
        let wallet = self.random.random_range(0..self.bank.accounts.len());
        let process = self.process();
        let line = self.lines[process].take();
        let mut client = connected(&self.bank, process, line).await;
        let from = self.bank.now();
        let read = client.get(path, &self.bank.accounts[wallet].token);
        let answer = timeout(ANSWER_WITHIN, read).await.expect("an answer in time").ok()?;
        self.lines[process] = Some(client);
        match answer.status {
            200 => Some((from, u16::try_from(wallet).unwrap(), process, answer.body)),
            503 => None,
            _ => panic!("{path} was answered with {answer:?}"),
        }
    }
}

/// The connection, or a new one as soon as the process takes one.
async fn connected(bank: &Bank, process: usize, client: Option<Client>) -> Client {
    if let Some(client) = client {
        return client;
    }
    let since = Instant::now();
    loop {
        let address = *bank.addresses[process].lock().unwrap();
        if let Ok(client) = Client::connect(address).await {
            return client;
        }
        assert!(since.elapsed() < STARTED_WITHIN, "process {process} is gone");
        sleep(BREATH).await;
    }
}

/// Asks one process for a transfer. Nothing is written down if it was not sent.
async fn ask(
    bank: &Bank,
    process: usize,
    client: Option<Client>,
    order: Order,
    patience: Duration,
) -> (Option<Client>, Option<Operation>) {
    let mut client = connected(bank, process, client).await;
    let (payer, payee) = (&bank.accounts[usize::from(order.payer)], &bank.accounts[usize::from(order.payee)]);
    let (label, key) = (order.label.to_string(), format!("transfer-{}", order.label));
    let from = bank.now();
    let content = (payee.id.as_str(), i64::from(order.cents), label.as_str());
    let answer = timeout(patience, client.transfer(&payer.token, &key, content)).await;
    let until = bank.now();
    assert!(patience < ANSWER_WITHIN || answer.is_ok(), "{order:?} has no answer");
    let (client, heard) = match answer {
        Ok(Ok(answer)) => (Some(client), heard(order, &answer, &payee.id)),
        Ok(Err(Fault::NotSent)) => return (None, None),
        Ok(Err(Fault::NoAnswer)) | Err(_) => (None, Heard::Unknown),
    };
    let process = u8::try_from(process).unwrap();
    (client, Some(Operation { from, until, process, asked: Asked::Transfer(order, heard) }))
}

fn heard(order: Order, answer: &Answer, payee: &str) -> Heard {
    let body = &answer.body;
    let digest = || {
        let mut hasher = DefaultHasher::new();
        answer.bytes.hash(&mut hasher);
        hasher.finish()
    };
    match (answer.status, body["code"].as_str()) {
        (201, _) => {
            let told = (&body["note"], body["amount_cents"].as_i64(), &body["counterparty"]["id"]);
            let label = Value::from(order.label.to_string());
            assert_eq!(told, (&label, Some(-i64::from(order.cents)), &Value::from(payee)), "{order:?}: {body}");
            Heard::Paid { balance: body["balance_after_cents"].as_i64().unwrap(), digest: digest() }
        }
        (402, Some("insufficient_funds")) => Heard::Refused { digest: digest() },
        (409, Some("request_in_progress")) | (503, Some("overloaded")) => Heard::Nothing,
        (503, Some("outcome_unknown")) => Heard::Unknown,
        _ => panic!("{order:?} was answered with {answer:?}"),
    }
}
