//! The body of every request, read whole, within its size and its time, before anything else is asked.
//!
//! What is too large is read on for a while and thrown away, so that the client reads the 413 and not a
//! broken connection.

use crate::app::App;
use crate::http::problem::Problem;
use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::BytesMut;
use http_body_util::BodyExt;
use std::time::Duration;

/// How much of a body that is too large is read for the sake of the client.
const DRAIN_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bounds the body, and hands it on whole.
pub async fn bounded(State(app): State<App>, request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let limit = app.config.server.body_bytes_max;
    let patience = Duration::from_secs(app.config.server.body_timeout_seconds);
    match tokio::time::timeout(patience, read(body, limit)).await {
        Ok(Ok(body)) => next.run(Request::from_parts(parts, Body::from(body.freeze()))).await,
        Ok(Err(problem)) => closing(problem),
        Err(_) => closing(Problem::body_timeout()),
    }
}

async fn read(mut body: Body, limit: usize) -> Result<BytesMut, Problem> {
    let mut kept = BytesMut::new();
    let mut seen: usize = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::malformed("the body could not be read to its end"))?;
        let Ok(data) = frame.into_data() else { continue };
        seen = seen.saturating_add(data.len());
        if seen <= limit {
            kept.extend_from_slice(&data);
        } else {
            kept = BytesMut::new();
        }
        if seen > DRAIN_BYTES_MAX {
            break;
        }
    }
    if seen > limit { Err(Problem::too_large(limit)) } else { Ok(kept) }
}

/// After a body that was not read as it was meant, the connection is of no more use.
fn closing(problem: Problem) -> Response {
    let mut response = problem.into_response();
    response.headers_mut().insert("connection", HeaderValue::from_static("close"));
    response
}
