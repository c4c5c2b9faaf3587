//! Clients that keep their connection open and ask again as soon as they are answered.

#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a benchmark, which reads the monotonic clock"
)]

use super::server::User;
use bytes::Bytes;
use hdrhistogram::Histogram;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// Makes the n-th request of a connection.
pub type Make = Arc<dyn Fn(usize, u64) -> Request<Full<Bytes>> + Send + Sync>;

/// How many connections, to which servers in turn, for how long.
pub struct Load<'servers> {
    pub servers: &'servers [SocketAddr],
    pub connections: usize,
    pub time: Duration,
}

/// What a load came to.
pub struct Outcome {
    latency: Histogram<u64>,
    errors: u64,
    elapsed: Duration,
}

impl Outcome {
    pub fn per_second(&self) -> f64 {
        precise(self.latency.len()) / self.elapsed.as_secs_f64()
    }

    pub fn print(&self, name: &str) {
        let at = |quantile: f64| precise(self.latency.value_at_quantile(quantile)) / 1_000.0;
        let Self { errors, .. } = self;
        println!("{name:34} {:>12.0} {:>10.2} {:>10.2} {errors:>10}", self.per_second(), at(0.5), at(0.99));
    }
}

/// Exact for everything that is counted here.
fn precise(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

impl Load<'_> {
    pub async fn run(self, make: Make) -> Outcome {
        let mut tasks = Vec::new();
        let started = Instant::now();
        let end = started + self.time;
        for connection in 0..self.connections {
            let server = self.servers[connection % self.servers.len()];
            tasks.push(tokio::spawn(drive(server, connection, Arc::clone(&make), end)));
        }
        let mut latency = histogram();
        let mut errors = 0;
        for task in tasks {
            let (one, wrong) = task.await.unwrap();
            latency.add(one).unwrap();
            errors += wrong;
        }
        Outcome { latency, errors, elapsed: started.elapsed() }
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).unwrap()
}

pub async fn connect(address: SocketAddr) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// Sends a request and reads the whole answer.
pub async fn ask(sender: &mut SendRequest<Full<Bytes>>, request: Request<Full<Bytes>>) -> (u16, Bytes) {
    sender.ready().await.unwrap();
    let response = sender.send_request(request).await.unwrap();
    let status = response.status().as_u16();
    (status, response.into_body().collect().await.unwrap().to_bytes())
}

async fn drive(address: SocketAddr, connection: usize, make: Make, end: Instant) -> (Histogram<u64>, u64) {
    let mut sender = connect(address).await;
    let (mut latency, mut errors, mut count) = (histogram(), 0, 0);
    while Instant::now() < end {
        let request = make(connection, count);
        let sent = Instant::now();
        let (status, _) = ask(&mut sender, request).await;
        latency.saturating_record(u64::try_from(sent.elapsed().as_micros()).unwrap());
        errors += u64::from(status >= 300);
        count += 1;
    }
    (latency, errors)
}

fn get(path: &str) -> hyper::http::request::Builder {
    Request::get(path).header("host", "localhost")
}

pub fn post(path: &str, body: String) -> Request<Full<Bytes>> {
    let builder = Request::post(path).header("host", "localhost").header("content-type", "application/json");
    builder.body(Full::new(Bytes::from(body))).unwrap()
}

/// Each connection is one user, and pays the others in turn, one cent at a time.
pub fn transfers(users: &Arc<[User]>) -> Make {
    let users = Arc::clone(users);
    let run = uuid::Uuid::from_bytes(superapp::clock::random_bytes());
    Arc::new(move |connection, count| {
        let others = users.len() - 1;
        let step = 1 + usize::try_from(count).unwrap() * 7 % others;
        let payer = users.get(connection % users.len()).unwrap();
        let payee = users.get((connection + step) % users.len()).unwrap();
        let body = format!(r#"{{"to_user_id":"{}","amount_cents":1}}"#, payee.id);
        let mut request = post("/api/wallet/transfer", body);
        let headers = request.headers_mut();
        headers.insert("authorization", payer.bearer.parse().unwrap());
        headers.insert("idempotency-key", format!("{run}-{connection}-{count}").parse().unwrap());
        request
    })
}

pub fn balances(users: &Arc<[User]>) -> Make {
    let users = Arc::clone(users);
    Arc::new(move |connection, _| {
        let user = users.get(connection % users.len()).unwrap();
        let request = get("/api/wallet/balance").header("authorization", &user.bearer);
        request.body(Full::default()).unwrap()
    })
}

/// Each connection is one fan, who buys one content after the other; each begins somewhere else.
pub fn unlocks(fans: &Arc<[User]>, contents: &[String]) -> Make {
    let (fans, contents) = (Arc::clone(fans), contents.to_vec());
    Arc::new(move |connection, count| {
        let fan = fans.get(connection % fans.len()).unwrap();
        let content = &contents[(usize::try_from(count).unwrap() + connection * 97) % contents.len()];
        let mut request = post(&format!("/api/content/{content}/unlock"), String::new());
        let headers = request.headers_mut();
        headers.insert("authorization", fan.bearer.parse().unwrap());
        headers.insert("idempotency-key", content.parse().unwrap());
        request
    })
}

/// Each connection is one user, who asks for access to the first users in turn.
pub fn entitlements(users: &Arc<[User]>, creators: usize) -> Make {
    let users = Arc::clone(users);
    Arc::new(move |connection, count| {
        let user = users.get(connection % users.len()).unwrap();
        let creator = users.get((connection + usize::try_from(count).unwrap()) % creators).unwrap();
        let path = format!("/api/entitlements?creator_id={}", creator.id);
        get(&path).header("authorization", &user.bearer).body(Full::default()).unwrap()
    })
}

pub fn constants() -> Make {
    Arc::new(|_, _| get("/").body(Full::default()).unwrap())
}
