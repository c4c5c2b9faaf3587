//! Parameters and columns in PostgreSQL's own types.

use crate::store::Value;
use bytes::{BufMut, BytesMut};
use std::error::Error;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

type Failure = Box<dyn Error + Sync + Send>;

impl ToSql for Value<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        match *self {
            Self::Null => return Ok(IsNull::Yes),
            Self::Integer(number) if *kind == Type::INT8 => out.put_i64(number),
            // A parameter that is compared with a literal such as 1 has the literal's type.
            Self::Integer(number) if *kind == Type::INT4 => out.put_i32(i32::try_from(number)?),
            Self::Text(text) if matches!(*kind, Type::TEXT | Type::VARCHAR) => out.put_slice(text.as_bytes()),
            Self::Bytes(bytes) if *kind == Type::BYTEA => out.put_slice(bytes),
            Self::Id(id) if *kind == Type::UUID => out.put_slice(id.as_bytes()),
            _ => return Err(format!("a parameter is {kind} and was given as something else").into()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_kind: &Type) -> bool {
        // `to_sql` looks at the value as well.
        true
    }

    to_sql_checked!();
}

impl<'row> FromSql<'row> for Value<'row> {
    fn from_sql(kind: &Type, raw: &'row [u8]) -> Result<Self, Failure> {
        Ok(match *kind {
            Type::INT8 => Self::Integer(i64::from_sql(kind, raw)?),
            Type::INT4 => Self::Integer(i32::from_sql(kind, raw)?.into()),
            Type::BOOL => Self::Integer(bool::from_sql(kind, raw)?.into()),
            Type::TEXT | Type::VARCHAR => Self::Text(<&str>::from_sql(kind, raw)?),
            // A UUID is its sixteen bytes.
            Type::BYTEA | Type::UUID => Self::Bytes(raw),
            _ => return Err(format!("no table of ours has a column of type {kind}").into()),
        })
    }

    fn from_sql_null(_kind: &Type) -> Result<Self, Failure> {
        Ok(Self::Null)
    }

    fn accepts(_kind: &Type) -> bool {
        true
    }
}

/// What a column holds; none if there is no such column, or if it is of a type that no table of ours has.
pub(in crate::store) fn column(row: &tokio_postgres::Row, index: usize) -> Option<Value<'_>> {
    row.try_get(index).ok()
}
