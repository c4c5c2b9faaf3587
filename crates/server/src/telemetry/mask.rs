//! The last filter before anything is written: texts without what must not be read in a log. Pure, and one pass.
//!
//! It looks at names (`password=…`, `"token": …`, a field called `authorization`) and at shapes (a JWT, a key of ours, a
//! card number, a URL with a password). It rather takes too much than too little.

mod keys;
mod pairs;
mod shapes;

pub use keys::{Treatment, treatment};

use std::borrow::Cow;

/// What stands in the place of a secret.
pub const MASK: &str = "***";

/// How often percent-encoding is looked behind, for what was encoded twice and once more.
const ENCODINGS_MAX: usize = 3;

/// A part of a text and what is written instead.
struct Found {
    start: usize,
    end: usize,
    instead: Cow<'static, str>,
}

/// A text from anywhere, without its secrets.
#[must_use]
pub fn text(text: &str) -> Cow<'_, str> {
    let mut masked = scan(text);
    for _ in 0..ENCODINGS_MAX {
        // Behind a percent-encoding are other quotes and separators. The text stays as it is if nothing is found there.
        let Some(decoded) = decode(&masked) else { break };
        let clean = scan(&decoded);
        if clean != decoded {
            masked = Cow::Owned(clean.into_owned());
        } else if decoded.contains('%') {
            match scan_encoded(&decoded) {
                Some(clean) => masked = Cow::Owned(clean),
                None => break,
            }
        } else {
            break;
        }
    }
    masked
}

/// The value of a field, by its name and by what it looks like.
#[must_use]
pub fn field<'value>(name: &str, value: &'value str) -> Cow<'value, str> {
    match treatment(name.as_bytes()) {
        Some(treatment) => Cow::Owned(treatment.apply(value)),
        None => text(value),
    }
}

/// What is behind one more encoding, if that hides something.
fn scan_encoded(text: &str) -> Option<String> {
    let decoded = decode(text)?;
    let clean = scan(&decoded);
    (clean != decoded).then(|| clean.into_owned())
}

fn scan(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut out = String::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(byte) = bytes.get(at) {
        match look(bytes, *byte, at, copied).filter(|found| found.end > found.start && found.start >= copied) {
            Some(found) => {
                out.push_str(text.get(copied..found.start).unwrap_or_default());
                out.push_str(&found.instead);
                (copied, at) = (found.end, found.end);
            }
            None => at += 1,
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(out)
}

/// What begins at a byte, or is separated by it, that must not be shown.
fn look(bytes: &[u8], byte: u8, at: usize, copied: usize) -> Option<Found> {
    match byte {
        b'=' => pairs::value_behind(bytes, at, copied),
        // `Secret("…")`, as `Debug` writes it.
        b'(' if matches!(bytes.get(at + 1), Some(b'"' | b'\\')) => pairs::value_behind(bytes, at, copied),
        // The path of a module is no name with a value.
        b':' if bytes.get(at + 1) == Some(&b':') || bytes.get(..at).is_some_and(|before| before.ends_with(b":")) => {
            None
        }
        b':' => shapes::user_info(bytes, at).or_else(|| pairs::value_behind(bytes, at, copied)),
        b'e' => shapes::jwt(bytes, at),
        b's' | b'w' => shapes::key_of_ours(bytes, at),
        b'b' | b'B' => shapes::after_scheme(bytes, at),
        b'$' => shapes::hash(bytes, at),
        b'-' => shapes::pem(bytes, at),
        b'0'..=b'9' => shapes::card(bytes, at),
        _ => None,
    }
}

/// A text without its percent-encoding, if it has any. What is no text then is replaced.
fn decode(text: &str) -> Option<String> {
    if !text.contains('%') {
        return None;
    }
    let (bytes, mut decoded, mut at, mut any) = (text.as_bytes(), Vec::with_capacity(text.len()), 0, false);
    while let Some(byte) = bytes.get(at) {
        let hex = |place: usize| bytes.get(place).and_then(|digit| char::from(*digit).to_digit(16));
        match (byte, hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                (at, any) = (at + 3, true);
            }
            _ => {
                decoded.push(*byte);
                at += 1;
            }
        }
    }
    any.then(|| String::from_utf8_lossy(&decoded).into_owned())
}

#[cfg(test)]
mod tests;
