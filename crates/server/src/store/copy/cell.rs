//! One value of one row, on its way from a database to another. It says nothing of what it means.

use super::tables::Kind;
use crate::store::{Column, Value};
use uuid::Uuid;

/// A value that outlives its row. The sixteen bytes of an id look like bytes until the column's kind is known.
#[derive(Clone, Debug)]
pub(super) enum Cell {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Column for Cell {
    const NAME: &'static str = "a value";

    fn read(value: Value<'_>) -> Option<Self> {
        Some(match value {
            Value::Null => Self::Null,
            Value::Integer(number) => Self::Integer(number),
            Value::Text(text) => Self::Text(text.to_owned()),
            Value::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
            Value::Id(id) => Self::Bytes(id.as_bytes().to_vec()),
        })
    }
}

impl Cell {
    /// As a parameter for a column of a kind; none if it is of another.
    pub(super) fn value(&self, kind: Kind) -> Option<Value<'_>> {
        Some(match (self, kind) {
            (Self::Null, _) => Value::Null,
            (Self::Integer(number), Kind::Integer) => Value::Integer(*number),
            (Self::Text(text), Kind::Text) => Value::Text(text),
            (Self::Bytes(bytes), Kind::Bytes) => Value::Bytes(bytes),
            (Self::Bytes(bytes), Kind::Id) => Value::Id(Uuid::from_slice(bytes).ok()?),
            _ => return None,
        })
    }

    /// How much memory it takes, about.
    pub(super) const fn size(&self) -> usize {
        match self {
            Self::Null | Self::Integer(_) => 8,
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }
}
