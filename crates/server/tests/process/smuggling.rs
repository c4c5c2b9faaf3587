//! Requests that two servers in a row might read in two ways, on real sockets: none is answered but with its refusal,
//! and nothing behind it is read. And honest ones, which are not taken for such.

use crate::raw::{LOGIN, Reply, exchange};
use crate::server::Server;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

const SETTINGS: &[(&str, &str)] =
    &[("SUPERAPP_SERVER__HEADER_TIMEOUT_SECONDS", "5"), ("SUPERAPP_SERVER__BODY_TIMEOUT_SECONDS", "5")];
const GET: &str = "GET /livez HTTP/1.1\r\nhost: superapp\r\n";
const CHUNKED: &str = "transfer-encoding: chunked\r\n";
const CHUNKS: &str = "2\r\n{}\r\n0\r\n\r\n";
/// What would be smuggled.
const SECOND: &str = "GET /livez HTTP/1.1\r\nhost: superapp\r\nconnection: close\r\n\r\n";
/// Far below any time-out of these servers.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Where a request begins and ends, said in two ways.
fn lengths() -> Vec<String> {
    let lengths = [
        "Content-Length: 2\r\nContent-Length: 2",
        "Content-Length: 2\r\nContent-Length: 3",
        "Content-Length: 2\r\ncontent-length: 0",
        "Content-Length: 2, 2",
        "Content-Length: 2, 3",
        "Content-Length: 2,",
        "Content-Length: +2",
        "Content-Length: -2",
        "Content-Length: 0x2",
        "Content-Length: 2.0",
        "Content-Length: 2 2",
        "Content-Length:  2 2",
        "Content-Length: 2;",
        "Content-Length: \"2\"",
        "Content-Length: two",
        "Content-Length: \u{662}",
        "Content-Length:",
        "Content-Length:  ",
        "Content-Length: 99999999999999999999",
        "Content-Length : 2",
        "Content-Length\t: 2",
        " Content-Length: 2",
        "Content-Length: 2\r\n 0",
        "Content-Length:\r\n 2",
        "X: y\r\n\tContent-Length: 2",
    ];
    lengths.map(|length| format!("{LOGIN}{length}\r\n\r\n{{}}")).into()
}

fn encodings() -> Vec<String> {
    let encodings = [
        "Content-Length: 2\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 2",
        "Content-Length: 0\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked,",
        "Transfer-Encoding: ,chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunkedx",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding: \u{b}chunked",
        "Transfer-Encoding: chunked\0",
        "Transfer-Encoding:",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        " Transfer-Encoding: chunked",
        "Transfer-Encoding:\r\n chunked",
        "X: y\rTransfer-Encoding: chunked",
        "X: y\nTransfer-Encoding: chunked",
    ];
    let mut requests: Vec<String> = encodings.map(|encoding| format!("{LOGIN}{encoding}\r\n\r\n{CHUNKS}")).into();
    requests.push(format!("POST /api/auth/login HTTP/1.0\r\nhost: superapp\r\n{CHUNKED}\r\n{CHUNKS}"));
    requests
}

fn chunks() -> Vec<String> {
    let chunks = [
        "zz\r\n{}\r\n0\r\n\r\n",
        "\r\n{}\r\n0\r\n\r\n",
        "+2\r\n{}\r\n0\r\n\r\n",
        "-2\r\n{}\r\n0\r\n\r\n",
        "0x2\r\n{}\r\n0\r\n\r\n",
        " 2\r\n{}\r\n0\r\n\r\n",
        "2 \r\n{}\r\n0\r\n\r\n",
        "2\n{}\r\n0\r\n\r\n",
        "2\r{}\r\n0\r\n\r\n",
        "2\r\n{}\n0\r\n\r\n",
        "2\r\n{}0\r\n\r\n",
        "2\r\n{}  \r\n0\r\n\r\n",
        "2;a\nb\r\n{}\r\n0\r\n\r\n",
        "2;a\0\r\n{}\r\n0\r\n\r\n",
        "2,2\r\n{}\r\n0\r\n\r\n",
        "10000000000000002\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}\r\n0\n\r\n",
        "2\r\n{}\r\n0\r\ncontent-length: 2\r\n\r\n",
        "2\r\n{}\r\n0\r\ntransfer-encoding: chunked\r\n\r\n",
        "2\r\n{}\r\n0\r\nhost: other\r\n\r\n",
        "2\r\n{}\r\n0\r\nx: y\n\r\n",
        "2\r\n{}\r\n0\r\n x: y\r\n\r\n",
    ];
    chunks.map(|chunks| format!("{LOGIN}{CHUNKED}\r\n{chunks}")).into()
}

