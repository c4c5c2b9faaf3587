//! Several processes on one database: fans who are on all of them at once, one creator whom everybody pays, and jobs
//! that are due. Every effect once, whichever process is asked, and nobody in a deadlock.

use crate::client::{Account, Answer, Client};
use crate::past::{PRICE_CENTS, Past, past};
use crate::place::{Place, rows};
use crate::server::{GLANCE, Server, reconcile};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Barrier;
use tokio::time::{Instant, sleep};

const PROCESSES: usize = 4;
/// Each on every process.
const PEOPLE: usize = 64;
const SUBSCRIBERS: usize = 100;
const DEPOSIT_CENTS: i64 = 10_000_000;
const RENEWED_WITHIN: Duration = Duration::from_secs(20);

/// Due at once, and a grace that outlasts the shortest month.
const SETTINGS: &[(&str, &str)] =
    &[("SUPERAPP_SUBSCRIPTIONS__JOB_SECONDS", "1"), ("SUPERAPP_SUBSCRIPTIONS__GRACE_DAYS", "27")];

/// What a person asks of all processes at the same moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Round {
    /// The same, with one key: one effect.
    SameUnlock(usize),
    SameTransfer,
    SameSubscription,
    /// The same, with a key for each process: one effect, and refusals.
    RivalUnlocks(usize),
    RivalSubscriptions,
    /// Something for each process: as many effects.
    Gifts,
    Transfers,
}

use Round::{Gifts, RivalSubscriptions, RivalUnlocks, SameSubscription, SameTransfer, SameUnlock, Transfers};

const ROUNDS: &[Round] = &[
    SameUnlock(0),
    Gifts,
    Transfers,
    RivalUnlocks(1),
    SameTransfer,
    SameSubscription,
    Gifts,
    Transfers,
    SameUnlock(2),
    RivalSubscriptions,
    RivalUnlocks(3),
    Gifts,
    Transfers,
    SameTransfer,
    SameUnlock(4),
    Transfers,
];
const ITEMS: usize = 5;

impl Round {
    fn effects(self) -> usize {
        match self {
            Gifts | Transfers => PROCESSES,
            _ => 1,
        }
    }

    /// How one is refused who comes second, with another key.
    fn refusal(self) -> Option<&'static str> {
        match self {
            RivalUnlocks(_) => Some("already_unlocked"),
            RivalSubscriptions => Some("already_subscribed"),
            SameUnlock(_) | SameTransfer | SameSubscription => Some("request_in_progress"),
            Gifts | Transfers => None,
        }
    }

    /// Path, body, and key.
    fn request(self, past: &Past, (person, partner): (usize, &str), number: usize, process: usize) -> Request {
        let popular = &past.creators[0].id;
        let (path, body) = match self {
            SameUnlock(item) | RivalUnlocks(item) => (format!("/api/content/{}/unlock", past.items[item]), json!({})),
            SameTransfer | Transfers => {
                ("/api/wallet/transfer".to_owned(), json!({ "to_user_id": partner, "amount_cents": 7 }))
            }
            SameSubscription => ("/api/subscriptions".to_owned(), json!({ "creator_id": popular, "tier": "monthly" })),
            RivalSubscriptions => {
                let other = &past.creators[1].id;
                ("/api/subscriptions".to_owned(), json!({ "creator_id": other, "tier": "monthly" }))
            }
            Gifts => {
                let rose = json!({ "recipient_id": popular, "gift_type": "rose", "quantity": 1 });
                ("/api/gifts/send".to_owned(), rose)
            }
        };
        let is_same = matches!(self, SameUnlock(_) | SameTransfer | SameSubscription);
        let key = if is_same { format!("{person}-{number}") } else { format!("{person}-{number}-{process}") };
        Request { path, body, key }
    }
}

struct Request {
    path: String,
    body: Value,
    key: String,
}

/// What a person heard from one process: an answer to a round, and how long it took.
type Heard = Vec<(Answer, Duration)>;

