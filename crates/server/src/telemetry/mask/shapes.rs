//! Secrets that are known by what they look like, whatever they are called.

use super::{Found, MASK};
use std::borrow::Cow;

/// Beginnings of what this server hands out or is given, and how many letters make a secret of it.
const KEYS: &[(&[u8], usize)] = &[
    (b"sa_live_", 4),
    (b"sa_test_", 4),
    (b"sar_", 16),
    (b"sae_", 16),
    (b"whsec_", 8),
    (b"sk_live_", 8),
    (b"sk_test_", 8),
];

/// Schemes behind which a password may have any letter, encoded or not.
const DATABASES: &[&[u8]] = &[b"postgres", b"postgresql", b"redis", b"rediss", b"mysql", b"mongodb", b"amqp"];

fn rest(bytes: &[u8], at: usize) -> &[u8] {
    bytes.get(at..).unwrap_or_default()
}

fn run(bytes: &[u8], at: usize, is_part: impl Fn(u8) -> bool) -> usize {
    rest(bytes, at).iter().take_while(|byte| is_part(**byte)).count()
}

fn before(bytes: &[u8], at: usize) -> Option<u8> {
    at.checked_sub(1).and_then(|at| bytes.get(at)).copied()
}

const fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

fn hidden(start: usize, end: usize) -> Found {
    Found { start, end, instead: Cow::Borrowed(MASK) }
}

/// `eyJ….….…`, with any number of parts above two; of two, if both are objects.
pub(super) fn jwt(bytes: &[u8], at: usize) -> Option<Found> {
    if !rest(bytes, at).starts_with(b"eyJ") {
        return None;
    }
    let mut end = at + run(bytes, at, is_base64url);
    let mut parts = 1;
    let mut second_is_object = false;
    while bytes.get(end) == Some(&b'.') {
        let length = run(bytes, end + 1, is_base64url);
        second_is_object |= parts == 1 && rest(bytes, end + 1).starts_with(b"eyJ");
        if length == 0 && parts < 2 {
            break;
        }
        parts += 1;
        end += 1 + length;
    }
    (parts >= 3 || second_is_object).then(|| hidden(at, end))
}

/// A key or a token of ours.
pub(super) fn key_of_ours(bytes: &[u8], at: usize) -> Option<Found> {
    let text = rest(bytes, at);
    let (prefix, length_min) = KEYS.iter().find(|(prefix, _)| text.starts_with(prefix))?;
    let from = at + prefix.len();
    let is_part = |byte: u8| is_base64url(byte) || matches!(byte, b'+' | b'/' | b'=');
    let length = run(bytes, from, is_part);
    // The beginning stays: it tells what kind of a secret somebody lost.
    (length >= *length_min).then(|| hidden(from, from + length))
}

