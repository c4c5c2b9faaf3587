//! SIGTERM: what was asked is answered, what is idle is let go, and nobody can hold the server up.

use crate::client::{Account, Client, Fault};
use crate::server::{GLANCE, Server, reconcile};
use rustix::process::Signal;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

const CLIENTS: usize = 64;
/// Answers before the signal.
const WARM: u64 = 500;
/// What is promised.
const EXIT: Duration = Duration::from_secs(25);
/// What is expected when nothing is slow.
const EXIT_SOON: Duration = Duration::from_secs(10);
/// How long nothing moves before a connection counts as stuck.
const STUCK: Duration = Duration::from_secs(1);
/// Several times what a server takes; a client that asks and does not read used to cost 750 MB.
const MEMORY_KIB_MAX: u64 = 300 * 1024;

/// What one client saw until the server was gone.
#[derive(Debug, Default)]
struct Seen {
    answered: u64,
    /// Whether an answer said that the connection ends.
    told: bool,
    lost: Vec<String>,
}

/// Sends one transfer after another until the server says goodbye, and tries to come back once.
async fn pay_until_goodbye(address: SocketAddr, who: usize, account: Account, to: String, sum: Arc<AtomicU64>) -> Seen {
    let mut seen = Seen::default();
    while let Ok(mut client) = Client::connect(address).await {
        loop {
            let label = format!("{who}-{}", seen.answered);
            match client.transfer(&account.token, &label, (&to, 1, &label)).await {
                Ok(answer) => {
                    assert_eq!(answer.status, 201, "{}", answer.body);
                    seen.answered += 1;
                    sum.fetch_add(1, Ordering::Relaxed);
                    if answer.header("connection") == "close" {
                        seen.told = true;
                        break;
                    }
                }
                Err(Fault::NotSent) => break,
                Err(Fault::NoAnswer) => {
                    seen.lost.push(label);
                    break;
                }
            }
        }
        if seen.told || !seen.lost.is_empty() {
            break;
        }
    }
    seen
}

async fn accounts(address: SocketAddr) -> Vec<Account> {
    let mut client = Client::connect(address).await.unwrap();
    let mut accounts = Vec::with_capacity(CLIENTS);
    for index in 0..CLIENTS {
        accounts.push(client.newcomer(&format!("payer{index}"), 1_000_000).await);
    }
    accounts
}