fn lines() -> Vec<String> {
    let mut requests: Vec<String> = [
        "GET /livez HTTP/1.1\nhost: superapp\n\n",
        "GET /livez HTTP/1.1\r\nhost: superapp\n\r\n",
        "GET /livez HTTP/1.1\r\nhost: superapp\r\n\n",
        "\nGET /livez HTTP/1.1\r\nhost: superapp\r\n\r\n",
        "GET /livez HTTP/1.1\rhost: superapp\r\r",
        "GET  /livez HTTP/1.1\r\nhost: superapp\r\n\r\n",
        "GET /livez  HTTP/1.1\r\nhost: superapp\r\n\r\n",
        "GET /livez HTTP/1.1 \r\nhost: superapp\r\n\r\n",
        " GET /livez HTTP/1.1\r\nhost: superapp\r\n\r\n",
        "GET\t/livez HTTP/1.1\r\nhost: superapp\r\n\r\n",
        "GET /livez\r\nhost: superapp\r\n\r\n",
        "GET /livez HTTP/1.2\r\nhost: superapp\r\n\r\n",
        "GET /livez HTTP/2.0\r\nhost: superapp\r\n\r\n",
        "GET /livez http/1.1 x\r\nhost: superapp\r\n\r\n",
        "GET /livez#fragment HTTP/1.1\r\nhost: superapp\r\n\r\n",
        "GET /live\0z HTTP/1.1\r\nhost: superapp\r\n\r\n",
        "GET livez HTTP/1.1\r\nhost: superapp\r\n\r\n",
        "GET * HTTP/1.1\r\nhost: superapp\r\n\r\n",
        "CONNECT superapp:80 HTTP/1.1\r\nhost: superapp:80\r\n\r\n",
        "GET http://other/livez HTTP/1.1\r\nhost: superapp\r\n\r\n",
        "GET http://superapp@other/livez HTTP/1.1\r\nhost: superapp\r\n\r\n",
        "GET http:///livez HTTP/1.1\r\nhost: superapp\r\n\r\n",
        "GET ftp://superapp/livez HTTP/1.1\r\nhost: superapp\r\n\r\n",
        "GET /livez HTTP/1.1\r\n\r\n",
        "GET /livez HTTP/1.1\r\nhost:\r\n\r\n",
        "GET /livez HTTP/1.1\r\nhost: superapp\r\nhost: superapp\r\n\r\n",
        "GET /livez HTTP/1.1\r\nhost: superapp\r\nHOST: other\r\n\r\n",
        "GET /livez HTTP/1.1\r\nhost: superapp, other\r\n\r\n",
        "GET /livez HTTP/1.1\r\nhost: superapp other\r\n\r\n",
        "GET /livez HTTP/1.1\r\nhost: superapp/other\r\n\r\n",
        "GET /livez HTTP/1.1\r\nhost: other@superapp\r\n\r\n",
    ]
    .map(str::to_owned)
    .into();
    let odd =
        ["x\0y: z", "x: y\0z", "x: y\u{7f}z", "x: y\u{1}z", ": y", "x y: z", "x", "x(y): z", "\u{e9}: y", " x: y"];
    requests.extend(odd.map(|line| format!("{GET}{line}\r\n\r\n")));
    requests
}

fn is_refused(request: &str, reply: &Reply, before: &[u16]) {
    assert_eq!(reply.statuses(), [before, &[400]].concat(), "{request:?}: {reply:?}");
    reply.is_problem(400, "malformed_request");
    assert!(reply.text.contains("x-request-id: "), "{request:?}: {reply:?}");
    assert!(reply.after < AT_ONCE, "{request:?} waited for a time-out: {reply:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_read_in_two_ways_is_refused_and_ends_the_connection() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), SETTINGS).await;
    let requests = [lengths(), encodings(), chunks(), lines()].concat();
    assert!(requests.len() >= 100, "{}", requests.len());
    for request in &requests {
        // By itself, with one behind it that would be smuggled, and behind an honest one on the same connection.
        is_refused(request, &exchange(&server, request.as_str()).await, &[]);
        is_refused(request, &exchange(&server, format!("{request}{SECOND}")).await, &[]);
        is_refused(request, &exchange(&server, format!("{GET}\r\n{request}{SECOND}")).await, &[200]);
    }
    println!("{} requests refused in each of three places", requests.len());
}

/// Sends a text in two parts, and reads until the server closes.
async fn in_two(server: &Server, text: &[u8], cut: usize) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream.write_all(&text[..cut]).await.unwrap();
    // So that they do not come as one, mostly; what is asked for holds if they do.
    sleep(Duration::from_millis(2)).await;
    let _ = stream.write_all(&text[cut..]).await;
    let mut bytes = Vec::new();
    timeout(AT_ONCE, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_the_same_wherever_the_network_cuts() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), SETTINGS).await;
    for request in [
        format!("{LOGIN}content-length: 2\r\n{CHUNKED}\r\n"),
        format!("{GET}x: y\r\n z\r\n\r\n"),
        format!("{LOGIN}{CHUNKED}\r\n2\r\n{{}}0"),
    ] {
        for cut in 1..request.len() {
            let text = in_two(&server, request.as_bytes(), cut).await;
            assert!(
                text.starts_with("HTTP/1.1 400 ") && text.contains("malformed_request"),
                "{request:?} {cut} {text}"
            );
            assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{request:?} {cut} {text}");
        }
    }
}

