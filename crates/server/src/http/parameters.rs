//! Pieces that several routes share: pages, moments, and the headers in the documentation.

use super::problem::ProblemBody;
use domain::timestamp::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder, response::Response};
use utoipa::{IntoParams, IntoResponses, ToSchema};

/// Lines on a page unless the client says otherwise.
const LIMIT_DEFAULT: i64 = 20;
/// Lines on a page at most; a larger wish gets this many.
const LIMIT_MAX: i64 = 100;

/// How many lines a page has.
pub fn limit(wish: Option<i64>) -> Result<i64, super::problem::Problem> {
    match wish {
        Some(..=0) => Err(super::problem::Problem::field("limit", "must be from 1 to 100")),
        wish => Ok(wish.unwrap_or(LIMIT_DEFAULT).min(LIMIT_MAX)),
    }
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The lines, newest first.
    pub data: Vec<T>,
    /// Goes into `cursor` for the next page; null at the end.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page of a list that was asked for one line more than `limit`: that line tells whether there is another
    /// page, and is not shown.
    pub fn cut<L>(mut lines: Vec<L>, limit: i64, cursor: impl FnOnce(&L) -> String, show: impl FnMut(L) -> T) -> Self {
        let shown = usize::try_from(limit).unwrap_or_default();
        let more = lines.len() > shown;
        lines.truncate(shown);
        let next_cursor = lines.last().filter(|_| more).map(cursor);
        Self { data: lines.into_iter().map(show).collect(), next_cursor }
    }
}

/// A moment as RFC 3339 in UTC.
pub fn rfc3339(at: Timestamp) -> String {
    // Out of range only for moments that no clock of ours can show.
    jiff::Timestamp::from_microsecond(at.as_micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}

/// Reads a moment as RFC 3339.
pub fn moment(text: &str) -> Result<Timestamp, &'static str> {
    let at: Result<jiff::Timestamp, _> = text.parse();
    at.map(|at| Timestamp::from_micros(at.as_microsecond())).map_err(|_| "must be a time such as 2026-01-31T12:00:00Z")
}

/// The key of a payment, for the documentation.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by the documentation only; `once` reads the header")]
pub struct RequiredKey {
    /// Makes the payment happen once, however often it is sent. Kept for 24 hours.
    #[param(
        rename = "Idempotency-Key",
        example = "8e03978e-40d5-43e8-bc93-6894a57f9324",
        min_length = 1,
        max_length = 255
    )]
    idempotency_key: String,
}

/// The key of another write, for the documentation.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by the documentation only; `once` reads the header")]
pub struct OptionalKey {
    /// Makes the write happen once, however often it is sent. Kept for 24 hours.
    #[param(
        rename = "Idempotency-Key",
        example = "8e03978e-40d5-43e8-bc93-6894a57f9324",
        min_length = 1,
        max_length = 255
    )]
    idempotency_key: Option<String>,
}

/// What any route may answer beside its successes.
#[derive(Debug)]
pub struct Problems;

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let schema = || RefOr::Ref(Ref::from_schema_name(ProblemBody::name()));
        let content = || ContentBuilder::new().schema(Some(schema())).build();
        let problem = |description: &str| {
            RefOr::T(
                ResponseBuilder::new()
                    .description(description)
                    .content(super::problem::CONTENT_TYPE, content())
                    .build(),
            )
        };
        BTreeMap::from([
            ("4XX".to_owned(), problem("The request was refused; `code` says why.")),
            (
                "5XX".to_owned(),
                problem("The server could not answer; a money route repeated with the same key is safe."),
            ),
        ])
    }
}
