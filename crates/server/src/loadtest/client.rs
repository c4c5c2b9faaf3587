//! A client with as many connections as are needed at once, each kept for the next request. It sends nothing twice.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// The longest answer that is read.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// Where the server is: plain HTTP to one address.
#[derive(Clone, Debug)]
pub struct Target {
    host: String,
    address: SocketAddr,
}

/// Why something cannot be a target.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// It is no URL of a server.
    #[error("must be like http://127.0.0.1:8080, and is {0:?}")]
    Malformed(String),
    /// TLS ends in front of superapp.
    #[error("must be http: TLS ends at the proxy in front of superapp, so name superapp itself")]
    Https,
    /// Nobody of that name.
    #[error("names {0:?}, which has no address")]
    Unknown(String),
}

impl Target {
    /// Reads `http://HOST:PORT`, and asks for the address of the host.
    ///
    /// # Errors
    /// See [`TargetError`].
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        if text.starts_with("https:") {
            return Err(TargetError::Https);
        }
        let malformed = || TargetError::Malformed(text.to_owned());
        let host = text.strip_prefix("http://").ok_or_else(malformed)?.trim_end_matches('/');
        if host.is_empty() || host.contains(['/', '@', '?', '#', ' ']) {
            return Err(malformed());
        }
        let bare_v6 = host.ends_with(']');
        let with_port = if !bare_v6 && host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        let found = std::net::ToSocketAddrs::to_socket_addrs(with_port.as_str());
        let address = found.ok().and_then(|mut found| found.next());
        let address = address.ok_or_else(|| TargetError::Unknown(host.to_owned()))?;
        Ok(Self { host: host.to_owned(), address })
    }

    /// Whether it is this machine.
    #[must_use]
    pub const fn is_loopback(&self) -> bool {
        match self.address.ip() {
            IpAddr::V4(ip) => ip.is_loopback(),
            IpAddr::V6(ip) => ip.is_loopback(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.host)
    }
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Fault {
    /// As many requests are under way as this client may have: it was not sent.
    #[error("not sent: too many under way")]
    TooMany,
    /// No connection.
    #[error("no connection")]
    NotConnected,
    /// The connection ended before the answer did.
    #[error("connection lost")]
    Lost,
    /// The answer took too long.
    #[error("no answer in time")]
    TimedOut,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Seconds after which to ask again, if the server said so.
    pub retry_after: Option<u64>,
    /// The body; read as JSON where somebody needs it.
    body: Bytes,
}

impl Answer {
    /// The body as JSON; null if it is not.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// A request.
#[derive(Debug)]
pub struct Ask<'ask> {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub path: &'ask str,
    /// The value of Authorization.
    pub bearer: Option<HeaderValue>,
    /// A key, for what must not happen twice.
    pub key: Option<String>,
    /// The body.
    pub body: Option<Value>,
}

impl<'ask> Ask<'ask> {
    /// Reads something.
    #[must_use]
    pub const fn get(path: &'ask str) -> Self {
        Self { method: Method::GET, path, bearer: None, key: None, body: None }
    }

    /// Sends something.
    #[must_use]
    pub const fn send(method: Method, path: &'ask str, body: Value) -> Self {
        Self { method, path, bearer: None, key: None, body: Some(body) }
    }

    /// As somebody.
    #[must_use]
    pub fn by(mut self, bearer: &HeaderValue) -> Self {
        self.bearer = Some(bearer.clone());
        self
    }

    /// With a key.
    #[must_use]
    pub fn once(mut self, key: String) -> Self {
        self.key = Some(key);
        self
    }
}

/// The connections.
#[derive(Debug)]
pub struct Client {
    target: Target,
    timeout: Duration,
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
    places: Semaphore,
}

impl Client {
    /// No connection yet; at most `under_way` at once.
    #[must_use]
    pub const fn new(target: Target, timeout: Duration, under_way: usize) -> Self {
        Self { target, timeout, idle: Mutex::new(Vec::new()), places: Semaphore::const_new(under_way) }
    }

    /// Sends a request, once, and reads its answer.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn ask(&self, ask: Ask<'_>) -> Result<Answer, Fault> {
        let _place = self.places.try_acquire().map_err(|_| Fault::TooMany)?;
        let request = self.request(ask).ok_or(Fault::NotConnected)?;
        tokio::time::timeout(self.timeout, self.exchange(request)).await.unwrap_or(Err(Fault::TimedOut))
    }

    fn request(&self, ask: Ask<'_>) -> Option<Request<Full<Bytes>>> {
        let mut request = Request::builder().method(ask.method).uri(ask.path).header("host", &self.target.host);
        if let Some(bearer) = ask.bearer {
            request = request.header("authorization", bearer);
        }
        if let Some(key) = ask.key {
            request = request.header("idempotency-key", key);
        }
        let body = match ask.body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Full::from(body.to_string())
            }
            None => Full::default(),
        };
        request.body(body).ok()
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, Fault> {
        let mut connection = self.connection().await?;
        let response = connection.send_request(request).await.map_err(|_| Fault::Lost)?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await.map_err(|_| Fault::Lost)?;
        let body = body.to_bytes();
        // What the server is about to close is found out by `ready` when it is taken again.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(Answer { status, retry_after, body })
    }

    /// One that is kept and still good, the last one first; or a new one.
    async fn connection(&self) -> Result<SendRequest<Full<Bytes>>, Fault> {
        loop {
            let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(mut kept) = kept else { break };
            if kept.ready().await.is_ok() {
                return Ok(kept);
            }
        }
        let stream = TcpStream::connect(self.target.address).await.map_err(|_| Fault::NotConnected)?;
        stream.set_nodelay(true).map_err(|_| Fault::NotConnected)?;
        let (connection, driver) = handshake(TokioIo::new(stream)).await.map_err(|_| Fault::NotConnected)?;
        // Its end shows in the request that it ends.
        tokio::spawn(async move { drop(driver.await) });
        Ok(connection)
    }
}

#[cfg(test)]
mod tests {
    use super::{Target, TargetError};

    #[test]
    fn a_target_is_a_server_on_plain_http() {
        for text in ["http://127.0.0.1:8080", "http://127.0.0.1:8080/", "http://[::1]:8080", "http://localhost"] {
            assert!(Target::parse(text).unwrap().is_loopback(), "{text}");
        }
        assert!(!Target::parse("http://192.0.2.7:80").unwrap().is_loopback());
        assert!(matches!(Target::parse("https://127.0.0.1"), Err(TargetError::Https)));
        for text in ["", "127.0.0.1:8080", "http://", "http://a b", "http://u@127.0.0.1", "http://127.0.0.1/api"] {
            assert!(matches!(Target::parse(text), Err(TargetError::Malformed(_))), "{text}");
        }
    }
}