/// One person on one process.
struct Line {
    client: Client,
    account: Account,
    partner: String,
    person: usize,
    process: usize,
    /// Where the lines of a person meet before each round.
    meeting: Arc<Barrier>,
    past: Arc<Past>,
}

impl Line {
    async fn play(mut self) -> Heard {
        let mut heard = Vec::with_capacity(ROUNDS.len());
        for (number, round) in ROUNDS.iter().enumerate() {
            let request = round.request(&self.past, (self.person, &self.partner), number, self.process);
            self.meeting.wait().await;
            let sent = Instant::now();
            let answer = self.client.post(&request.path, &self.account.token, &request.key, &request.body).await;
            heard.push((answer.unwrap(), sent.elapsed()));
        }
        heard
    }
}

/// Fails unless a round of one person had the effects that it should have, and every other answer says why not.
fn check(round: Round, answers: &[&Answer]) {
    let executed: Vec<_> = answers.iter().filter(|answer| answer.status == 201 && !answer.is_replay()).collect();
    assert_eq!(executed.len(), round.effects(), "{round:?}: {answers:?}");
    for answer in answers {
        let is_first = answer.status == 201 && !answer.is_replay();
        let is_replay = answer.is_replay() && answer.status == 201 && answer.bytes == executed[0].bytes;
        let is_refused = round.refusal().is_some_and(|code| answer.body["code"] == code);
        assert!(is_first || is_replay || is_refused, "{round:?}: {answer:?}");
    }
}

async fn lines(servers: &[Server], past: &Arc<Past>) -> Vec<Line> {
    let mut first = Client::connect(servers[0].address).await.unwrap();
    let mut accounts = Vec::with_capacity(PEOPLE);
    for number in 0..PEOPLE {
        accounts.push(first.newcomer(&format!("fan{number}"), DEPOSIT_CENTS).await);
    }
    let mut lines = Vec::with_capacity(PEOPLE * PROCESSES);
    for person in 0..PEOPLE {
        let meeting = Arc::new(Barrier::new(PROCESSES));
        for (process, server) in servers.iter().enumerate() {
            lines.push(Line {
                client: Client::connect(server.address).await.unwrap(),
                account: accounts[person].clone(),
                // Who is paid pays back.
                partner: accounts[person ^ 1].id.clone(),
                person,
                process,
                meeting: Arc::clone(&meeting),
                past: Arc::clone(past),
            });
        }
    }
    lines
}

/// Every person's rounds, checked. Says how many effects there were.
fn check_all(heard: &[Heard]) -> usize {
    for of_person in heard.chunks(PROCESSES) {
        for (number, round) in ROUNDS.iter().enumerate() {
            let answers: Vec<_> = of_person.iter().map(|heard| &heard[number].0).collect();
            check(*round, &answers);
        }
    }
    PEOPLE * ROUNDS.iter().map(|round| round.effects()).sum::<usize>()
}

#[expect(clippy::print_stdout, reason = "figures for whoever runs the tests with --nocapture")]
fn tell(heard: &[Heard], took: Duration) {
    let mut times: Vec<_> = heard.iter().flatten().map(|(_, time)| *time).collect();
    let replays = heard.iter().flatten().filter(|(answer, _)| answer.is_replay()).count();
    let refused = heard.iter().flatten().filter(|(answer, _)| answer.status == 409).count();
    times.sort_unstable();
    let (count, at) = (times.len(), |percent: usize| times[(times.len() - 1) * percent / 100]);
    println!(
        "{PROCESSES} processes, {} connections: {count} answers in {took:.1?}, {} a second, {replays} replays, \
         {refused} with 409, p50 {:.1?}, p95 {:.1?}, p99 {:.1?}, slowest {:.1?}",
        heard.len(),
        count as u128 * 1_000 / took.as_millis(),
        at(50),
        at(95),
        at(99),
        at(100),
    );
}

