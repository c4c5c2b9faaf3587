//! Names with values in the middle of a text: JSON, JSON in JSON, query strings, form bodies, headers, `Debug`.

use super::keys::{Treatment, treatment};
use super::{Found, MASK};
use std::borrow::Cow;

/// The longest name that is looked for.
const NAME_BYTES_MAX: usize = 64;
/// What may stand between a name and its separator: quotes, their backslashes, white space.
const GAP_MAX: usize = 16;
/// Last words of names in two words, such as "card number".
const SECOND_WORDS: &[&[u8]] = &[b"key", b"number", b"no", b"code", b"id", b"value", b"string", b"header"];

/// The value behind a separator, if the name before it says that it is a secret.
pub(super) fn value_behind(bytes: &[u8], separator: usize, from: usize) -> Option<Found> {
    let before = bytes.get(from..separator)?;
    let treatment = named(before)?;
    let (start, end) = value(bytes, separator + 1, treatment)?;
    let shown = std::str::from_utf8(bytes.get(start..end)?).ok()?;
    // What is told of nothing is told.
    if [MASK, "null", "None", "true", "false"].contains(&shown) {
        return None;
    }
    let instead = treatment.apply(shown);
    (instead != shown).then_some(Found { start, end, instead: Cow::Owned(instead) })
}

/// The treatment of the name at the end of a text.
fn named(before: &[u8]) -> Option<Treatment> {
    let is_gap = |byte: &u8| matches!(byte, b'"' | b'\'' | b'\\' | b' ' | b'\t' | b']' | b')' | b'`');
    let gap = before.iter().rev().take(GAP_MAX).take_while(|byte| is_gap(byte)).count();
    let before = before.get(..before.len() - gap)?;
    let word = last_word(before);
    if word.ends_with(b".rs") {
        // A file of ours, with a line.
        return None;
    }
    treatment(word).or_else(|| {
        // "card number: …": two words that are one name.
        let lower = word.to_ascii_lowercase();
        if !SECOND_WORDS.contains(&lower.as_slice()) {
            return None;
        }
        let first = before.get(..before.len() - word.len())?.strip_suffix(b" ")?;
        treatment(&[last_word(first), lower.as_slice()].concat())
    })
}

fn last_word(text: &[u8]) -> &[u8] {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let length = text.iter().rev().take(NAME_BYTES_MAX).take_while(|byte| is_name(byte)).count();
    text.get(text.len() - length..).unwrap_or_default()
}

/// Where the value behind a separator begins and ends.
fn value(bytes: &[u8], from: usize, treatment: Treatment) -> Option<(usize, usize)> {
    let spaces = bytes.get(from..)?.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let start = from + spaces;
    if let Some((inside, end, _)) = quoted(bytes, start) {
        return Some((inside, end));
    }
    let (mut at, mut depth) = (start, 0_usize);
    while let Some(byte) = bytes.get(at) {
        if let Some((_, _, behind)) = quoted(bytes, at) {
            at = behind;
            continue;
        }
        match byte {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' if depth == 0 => break,
            b'}' | b']' | b')' => depth -= 1,
            b'&' | b',' | b';' if depth == 0 && treatment != Treatment::HideLine => break,
            b'\n' | b'\r' if depth == 0 => break,
            _ => {}
        }
        at += 1;
    }
    let trailing = bytes.get(start..at)?.iter().rev().take_while(|byte| byte.is_ascii_whitespace()).count();
    let end = at - trailing;
    (end > start).then_some((start, end))
}

/// If a quoted text begins here: where its inside begins and ends, and what is behind it. As many backslashes stand
/// before the quote that ends it as before the one that begins it; without an end it goes on to the end of everything.
fn quoted(bytes: &[u8], at: usize) -> Option<(usize, usize, usize)> {
    let slashes = bytes.get(at..)?.iter().take_while(|byte| **byte == b'\\').count();
    let quote = *bytes.get(at + slashes).filter(|byte| matches!(byte, b'"' | b'\'' | b'`'))?;
    let inside = at + slashes + 1;
    let (mut place, mut run) = (inside, 0);
    while let Some(byte) = bytes.get(place) {
        if *byte == b'\\' {
            run += 1;
        } else {
            // More of them belong to a quote inside of the text, which is escaped once more.
            if *byte == quote && run <= slashes {
                return Some((inside, place - run, place + 1));
            }
            run = 0;
        }
        place += 1;
    }
    Some((inside, bytes.len(), bytes.len()))
}
