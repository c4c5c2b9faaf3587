//! One log line: what an event says, masked and bounded, as one object of JSON or as one line of text.

use super::mask;
use domain::timestamp::Timestamp;
use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Write};
use tracing::field::{Field, Visit};
use tracing::{Level, Metadata};

/// Bytes of one field, the sign for "and more" included.
pub const FIELD_BYTES_MAX: usize = 1_024;
/// Bytes of one field that are looked at. What is shown of a longer one is long before its end.
const LOOKED_AT_MAX: usize = 4 * FIELD_BYTES_MAX;
/// Fields of one line.
const FIELDS_MAX: usize = 32;
const MORE: &str = "…";
/// Names that a line has by itself.
const OWN: &[&str] = &["time", "level", "target", "message"];

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A whole number.
    Integer(i128),
    /// Another number.
    Number(f64),
    /// Yes or no.
    Truth(bool),
    /// A text, masked and bounded.
    Text(String),
}

/// The fields of an event or of a span, each masked and bounded.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    /// What is told, in words.
    pub message: String,
    /// Everything else, each name once.
    pub named: Vec<(&'static str, Value)>,
}

/// A line that is not written yet.
#[derive(Clone, Debug)]
pub struct Line {
    /// When.
    pub time: Timestamp,
    /// How bad.
    pub level: Level,
    /// Where in the code.
    pub target: &'static str,
    /// What, with what its spans know.
    pub fields: Fields,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::Text(text)) => self.message = text,
            (name, value) => self.add(name, value),
        }
    }

    /// Adds a field, in the place of an earlier one of its name.
    fn add(&mut self, name: &'static str, value: Value) {
        if let Some((_, known)) = self.named.iter_mut().find(|(known, _)| *known == name) {
            *known = value;
        } else if self.named.len() < FIELDS_MAX {
            self.named.push((name, value));
        }
    }

    /// Takes over what a span knows and these do not.
    pub fn inherit(&mut self, span: &Self) {
        for (name, value) in &span.named {
            if self.named.iter().all(|(known, _)| known != name) {
                self.add(name, value.clone());
            }
        }
    }

    fn text(&mut self, field: &Field, text: &str) {
        self.put(field, Value::Text(bounded(field.name(), text)));
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, i128::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, i128::from(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.number(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, Value::Number(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Value::Truth(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.text(field, &chain(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, &format!("{value:?}"));
    }
}

impl Fields {
    /// A number is no secret by its looks: it may be one by its name.
    fn number(&mut self, field: &Field, value: i128) {
        match mask::treatment(field.name().as_bytes()) {
            Some(_) => self.text(field, &value.to_string()),
            None => self.put(field, Value::Integer(value)),
        }
    }
}

/// An error with its causes, which are said once: some errors say their cause themselves.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.ends_with(&said) {
            let _ = write!(text, ": {said}");
        }
        cause = error.source();
    }
    text
}

/// A value as it may be shown.
fn bounded(name: &str, text: &str) -> String {
    let looked_at = cut(text, LOOKED_AT_MAX);
    let mut masked = mask::field(name, looked_at).into_owned();
    if looked_at.len() < text.len() && masked.len() < FIELD_BYTES_MAX {
        // So much of it was masked that its cut end would be shown, which may be half of a secret.
        masked.truncate(masked.rfind(mask::MASK).map_or(0, |at| at + mask::MASK.len()));
        masked.push_str(MORE);
    } else if masked.len() > FIELD_BYTES_MAX {
        masked.truncate(cut(&masked, FIELD_BYTES_MAX - MORE.len()).len());
        masked.push_str(MORE);
    }
    masked
}

/// The beginning of a text, at most so many bytes.
fn cut(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max)).unwrap_or_default()
}

