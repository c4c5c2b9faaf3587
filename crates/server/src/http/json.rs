//! JSON as it arrives: read strictly, so that what is hashed is what is executed.
//!
//! The last of two equal members would win elsewhere; here they are refused. Depth is bounded.

use super::problem::{FieldError, Problem};
use crate::telemetry::mask;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// The deepest nesting that is read.
const DEPTH_MAX: usize = 32;
/// The longest list that is read.
const ITEMS_MAX: usize = 1_000;
/// The longest explanation of what is wrong with a field; it may repeat what the client wrote.
const DETAIL_CHARACTERS_MAX: usize = 200;

/// Reads a body as one JSON object; an empty body is an empty object.
pub fn object(body: &[u8]) -> Result<Map<String, Value>, Problem> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    let malformed = |error: serde_json::Error| {
        Problem::malformed(format!("the body is not valid JSON: {}", told(&error.to_string())))
    };
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = Strict { depth: 0 }.deserialize(&mut reader).map_err(malformed)?;
    reader.end().map_err(malformed)?;
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(Problem::malformed("the body must be a JSON object, such as {\"amount_cents\": 100}")),
    }
}

/// Reads the members of an object into a type, and points at the one that does not fit.
pub fn typed<T: DeserializeOwned>(object: Map<String, Value>) -> Result<T, Problem> {
    serde_path_to_error::deserialize(Value::Object(object)).map_err(|error| {
        let path: String = error.path().iter().map(|segment| format!("/{segment}")).collect();
        let text = error.inner().to_string();
        // serde names the member only in its text when it is missing or unknown.
        let named = ["missing field `", "unknown field `"].iter().find_map(|start| text.strip_prefix(start));
        let pointer = match named.and_then(|rest| rest.split('`').next()) {
            Some(name) if !path.ends_with(&format!("/{name}")) => format!("{}/{name}", path.trim_end_matches("/?")),
            _ => path.trim_end_matches("/?").to_owned(),
        };
        Problem::invalid(vec![FieldError { pointer: shorten(&pointer), detail: told(&text) }])
    })
}

/// What serde says is wrong, without the value that it repeats: that may be a secret in the wrong place.
pub fn told(text: &str) -> String {
    let mut text = text.to_owned();
    for start in ["invalid type: ", "invalid value: ", "unknown variant "] {
        let Some(from) = text.find(start).map(|at| at + start.len()) else { continue };
        let Some(end) = text.rfind(", expected ").filter(|end| *end >= from) else { continue };
        let said = text.get(from..end).unwrap_or_default();
        // The kind of the value stands before it and is kept: "string", "integer".
        let kind = said.split(['`', '"']).next().unwrap_or_default();
        text = format!(
            "{}{}",
            [text.get(..from).unwrap_or_default(), kind].concat().trim_end(),
            text.get(end..).unwrap_or_default()
        );
    }
    shorten(&text)
}

/// Not too long, on one line, and without what looks like a secret.
fn shorten(text: &str) -> String {
    mask::text(text).chars().filter(|letter| !letter.is_control()).take(DETAIL_CHARACTERS_MAX).collect()
}

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth < DEPTH_MAX {
            Ok(Self { depth: self.depth + 1 })
        } else {
            Err(E::custom(format!("nested deeper than {DEPTH_MAX} levels")))
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inside = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            if list.len() == ITEMS_MAX {
                return Err(A::Error::custom(format!("a list of more than {ITEMS_MAX} items")));
            }
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inside = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(inside)?;
            if object.contains_key(&name) {
                return Err(A::Error::custom(format!("the member `{name}` is given twice")));
            }
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_was_sent_is_not_repeated_in_what_is_wrong_with_it() {
        for (said, told) in [
            ("invalid type: string \"hunter2\", expected i64", "invalid type: string, expected i64"),
            (
                "invalid value: integer `5`, expected x at line 1 column 2",
                "invalid value: integer, expected x at line 1 column 2",
            ),
            (
                "type: unknown variant `hunter2`, expected a`, expected `a` or `b`",
                "type: unknown variant, expected `a` or `b`",
            ),
            ("unknown field `hunter`, expected `a`", "unknown field `hunter`, expected `a`"),
            ("unknown field `sa_live_hunter2`, expected `a`", "unknown field `sa_live_***`, expected `a`"),
            ("invalid type: null, expected a string", "invalid type: null, expected a string"),
        ] {
            assert_eq!(super::told(said), told);
        }
    }

    use super::{object, typed};
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[expect(dead_code, reason = "only whether it can be read matters here")]
        amount_cents: i64,
    }

    #[test]
    fn only_whole_numbers_are_whole_numbers() {
        let read = |text: &str| object(text.as_bytes()).and_then(typed::<Body>);
        assert!(read(r#"{"amount_cents": 5}"#).is_ok());
        assert!(read(r#"{"amount_cents": -5}"#).is_ok());
        for number in [
            "1.0",
            "1.5",
            "1e3",
            "-0",
            "\"5\"",
            "9223372036854775808",
            "1e400",
            "NaN",
            "null",
            "true",
            "[]",
            "{}",
            "0x10",
            "+1",
            "01",
        ] {
            assert!(read(&format!(r#"{{"amount_cents": {number}}}"#)).is_err(), "{number}");
        }
    }

    #[test]
    fn doubled_members_are_refused_at_any_depth() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"a":{"b":1,"b":2}}"#, r#"{"a":[{"b":1,"b":2}]}"#, r#"{"a":1,"\u0061":2}"#]
        {
            assert!(object(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |levels: usize| format!("{{\"a\":{}1{}}}", "[".repeat(levels), "]".repeat(levels));
        assert!(object(nested(31).as_bytes()).is_ok());
        assert!(object(nested(32).as_bytes()).is_err());
        assert!(object(nested(100_000).as_bytes()).is_err());
    }

    #[test]
    fn only_one_object_is_a_body() {
        assert!(object(b"").unwrap().is_empty());
        for text in ["[]", "1", "null", "\"x\"", "{} {}", "{}x", "{", "\u{feff}{}", " "] {
            assert!(object(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(object(b"{\"a\":\"\xff\"}").is_err());
    }
}
