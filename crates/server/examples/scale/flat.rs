//! The latency of requests through the whole server, with ever more transactions in its database.

use super::base::{Base, Place, quantile};
use super::client::Client;
use super::fill::{Kind, Sizes, fill, id};
use domain::id::{ContentId, TransactionId, UserId};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use tokio::time::Instant;

/// Users who ask. One of them is made an administrator.
const ASKERS: i64 = 20;
const PASSWORD: &str = "correct horse battery staple";

/// The server's process, ended when this is gone.
struct Server {
    process: Child,
    address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    fn start(place: &Place) -> Self {
        let binary = std::env::var("SUPERAPP").unwrap_or_else(|_| "target/release/superapp".to_owned());
        let mut command = Command::new(binary);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(place.directory.path());
        command.env("DATABASE_URL", &place.url).env("SUPERAPP_METRICS__LISTEN", "");
        command.env("SUPERAPP_RATE_LIMITS__ENABLED", "false");
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SUPERAPP_TEST_")) {
            command.env_remove(name);
        }
        let mut process = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = lines.by_ref().map(Result::unwrap).find_map(|line| {
            let rest = line.split_once("http://")?.1;
            line.contains("API").then(|| rest.split('/').next().unwrap().parse().ok()).flatten()
        });
        // What it goes on to say is read, or it would stop at a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, address: address.unwrap() }
    }
}

/// One route: what is asked, and the answer that is right.
struct Route {
    name: &'static str,
    method: &'static str,
    status: u16,
    /// The path for the number of a request and of its asker.
    path: Box<dyn Fn(i64, i64) -> String>,
}

fn route(name: &'static str, path: impl Fn(i64, i64) -> String + 'static) -> Route {
    Route { name, method: "GET", status: 200, path: Box::new(path) }
}

fn routes(sizes: Sizes) -> Vec<Route> {
    let Sizes { transfers, contents, creators, .. } = sizes;
    let content = |number: i64| ContentId::new(id(Kind::Content, number));
    let creator = |number: i64| UserId::new(id(Kind::User, number));
    let spread = |number: i64, of: i64| number * 7_919 % of;
    vec![
        route("balance", |_, _| "/api/wallet/balance".to_owned()),
        route("history page", |_, _| "/api/wallet/transactions".to_owned()),
        route("access check of a content", move |n, _| {
            format!("/api/entitlements?content_id={}", content(spread(n, contents)))
        }),
        route("access check of a creator", move |n, _| {
            format!("/api/entitlements?creator_id={}", creator(spread(n, creators)))
        }),
        Route {
            name: "unlock",
            method: "POST",
            status: 201,
            // Each user has unlocked ten contents, every thirteenth from their own number on.
            path: Box::new(move |n, asker| {
                format!("/api/content/{}/unlock", content((asker + 13 * (10 + n / ASKERS)) % contents))
            }),
        },
        route("audit look-up", move |n, _| {
            let id = TransactionId::new(id(Kind::Transaction, spread(n, transfers)));
            format!("/api/admin/audit-logs?tx_id={id}")
        }),
        route("leaderboard", move |_, _| format!("/api/gifts/leaderboard?creator_id={}&period=all", creator(0))),
        route("leaderboard over all", |_, _| "/api/gifts/leaderboard?period=all".to_owned()),
        route("catalogue, newest", |_, _| "/api/content".to_owned()),
        route("catalogue, by price", |_, _| "/api/content?sort=price_asc".to_owned()),
        route("catalogue, a rare kind", |_, _| "/api/content?type=course".to_owned()),
        route("catalogue, a common kind", |_, _| "/api/content?type=video".to_owned()),
        route("catalogue, one creator", move |n, _| {
            format!("/api/content?creator_id={}", creator(spread(n, creators)))
        }),
        route("transactions of a user", move |n, _| {
            format!("/api/admin/transactions?user_id={}", creator(spread(n, creators)))
        }),
    ]
}

fn sizes(transactions: i64) -> Sizes {
    let users = (transactions / 50).max(200);
    Sizes {
        users,
        creators: users / 10,
        transfers: transactions - users,
        contents: transactions / 10,
        unlocks: transactions / 5,
        subscriptions: transactions / 10,
        gifts: transactions / 10,
        keys: transactions / 10,
    }
}