/// Whether a letter could change what a line looks like, or end it: controls, other line ends, and what turns the
/// direction of writing.
fn is_control(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn json_text(out: &mut String, text: &str) {
    out.push('"');
    let mut plain = 0;
    for (at, letter) in text.char_indices() {
        let is_odd = matches!(letter, '"' | '\\') || is_control(letter);
        if !is_odd {
            continue;
        }
        out.push_str(text.get(plain..at).unwrap_or_default());
        plain = at + letter.len_utf8();
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            letter => {
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
        }
    }
    out.push_str(text.get(plain..).unwrap_or_default());
    out.push('"');
}

impl Line {
    /// A line that a span or a thread has nothing to add to.
    #[must_use]
    pub fn new(metadata: &Metadata<'static>, time: Timestamp, fields: Fields) -> Self {
        Self { time, level: *metadata.level(), target: metadata.target(), fields }
    }

    /// For programs: one object, no line end in it.
    #[must_use]
    pub fn json(&self) -> String {
        let mut out = String::with_capacity(384);
        let _ = write!(out, "{{\"time\":\"{}\",\"level\":\"{}\",\"target\":", moment(self.time), self.level);
        json_text(&mut out, self.target);
        out.push_str(",\"message\":");
        json_text(&mut out, &self.fields.message);
        for (name, value) in &self.fields.named {
            out.push(',');
            json_text(&mut out, &named(name));
            out.push(':');
            let _ = match value {
                Value::Integer(number) => write!(out, "{number}"),
                Value::Number(number) if number.is_finite() => write!(out, "{number}"),
                Value::Number(_) => write!(out, "null"),
                Value::Truth(truth) => write!(out, "{truth}"),
                Value::Text(text) => {
                    json_text(&mut out, text);
                    Ok(())
                }
            };
        }
        out.push('}');
        out
    }

    /// For people: one line, with colours if they can be seen.
    #[must_use]
    pub fn text(&self, colours: bool) -> String {
        let mut out = String::with_capacity(256);
        let paint = |code: &'static str| if colours { code } else { "" };
        let (dim, bold, plain) = (paint("\u{1b}[2m"), paint("\u{1b}[1m"), paint("\u{1b}[0m"));
        let colour = paint(match self.level {
            Level::ERROR => "\u{1b}[31m",
            Level::WARN => "\u{1b}[33m",
            Level::INFO => "\u{1b}[32m",
            Level::DEBUG => "\u{1b}[34m",
            Level::TRACE => "\u{1b}[35m",
        });
        let _ = write!(out, "{dim}{}{plain} {colour}{:>5}{plain} ", moment(self.time), self.level);
        let _ = write!(out, "{dim}{}:{plain} {bold}", self.target);
        escaped(&mut out, &self.fields.message);
        out.push_str(plain);
        for (name, value) in &self.fields.named {
            let _ = write!(out, " {dim}{}={plain}", named(name));
            let _ = match value {
                Value::Integer(number) => write!(out, "{number}"),
                Value::Number(number) => write!(out, "{number}"),
                Value::Truth(truth) => write!(out, "{truth}"),
                Value::Text(text) if text.is_empty() || text.contains([' ', '"', '=']) => {
                    json_text(&mut out, text);
                    Ok(())
                }
                Value::Text(text) => {
                    escaped(&mut out, text);
                    Ok(())
                }
            };
        }
        out
    }
}

/// A name that no line has by itself.
fn named(name: &str) -> Cow<'_, str> {
    if OWN.contains(&name) { Cow::Owned(format!("field_{name}")) } else { Cow::Borrowed(name) }
}

fn escaped(out: &mut String, text: &str) {
    for letter in text.chars() {
        if is_control(letter) {
            let _ = write!(out, "{}", letter.escape_unicode());
        } else {
            out.push(letter);
        }
    }
}

/// RFC 3339 in UTC, to the microsecond, always as long.
fn moment(time: Timestamp) -> impl fmt::Display {
    let time = jiff::Timestamp::from_microsecond(time.as_micros()).unwrap_or_default();
    format!("{time:.6}")
}
