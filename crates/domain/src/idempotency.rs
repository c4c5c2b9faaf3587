//! Idempotency keys: what they may look like, what makes two requests the same, and which answer is due.
//!
//! The key's record commits together with the effect, so there is no "in progress" row to be orphaned.

use crate::id::{TransactionId, UserId};
use crate::timestamp::{Span, Timestamp};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// How long an answer is kept, measured when it is read: the sweeper only frees the space.
pub const RETENTION: Span = Span::hours(24);

/// A client's key: 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Key(String);

/// Why a text is not a [`Key`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("must be 1 to 255 visible ASCII characters")]
pub struct InvalidKey;

impl Key {
    /// Reads a key, with or without the quotes of a structured-field string: `"abc"` and `abc` are the same.
    ///
    /// # Errors
    /// [`InvalidKey`] for an empty or long text, spaces, control characters or anything outside ASCII.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let text = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
        if (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidKey)
        }
    }

    /// The form that is stored and compared.
    #[must_use]
    pub fn digest(&self) -> KeyDigest {
        KeyDigest(Sha256::digest(self.0.as_bytes()).into())
    }
}

/// SHA-256 of a [`Key`]. The client's own text is not kept.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KeyDigest(pub [u8; 32]);

/// SHA-256 over everything that makes a request what it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Hashes the parts, each with its length before it, so that no two lists of parts collide.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }
}

/// The idempotency key of one request, as the ledger sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Idempotency {
    /// Whose key it is: two users may use the same text.
    pub principal: UserId,
    /// The key.
    pub digest: KeyDigest,
    /// What was asked.
    pub fingerprint: Fingerprint,
    /// The route's template, for people who read the table.
    pub route: String,
    /// When the request arrived.
    pub first_seen: Timestamp,
}

/// Names one execution of one key for ever, though the key itself is free again after [`RETENTION`].
///
/// The time leads, so that an index on it grows at its end.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ExecutionDigest(pub [u8; 24]);

impl ExecutionDigest {
    /// Eight bytes of time, then sixteen of SHA-256 over principal, key and time.
    #[must_use]
    pub fn of(principal: UserId, key: KeyDigest, first_seen: Timestamp) -> Self {
        let time = first_seen.as_micros().to_be_bytes();
        let hash = Sha256::new().chain_update(principal.uuid()).chain_update(key.0).chain_update(time).finalize();
        let mut bytes = [0; 24];
        for (byte, source) in bytes.iter_mut().zip(time.iter().chain(hash.iter())) {
            *byte = *source;
        }
        Self(bytes)
    }

    /// Whether it is an execution of a key, whenever that was.
    #[must_use]
    pub fn is_of(self, principal: UserId, key: KeyDigest) -> bool {
        let Some(time) = self.0.first_chunk() else { return false };
        self == Self::of(principal, key, Timestamp::from_micros(i64::from_be_bytes(*time)))
    }
}

/// An answer as it went out: what a replay sends again, byte for byte.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredResponse {
    /// The HTTP status.
    pub status: u16,
    /// Only those that describe the body: `content-type`, `location`.
    pub headers: Vec<(String, String)>,
    /// The body, at most [`StoredResponse::BODY_BYTES_MAX`].
    pub body: Vec<u8>,
}

impl StoredResponse {
    /// Our answers to money routes are small; one that is not is a bug, and is refused by the store.
    pub const BODY_BYTES_MAX: usize = 64 * 1024;
}

/// What is kept for a key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// Whose key.
    pub principal: UserId,
    /// The key.
    pub digest: KeyDigest,
    /// What was asked.
    pub fingerprint: Fingerprint,
    /// The id of the request that was executed, made before the commit: a batch that runs again
    /// after an unknown outcome knows its own work by it.
    pub execution: TransactionId,
    /// The transaction that it made, if it made one.
    pub tx_id: Option<TransactionId>,
    /// The route's template.
    pub route: String,
    /// The request id of the first answer.
    pub request_id: String,
    /// The answer.
    pub response: StoredResponse,
    /// When the first request arrived.
    pub created_at: Timestamp,
    /// When the key is free again.
    pub expires_at: Timestamp,
}

/// Which answer a request with a key is due.
#[derive(Debug, Eq, PartialEq)]
pub enum Verdict<'record> {
    /// Nothing is known of the key: execute.
    Execute,
    /// This very request was executed; its commit was not heard of.
    Own(&'record Record),
    /// The same request was answered before.
    Replay(&'record Record),
    /// The key was used for another request.
    Reused,
}

/// Rules on a request with a key, given what is recorded of the key.
#[must_use]
pub fn judge<'record>(
    record: Option<&'record Record>,
    fingerprint: &Fingerprint,
    execution: Option<TransactionId>,
    now: Timestamp,
) -> Verdict<'record> {
    match record {
        None => Verdict::Execute,
        // First, because a request that waited past midnight must still know its own work.
        Some(record) if Some(record.execution) == execution => Verdict::Own(record),
        Some(record) if record.expires_at <= now => Verdict::Execute,
        Some(record) if record.fingerprint == *fingerprint => Verdict::Replay(record),
        Some(_) => Verdict::Reused,
    }
}

#[cfg(test)]
#[path = "idempotency/tests.rs"]
mod tests;