/// Asks again and again until nobody listens; says what was answered on the way.
async fn readiness(address: SocketAddr) -> Vec<u16> {
    let mut statuses = Vec::new();
    while let Ok(mut client) = Client::connect(address).await {
        if let Ok(answer) = client.get("/readyz", "").await {
            statuses.push(answer.status);
        }
        sleep(GLANCE).await;
    }
    statuses
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_under_way_is_answered_when_the_server_is_asked_to_stop() {
    let _turn = crate::TURN.lock().await;
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start(directory.path(), &[]).await;
    let accounts = accounts(server.address).await;
    let sum = Arc::new(AtomicU64::new(0));
    let pay = |(who, account): (usize, &Account)| {
        let to = accounts[(who + 1) % CLIENTS].id.clone();
        tokio::spawn(pay_until_goodbye(server.address, who, account.clone(), to, Arc::clone(&sum)))
    };
    let payers: Vec<_> = accounts.iter().enumerate().map(pay).collect();
    let mut waiting = Client::connect(server.address).await.unwrap();
    assert_eq!(waiting.get("/readyz", "").await.unwrap().status, 200);
    while sum.load(Ordering::Relaxed) < WARM {
        sleep(GLANCE).await;
    }
    server.terminate();
    let signalled = Instant::now();
    let ready = tokio::spawn(readiness(server.address));
    let status = server.end(EXIT).await;
    let took = signalled.elapsed();
    assert_eq!(status.code(), Some(0), "{}", server.log());
    let (mut answered, mut told) = (0, 0);
    for payer in payers {
        let seen = payer.await.unwrap();
        assert!(seen.lost.is_empty(), "sent, accepted, and never answered: {:?}", seen.lost);
        answered += seen.answered;
        told += u64::from(seen.told);
    }
    assert!(told > 0, "the server was not under load when it was asked to stop");
    assert_eq!(reconcile(directory.path(), &[]), answered + CLIENTS as u64, "an answer for each transaction");
    let ready = ready.await.unwrap();
    println!(
        "{answered} answers, {told} of {CLIENTS} connections told to close, readyz {ready:?}, exit after {took:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_still_wait_to_be_accepted_are_answered() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start(directory.path(), &[]).await;
    // The kernel goes on accepting for a process that stands still.
    server.signal(Signal::STOP);
    let mut waiting = Vec::new();
    for _ in 0..CLIENTS {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(b"GET /livez HTTP/1.1\r\nhost: superapp\r\n\r\n").await.unwrap();
        waiting.push(stream);
    }
    server.terminate();
    server.signal(Signal::CONT);
    for mut stream in waiting {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
    let status = server.end(EXIT_SOON).await;
    assert_eq!(status.code(), Some(0), "{}", server.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_ends_with_the_signal_and_idle_connections_hold_nothing_up() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start(directory.path(), &[]).await;
    let mut idle = Vec::new();
    for _ in 0..8 {
        let mut client = Client::connect(server.address).await.unwrap();
        assert_eq!(client.get("/readyz", "").await.unwrap().status, 200);
        idle.push(client);
    }
    server.terminate();
    // A connection from before gets one more answer, which is no, or it is gone.
    let mut client = idle.pop().unwrap();
    loop {
        match client.get("/readyz", "").await {
            Ok(answer) if answer.status == 200 => {}
            Ok(answer) => {
                assert_eq!((answer.status, answer.header("connection")), (503, "close"), "{}", answer.body);
                assert_eq!(answer.body["code"], "not_ready");
                break;
            }
            Err(_) => break,
        }
    }
    let status = server.end(EXIT_SOON).await;
    assert_eq!(status.code(), Some(0), "{}", server.log());
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_reads_its_answer_cannot_keep_the_server_alive() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start(directory.path(), &[("SUPERAPP_SERVER__DRAIN_TIMEOUT_SECONDS", "1")]).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    // The server stops reading when it cannot write, and then so many requests fill every buffer on the way.
    let requests = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nhost: superapp\r\n\r\n".repeat(1_000);
    while let Ok(written) = timeout(STUCK, stream.write(&requests)).await {
        written.unwrap();
    }
    let memory = server.memory_kib();
    assert!(memory < MEMORY_KIB_MAX, "{memory} KiB for a client that does not read");
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    server.terminate();
    let status = server.end(EXIT_SOON).await;
    assert_eq!(status.code(), Some(1), "not everything was answered: {}", server.log());
    reconcile(directory.path(), &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_never_finish_a_request_hold_nothing_up() {
    let directory = tempfile::tempdir().unwrap();
    let settings = [("SUPERAPP_METRICS__LISTEN", "127.0.0.1:0"), ("SUPERAPP_SERVER__HEADER_TIMEOUT_SECONDS", "1")];
    let mut server = Server::start(directory.path(), &settings).await;
    let metrics = server.address_of("Metrics");
    let silent = TcpStream::connect(server.address).await.unwrap();
    let silent_scraper = TcpStream::connect(metrics).await.unwrap();
    let mut slow_scraper = TcpStream::connect(metrics).await.unwrap();
    slow_scraper.write_all(b"GET /metrics HTTP/1.1\r\nhost: sup").await.unwrap();
    server.terminate();
    let status = server.end(EXIT_SOON).await;
    assert_eq!(status.code(), Some(0), "{}", server.log());
    drop((silent, silent_scraper, slow_scraper));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_the_wait_for_slow_clients() {
    let directory = tempfile::tempdir().unwrap();
    let settings = [("SUPERAPP_SERVER__BODY_TIMEOUT_SECONDS", "60"), ("SUPERAPP_SERVER__DRAIN_TIMEOUT_SECONDS", "60")];
    let mut server = Server::start(directory.path(), &settings).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let half = b"POST /api/auth/login HTTP/1.1\r\nhost: superapp\r\ncontent-length: 100\r\n\r\n{";
    stream.write_all(half).await.unwrap();
    server.terminate();
    while TcpStream::connect(server.address).await.is_ok() {
        sleep(GLANCE).await;
    }
    server.terminate();
    let status = server.end(EXIT_SOON).await;
    assert!(!status.success(), "a request was given up");
    let mut rest = Vec::new();
    let read = timeout(EXIT_SOON, stream.read_to_end(&mut rest)).await.unwrap();
    assert!(read.is_err() || rest.is_empty(), "half a request has no answer");
}
