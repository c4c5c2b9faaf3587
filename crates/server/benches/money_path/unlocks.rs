//! Unlocks on PostgreSQL: a popular creator sells to many fans, over HTTP; what a bare loop gets that writes the same
//! rows in the same batches; and what `pgbench` gets out of the same server, by its own TPC-B and by the same sale
//! written as one transaction each.

#![expect(clippy::indexing_slicing, reason = "a benchmark, whose arithmetic is next to its bounds")]

use super::bare::Bench;
use super::client::{self, Load};
use super::server::{Batches, Superapp, User};
use domain::command::{Command, Unlock};
use domain::content::{ContentType, Price};
use domain::id::{ContentId, UserId};
use secrecy::SecretString;
use std::process::Command as Process;
use std::sync::Arc;
use std::time::Duration;
use superapp::clock::{Clock, Ids};
use superapp::config::Sources;
use superapp::store::contents::{self, Content};
use superapp::store::{Database, Location, Options, Work, split_versions};

const CONNECTIONS: [usize; 4] = [1, 16, 64, 256];
/// Processes of superapp on one database.
const PROCESSES: [usize; 2] = [2, 4];
/// Clients of pgbench; the best of them counts.
const CLIENTS: [usize; 4] = [1, 8, 32, 64];
/// Creators among whom sales are spread, to compare with a single one.
const CREATORS: usize = 64;
/// Contents for one figure: more than a fan can buy while it is measured.
const SHARE: usize = 6_000;

pub async fn run(server: &str, users: usize, time: Duration) {
    let name = format!("bench_{}", std::process::id());
    pgbench(server, "postgres", &["-n", "-t", "1", "-f", &script("create", &format!("CREATE DATABASE {name};"))]);
    let url = format!("{server}/{name}");
    let superapp = Superapp::on(&url).await;
    let users = superapp.users(CREATORS + users).await;
    let location = Location::Postgres(SecretString::from(url.clone()));
    let database = Database::open(&location, &Options::default()).unwrap();
    let ids: Vec<UserId> = users.iter().map(|user| user.id.parse().unwrap()).collect();
    let (creators, fans) = ids.split_at(CREATORS);
    let popular = &creators[..1];
    let bench = Bench { database, ids: Ids::new(Clock::System), users: fans.to_vec() };
    let fans: Arc<[User]> = users.iter().skip(CREATORS).cloned().collect();

    println!("{:34} {:>12} {:>10} {:>10} {:>10}", "", "per second", "p50 ms", "p99 ms", "errors");
    let mut market = Market { servers: vec![superapp], fans, database: bench.database.clone(), time };
    let (mut ours, mut batch) = (0.0, 1);
    for connections in CONNECTIONS {
        (ours, batch) = market.unlocks(&format!("unlocks, {connections} connections"), popular, connections).await;
    }
    let ordinary = std::mem::replace(&mut market.servers, vec![Superapp::bare(&url).await]);
    let (unguarded, _) = market.unlocks("the same without limiter and lines", popular, 256).await;
    market.servers = ordinary;
    let (spread, _) = market.unlocks(&format!("the same of {CREATORS} creators"), creators, 256).await;
    for processes in PROCESSES {
        while market.servers.len() < processes {
            market.servers.push(Superapp::on(&url).await);
        }
        market.unlocks(&format!("unlocks, 256, {processes} processes"), popular, 256).await;
    }
    drop(market);
    let bare = bare(&bench, popular[0], batch, time).await;
    println!("{:34} {bare:>12.0}   (batches of {batch})", "bare loop, same rows");
    bench.database.close().await;
    let tpcb = tpcb(server, time);
    let sale = sale(server, &name, time);
    println!();
    println!("unlocks at 256 connections / bare loop                  {:.2}", ours / bare);
    println!("unlocks at 256 connections / pgbench TPC-B              {:.2}", ours / tpcb);
    println!("unlocks at 256 connections / the sale, one at a commit  {:.2}", ours / sale);
    println!("unlocks with limiter and lines / without                {:.2}", ours / unguarded);
    println!("unlocks of one creator / of {CREATORS}                          {:.2}", ours / spread);
}

/// Makes contents of some creators in turn.
async fn publish(database: &Database, creators: &[UserId]) -> Vec<String> {
    let (ids, now) = (Ids::new(Clock::System), Clock::System.now());
    let content = |creator: &UserId| Content {
        id: ContentId::new(ids.uuid()),
        creator_id: *creator,
        creator_username: None,
        kind: ContentType::Video,
        title: "a video".to_owned(),
        description: None,
        price: Price::new(100).unwrap(),
        subscriber_only: false,
        media_url: "https://media.example.com/video".to_owned(),
        preview_url: None,
        is_active: true,
        created_at: now,
        updated_at: now,
    };
    let made: Vec<Content> = creators.iter().cycle().take(SHARE).map(content).collect();
    let names = made.iter().map(|content| content.id.to_string()).collect();
    let write = move |work: &mut Work<'_>| made.iter().try_for_each(|content| contents::insert(work, content));
    database.write(write, tokio::time::Instant::now() + Duration::from_secs(600)).await.unwrap();
    names
}

