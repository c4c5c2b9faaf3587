//! A look-up as a value: which text, by which key, and how its row is read. It runs within a unit of work or by
//! itself; by itself it may be asked together with those of other requests, which a closure cannot be.

use super::{Row, StoreError, Value, View};
use uuid::Uuid;

/// One row by its key, or none.
#[derive(Debug)]
pub struct LookUp<T> {
    text: &'static str,
    key: Vec<Part>,
    read: fn(&Row<'_>) -> Result<T, StoreError>,
}

/// A part of a key, held until it is asked for.
#[derive(Debug)]
enum Part {
    Null,
    Integer(i64),
    Text(Box<str>),
    Bytes(Box<[u8]>),
    Id(Uuid),
}

impl From<Value<'_>> for Part {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Integer(number) => Self::Integer(number),
            Value::Text(text) => Self::Text(text.into()),
            Value::Bytes(bytes) => Self::Bytes(bytes.into()),
            Value::Id(id) => Self::Id(id),
        }
    }
}

impl Part {
    const fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Integer(number) => Value::Integer(*number),
            Self::Text(text) => Value::Text(text),
            Self::Bytes(bytes) => Value::Bytes(bytes),
            Self::Id(id) => Value::Id(*id),
        }
    }
}

impl<T> LookUp<T> {
    /// The text finds at most one row for a key.
    pub(super) fn new(text: &'static str, key: &[Value<'_>], read: fn(&Row<'_>) -> Result<T, StoreError>) -> Self {
        Self { text, key: key.iter().copied().map(Part::from).collect(), read }
    }

    pub(super) const fn text(&self) -> &'static str {
        self.text
    }

    pub(super) fn key(&self) -> impl Iterator<Item = Value<'_>> {
        self.key.iter().map(Part::value)
    }

    pub(super) fn read(&self, row: &Row<'_>) -> Result<T, StoreError> {
        (self.read)(row)
    }
}

impl View<'_> {
    /// The row of a look-up, if there is one.
    ///
    /// # Errors
    /// As [`View::query`].
    pub fn find<T>(&self, look_up: &LookUp<T>) -> Result<Option<T>, StoreError> {
        let key: Vec<Value<'_>> = look_up.key().collect();
        self.query_opt(look_up.text, &key, look_up.read)
    }
}
