//! Slow, oversized and broken requests on real sockets: each gets an end in time, and nobody else notices.

use crate::client::Client;
use crate::raw::{LOGIN, PATIENCE, exchange};
use crate::server::{GLANCE, Server};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

/// One second for a header, one for a body.
const IMPATIENT: &[(&str, &str)] =
    &[("SUPERAPP_SERVER__HEADER_TIMEOUT_SECONDS", "1"), ("SUPERAPP_SERVER__BODY_TIMEOUT_SECONDS", "1")];
const LARGE: usize = 10 * 1024 * 1024;
/// Far below what a broken connection may wait for.
const HEALTH_MAX: Duration = Duration::from_millis(100);

async fn assert_healthy(server: &Server) {
    let answer = Client::connect(server.address).await.unwrap().get("/api/health", "").await.unwrap();
    assert_eq!((answer.status, answer.body["status"].as_str()), (200, Some("healthy")), "{}", server.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_does_not_end_is_cut_in_time() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), IMPATIENT).await;
    for start in ["", "G", "GET /livez HTTP/1.1\r\n", "GET /livez HTTP/1.1\r\nhost: superapp\r\nx-half: "] {
        let reply = exchange(&server, start).await;
        assert!(reply.after >= Duration::from_millis(900), "{start:?}: {reply:?}");
        assert!(matches!(reply.status(), 0 | 408), "{start:?}: {reply:?}");
    }
    assert_healthy(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_drips_is_cut_in_time() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), IMPATIENT).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let started = Instant::now();
    stream.write_all(b"GET /livez HTTP/1.1\r\nx-drip: ").await.unwrap();
    while stream.write_all(b"a").await.is_ok() {
        assert!(started.elapsed() < PATIENCE, "every byte buys more time");
        sleep(GLANCE * 10).await;
    }
    assert_healthy(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_end_is_answered_with_408() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), IMPATIENT).await;
    for rest in
        ["content-length: 100\r\n\r\n", "content-length: 100\r\n\r\n{", "transfer-encoding: chunked\r\n\r\n5\r\n{"]
    {
        let reply = exchange(&server, format!("{LOGIN}{rest}")).await;
        reply.is_problem(408, "request_timeout");
        assert!(reply.after >= Duration::from_millis(900), "{reply:?}");
    }
    assert_healthy(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sends_far_too_much_can_read_the_413() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), &[]).await;
    let mut whole = format!("{LOGIN}content-length: {LARGE}\r\n\r\n").into_bytes();
    whole.resize(whole.len() + LARGE, b' ');
    exchange(&server, whole).await.is_problem(413, "payload_too_large");

    let mut chunked = format!("{LOGIN}transfer-encoding: chunked\r\n\r\n").into_bytes();
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x1_0000], b"\r\n"].concat();
    chunked.extend(chunk.repeat(LARGE / 0x1_0000));
    chunked.extend(b"0\r\n\r\n");
    exchange(&server, chunked).await.is_problem(413, "payload_too_large");
    assert_healthy(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_http_is_refused_with_a_problem_and_the_connection_closed() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), IMPATIENT).await;
    let lines: String = (0..100).map(|line| format!("x-line-{line}: a\r\n")).collect();
    let long = "a".repeat(20_000);
    let broken = [
        ("garbage", "\u{1}\u{2}\u{3} nonsense\r\n\r\n".to_owned()),
        ("TLS", "\u{16}\u{3}\u{1}\u{0}\u{5}hello\r\n\r\n".to_owned()),
        ("HTTP/3.0", "GET /livez HTTP/3.0\r\nhost: superapp\r\n\r\n".to_owned()),
        ("a folded header", "GET /livez HTTP/1.1\r\nhost: superapp\r\nx-fold: a\r\n b\r\n\r\n".to_owned()),
        ("a space before the colon", "GET /livez HTTP/1.1\r\nhost : superapp\r\n\r\n".to_owned()),
        ("20 KB of header", format!("GET /livez HTTP/1.1\r\nhost: superapp\r\nx-long: {long}\r\n\r\n")),
        ("100 lines of header", format!("GET /livez HTTP/1.1\r\nhost: superapp\r\n{lines}\r\n")),
        ("20 KB of path", format!("GET /{long} HTTP/1.1\r\nhost: superapp\r\n\r\n")),
        ("two lengths", format!("{LOGIN}content-length: 2\r\ncontent-length: 3\r\n\r\n{{}}x")),
        ("a length with a sign", format!("{LOGIN}content-length: +2\r\n\r\n{{}}")),
        ("an unknown encoding", format!("{LOGIN}transfer-encoding: sideways\r\n\r\n{{}}")),
        ("a chunk without a size", format!("{LOGIN}transfer-encoding: chunked\r\n\r\nzz\r\n{{}}\r\n0\r\n\r\n")),
    ];
    for (name, request) in broken {
        let reply = exchange(&server, request).await;
        match name {
            "20 KB of header" | "100 lines of header" | "20 KB of path" => reply.is_problem(431, "header_too_large"),
            _ => reply.is_problem(400, "malformed_request"),
        }
        assert!(reply.text.contains("x-request-id: "), "{name}: {reply:?}");
        assert_eq!(reply.text.matches("HTTP/1.1 ").count(), 1, "{name}: {reply:?}");
        assert!(reply.after < Duration::from_millis(900), "{name} waited for a time-out: {reply:?}");
        assert_healthy(&server).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_answers_fast_while_two_hundred_connections_stall() {
    let _turn = crate::TURN.lock().await;
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), &[]).await;
    let mut stalled = Vec::new();
    for index in 0..200 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let half: &[u8] = match index % 3 {
            0 => b"GET /api/hea",
            1 => b"POST /api/auth/login HTTP/1.1\r\nhost: superapp\r\ncontent-length: 60000\r\n\r\n{",
            _ => b"POST /api/auth/login HTTP/1.1\r\nhost: superapp\r\ntransfer-encoding: chunked\r\n\r\nfff\r\n{",
        };
        stream.write_all(half).await.unwrap();
        stalled.push(stream);
    }
    let mut took = Vec::new();
    for _ in 0..50 {
        let started = Instant::now();
        assert_healthy(&server).await;
        took.push(started.elapsed());
    }
    took.sort_unstable();
    println!("health beside 200 stalled connections: median {:?}, slowest {:?}", took[25], took[49]);
    assert!(took[45] < HEALTH_MAX, "{took:?}");
    // They were there all the time: the first of them has not been answered yet.
    let mut byte = [0];
    assert!(timeout(Duration::ZERO, stalled[0].read(&mut byte)).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_its_answers_is_cut_in_time() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), &[("SUPERAPP_SERVER__WRITE_TIMEOUT_SECONDS", "1")]).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    // Far more than the kernel holds for either side.
    let request = b"GET /api/openapi.json HTTP/1.1\r\nhost: superapp\r\n\r\n".repeat(200);
    stream.write_all(&request).await.unwrap();
    let started = Instant::now();
    // What is sent to a connection that was cut comes back as an error.
    while !is_cut(&stream) {
        assert!(started.elapsed() < PATIENCE, "it waits for ever");
        sleep(GLANCE * 10).await;
    }
    assert!(started.elapsed() >= Duration::from_millis(900), "{:?}", started.elapsed());
    assert_healthy(&server).await;
}

