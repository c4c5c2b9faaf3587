//! Unlocks on PostgreSQL: a popular creator sells to many fans, over HTTP; what a bare loop gets that writes the same
//! rows in the same batches; and what `pgbench` gets out of the same server, by its own TPC-B and by the same sale
//! written as one transaction each.

#![expect(clippy::indexing_slicing, reason = "a benchmark, whose arithmetic is next to its bounds")]

use super::bare::Bench;
use super::client::{self, Load};
use super::server::{Superapp, User};
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
/// Clients of pgbench; the best of them counts.
const CLIENTS: [usize; 4] = [1, 8, 32, 64];
/// More than a fan can buy while anything is measured.
const CONTENTS: usize = 60_000;
/// How many of them each number of connections may use.
const SHARE: usize = 12_000;

pub async fn run(server: &str, users: usize, time: Duration) {
    let name = format!("bench_{}", std::process::id());
    pgbench(server, "postgres", &["-n", "-t", "1", "-f", &script("create", &format!("CREATE DATABASE {name};"))]);
    let url = format!("{server}/{name}");
    let superapp = Superapp::on(&url).await;
    let users = superapp.users(users + 1).await;
    let location = Location::Postgres(SecretString::from(url));
    let database = Database::open(&location, &Options::default()).unwrap();
    let ids: Vec<UserId> = users.iter().map(|user| user.id.parse().unwrap()).collect();
    let (creator, fans) = ids.split_first().unwrap();
    let contents = publish(&database, *creator).await;
    let bench = Bench { database, ids: Ids::new(Clock::System), users: fans.to_vec() };

    println!("{:34} {:>12} {:>10} {:>10} {:>10}", "", "per second", "p50 ms", "p99 ms", "errors");
    let (ours, batch) = over_http(&superapp, users, &contents, time).await;
    let bare = bare(&bench, *creator, &contents, batch, time).await;
    println!("{:34} {bare:>12.0}   (batches of {batch})", "bare loop, same rows");
    bench.database.close().await;
    drop(superapp);
    let tpcb = tpcb(server, time);
    let sale = sale(server, &name, time);
    println!();
    println!("unlocks at 256 connections / bare loop                  {:.2}", ours / bare);
    println!("unlocks at 256 connections / pgbench TPC-B              {:.2}", ours / tpcb);
    println!("unlocks at 256 connections / the sale, one at a commit  {:.2}", ours / sale);
}

/// Makes the contents of a popular creator.
async fn publish(database: &Database, creator_id: UserId) -> Arc<[String]> {
    let (ids, now) = (Ids::new(Clock::System), Clock::System.now());
    let content = |_| Content {
        id: ContentId::new(ids.uuid()),
        creator_id,
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
    let made: Vec<Content> = (0..CONTENTS).map(content).collect();
    for some in made.chunks(5_000) {
        let some = some.to_vec();
        let write = move |work: &mut Work<'_>| some.iter().try_for_each(|content| contents::insert(work, content));
        database.write(write, tokio::time::Instant::now() + Duration::from_secs(600)).await.unwrap();
    }
    made.iter().map(|content| content.id.to_string()).collect()
}

/// Unlocks per second at the most connections, and the mean batch that they made.
async fn over_http(superapp: &Superapp, users: Arc<[User]>, contents: &Arc<[String]>, time: Duration) -> (f64, usize) {
    let fans: Arc<[User]> = Arc::from(Vec::from_iter(users.iter().skip(1).cloned()));
    let (mut last, mut batch) = (0.0, 1);
    for (index, connections) in CONNECTIONS.into_iter().enumerate() {
        let before = superapp.batches().await;
        let load = Load { address: superapp.address, connections, time };
        let outcome = load.run(client::unlocks(&fans, contents, index * SHARE)).await;
        batch = superapp.batches().await.mean_since(before);
        outcome.print(&format!("unlocks, {connections} connections"));
        println!("{:34} {batch:>12}", "  commands in a commit, mean");
        last = outcome.per_second();
    }
    (last, batch)
}

/// One loop, one connection, nothing but the rows.
async fn bare(bench: &Bench, creator: UserId, contents: &Arc<[String]>, batch: usize, time: Duration) -> f64 {
    let splits = Sources::default().load().unwrap().splits().unwrap();
    let find = move |work: &mut Work<'_>| split_versions::find_or_insert(work, &splits, Clock::System.now());
    let deadline = tokio::time::Instant::now() + Duration::from_secs(600);
    let version = bench.database.write(find, deadline).await.unwrap();
    let terms = domain::split::SplitTable { version, splits }.premium_unlock();
    let unlock = |number: usize| {
        let fans = bench.users.len();
        let user_id = bench.users[number % fans];
        let content = contents.get(CONNECTIONS.len() * SHARE + number / fans).unwrap();
        let content_id = content.parse().unwrap();
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
