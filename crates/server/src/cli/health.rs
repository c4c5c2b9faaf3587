//! `superapp health`: asks a running server on this machine whether it is ready, for containers without a shell.

use super::{End, say, say_error};
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// How long each step may take. Whoever asks has a time-out of seconds.
const PATIENCE: Duration = Duration::from_secs(2);
/// The largest answer that is read: the status is on its first line.
const ANSWER_BYTES_MAX: u64 = 4096;

/// Asks `/readyz` where the server listens. Ends with 0 if it is ready and with 1 if it is not, whatever the reason.
pub(super) fn run(listen: SocketAddr) -> anyhow::Result<End> {
    let address = reachable(listen);
    let problem = match ask(address) {
        Ok(line) if is_ready(&line) => {
            say("ready")?;
            return Ok(End::Done);
        }
        Ok(line) => format!("not ready: {address} answers {line:?}"),
        Err(error) => format!("not ready: {address} does not answer: {error}"),
    };
    say_error(&problem);
    Ok(End::Failed)
}

/// The address to ask at: one cannot connect to "all addresses", but to the loopback one among them.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// The first line of the answer.
fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}

fn is_ready(line: &str) -> bool {
    let mut words = line.split(' ');
    words.next().is_some_and(|version| version.starts_with("HTTP/1.")) && words.next() == Some("200")
}

#[cfg(test)]
mod tests {
    use super::{is_ready, reachable};

    #[test]
    fn all_addresses_are_asked_at_the_loopback_one() {
        for (listen, asked) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:8080", "[::1]:8080"),
            ("127.0.0.1:9", "127.0.0.1:9"),
            ("192.0.2.7:80", "192.0.2.7:80"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()), asked.parse().unwrap());
        }
    }

    #[test]
    fn only_200_is_ready() {
        assert!(is_ready("HTTP/1.1 200 OK") && is_ready("HTTP/1.0 200"));
        for line in ["", "HTTP/1.1 503 Service Unavailable", "HTTP/1.1 2000", "200 OK", "SSH-2.0-x", "HTTP/1.1"] {
            assert!(!is_ready(line), "{line}");
        }
    }
}