/// Waits until everything that was due has been charged for, and says how often a process looked.
async fn await_renewals(place: &Place, since: Instant) -> i64 {
    let renewed = "SELECT COUNT(*) FROM subscription_periods WHERE period = 1";
    let until = Instant::now() + RENEWED_WITHIN;
    while usize::try_from(place.count(renewed)).unwrap() < SUBSCRIBERS {
        assert!(Instant::now() < until, "{} renewals of {SUBSCRIBERS}", place.count(renewed));
        sleep(GLANCE).await;
    }
    let runs = place.count("SELECT runs FROM jobs WHERE name = 'renew'");
    // With its interval of a second, were every process to run it there would be as many more.
    let most = i64::try_from(since.elapsed().as_secs()).unwrap() + 2;
    assert!(runs <= most, "{runs} runs in {:?}", since.elapsed());
    runs
}

fn check_rows(place: &Place) {
    for (wrong, text) in [
        ("cents from nowhere", "SELECT SUM(balance_cents) FROM wallets"),
        ("failed jobs", "SELECT SUM(failures) FROM jobs"),
        (
            "items bought twice",
            "SELECT COUNT(*) FROM (SELECT 1 FROM unlocks GROUP BY user_id, content_id HAVING COUNT(*) > 1) AS twice",
        ),
        (
            "subscriptions twice",
            "SELECT COUNT(*) FROM (SELECT 1 FROM subscriptions GROUP BY subscriber_id, creator_id
                HAVING COUNT(*) > 1) AS twice",
        ),
        ("periods beyond the second", "SELECT COUNT(*) FROM subscription_periods WHERE period > 1"),
        (
            "subscribers who still have money",
            "SELECT COUNT(*) FROM wallets w JOIN subscription_periods p
            ON p.period = 1 JOIN subscriptions s ON s.id = p.subscription_id AND s.subscriber_id = w.user_id
            WHERE w.kind = 'user' AND w.balance_cents <> 0",
        ),
    ] {
        assert_eq!(place.count(text), 0, "{wrong}");
    }
}

/// Deadlocks that the server counted in this database. Sessions that have ended have told all they know.
async fn deadlocks(place: &Place) -> i64 {
    let url = place.url().unwrap();
    let others = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let until = Instant::now() + RENEWED_WITHIN;
    while place.count(others) > 0 {
        assert!(Instant::now() < until, "sessions that do not end");
        sleep(GLANCE).await;
    }
    let counted = "SELECT deadlocks, xact_commit FROM pg_stat_database WHERE datname = current_database()";
    let (deadlocks, commits): (i64, i64) = rows(url, counted, |row| (row.get(0), row.get(1))).remove(0);
    assert!(commits > 1_000, "the server does not count: {commits} commits");
    deadlocks
}

#[tokio::test(flavor = "multi_thread")]
async fn four_processes_on_one_database_do_everything_once_and_without_a_deadlock() {
    let _turn = crate::TURN.lock().await;
    let place = crate::place();
    let past = Arc::new(past(&place, 2, ITEMS, SUBSCRIBERS).await);
    let first = Instant::now();
    let mut servers = Vec::with_capacity(PROCESSES);
    for _ in 0..PROCESSES {
        servers.push(Server::start(place.path(), &place.settings(SETTINGS)).await);
    }
    let lines = lines(&servers, &past).await;
    let started = Instant::now();
    let playing: Vec<_> = lines.into_iter().map(|line| tokio::spawn(line.play())).collect();
    let mut heard = Vec::with_capacity(playing.len());
    for line in playing {
        heard.push(line.await.unwrap());
    }
    let took = started.elapsed();
    let effects = check_all(&heard);
    let runs = await_renewals(&place, first).await;
    for server in servers {
        server.stop().await;
    }
    tell(&heard, took);
    assert_eq!(deadlocks(&place).await, 0, "deadlocks");
    check_rows(&place);
    // Deposits, the first periods and the second ones, and what was done now.
    let transactions = SUBSCRIBERS + PEOPLE + 2 * SUBSCRIBERS + effects;
    assert_eq!(reconcile(place.path(), &place.settings(&[])), transactions as u64);
    println!("{SUBSCRIBERS} renewals of {PRICE_CENTS} cents in {runs} runs of the job, 0 deadlocks");
}
