//! One row of an answer, whichever database gave it.

use super::{Column, StoreError, postgres, sqlite};

/// One row of an answer.
#[derive(Debug)]
pub struct Row<'row>(Source<'row>);

#[derive(Debug)]
enum Source<'row> {
    Sqlite(&'row rusqlite::Row<'row>),
    Postgres(&'row tokio_postgres::Row),
}

impl<'row> From<&'row rusqlite::Row<'row>> for Row<'row> {
    fn from(row: &'row rusqlite::Row<'row>) -> Self {
        Self(Source::Sqlite(row))
    }
}

impl<'row> From<&'row tokio_postgres::Row> for Row<'row> {
    fn from(row: &'row tokio_postgres::Row) -> Self {
        Self(Source::Postgres(row))
    }
}

impl Row<'_> {
    /// The column at a place, counted from 0.
    ///
    /// # Errors
    /// [`StoreError::Column`] if it holds something else.
    pub fn get<T: Column>(&self, column: usize) -> Result<T, StoreError> {
        let value = match self.0 {
            Source::Sqlite(row) => sqlite::column(row, column),
            Source::Postgres(row) => postgres::column(row, column),
        };
        value.and_then(T::read).ok_or(StoreError::Column { column, expected: T::NAME })
    }
}
