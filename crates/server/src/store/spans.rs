//! Whose work a thread of the database does: what it tells meanwhile belongs to the request that asked for it.

use super::{StoreError, View, Work};
use tracing::Span;

/// A read that knows who asked.
pub(super) fn reading<T>(
    mut read: impl FnMut(&View<'_>) -> Result<T, StoreError> + Send + 'static,
) -> impl FnMut(&View<'_>) -> Result<T, StoreError> + Send + 'static {
    let span = Span::current();
    move |view| span.in_scope(|| read(view))
}

/// A unit of work that knows who asked.
pub(super) fn writing<T>(
    mut work: impl FnMut(&mut Work<'_>) -> Result<T, StoreError> + Send + 'static,
) -> impl FnMut(&mut Work<'_>) -> Result<T, StoreError> + Send + 'static {
    let span = Span::current();
    move |unit| span.in_scope(|| work(unit))
}
