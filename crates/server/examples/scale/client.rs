//! A client that asks one thing at a time over one connection that it keeps, and takes the time of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use tokio::time::Instant;

pub struct Client {
    stream: BufReader<TcpStream>,
}

/// An answer, and how long it took in milliseconds.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
    pub millis: f64,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    pub fn ask(&mut self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}{kind}Content-Length: {length}\r\n\r\n{body}"
        );
        let begun = Instant::now();
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut status, mut expected, mut line) = (0, 0, String::new());
        loop {
            line.clear();
            self.stream.read_line(&mut line).unwrap();
            let lower = line.trim().to_ascii_lowercase();
            if let Some(rest) = lower.strip_prefix("http/1.1 ") {
                status = rest.split(' ').next().unwrap().parse().unwrap();
            } else if let Some(length) = lower.strip_prefix("content-length: ") {
                expected = length.parse().unwrap();
            } else if lower.is_empty() {
                break;
            }
        }
        let mut body = vec![0; expected];
        self.stream.read_exact(&mut body).unwrap();
        Answer { status, body, millis: begun.elapsed().as_secs_f64() * 1e3 }
    }
}
