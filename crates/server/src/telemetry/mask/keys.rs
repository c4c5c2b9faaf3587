//! Names whose values are secrets, whatever they look like: in any case, with `_` and `-` or without.

use super::MASK;
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// A longer name is judged by its end.
const NAME_BYTES_MAX: usize = 64;

/// Parts of names. A name with one of them in it names a secret.
const PARTS: &[&[u8]] = &[
    b"apikey",
    b"authorization",
    b"bearer",
    b"card",
    b"cookie",
    b"credential",
    b"cvc",
    b"cvv",
    b"dsn",
    b"iban",
    b"jwt",
    b"otp",
    b"pass",
    b"pepper",
    b"pin",
    b"private",
    b"pwd",
    b"secret",
    b"session",
    b"ssn",
    b"token",
];

/// Words that hold one of the parts by accident.
const HARMLESS: &[&[u8]] = &[
    b"bypass",
    b"compass",
    b"discard",
    b"discarded",
    b"dropping",
    b"looping",
    b"mapping",
    b"opinion",
    b"passed",
    b"ping",
    b"pinned",
    b"shipping",
    b"skipping",
    b"spin",
    b"stopping",
    b"typing",
    b"wildcard",
    b"wrapping",
];

/// What is to be done with the value of a name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Treatment {
    /// Nothing of it is shown.
    Hide,
    /// The same, where the value goes on to the end of its line: the header of a request.
    HideLine,
    /// A part of its hash is shown, so that two can be told from one another.
    Hash,
    /// An address: its first letter and its host are shown.
    Email,
    /// A number: its last two digits are shown.
    Phone,
}

/// What is to be done with the value of a name; none if it may be shown.
#[must_use]
pub fn treatment(name: &[u8]) -> Option<Treatment> {
    let mut plain = [0; NAME_BYTES_MAX];
    let mut length = 0;
    let name = name.get(name.len().saturating_sub(NAME_BYTES_MAX)..).unwrap_or_default();
    for (place, byte) in plain.iter_mut().zip(name.iter().filter(|byte| byte.is_ascii_alphanumeric())) {
        *place = byte.to_ascii_lowercase();
        length += 1;
    }
    let plain = plain.get(..length).unwrap_or_default();
    for at in 0..plain.len() {
        let rest = plain.get(at..).unwrap_or_default();
        let Some(found) = part(rest) else { continue };
        if HARMLESS.contains(&plain) {
            return None;
        }
        return Some(found);
    }
    None
}

/// The treatment of a name that goes on like this from some letter of it on.
fn part(rest: &[u8]) -> Option<Treatment> {
    // Most letters begin none.
    match rest.first()? {
        b'e' if rest.starts_with(b"email") => Some(Treatment::Email),
        b'p' if rest.starts_with(b"phone") => Some(Treatment::Phone),
        b'i' if rest.starts_with(b"idempotencykey") => Some(Treatment::Hash),
        b'a' if rest.starts_with(b"authorization") => Some(Treatment::HideLine),
        b'c' if rest.starts_with(b"cookie") => Some(Treatment::HideLine),
        b'a' | b'b' | b'c' | b'd' | b'i' | b'j' | b'o' | b'p' | b's' | b't' => {
            PARTS.iter().any(|part| rest.starts_with(part)).then_some(Treatment::Hide)
        }
        _ => None,
    }
}

impl Treatment {
    /// What is shown of a value.
    #[must_use]
    pub fn apply(self, value: &str) -> String {
        match self {
            Self::Hide | Self::HideLine => MASK.to_owned(),
            Self::Hash => hash(value),
            Self::Email => email(value),
            Self::Phone => phone(value),
        }
    }
}

fn hash(value: &str) -> String {
    let is_hash = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if value.strip_prefix('#').is_some_and(is_hash) {
        return value.to_owned();
    }
    let mut shown = "#".to_owned();
    for byte in Sha256::digest(value.as_bytes()).iter().take(6) {
        let _ = write!(shown, "{byte:02x}");
    }
    shown
}

fn email(value: &str) -> String {
    let host = value.rfind('@').or_else(|| value.rfind("%40"));
    match (value.chars().next(), host.and_then(|host| value.get(host..))) {
        (Some(first), Some(host)) if first.is_alphanumeric() && is_host(host) => format!("{first}{MASK}{host}"),
        _ => MASK.to_owned(),
    }
}

/// Whether nothing but a host follows the sign: an address with a secret for its host shows none of it.
fn is_host(text: &str) -> bool {
    let host = text.strip_prefix('@').or_else(|| text.strip_prefix("%40")).unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
    host.len() <= 64 && host.contains('.') && host.bytes().all(is_plain)
}

fn phone(value: &str) -> String {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    match value.len().checked_sub(2).and_then(|at| value.get(at..)) {
        Some(last) if last.bytes().all(|byte| byte.is_ascii_digit()) && (digits >= 6 || value.starts_with(MASK)) => {
            format!("{MASK}{last}")
        }
        _ => MASK.to_owned(),
    }
}
