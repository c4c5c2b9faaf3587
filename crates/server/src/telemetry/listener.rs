//! For tests: a loopback listener that hears one request of HTTP/1.1 and answers 200.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;
use std::time::Duration;

/// Hears one request.
pub struct Listener {
    pub address: SocketAddr,
    heard: mpsc::Receiver<(String, Vec<u8>)>,
}

impl Listener {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, heard) = mpsc::channel();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut bytes = Vec::new();
            let mut part = [0; 4_096];
            loop {
                let count = stream.read(&mut part).unwrap();
                bytes.extend_from_slice(&part[..count]);
                let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
                let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
                let length =
                    head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
                let body = &bytes[end + 4..];
                let is_whole =
                    length.map_or_else(|| body.ends_with(b"0\r\n\r\n"), |length: usize| body.len() >= length);
                if is_whole || count == 0 {
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
                    let _ = tell.send((head, body.to_vec()));
                    return;
                }
            }
        });
        Self { address, heard }
    }

    /// The head and the body of the request.
    pub fn heard(&self) -> (String, Vec<u8>) {
        self.heard.recv_timeout(Duration::from_secs(20)).unwrap()
    }
}
