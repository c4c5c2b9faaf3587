//! Statements that need no answer at once: they are sent with the next one that does, and judged then. A unit of work
//! whose statements wait for one another's answers spends most of its time, and that of its locks, on the way.

use crate::store::connection::Set;
use crate::store::{StoreError, Value};
use bytes::{BufMut, BytesMut};
use std::error::Error as StdError;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Error, Statement};

/// What the next round trip takes along.
#[derive(Debug)]
pub(super) enum Waiting {
    /// The beginning of a unit of work, or a setting of it.
    Begin(&'static str),
    /// A statement and its parameters.
    Statement {
        /// Prepared.
        statement: Statement,
        /// Of each parameter.
        values: Vec<Encoded>,
        /// How many rows it must touch, if that matters.
        touches: Option<Touches>,
    },
}

/// How many rows a statement must touch, and what it means if it does not.
#[derive(Debug)]
pub(in crate::store) struct Touches {
    pub(in crate::store) rows: usize,
    pub(in crate::store) otherwise: StoreError,
}

impl Touches {
    pub(in crate::store) fn check(self, touched: usize) -> Result<(), StoreError> {
        if touched == self.rows { Ok(()) } else { Err(self.otherwise) }
    }
}

impl Waiting {
    /// Says how many rows were touched.
    pub(super) async fn run(&self, client: &Client) -> Result<u64, Error> {
        match self {
            Self::Begin(text) => client.batch_execute(text).await.map(|()| 0),
            Self::Statement { statement, values, .. } => client.execute_raw(statement, values).await,
        }
    }
}

/// A parameter as it is sent: what it was made from is gone when it leaves.
#[derive(Debug)]
pub(super) struct Encoded(Option<BytesMut>);

impl Encoded {
    pub(super) fn new(value: &dyn ToSql, kind: &Type) -> Result<Self, Box<dyn StdError + Send + Sync>> {
        let mut bytes = BytesMut::new();
        Ok(match value.to_sql_checked(kind, &mut bytes)? {
            IsNull::Yes => Self(None),
            IsNull::No => Self(Some(bytes)),
        })
    }
}

impl ToSql for Encoded {
    fn to_sql(&self, _kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Send + Sync>> {
        let Some(bytes) = &self.0 else { return Ok(IsNull::Yes) };
        out.put_slice(bytes);
        Ok(IsNull::No)
    }

    fn accepts(_kind: &Type) -> bool {
        // It was made for this parameter.
        true
    }

    to_sql_checked!();
}

/// The parameters of a statement for one row, as they are sent.
pub(super) fn one_row(statement: &Statement, values: &[Value<'_>]) -> Result<Vec<Encoded>, StoreError> {
    if values.len() != statement.params().len() {
        return Err(StoreError::Broken("a statement was given another number of parameters"));
    }
    encode(statement, |index, kind| Encoded::new(values.get(index).unwrap_or(&Value::Null), kind))
}

/// Each parameter of the form for many rows is an array: the values of one parameter, row by row.
pub(super) fn many_rows(statement: &Statement, set: Set<'_>) -> Result<Vec<Encoded>, StoreError> {
    encode(statement, |index, kind| Encoded::new(&set.column(index), kind))
}

pub(super) fn encode<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    statement: &Statement,
    value: impl Fn(usize, &Type) -> Result<Encoded, E>,
) -> Result<Vec<Encoded>, StoreError> {
    let encoded = statement.params().iter().enumerate().map(|(index, kind)| value(index, kind));
    encoded.collect::<Result<_, E>>().map_err(|error| StoreError::Refused(error.into()))
}
