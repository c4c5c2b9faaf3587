//! Every refusal and error as `application/problem+json` (RFC 9457). The only place that maps them to a status.

mod access;
mod denials;
mod failed;
mod limited;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::idempotency::StoredResponse;
use domain::rate_limit::Class;
use domain::refusal::Refusal;
use serde::Serialize;
use std::borrow::Cow;
use std::fmt::Display;
use std::sync::Arc;
use utoipa::ToSchema;

/// What every problem is sent as.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// The body of a refusal or an error.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProblemBody {
    /// `urn:superapp:problem:` and the code, which `docs/errors.md` explains; for `rate_limited` the registered type.
    #[schema(example = "urn:superapp:problem:insufficient_funds")]
    pub r#type: String,
    /// The same text for every problem of this code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time, and what to do next.
    pub detail: String,
    /// Stable, for programs.
    #[schema(example = "insufficient_funds")]
    pub code: String,
    /// As in `X-Request-Id`.
    pub request_id: String,
    /// The members of the request that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<FieldError>,
    /// The limit that was used up, as `RateLimit-Policy` names it.
    #[serde(rename = "violated-policies", skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub violated_policies: Vec<String>,
}

/// One member that is wrong.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
pub struct FieldError {
    /// Where it is: a JSON pointer into the body, or the name of a parameter.
    #[schema(example = "/amount_cents")]
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

/// A refusal or an error on its way out. The outermost middleware gives it its request id and its body.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    retry_after_seconds: Option<u32>,
    cause: Option<Arc<str>>,
    /// The limit of a caller that was used up.
    policy: Option<Class>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        let (detail, errors) = (detail.into(), Vec::new());
        Self { status, code, title, detail, errors, retry_after_seconds: None, cause: None, policy: None }
    }

    const fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// Whether the request itself is wrong, so that it can be corrected and sent again with the same key.
    #[must_use]
    pub fn is_correctable(&self) -> bool {
        self.status == StatusCode::BAD_REQUEST
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// The request cannot be read.
    pub fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed_request", "The request cannot be read", detail)
    }

    /// What the parser of HTTP refused, by the status that it chose. `None` for any other.
    #[must_use]
    pub fn of_parser(status: u16) -> Option<Self> {
        Some(match status {
            400 => Self::malformed("this is not a request of HTTP/1.1: its first line or a header cannot be read"),
            414 => Self::new(
                StatusCode::URI_TOO_LONG,
                "uri_too_long",
                "The path is too long",
                "shorten the path and the query string",
            ),
            431 => Self::new(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "header_too_large",
                "The header is too large",
                "the path and the headers may have at most 16384 bytes and 64 lines",
            ),
            _ => return None,
        })
    }

    /// The request can be read, and some of its members are wrong.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [one] => format!("`{}`: {}", one.pointer, one.detail),
            _ => "correct the members under `errors` and send the request again".to_owned(),
        };
        let title = "The request is not valid";
        Self { errors, ..Self::new(StatusCode::BAD_REQUEST, "invalid_request", title, detail) }
    }

    /// One member is wrong.
    pub fn field(pointer: &str, detail: impl Display) -> Self {
        Self::invalid(vec![FieldError { pointer: pointer.to_owned(), detail: detail.to_string() }])
    }

    /// A money route without a key.
    #[must_use]
    pub fn key_required() -> Self {
        let detail = "send an `Idempotency-Key` header, such as a new UUID for each payment; repeat it to retry safely";
        Self::new(StatusCode::BAD_REQUEST, "idempotency_key_required", "An idempotency key is required", detail)
    }

    /// A key that cannot be one, or two that differ.
    pub fn key_invalid(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "idempotency_key_invalid", "The idempotency key is not valid", detail)
    }

    /// The key belongs to another request.
    #[must_use]
    pub fn key_reused() -> Self {
        let detail = "this key was used for another request in the last 24 hours; use a new key for a new request";
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            "The key belongs to another request",
            detail,
        )
    }

    /// The first request with this key is still under way.
    #[must_use]
    pub fn in_progress() -> Self {
        let detail = "the first request with this key is still running; ask again with the same key";
        Self::new(StatusCode::CONFLICT, "request_in_progress", "The request is in progress", detail).retry_after(1)
    }

    /// No credential, or one that is not believed.
    #[must_use]
    pub fn unauthenticated() -> Self {
        let detail = "send `Authorization: Bearer` with an access token from POST /api/auth/login, or with an API key";
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Sign-in is required", detail)
    }

    /// A webhook that is not signed as it must be. It does not say what is wrong with it.
    #[must_use]
    pub fn invalid_signature() -> Self {
        let detail = "sign the event as Standard Webhooks says, with the secret of this server and the time of now";
        Self::new(StatusCode::UNAUTHORIZED, "invalid_signature", "The signature is not valid", detail)
    }

    /// Signed in, and not allowed.
    #[must_use]
    pub fn forbidden(detail: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed", detail)
    }

    /// No such thing, or not for the one who asks: there is one answer for both.
    #[must_use]
    pub fn not_found(what: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "Not found", what)
    }

    /// No such route.
    #[must_use]
    pub fn no_route() -> Self {
        let detail = "there is no such route; GET /api/openapi.json lists them all";
        Self::new(StatusCode::NOT_FOUND, "route_not_found", "Not found", detail)
    }

    /// A route, but not with this method.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        let detail = "the `Allow` header lists the methods of this route";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "The method is not allowed", detail)
    }

    /// The body did not come in time.
    #[must_use]
    pub fn body_timeout() -> Self {
        let detail = "the body took too long to arrive; send the request again";
        Self::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", "The request took too long", detail)
    }

    /// The body is too large.
    #[must_use]
    pub fn too_large(bytes_max: usize) -> Self {
        let detail = format!("the body may have at most {bytes_max} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", "The body is too large", detail)
    }

    /// The body is not JSON.
    #[must_use]
    pub fn unsupported_media_type() -> Self {
        let detail = "send the body as `Content-Type: application/json`";
        let title = "The media type is not supported";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", title, detail)
    }

    /// The sandbox is off, or there is no such provider.
    #[must_use]
    pub fn unknown_provider() -> Self {
        Self::field("/provider", "no such payment provider is set up here")
    }

    /// Something broke that is not the caller's fault. The log has the cause, under the request id.
    #[must_use]
    pub fn internal() -> Self {
        let detail = "something went wrong on our side; it is on record under the request id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail)
    }

    /// Too much to do.
    #[must_use]
    pub fn overloaded() -> Self {
        let detail = "there is more work than can be done in time; nothing was changed, try again shortly";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "Too busy", detail).retry_after(1)
    }

    /// A check of the server's own health failed.
    #[must_use]
    pub fn not_ready(detail: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", "Not ready", detail).retry_after(1)
    }

    fn body(&self, request_id: &str) -> ProblemBody {
        ProblemBody {
            r#type: match self.policy {
                // RFC 9457 asks for the registered type where there is one.
                Some(_) => "https://iana.org/assignments/http-problem-types#quota-exceeded".to_owned(),
                None => format!("urn:superapp:problem:{}", self.code),
            },
            title: self.title.to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.to_string(),
            code: self.code.to_owned(),
            request_id: request_id.to_owned(),
            errors: self.errors.clone(),
            violated_policies: self.policy.into_iter().map(|class| class.name().to_owned()).collect(),
        }
    }

    /// The problem as an answer that can be stored and replayed.
    #[must_use]
    pub fn stored(&self, request_id: &str) -> StoredResponse {
        StoredResponse {
            status: self.status.as_u16(),
            headers: vec![("content-type".to_owned(), CONTENT_TYPE.to_owned())],
            body: serde_json::to_vec(&self.body(request_id)).unwrap_or_default(),
        }
    }

    /// The problem as it goes out.
    pub fn respond(&self, request_id: &str) -> Response {
        let mut response =
            (self.status, [("content-type", CONTENT_TYPE)], self.stored(request_id).body).into_response();
        if let Some(seconds) = self.retry_after_seconds {
            response.headers_mut().insert("retry-after", seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert("www-authenticate", axum::http::HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // Without a body yet: the outermost middleware knows the request id and calls `respond`.
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Self {
        let (status, title) = match refusal {
            Refusal::InsufficientFunds { .. } => (StatusCode::PAYMENT_REQUIRED, "Insufficient funds"),
            Refusal::RecipientNotFound => (StatusCode::NOT_FOUND, "The recipient does not exist"),
            Refusal::SelfTransfer => (StatusCode::UNPROCESSABLE_ENTITY, "Payer and recipient are the same"),
            Refusal::WalletFrozen(_) => (StatusCode::FORBIDDEN, "A wallet is frozen"),
            Refusal::AccountSuspended(_) => (StatusCode::FORBIDDEN, "An account is suspended"),
            Refusal::BalanceLimitExceeded(_) => (StatusCode::UNPROCESSABLE_ENTITY, "A wallet cannot hold that much"),
            Refusal::ContentNotFound => (StatusCode::NOT_FOUND, "The content does not exist"),
            Refusal::ContentInactive => (StatusCode::GONE, "The content is not on offer"),
            Refusal::OwnContent => (StatusCode::UNPROCESSABLE_ENTITY, "The content is one's own"),
            Refusal::ContentIsFree => (StatusCode::UNPROCESSABLE_ENTITY, "The content is free"),
            Refusal::SubscriberOnly => (StatusCode::UNPROCESSABLE_ENTITY, "The content is for subscribers"),
            Refusal::AlreadyUnlocked => (StatusCode::CONFLICT, "The content is unlocked already"),
            Refusal::PriceChanged { .. } => (StatusCode::CONFLICT, "The price has changed"),
            Refusal::PlanNotFound => (StatusCode::NOT_FOUND, "The plan does not exist"),
            Refusal::PlanInactive => (StatusCode::GONE, "The plan is not on offer"),
            Refusal::AlreadySubscribed => (StatusCode::CONFLICT, "A subscription is running"),
            Refusal::SelfSubscription => (StatusCode::UNPROCESSABLE_ENTITY, "Subscriber and creator are the same"),
            Refusal::RenewalNotDue => (StatusCode::CONFLICT, "No renewal is due"),
            Refusal::SelfGift => (StatusCode::UNPROCESSABLE_ENTITY, "Sender and recipient are the same"),
            Refusal::TransactionNotFound => (StatusCode::NOT_FOUND, "There is no such sale"),
            Refusal::RefundExceedsOriginal { .. } => {
                (StatusCode::UNPROCESSABLE_ENTITY, "The refund exceeds what is left")
            }
            Refusal::PayoutPending => (StatusCode::CONFLICT, "A payout is pending"),
            Refusal::DebtOutstanding { .. } => (StatusCode::CONFLICT, "The creator owes money"),
            Refusal::PayoutNotFound => (StatusCode::NOT_FOUND, "The payout does not exist"),
            Refusal::PayoutDecided => (StatusCode::CONFLICT, "The payout is decided"),
            Refusal::DepositNotFound => (StatusCode::NOT_FOUND, "The deposit does not exist"),
            Refusal::DepositMismatch => (StatusCode::CONFLICT, "The deposit does not match"),
            Refusal::DepositNotHeld => (StatusCode::CONFLICT, "The deposit is not held"),
            Refusal::PaymentKnown => (StatusCode::CONFLICT, "The payment was credited before"),
        };
        Self::new(status, refusal.code(), title, refusal.to_string())
    }
}
