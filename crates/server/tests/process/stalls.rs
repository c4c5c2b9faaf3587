//! Many clients that are as slow as they may be, in every way there is, and some honest ones beside them, who must not
//! notice. `STALL_CLIENTS` and `STALL_SECONDS` make it longer: `scripts/slow-clients` is the long form.

use crate::client::Client;
use crate::server::Server;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

/// Far above what a server of this kind takes, far below what a leak would.
const RESIDENT_KIB_MAX: u64 = 300 * 1024;
const HONEST: usize = 4;

fn from_environment(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// One connection after the other, each as slow as it can be.
async fn stall(address: SocketAddr, kind: usize, stop: Arc<AtomicBool>, cut: Arc<AtomicUsize>) {
    while !stop.load(Ordering::Relaxed) {
        let Ok(mut stream) = TcpStream::connect(address).await else { continue };
        let (start, drip): (&[u8], &[u8]) = match kind % 4 {
            0 => (b"GET /livez HTTP/1.1\r\nhost: superapp\r\nx-slow: ", b"a"),
            1 => (b"POST /api/auth/login HTTP/1.1\r\nhost: superapp\r\ncontent-length: 60000\r\n\r\n{", b" "),
            2 => {
                (b"POST /api/auth/login HTTP/1.1\r\nhost: superapp\r\ntransfer-encoding: chunked\r\n\r\nfff\r\n{", b" ")
            }
            // Asks for far more than it reads.
            _ => (b"GET /api/openapi.json HTTP/1.1\r\nhost: superapp\r\n\r\n", b""),
        };
        let start = if drip.is_empty() { start.repeat(20) } else { start.to_vec() };
        if stream.write_all(&start).await.is_err() {
            continue;
        }
        let mut byte = [0; 1];
        while !stop.load(Ordering::Relaxed) {
            let wait = sleep(Duration::from_millis(500));
            let is_cut = if drip.is_empty() {
                // Reads a byte now and then.
                wait.await;
                timeout(Duration::from_millis(1), stream.read(&mut byte))
                    .await
                    .is_ok_and(|read| !matches!(read, Ok(1..)))
            } else {
                wait.await;
                stream.write_all(drip).await.is_err()
            };
            if is_cut {
                cut.fetch_add(1, Ordering::Relaxed);
                break;
            }
        }
    }
}

async fn ask(address: SocketAddr, token: String, stop: Arc<AtomicBool>) -> Vec<Duration> {
    let mut client = Client::connect(address).await.unwrap();
    let mut took = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let asked = Instant::now();
        let answer = client.get("/api/wallet/balance", &token).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        took.push(asked.elapsed());
        sleep(Duration::from_millis(5)).await;
    }
    took
}

#[tokio::test(flavor = "multi_thread")]
async fn honest_clients_do_not_notice_a_crowd_of_slow_ones() {
    let _turn = crate::TURN.lock().await;
    let (clients, seconds) = (from_environment("STALL_CLIENTS", 200), from_environment("STALL_SECONDS", 4));
    let directory = tempfile::tempdir().unwrap();
    let impatient = [
        ("SUPERAPP_SERVER__HEADER_TIMEOUT_SECONDS", "1"),
        ("SUPERAPP_SERVER__BODY_TIMEOUT_SECONDS", "1"),
        ("SUPERAPP_SERVER__WRITE_TIMEOUT_SECONDS", "1"),
    ];
    let server = Server::start(directory.path(), &impatient).await;
    let ann = Client::connect(server.address).await.unwrap().newcomer("ann", 100).await;
    let (stop, cut) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let slow: Vec<_> = (0..clients)
        .map(|kind| tokio::spawn(stall(server.address, kind, Arc::clone(&stop), Arc::clone(&cut))))
        .collect();
    let honest: Vec<_> =
        (0..HONEST).map(|_| tokio::spawn(ask(server.address, ann.token.clone(), Arc::clone(&stop)))).collect();
    let until = Instant::now() + Duration::from_secs(u64::try_from(seconds).unwrap());
    let mut resident = 0;
    while Instant::now() < until {
        resident = resident.max(server.resident_kib());
        sleep(Duration::from_millis(100)).await;
    }
    stop.store(true, Ordering::Relaxed);
    let mut took = Vec::new();
    for line in honest {
        took.extend(line.await.unwrap());
    }
    for line in slow {
        line.await.unwrap();
    }
    took.sort_unstable();
    println!(
        "{clients} slow clients for {seconds} s, cut {} times; {} balances: p50 {:.1?}, p99 {:.1?}, slowest {:.1?}; at \
         most {resident} KiB resident",
        cut.load(Ordering::Relaxed),
        took.len(),
        took[took.len() / 2],
        took[took.len() * 99 / 100],
        took[took.len() - 1]
    );
    assert!(cut.load(Ordering::Relaxed) >= clients / 2, "they were let be");
    assert!(resident < RESIDENT_KIB_MAX, "{resident} KiB");
    server.stop().await;
}
