//! A lean client: one keep-alive connection, which never sends anything again by itself.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{HeaderMap, Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// Nothing was sent.
    NotSent,
    /// It was sent, at least in part, and nobody knows.
    NoAnswer,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// Text unless it is JSON.
    pub body: Value,
    /// As it came.
    pub bytes: Bytes,
}

impl Answer {
    /// A header as text, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Whether this is a stored answer.
    pub fn is_replay(&self) -> bool {
        self.header("idempotent-replayed") == "true"
    }
}

/// One who is signed in.
#[derive(Clone, Debug)]
pub struct Account {
    pub id: String,
    pub token: String,
}

/// A connection.
#[derive(Debug)]
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
    connection: JoinHandle<()>,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Result<Self, Fault> {
        let stream = TcpStream::connect(address).await.map_err(|_| Fault::NotSent)?;
        stream.set_nodelay(true).map_err(|_| Fault::NotSent)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|_| Fault::NotSent)?;
        let connection = tokio::spawn(async move {
            // Its end shows in the request that it ends.
            let _ = connection.await;
        });
        Ok(Self { sender, connection })
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, Fault> {
        self.sender.ready().await.map_err(|_| Fault::NotSent)?;
        // Cancelled is what hyper calls a request that it still has in hand when the connection ends.
        let fault = |error: hyper::Error| if error.is_canceled() { Fault::NotSent } else { Fault::NoAnswer };
        let (head, body) = self.sender.send_request(request).await.map_err(fault)?.into_parts();
        let bytes = body.collect().await.map_err(|_| Fault::NoAnswer)?.to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into());
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body, bytes })
    }

    pub async fn get(&mut self, path: &str, token: &str) -> Result<Answer, Fault> {
        let request = Request::get(path).header("host", "superapp").header("authorization", format!("Bearer {token}"));
        self.send(request.body(Full::default()).unwrap()).await
    }

    pub async fn post(&mut self, path: &str, token: &str, key: &str, body: &Value) -> Result<Answer, Fault> {
        self.write(Method::POST, path, token, key, body).await
    }

    /// Any request with a body.
    pub async fn write(
        &mut self,
        method: Method,
        path: &str,
        token: &str,
        key: &str,
        body: &Value,
    ) -> Result<Answer, Fault> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "superapp")
            .header("authorization", format!("Bearer {token}"))
            .header("idempotency-key", key)
            .header("content-type", "application/json");
        self.send(request.body(Full::from(body.to_string())).unwrap()).await
    }

    /// Something that must succeed. Its answer.
    pub async fn done(&mut self, method: Method, path: &str, who: &Account, key: &str, body: &Value) -> Value {
        let answer = self.write(method, path, &who.token, key, body).await.unwrap();
        assert!((200..300).contains(&answer.status), "{answer:?}");
        answer.body
    }

    /// Makes an account. `name` is unique in its database.
    pub async fn register(&mut self, name: &str) -> Account {
        let new = json!({ "email": format!("{name}@example.com"), "password": "correct horse battery staple" });
        let made = self.post("/api/auth/register", "", "", &new).await.unwrap();
        assert_eq!(made.status, 201, "{}", made.body);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Account { id: text(&made.body["user"]["id"]), token: text(&made.body["access_token"]) }
    }

    /// Makes an account that has money.
    pub async fn newcomer(&mut self, name: &str, cents: i64) -> Account {
        let account = self.register(name).await;
        let deposit = json!({ "amount_cents": cents, "provider": "sandbox" });
        let key = format!("first-{name}");
        let paid = self.post("/api/wallet/deposits", &account.token, &key, &deposit).await.unwrap();
        assert_eq!(paid.status, 201, "{}", paid.body);
        account
    }

    /// Transfers money, with a note that tells this transfer from every other.
    pub async fn transfer(
        &mut self,
        token: &str,
        key: &str,
        (to, cents, note): (&str, i64, &str),
    ) -> Result<Answer, Fault> {
        let body = json!({ "to_user_id": to, "amount_cents": cents, "note": note });
        self.post("/api/wallet/transfer", token, key, &body).await
    }
}
