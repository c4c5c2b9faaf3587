//! One request, put together piece by piece and sent without a socket.

use super::reply::Sent;
use super::{Client, Reply, unique};
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use serde_json::Value;
use superapp::http::extract::Peer;
use tower::ServiceExt;

/// A request that has not been sent yet.
#[must_use = "a call does nothing until it is sent"]
pub struct Call {
    client: Client,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Body,
    peer: Option<Peer>,
    may_break: bool,
}

impl Call {
    pub(super) fn new(client: Client, method: Method, path: impl Into<String>) -> Self {
        let path = path.into();
        Self { client, method, path, headers: HeaderMap::new(), body: Body::empty(), peer: None, may_break: false }
    }

    /// Adds a header line; a second one of the same name does not replace the first.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name: HeaderName = name.parse().unwrap();
        self.headers.append(name, HeaderValue::from_bytes(value.as_ref()).unwrap());
        self
    }

    /// Shows a token.
    pub fn bearer(self, token: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), format!("Bearer {token}"))
    }

    /// Adds an idempotency key.
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// Adds an idempotency key that nobody has used.
    pub fn fresh_key(self) -> Self {
        self.key(&unique("key"))
    }

    /// Sends a JSON value.
    #[expect(clippy::needless_pass_by_value, reason = "it is written where it is used: `json(json!({…}))`")]
    pub fn json(self, body: Value) -> Self {
        self.text(body.to_string())
    }

    /// Sends bytes that call themselves JSON, whatever they are.
    pub fn text(self, body: impl Into<Body>) -> Self {
        self.header(CONTENT_TYPE.as_str(), "application/json").body(body)
    }

    /// Sends a body that does not say what it is.
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// Comes from this address and port.
    pub fn peer(mut self, peer: &str) -> Self {
        self.peer = Some(Peer(peer.parse().unwrap()));
        self
    }

    /// Lets the answer be a 500, which fails any other test at once.
    pub fn that_may_break(mut self) -> Self {
        self.may_break = true;
        self
    }

    /// Sends it, and checks what every answer must have.
    pub async fn send(self) -> Reply {
        let sent = Sent {
            method: self.method.clone(),
            path: self.path.clone(),
            request_id: self.headers.get("x-request-id").cloned(),
            may_break: self.may_break,
        };
        let mut request = Request::new(self.body);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.path.parse().unwrap();
        *request.headers_mut() = self.headers;
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(peer);
        }
        let response = self.client.router.oneshot(request).await.unwrap();
        Reply::receive(&self.client.app, sent, response).await
    }
}