/// Who sells, who buys, and how long a figure is measured.
struct Market {
    servers: Vec<Superapp>,
    fans: Arc<[User]>,
    database: Database,
    time: Duration,
}

impl Market {
    /// Unlocks per second, and the mean batch that they made.
    async fn unlocks(&self, name: &str, creators: &[UserId], connections: usize) -> (f64, usize) {
        let contents = publish(&self.database, creators).await;
        let before = self.batches().await;
        let servers: Vec<_> = self.servers.iter().map(|server| server.address).collect();
        let load = Load { servers: &servers, connections, time: self.time };
        let outcome = load.run(client::unlocks(&self.fans, &contents)).await;
        let batch = self.batches().await.mean_since(before);
        outcome.print(name);
        println!("{:34} {batch:>12}", "  commands in a commit, mean");
        (outcome.per_second(), batch)
    }

    /// Of all processes together.
    async fn batches(&self) -> Batches {
        let mut all = Batches::default();
        for server in &self.servers {
            all = all.and(server.batches().await);
        }
        all
    }
}

/// One loop, one connection, nothing but the rows.
async fn bare(bench: &Bench, creator: UserId, batch: usize, time: Duration) -> f64 {
    let contents = publish(&bench.database, &[creator]).await;
    let splits = Sources::default().load().unwrap().splits().unwrap();
    let find = move |work: &mut Work<'_>| split_versions::find_or_insert(work, &splits, Clock::System.now());
    let deadline = tokio::time::Instant::now() + Duration::from_secs(600);
    let version = bench.database.write(find, deadline).await.unwrap();
    let terms = domain::split::SplitTable { version, splits }.premium_unlock();
    let unlock = |number: usize| {
        let fans = bench.users.len();
        let user_id = bench.users[number % fans];
        let content_id = contents[number / fans].parse().unwrap();
        let unlock = Unlock { user_id, content_id, creator_id: Some(creator), expected_price: None, terms };
        bench.request(user_id, Command::Unlock(unlock))
    };
    bench.rate(time, |round| (round * batch..(round + 1) * batch).map(unlock).collect()).await
}

fn script(name: &str, text: &str) -> String {
    let path = std::env::temp_dir().join(format!("superapp-bench-{}-{name}.sql", std::process::id()));
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Runs pgbench and reads how many transactions it did in a second.
fn pgbench(server: &str, database: &str, arguments: &[&str]) -> f64 {
    let output = Process::new("pgbench").args(arguments).arg(format!("{server}/{database}")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let rate = said.lines().find_map(|line| line.strip_prefix("tps = "));
    rate.and_then(|rate| rate.split(' ').next()).and_then(|rate| rate.parse().ok()).unwrap_or_default()
}

fn best(name: &str, run: impl Fn(&str) -> f64) -> f64 {
    let rates = CLIENTS.into_iter().map(|clients| (run(&clients.to_string()), clients));
    let (rate, clients) = rates.max_by(|(one, _), (other, _)| one.total_cmp(other)).unwrap();
    println!("{name:34} {rate:>12.0}   (best at {clients} clients)");
    rate
}

/// PostgreSQL's own benchmark, on tables of ten branches.
fn tpcb(server: &str, time: Duration) -> f64 {
    pgbench(server, "postgres", &["-i", "-q", "-s", "10"]);
    let seconds = time.as_secs().max(1).to_string();
    best("pgbench TPC-B", |clients| {
        pgbench(server, "postgres", &["-n", "-M", "prepared", "-T", &seconds, "-j", "2", "-c", clients])
    })
}

/// The rows of the same sale, written as one transaction each, which locks the fan's wallet and the creator's first.
fn sale(server: &str, database: &str, time: Duration) -> f64 {
    let prepare = include_str!("sale_prepare.sql");
    pgbench(server, database, &["-n", "-t", "1", "-f", &script("prepare", prepare)]);
    let (seconds, file) = (time.as_secs().max(1).to_string(), script("sale", include_str!("sale.sql")));
    best("the sale, one at a commit", |clients| {
        pgbench(server, database, &["-n", "-M", "prepared", "-T", &seconds, "-j", "2", "-c", clients, "-f", &file])
    })
}