/// Requests that no honest server may refuse, and the status of each: nobody is signed in.
fn honest() -> Vec<(Vec<u8>, Vec<u16>)> {
    let pay = |rest: &str| format!("POST /api/wallet/transfer HTTP/1.1\r\nhost: superapp\r\n{rest}").into_bytes();
    let get = |rest: &str| format!("{GET}{rest}\r\n").into_bytes();
    let body = r#"{"to_user_id":"nobody","amount_cents":1}"#;
    let length = format!("content-length: {}\r\n\r\n{body}", body.len());
    let chunk = format!("{:X};name=\"a value\"\r\n{body}\r\n", body.len());
    vec![
        (get(""), vec![200]),
        ("\r\n\r\nGET /livez HTTP/1.1\r\nHost: superapp\r\n\r\n".into(), vec![200]),
        ("GET /livez HTTP/1.0\r\nconnection: keep-alive\r\n\r\n".into(), vec![200]),
        ("GET /livez?a=b&c=%20/?:@!$'()*+,; HTTP/1.1\r\nHost:superapp:8080 \t\r\n\r\n".into(), vec![200]),
        ("GET http://SuperApp:80/livez HTTP/1.1\r\nHost: superapp:80\r\n\r\n".into(), vec![200]),
        ("GET /livez HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n".into(), vec![200]),
        ("GET /livez HTTP/1.1\r\nHost: xn--caf-dma.example\r\nX-Empty:\r\nX-Blank: \t\r\n\r\n".into(), vec![200]),
        ([GET.as_bytes(), b"x-text: caf\xe9 \"a, b\"; \xff\r\n\r\n"].concat(), vec![200]),
        (get(&format!("x-long: {}\r\n", "a ".repeat(6_000))), vec![200]),
        (get("content-length: 0\r\n"), vec![200]),
        (get("content-length: 3\r\n").into_iter().chain(*b"abc").collect(), vec![200]),
        (pay(&length), vec![401]),
        (pay(&format!("{CHUNKED}\r\n{chunk}0\r\n\r\n")), vec![401]),
        (pay(&format!("Transfer-Encoding:  CHUNKED \r\n\r\n{chunk}000\r\nx-sum: 1\r\n\r\n")), vec![401]),
        (pay(&format!("{CHUNKED}\r\n1 ;a\r\n{{\r\n1\r\n}}\r\n0\r\n\r\n")), vec![401]),
        (get("").repeat(5), vec![200; 5]),
        (
            [pay(&length), get(""), pay(&format!("{CHUNKED}\r\n{chunk}0\r\n\r\n")), get("")].concat(),
            vec![401, 200, 401, 200],
        ),
        ([pay(&length), b"\r\n".to_vec(), get("")].concat(), vec![401, 200]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn honest_requests_pass_and_keep_their_connection() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), SETTINGS).await;
    for (request, statuses) in honest() {
        // The last one says that it is the last: so the connection was good until then.
        let text = [request.as_slice(), SECOND.as_bytes()].concat();
        let reply = exchange(&server, text).await;
        let shown = String::from_utf8_lossy(&request).into_owned();
        assert_eq!(reply.statuses(), [statuses.as_slice(), &[200]].concat(), "{shown:?}: {reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_first_is_told_to_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), SETTINGS).await;
    for (head, body) in [("content-length: 2\r\n", "{}"), (CHUNKED, CHUNKS)] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(format!("{LOGIN}{head}expect: 100-continue\r\n\r\n").as_bytes()).await.unwrap();
        let mut interim = [0; 25];
        timeout(AT_ONCE, stream.read_exact(&mut interim)).await.unwrap().unwrap();
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(format!("{body}{SECOND}").as_bytes()).await.unwrap();
        let mut text = String::new();
        timeout(AT_ONCE, stream.read_to_string(&mut text)).await.unwrap().unwrap();
        assert!(text.starts_with("HTTP/1.1 400 ") && text.contains("invalid_request"), "{text}");
        assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 1, "{text}");
    }
}
