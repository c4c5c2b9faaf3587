//! One answer. Whatever every answer must have is checked here, for each one that any test receives.

use super::contract;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Method, Response};
use http_body_util::BodyExt;
use serde_json::Value;
use superapp::app::App;

/// What no answer goes without.
const HEADERS: &[&str] = &[
    "x-request-id",
    "cache-control",
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "content-security-policy",
    "strict-transport-security",
    "cross-origin-resource-policy",
    "cross-origin-opener-policy",
];

/// What no problem may tell: how we are built, and where.
const SECRETS: &[&str] = &[
    "sqlite",
    "SQLITE",
    "SELECT ",
    "INSERT ",
    "panicked",
    ".rs:",
    "/tmp",
    "argon2",
    "superapp.db",
    "a secret that must not be told",
];

/// What was asked.
pub struct Sent {
    pub method: Method,
    pub path: String,
    pub request_id: Option<HeaderValue>,
    pub may_break: bool,
}

/// An answer that has passed every check that applies to all of them.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Bytes,
    asked: String,
}

impl Reply {
    pub(super) async fn receive(app: &App, sent: Sent, response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let asked = format!("{} {}", sent.method, sent.path);
        let reply = Self { status: parts.status.as_u16(), headers: parts.headers, bytes, asked };
        reply.check_headers(&sent);
        assert!(reply.status != 500 || sent.may_break, "{reply}");
        if sent.method == Method::HEAD || reply.status == 204 {
            assert!(reply.bytes.is_empty(), "{reply}");
        } else if reply.status >= 400 && reply.content_type() != "application/json" {
            reply.check_problem();
        }
        contract::check(app, &sent, &reply);
        reply
    }

    fn check_headers(&self, sent: &Sent) {
        for name in HEADERS {
            let lines: Vec<_> = self.headers.get_all(*name).iter().collect();
            assert!(matches!(lines.as_slice(), [line] if !line.is_empty()), "{name} is {lines:?} in {self}");
        }
        for name in ["server", "x-powered-by", "set-cookie", "authorization"] {
            assert!(!self.headers.contains_key(name), "{name} in {self}");
        }
        let must = match self.status {
            401 => Some("www-authenticate"),
            405 => Some("allow"),
            503 if sent.path != "/api/health" => Some("retry-after"),
            _ => None,
        };
        assert!(must.is_none_or(|name| self.headers.contains_key(name)), "{must:?} is missing in {self}");
        if let Some(own) = &sent.request_id {
            let sane = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-' || *byte == b'_';
            let kept = (8..=64).contains(&own.len()) && own.as_bytes().iter().all(sane);
            assert_eq!(self.headers["x-request-id"] == *own, kept, "{self}");
        }
    }

    fn check_problem(&self) {
        assert_eq!(self.content_type(), "application/problem+json", "{self}");
        let problem = self.json();
        let text = |name: &str| {
            let text = problem[name].as_str().unwrap_or_else(|| panic!("no {name} in {self}"));
            assert!(!text.is_empty(), "{name} is empty in {self}");
            text.to_owned()
        };
        assert_eq!(problem["status"], self.status, "{self}");
        let registered = "https://iana.org/assignments/http-problem-types#quota-exceeded";
        match text("code").as_str() {
            "rate_limited" => {
                assert!(text("type") == registered && problem["violated-policies"][0].is_string(), "{self}");
            }
            code => assert_eq!(text("type"), format!("urn:superapp:problem:{code}"), "{self}"),
        }
        assert!(text("code").bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{self}");
        assert!(!text("title").is_empty() && !text("detail").is_empty());
        // A stored refusal is sent again byte for byte, so it names the request that it was first sent to.
        let first = self.headers.get("idempotency-original-request-id").unwrap_or(&self.headers["x-request-id"]);
        assert_eq!(text("request_id").as_bytes(), first.as_bytes(), "{self}");
        let told = String::from_utf8_lossy(&self.bytes);
        for secret in SECRETS {
            assert!(!told.contains(secret), "{secret} is told in {self}");
        }
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error} in {self}"))
    }

    /// A header as text; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The media type, without its parameters.
    pub fn content_type(&self) -> &str {
        self.header("content-type").split(';').next().unwrap_or_default()
    }

    /// The id of the request.
    pub fn request_id(&self) -> String {
        self.header("x-request-id").to_owned()
    }

    /// The stable code of a problem; empty for anything else.
    pub fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.bytes).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }

    /// It succeeded with this status, for the first time.
    #[track_caller]
    pub fn done(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self}");
        assert!(!self.is_replay(), "{self}");
        self
    }

    /// It was refused with this status and code.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.code().as_str()), (status, code), "{self}");
        self
    }

    /// It was refused, and exactly these members or parameters are named.
    #[track_caller]
    pub fn invalid(self, pointers: &[&str]) -> Self {
        let reply = self.refused(400, "invalid_request");
        let errors = reply.json()["errors"].as_array().cloned().unwrap_or_default();
        let named: Vec<_> = errors.iter().map(|error| error["pointer"].as_str().unwrap_or_default()).collect();
        assert_eq!(named, pointers, "{reply}");
        reply
    }

    /// Whether it is a stored answer.
    pub fn is_replay(&self) -> bool {
        self.header("idempotent-replayed") == "true"
    }

    /// It is the stored answer of `first`: the same bytes, and the same headers but for those that belong to
    /// the request.
    #[track_caller]
    pub fn replays(self, first: &Self) -> Self {
        assert!(self.is_replay(), "{self}");
        assert_eq!((self.status, &self.bytes), (first.status, &first.bytes), "{self}");
        let original = if first.is_replay() {
            first.header("idempotency-original-request-id")
        } else {
            first.header("x-request-id")
        };
        assert_eq!(self.header("idempotency-original-request-id"), original, "{self}");
        let mut own = vec!["x-request-id", "idempotent-replayed", "idempotency-original-request-id"];
        own.extend([
            "x-ratelimit-limit",
            "x-ratelimit-remaining",
            "x-ratelimit-reset",
            "ratelimit",
            "ratelimit-policy",
        ]);
        let rest = |reply: &Self| {
            let mut headers = reply.headers.clone();
            own.iter().for_each(|name| drop(headers.remove(*name)));
            headers
        };
        assert_eq!(rest(&self), rest(first), "{self}");
        self
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body = String::from_utf8_lossy(&self.bytes);
        write!(formatter, "the answer to {}: {} {:?} {body}", self.asked, self.status, self.headers)
    }
}
