//! The engine's own limit: the rows of transfers, written in batches by a loop that does nothing else.

#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a benchmark, which reads the monotonic clock"
)]

use domain::audit::Actor;
use domain::book::{Book, Changes};
use domain::command::{Command, Deposit, Needs, Request, Transfer};
use domain::decide;
use domain::id::{TransactionId, UserId};
use domain::idempotency::{Fingerprint, Idempotency, Key, StoredResponse};
use domain::money::Amount;
use domain::receipt::Outcome;
use domain::timestamp::Timestamp;
use domain::user::{Email, Role};
use domain::wallet::{Provider, SystemWallet};
use std::time::{Duration, Instant};
use superapp::clock::{Clock, Ids};
use superapp::config::Sources;
use superapp::store::users::NewUser;
use superapp::store::{Database, Work, ledger, users, wallets};
use tempfile::TempDir;

pub struct Bench {
    pub database: Database,
    pub ids: Ids,
    pub users: Vec<UserId>,
}

fn far() -> tokio::time::Instant {
    tokio::time::Instant::now() + Duration::from_secs(3_600)
}

/// As long as a real one.
fn render(_: &Outcome) -> StoredResponse {
    let headers = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        ("location".to_owned(), "/api/wallet/transactions/tx_01h2xcejqtf2nbrexx3vqjhp41".to_owned()),
    ];
    StoredResponse { status: 201, headers, body: vec![b'x'; 250] }
}

impl Bench {
    async fn new(directory: &TempDir, count: usize) -> Self {
        let config = Sources::default().load().unwrap();
        let database =
            superapp::app::open_database(&config, &directory.path().join("bare.db").as_path().into(), &Clock::System)
                .unwrap();
        let ids = Ids::new(Clock::System);
        let users: Vec<UserId> = (0..count).map(|_| UserId::new(ids.uuid())).collect();
        let people = users.clone();
        let now = Clock::System.now();
        let make = move |work: &mut Work<'_>| {
            wallets::insert_system(work, &[SystemWallet::Clearing(Provider::sandbox())], "IDR", now)?;
            for (index, id) in people.iter().enumerate() {
                let email = Email::parse(&format!("user{index}@example.com")).unwrap();
                let password_hash = String::new();
                let user = NewUser { id: *id, email, username: None, password_hash, role: Role::User, created_at: now };
                users::insert(work, &user)?;
                wallets::insert_user(work, *id, "IDR", now)?;
            }
            Ok(())
        };
        database.write(make, far()).await.unwrap();
        let bench = Self { database, ids, users };
        for user in bench.users.clone() {
            let deposit = Deposit {
                user_id: user,
                amount: Amount::new(10_000_000).unwrap(),
                provider: Provider::sandbox(),
                provider_tx_id: None,
                pending: None,
                is_release: false,
            };
            let request = bench.request(user, Command::Deposit(deposit));
            bench.save(bench.decide(&[request]).await).await;
        }
        bench
    }

    pub fn request(&self, actor: UserId, command: Command) -> Request {
        let id = TransactionId::new(self.ids.uuid());
        let random = uuid::Uuid::from_bytes(superapp::clock::random_bytes());
        let key = Idempotency {
            principal: actor,
            digest: Key::parse(&random.to_string()).unwrap().digest(),
            fingerprint: Fingerprint::of(&[random.as_bytes()]),
            route: "/api/wallet/transfer".to_owned(),
            first_seen: Clock::System.now(),
        };
        let actor = Actor {
            id: Some(actor),
            credential: Some(random),
            address: Some(std::net::Ipv4Addr::LOCALHOST.into()),
            request_id: random.to_string(),
        };
        Request { id, actor, key, command }
    }

    fn transfers(&self, batch: usize, round: usize) -> Vec<Request> {
        let count = self.users.len();
        let transfer = |index: usize| {
            let from = self.users[index % count];
            let step = 1 + round * 7 % (count - 1);
            let to = self.users[(index + step) % count];
            let transfer = Transfer { from, to, amount: Amount::new(1).unwrap(), note: None };
            self.request(from, Command::Transfer(transfer))
        };
        (0..batch).map(transfer).collect()
    }

    pub async fn decide(&self, requests: &[Request]) -> Changes {
        let mut needs = Needs::default();
        requests.iter().for_each(|request| request.needs(&mut needs));
        let load = move |work: &mut Work<'_>| ledger::load(work, &needs);
        let mut book: Book = self.database.post(load, far()).await.unwrap();
        let now: Timestamp = Clock::System.now();
        for request in requests {
            decide::answer(&mut book, request, now, &render);
        }
        book.changes()
    }

    /// Executions per second of rounds of requests when only their rows are written: deciding them is not timed.
    pub async fn rate(&self, time: Duration, requests: impl Fn(usize) -> Vec<Request>) -> f64 {
        let (mut spent, mut count, mut round) = (Duration::ZERO, 0_u32, 0);
        while spent < time {
            let changes = self.decide(&requests(round)).await;
            count += u32::try_from(changes.transactions.len()).unwrap();
            let started = Instant::now();
            self.save(changes).await;
            spent += started.elapsed();
            round += 1;
        }
        f64::from(count) / spent.as_secs_f64()
    }

    pub async fn save(&self, changes: Changes) {
        self.database.post(move |work: &mut Work<'_>| ledger::save(work, &changes), far()).await.unwrap();
    }
}

/// Transfers per second when only their rows are written: deciding them is not timed.
pub async fn rows_per_second(users: usize, batch: usize, time: Duration) -> f64 {
    let directory = place();
    let bench = Bench::new(&directory, users).await;
    let rate = bench.rate(time, |round| bench.transfers(batch, round)).await;
    bench.database.close().await;
    rate
}

fn place() -> TempDir {
    std::env::var("BENCH_DIR").map_or_else(|_| tempfile::tempdir(), tempfile::tempdir_in).unwrap()
}

/// What a transfer leaves behind: bytes in the file, and B-trees that take an insert.
pub async fn print_cost_of_a_transfer() {
    const BATCHES: usize = 80;
    const BATCH: usize = 256;
    let (empty, trees) = file_bytes(0, BATCH).await;
    let (full, _) = file_bytes(BATCHES, BATCH).await;
    let bytes = usize::try_from(full - empty).unwrap() / (BATCHES * BATCH);
    println!("bytes in the database for one transfer        {bytes}");
    println!("B-trees that take an insert for one transfer  {trees}");
}

async fn file_bytes(batches: usize, batch: usize) -> (u64, i64) {
    let directory = place();
    let bench = Bench::new(&directory, batch).await;
    for round in 0..batches {
        bench.save(bench.decide(&bench.transfers(batch, round)).await).await;
    }
    // Without ROWID the primary key's index is the table. Two entries; of the partial indexes, the
    // one on the key applies to a transfer.
    let text = "SELECT 1 + (SELECT COUNT(*) FROM pragma_index_list('transactions') WHERE partial = 0)
        + 2 * (SELECT COUNT(*) FROM pragma_index_list('entries') WHERE partial = 0)
        + (SELECT COUNT(*) FROM pragma_index_list('idempotency_keys') WHERE partial = 0)
        + (SELECT COUNT(*) FROM pragma_index_list('audit_logs') WHERE partial = 0)";
    let trees = bench.database.read(move |view| view.query_opt(text, &[], |row| row.get(0))).await.unwrap().unwrap();
    // Closing folds the log into the file.
    bench.database.close().await;
    let path = directory.path().join("bare.db");
    (std::fs::metadata(path).unwrap().len(), trees)
}
