//! SIGKILL at random moments under load: whatever was acknowledged is there, once, and the rest is answered by
//! asking again with the same key. On the database of the run: see `place.rs`. `KILL_CYCLES` and `KILL_SEED` change the run; `scripts/kill-test` is the long one.

mod evidence;

use crate::client::{Account, Answer, Client, Fault};
use crate::place::Place;
use crate::server::{Server, reconcile};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

const PEOPLE: usize = 64;
const CYCLES: u64 = 60;
const DEPOSIT_CENTS: i64 = 5_000;
/// A few of these empty a wallet, so that refusals are part of the run.
const TRANSFER_CENTS_MAX: i64 = 500;
const KILL_AFTER_MILLISECONDS_MAX: u64 = 300;

/// A transfer as its sender wrote it down before sending it.
#[derive(Clone, Debug)]
struct Transfer {
    /// Unique, and the note of the transfer.
    label: String,
    key: String,
    to: usize,
    cents: i64,
    /// Whether it may have reached the server before.
    repeated: bool,
}

/// A client with its own log, which is all that it trusts.
#[derive(Debug)]
struct Person {
    index: usize,
    account: Account,
    random: StdRng,
    /// Transfers thought of so far.
    thought: u64,
    /// The one that has no answer yet.
    pending: Option<Transfer>,
    acknowledged: Vec<Transfer>,
    refused: u64,
    in_flight: u64,
    replays: u64,
}

/// When a person stops.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Until {
    /// When the server is gone.
    Killed,
    /// When nothing waits for an answer.
    Settled,
}

impl Person {
    fn think(&mut self) -> Transfer {
        self.thought += 1;
        let label = format!("{}-{}", self.index, self.thought);
        let other = self.random.random_range(1..PEOPLE);
        Transfer {
            key: format!("key-{label}"),
            label,
            to: (self.index + other) % PEOPLE,
            cents: self.random.random_range(1..=TRANSFER_CENTS_MAX),
            repeated: false,
        }
    }

    /// Sends transfers, the one without an answer first, with its old key.
    async fn live(mut self, address: SocketAddr, ids: Arc<Vec<String>>, until: Until) -> Self {
        let Ok(mut client) = Client::connect(address).await else { return self };
        while until == Until::Killed || self.pending.is_some() {
            let mut transfer = self.pending.take().unwrap_or_else(|| self.think());
            let content = (ids[transfer.to].as_str(), transfer.cents, transfer.label.as_str());
            match client.transfer(&self.account.token, &transfer.key, content).await {
                Ok(answer) => self.write_down(transfer, &answer, &ids),
                Err(fault) => {
                    assert_eq!(until, Until::Killed, "nothing ended the server, and {transfer:?} has no answer");
                    if fault == Fault::NoAnswer {
                        self.in_flight += 1;
                        transfer.repeated = true;
                    }
                    self.pending = Some(transfer);
                    break;
                }
            }
        }
        self
    }

    fn write_down(&mut self, transfer: Transfer, answer: &Answer, ids: &[String]) {
        let body = &answer.body;
        assert!(transfer.repeated || !answer.is_replay(), "an answer to what was never asked: {transfer:?} {body}");
        self.replays += u64::from(answer.is_replay());
        match answer.status {
            201 => {
                assert_eq!(body["note"], transfer.label, "{body}");
                assert_eq!(body["amount_cents"], -transfer.cents, "{body}");
                assert_eq!(body["counterparty"]["id"], ids[transfer.to], "{body}");
                self.acknowledged.push(transfer);
            }
            402 => {
                assert_eq!(body["code"], "insufficient_funds", "{body}");
                self.refused += 1;
            }
            status => panic!("{transfer:?} was answered with {status}: {body}"),
        }
    }
}

async fn people(server: &Server, seed: u64) -> Vec<Person> {
    let mut client = Client::connect(server.address).await.unwrap();
    let mut people = Vec::with_capacity(PEOPLE);
    for index in 0..PEOPLE {
        people.push(Person {
            index,
            account: client.newcomer(&format!("person{index}"), DEPOSIT_CENTS).await,
            random: StdRng::seed_from_u64(seed ^ (1 + index as u64)),
            thought: 0,
            pending: None,
            acknowledged: Vec::new(),
            refused: 0,
            in_flight: 0,
            replays: 0,
        });
    }
    people
}

/// Lets everybody live on this server until they stop, with whatever happens meanwhile.
async fn live(
    people: Vec<Person>,
    address: SocketAddr,
    until: Until,
    meanwhile: impl Future<Output = ()>,
) -> Vec<Person> {
    let ids: Arc<Vec<String>> = Arc::new(people.iter().map(|person| person.account.id.clone()).collect());
    let begin = |person: Person| tokio::spawn(person.live(address, Arc::clone(&ids), until));
    let lives: Vec<_> = people.into_iter().map(begin).collect();
    meanwhile.await;
    let mut stopped = Vec::with_capacity(lives.len());
    for life in lives {
        stopped.push(life.await.unwrap());
    }
    stopped
}

/// A database that checkpoints now and then, or nearly always, so that kills hit that, too.
async fn start(place: &Place, random: &mut StdRng) -> Server {
    let pages = if random.random_bool(0.5) { "20000" } else { "50" };
    Server::start(place.path(), &place.settings(&[("SUPERAPP_DATABASE__CHECKPOINT_PAGES", pages)])).await
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_transfer_is_lost_or_doubled_when_the_server_is_killed_again_and_again() {
    let _turn = crate::TURN.lock().await;
    let (cycles, seed) = (from_environment("KILL_CYCLES", CYCLES), from_environment("KILL_SEED", rand::random()));
    println!("KILL_CYCLES={cycles} KILL_SEED={seed}");
    let place = Place::new();
    let mut random = StdRng::seed_from_u64(seed);
    let mut server = start(&place, &mut random).await;
    let mut people = people(&server, seed).await;
    let mut slowest = Duration::ZERO;
    for cycle in 1..=cycles {
        let after = Duration::from_millis(random.random_range(1..=KILL_AFTER_MILLISECONDS_MAX));
        people = live(people, server.address, Until::Killed, async move {
            // Not a wait for anything: the moment is what is random here.
            sleep(after).await;
            server.kill();
        })
        .await;
        if cycle == cycles {
            // As the kill left it, before any server has recovered it.
            reconcile(place.path(), &place.settings(&[]));
        }
        server = start(&place, &mut random).await;
        slowest = slowest.max(server.ready_after);
    }
    people = live(people, server.address, Until::Settled, async {}).await;
    evidence::check(&people, server.address).await;
    server.stop().await;
    let transfers: u64 = people.iter().map(|person| person.acknowledged.len() as u64).sum();
    assert_eq!(
        reconcile(place.path(), &place.settings(&[])),
        transfers + PEOPLE as u64,
        "one transaction for each acknowledgement"
    );

    let sum = |figure: fn(&Person) -> u64| people.iter().map(figure).sum::<u64>();
    let (in_flight, replays) = (sum(|person| person.in_flight), sum(|person| person.replays));
    println!(
        "{cycles} kills, {transfers} transfers, {} refusals, {in_flight} requests in flight at a kill, \
         {replays} of them answered by a replay, slowest restart {slowest:?}",
        sum(|person| person.refused),
    );
    assert!(in_flight > 0, "no kill interrupted anything");
    assert!(replays > 0, "no kill hit the moment between a commit and its answer");
}