fn is_cut(stream: &TcpStream) -> bool {
    match stream.try_write(b"x") {
        Ok(_) => false,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_as_many_connections_as_the_settings_say() {
    let directory = tempfile::tempdir().unwrap();
    let production = [
        ("SUPERAPP_ENVIRONMENT", "production"),
        ("JWT_SECRET", "q8ZtW0vNn3J1rXy7Lk5pGfDs9bHcMaUe2TiOoRwE"),
        ("SUPERAPP_AUTH__SERVER_SECRET", "Vd4Kx8mQe1Zs7Yh3Ru6Tj9Wb2Nc5Pg0Lf8AoIiUy"),
        ("SUPERAPP_LOG__FORMAT", "text"),
        ("SUPERAPP_AUTH__ARGON2_MEMORY_KIB", "19456"),
        ("SUPERAPP_AUTH__ARGON2_PASSES", "2"),
        ("SUPERAPP_RATE_LIMITS__CONNECTIONS_PER_ADDRESS", "3"),
    ];
    let server = Server::start(directory.path(), &production).await;
    let mut clients = Vec::new();
    while clients.len() < 3 {
        let mut client = Client::connect(server.address).await.unwrap();
        // Those that asked whether it is ready may not be gone yet.
        if client.get("/livez", "").await.is_ok_and(|answer| answer.status == 200) {
            clients.push(client);
        }
    }
    for _ in 0..5 {
        let mut one_more = Client::connect(server.address).await.unwrap();
        assert!(one_more.get("/livez", "").await.is_err(), "it was let in");
    }
    for client in &mut clients {
        assert_eq!(client.get("/livez", "").await.unwrap().status, 200);
    }
    clients.pop();
    let started = Instant::now();
    while !matches!(Client::connect(server.address).await.unwrap().get("/livez", "").await, Ok(answer) if answer.status == 200)
    {
        assert!(started.elapsed() < PATIENCE, "the place of one that is gone is taken");
        sleep(GLANCE).await;
    }
}
