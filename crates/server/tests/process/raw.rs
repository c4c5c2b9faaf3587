//! Bytes on a socket, good or bad, and what comes back until the server closes.

use crate::server::Server;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// Longer than any of our time-outs, shorter than a hang.
pub const PATIENCE: Duration = Duration::from_secs(8);
/// Most of a request with a body.
pub const LOGIN: &str = "POST /api/auth/login HTTP/1.1\r\nhost: superapp\r\ncontent-type: application/json\r\n";

/// What came back on a connection until the server closed it.
#[derive(Debug)]
pub struct Reply {
    pub text: String,
    pub after: Duration,
}

impl Reply {
    /// The status of the first answer, or 0.
    pub fn status(&self) -> u16 {
        self.text.strip_prefix("HTTP/1.1 ").map_or(0, |rest| rest[..3].parse().unwrap())
    }

    /// The status of each answer.
    pub fn statuses(&self) -> Vec<u16> {
        // The text speaks of HTTP/1.1, too, but of no status behind it.
        self.text.split("HTTP/1.").skip(1).filter_map(|rest| rest.get(2..5)?.parse().ok()).collect()
    }

    /// Fails unless the last answer is a problem of this kind, and the end of the connection.
    pub fn is_problem(&self, status: u16, code: &str) {
        assert_eq!(self.statuses().last(), Some(&status), "{self:?}");
        let (head, body) = self.text.rsplit_once("\r\n\r\n").unwrap();
        let head = head.rsplit("HTTP/1.1 ").next().unwrap();
        let head = head.to_lowercase();
        assert!(head.contains("content-type: application/problem+json"), "{head}");
        assert!(head.contains("connection: close"), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["code"], code, "{body}");
        assert_eq!(body["status"], status, "{body}");
    }
}

/// Sends all of it if the server lets us, and reads meanwhile until the server closes.
pub async fn exchange(server: &Server, request: impl Into<Vec<u8>>) -> Reply {
    let request = request.into();
    let started = Instant::now();
    let (mut read, mut write) = TcpStream::connect(server.address).await.unwrap().into_split();
    // The write half stays open: the end has to come from the server.
    let writing = tokio::spawn(async move {
        let _ = write.write_all(&request).await;
        write
    });
    let mut bytes = Vec::new();
    let ended = timeout(PATIENCE, read.read_to_end(&mut bytes)).await;
    writing.abort();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    // A reset is an end, too, but it must not eat the answer: what was read counts.
    assert!(ended.is_ok(), "the connection hangs after {text:?}");
    Reply { text, after: started.elapsed() }
}