/// Prints a table: a row for each route, and the 50th and 99th percentile for each number of transactions.
pub fn print(transactions: &[i64], requests: i64) {
    let filled = |count: &i64| {
        let begun = Instant::now();
        let place = Base::place();
        fill(&mut place.open(), sizes(*count));
        eprintln!("{count} transactions after {:.0} s", begun.elapsed().as_secs_f64());
        place
    };
    let places: Vec<Place> = match std::env::var("SCALE_FILLED") {
        Ok(urls) => urls.split(',').map(Place::filled).collect(),
        Err(_) => transactions.iter().map(filled).collect(),
    };
    // Filling takes minutes, measuring seconds: whoever shares the machine can be asked to wait for those.
    if std::env::var("SCALE_WAIT").is_ok() {
        eprintln!("filled; a line on standard input begins the measurement");
        std::io::stdin().read_line(&mut String::new()).unwrap();
    }
    let sized = transactions.iter().map(|count| sizes(*count));
    let columns: Vec<_> = places.iter().zip(sized).map(|(place, sizes)| measure(place, sizes, requests)).collect();
    let head: Vec<String> = transactions.iter().map(|count| format!("{count}: p50 ms | p99 ms")).collect();
    println!("| | {} | p50 ratio | p99 ratio |", head.join(" | "));
    println!("|{}", " --- |".repeat(3 + 2 * transactions.len()));
    for (row, (name, _, _)) in columns.first().unwrap().iter().enumerate() {
        let cells: Vec<(f64, f64)> = columns.iter().map(|column| (column[row].1, column[row].2)).collect();
        let shown: Vec<String> = cells.iter().map(|(p50, p99)| format!("{p50:.2} | {p99:.2}")).collect();
        let (first, last) = (cells.first().unwrap(), cells.last().unwrap());
        println!("| {name} | {} | {:.2} | {:.2} |", shown.join(" | "), last.0 / first.0, last.1 / first.1);
    }
}

/// The route, and the middle and the tail of its latency.
type Figures = (&'static str, f64, f64);

fn measure(place: &Place, sizes: Sizes, requests: i64) -> Vec<Figures> {
    let server = Server::start(place);
    let mut client = Client::connect(server.address);
    let (askers, tokens) = sign_in(place, &mut client, sizes);
    let mut figures = Vec::new();
    for Route { name, method, status, path } in routes(sizes) {
        let mut times = Vec::new();
        for number in 0..requests + requests / 10 {
            let at = usize::try_from(number % ASKERS).unwrap();
            // The first of them is the administrator.
            let at = if name == "audit look-up" || name == "transactions of a user" { 0 } else { at };
            let (asker, token) = (&askers[at], &tokens[at]);
            let headers =
                format!("Authorization: Bearer {token}\r\nIdempotency-Key: {name}-{number}\r\n").replace(", ", "-");
            let answer = client.ask(method, &path(number, *asker), &headers, "");
            let said = String::from_utf8_lossy(&answer.body).into_owned();
            assert_eq!(answer.status, status, "{name} {number}: {said}");
            // The first tenth warms it up.
            if number >= requests / 10 {
                times.push(answer.millis);
            }
        }
        figures.push((name, quantile(times.clone(), 0.5), quantile(times, 0.99)));
    }
    figures
}

/// Gives some users of the past a password, and signs them in.
fn sign_in(place: &Place, client: &mut Client, sizes: Sizes) -> (Vec<i64>, Vec<String>) {
    let body = format!(r#"{{"email":"probe@example.com","password":"{PASSWORD}"}}"#);
    assert_eq!(client.ask("POST", "/api/auth/register", "", &body).status, 201);
    let rest = sizes.users - sizes.creators;
    let askers: Vec<i64> = (0..ASKERS).map(|n| sizes.creators + n * rest / ASKERS).collect();
    let emails: Vec<String> = askers.iter().map(|n| format!("'user{n}@example.com'")).collect();
    place.open().batch(&format!(
        "UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE email = 'probe@example.com')
            WHERE email IN ({}); UPDATE users SET role = 'admin' WHERE email = {}",
        emails.join(", "),
        emails.first().unwrap()
    ));
    let token = |asker: &i64| {
        let body = format!(r#"{{"email":"user{asker}@example.com","password":"{PASSWORD}"}}"#);
        let answer = client.ask("POST", "/api/auth/login", "", &body);
        let answer: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        answer.get("access_token").and_then(|token| token.as_str()).unwrap().to_owned()
    };
    let tokens = askers.iter().map(token).collect();
    (askers, tokens)
}
