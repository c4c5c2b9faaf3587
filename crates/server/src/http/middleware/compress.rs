//! Long answers to GET, made shorter for whoever says that they can read it. Answers to writes are short, and those to
//! sign-ins hold secrets beside what the client sent: they stay as they are.

use axum::extract::Request;
use axum::http::{Extensions, HeaderMap, Method, StatusCode, Version};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::compression::predicate::{Predicate, SizeAbove};
use tower_http::compression::{CompressionLayer, CompressionLevel};

/// What is shorter fits into one packet anyhow.
const BYTES_MIN: u64 = 1024;

/// An answer that may be compressed.
#[derive(Clone, Copy, Debug)]
struct Compressible;

/// Marks the answers to GET.
pub async fn mark(request: Request, next: Next) -> Response {
    let is_read = request.method() == Method::GET;
    let mut response = next.run(request).await;
    if is_read {
        response.extensions_mut().insert(Compressible);
    }
    response
}

/// The layer around [`mark`].
pub fn layer() -> CompressionLayer<impl Predicate> {
    let is_marked =
        |_: StatusCode, _: Version, _: &HeaderMap, extensions: &Extensions| extensions.get::<Compressible>().is_some();
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(SizeAbove::new(BYTES_MIN).and(is_marked))
}
