//! Queries for sets of parameters that are asked together, because none of them needs the answer of another.

use super::connection::{AskEach, Set};
use super::{Row, StoreError, Value, View};
use std::cell::RefCell;

/// One query for a set of parameters, and what it found, in no particular order.
#[derive(Debug)]
pub(super) struct SetQuery<'set, const N: usize, T> {
    text: &'static str,
    set: Vec<[Value<'set>; N]>,
    read: fn(&Row<'_>) -> Result<T, StoreError>,
    rows: RefCell<Vec<T>>,
}

impl<'set, const N: usize, T> SetQuery<'set, N, T> {
    pub(super) const fn new(
        text: &'static str,
        set: Vec<[Value<'set>; N]>,
        read: fn(&Row<'_>) -> Result<T, StoreError>,
    ) -> Self {
        Self { text, set, read, rows: RefCell::new(Vec::new()) }
    }

    /// What was found.
    pub(super) fn rows(self) -> Vec<T> {
        self.rows.into_inner()
    }
}

impl<const N: usize, T> AskEach for SetQuery<'_, N, T> {
    fn text(&self) -> &'static str {
        self.text
    }

    fn set(&self) -> Set<'_> {
        Set::new(&self.set)
    }

    fn keep(&self, row: &Row<'_>) -> Result<(), StoreError> {
        self.rows.borrow_mut().push((self.read)(row)?);
        Ok(())
    }
}

impl View<'_> {
    /// Runs some queries, each of which keeps what it finds.
    pub(super) fn query_all(&self, asked: &[&dyn AskEach]) -> Result<(), StoreError> {
        self.run(|| self.connection.query_all(asked))
    }
}
