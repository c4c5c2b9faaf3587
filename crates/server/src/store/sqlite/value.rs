//! Parameters and columns in SQLite's own types.

use crate::store::Value;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
            Self::Id(id) => ValueRef::Blob(id.as_bytes()),
        }))
    }
}

/// What a column holds; none if there is no such column, or if it is of a type that no table of ours has.
pub(in crate::store) fn column<'row>(row: &'row rusqlite::Row<'_>, index: usize) -> Option<Value<'row>> {
    match row.get_ref(index).ok()? {
        ValueRef::Null => Some(Value::Null),
        ValueRef::Integer(number) => Some(Value::Integer(number)),
        ValueRef::Text(text) => std::str::from_utf8(text).ok().map(Value::Text),
        ValueRef::Blob(bytes) => Some(Value::Bytes(bytes)),
        ValueRef::Real(_) => None,
    }
}