/// What follows `Bearer` or `Basic`.
pub(super) fn after_scheme(bytes: &[u8], at: usize) -> Option<Found> {
    if before(bytes, at).is_some_and(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let text = rest(bytes, at);
    let is = |scheme: &[u8]| text.get(..scheme.len()).is_some_and(|found| found.eq_ignore_ascii_case(scheme));
    let length = [b"bearer".as_slice(), b"basic"].into_iter().find(|scheme| is(scheme))?.len();
    let spaces = run(bytes, at + length, |byte| matches!(byte, b' ' | b'\t' | b'+'));
    let start = at + length + spaces;
    let is_part = |byte: u8| is_base64url(byte) || matches!(byte, b'.' | b'~' | b'+' | b'/' | b'=');
    let token = bytes.get(start..start + run(bytes, start, is_part))?;
    // A word of a sentence is none.
    let is_odd = token.len() >= 20 || token.iter().any(|byte| !byte.is_ascii_lowercase() && *byte != b'.');
    (spaces > 0 && token.len() >= 4 && is_odd).then(|| hidden(start, start + token.len()))
}

/// A hash of a password as PHC has it: `$argon2id$v=19$…$…$…`, or `$2b$…` as bcrypt has it.
pub(super) fn hash(bytes: &[u8], at: usize) -> Option<Found> {
    let name = run(bytes, at + 1, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !(1..=32).contains(&name) || bytes.get(at + 1 + name) != Some(&b'$') {
        return None;
    }
    let is_part = |byte: u8| is_base64url(byte) || matches!(byte, b'$' | b'+' | b'/' | b'=' | b'.' | b',');
    let length = run(bytes, at, is_part);
    let dollars = bytes.get(at..at + length)?.iter().filter(|byte| **byte == b'$').count();
    (dollars >= 3 && length >= 20).then(|| hidden(at, at + length))
}

/// Everything between the lines of a PEM, or to the end of the text.
pub(super) fn pem(bytes: &[u8], at: usize) -> Option<Found> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    const END: &[u8] = b"-----END ";
    if !rest(bytes, at).starts_with(BEGIN) {
        return None;
    }
    let end = rest(bytes, at).windows(END.len()).position(|window| window == END).map(|end| at + end + END.len());
    let line =
        |end: usize| rest(bytes, end).windows(5).position(|window| window == b"-----").map(|dash| end + dash + 5);
    Some(hidden(at, end.and_then(line).unwrap_or(bytes.len())))
}

/// The user and the password of a URL: at the colon of its scheme.
pub(super) fn user_info(bytes: &[u8], colon: usize) -> Option<Found> {
    // `:\/\/` is how some write it in JSON.
    let slashes = [b"://".as_slice(), br":\/\/"].into_iter().find(|slashes| rest(bytes, colon).starts_with(slashes))?;
    let start = colon + slashes.len();
    let scheme = bytes.get(..colon)?;
    let length = scheme.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'+').count();
    let scheme = scheme.get(scheme.len() - length..)?.to_ascii_lowercase();
    let is_database = DATABASES.iter().any(|name| scheme.starts_with(name));
    let ends = |byte: u8| {
        byte.is_ascii_whitespace()
            || byte.is_ascii_control()
            || matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'`' | b'\\')
            || (!is_database && matches!(byte, b'/' | b'?' | b'#'))
    };
    let authority = bytes.get(start..start + run(bytes, start, |byte| !ends(byte)))?;
    let sign = authority.iter().rposition(|byte| *byte == b'@')?;
    (authority.get(..sign) != Some(MASK.as_bytes())).then(|| hidden(start, start + sign))
}

/// Lengths of card numbers.
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

/// A card number: 13 to 19 digits, alone or in groups of three and more, whose check digit is right.
pub(super) fn card(bytes: &[u8], at: usize) -> Option<Found> {
    let previous = before(bytes, at);
    let follows_number =
        previous == Some(b'.') && at >= 2 && before(bytes, at - 1).is_some_and(|byte| byte.is_ascii_digit());
    if previous.is_some_and(|byte| byte.is_ascii_alphanumeric()) || follows_number {
        return None;
    }
    let (mut end, mut digits, mut groups) = (at, [0_u8; 19], 0_usize);
    let mut count = 0;
    loop {
        let length = run(bytes, end, |byte| byte.is_ascii_digit());
        if length == 0 || (groups > 0 && length < 3) || count + length > *CARD_DIGITS.end() {
            return None;
        }
        let group = bytes.get(end..end + length)?;
        digits.iter_mut().skip(count).zip(group).for_each(|(place, digit)| *place = digit - b'0');
        (count, end, groups) = (count + length, end + length, groups + 1);
        let next = bytes.get(end).copied();
        let is_over = !next.is_some_and(|byte| byte.is_ascii_alphanumeric());
        let known = digits.get(..count)?;
        if is_over && CARD_DIGITS.contains(&count) && luhn(known) && !(groups == 1 && is_moment(known)) {
            return Some(hidden(at, end));
        }
        if !matches!(next, Some(b' ' | b'-' | b'+')) || length < 3 {
            return None;
        }
        end += 1;
    }
}

fn luhn(digits: &[u8]) -> bool {
    let value = |(place, digit): (usize, &u8)| match (place % 2, u32::from(*digit)) {
        (0, digit) => digit,
        (_, digit @ 0..5) => digit * 2,
        (_, digit) => digit * 2 - 9,
    };
    let is_some = digits.iter().any(|digit| *digit != 0);
    is_some && digits.iter().rev().enumerate().map(value).sum::<u32>() % 10 == 0
}

/// Whether this is rather a moment of our days, in milli-, micro- or nanoseconds.
fn is_moment(digits: &[u8]) -> bool {
    digits.first() == Some(&1) && matches!(digits.len(), 13 | 16 | 19)
}
