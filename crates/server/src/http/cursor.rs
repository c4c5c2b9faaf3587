//! Cursors: where a list goes on. Opaque, signed, and good only for the list that they came from.

use super::problem::Problem;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::timestamp::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use std::fmt;
use uuid::Uuid;

const POSITION_BYTES: usize = 24;
const TAG_BYTES: usize = 16;

/// Signs and reads cursors.
#[derive(Clone)]
pub struct Cursors {
    mac: Hmac<Sha256>,
}

impl fmt::Debug for Cursors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Cursors")
    }
}

/// The last line of a page: the next one begins after it.
pub type Position = (Timestamp, Uuid);

impl Cursors {
    /// Cursors that are signed with a secret.
    ///
    /// # Errors
    /// If the secret cannot be a key, which no secret of ours can be.
    pub fn new(secret: &SecretString) -> anyhow::Result<Self> {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())?;
        // So that nothing else that is signed with this secret can pass for a cursor.
        mac.update(b"superapp cursor 1");
        Ok(Self { mac })
    }

    /// Writes a cursor for one list: `scope` names the list, its owner and its filters.
    #[must_use]
    pub fn write(&self, scope: &str, (at, id): Position) -> String {
        let mut bytes = Vec::with_capacity(POSITION_BYTES + TAG_BYTES);
        bytes.extend_from_slice(&at.as_micros().to_be_bytes());
        bytes.extend_from_slice(id.as_bytes());
        let tag = self.tagged(scope, &bytes).finalize().into_bytes();
        bytes.extend(tag.iter().take(TAG_BYTES));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor of the same list.
    ///
    /// # Errors
    /// A problem that names the parameter.
    pub fn read(&self, scope: &str, cursor: &str) -> Result<Position, Problem> {
        self.position(scope, cursor).ok_or_else(|| {
            Problem::field("cursor", "must be the `next_cursor` of this very list, with the same filters")
        })
    }

    fn position(&self, scope: &str, cursor: &str) -> Option<Position> {
        if cursor.len() > 64 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (position, tag) = bytes.split_at_checked(POSITION_BYTES)?;
        if tag.len() != TAG_BYTES {
            return None;
        }
        self.tagged(scope, position).verify_truncated_left(tag).ok()?;
        let (at, id) = position.split_at_checked(8)?;
        let at = i64::from_be_bytes(at.try_into().ok()?);
        Some((Timestamp::from_micros(at), Uuid::from_slice(id).ok()?))
    }

    fn tagged(&self, scope: &str, position: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        mac.update(position);
        mac.update(scope.as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::Cursors;
    use domain::timestamp::Timestamp;
    use uuid::Uuid;

    #[test]
    fn a_cursor_reads_back_for_its_own_list_only() {
        let cursors = Cursors::new(&"a-key-for-tests-only".into()).unwrap();
        let position = (Timestamp::from_micros(-5), Uuid::from_u128(7));
        let cursor = cursors.write("history ann", position);
        assert_eq!(cursors.read("history ann", &cursor).unwrap(), position);
        assert!(cursors.read("history bob", &cursor).is_err());
        let other = Cursors::new(&"another-key-for-tests".into()).unwrap();
        assert!(other.read("history ann", &cursor).is_err());
    }

    #[test]
    fn no_letter_of_a_cursor_can_be_changed() {
        let cursors = Cursors::new(&"a-key-for-tests-only".into()).unwrap();
        let cursor = cursors.write("scope", (Timestamp::from_micros(1), Uuid::nil()));
        for index in 0..cursor.len() {
            for letter in ["A", "_", "=", "é", ""] {
                if cursor.get(index..=index) == Some(letter) {
                    continue;
                }
                let mut forged = cursor.clone();
                forged.replace_range(index..=index, letter);
                assert!(cursors.read("scope", &forged).is_err(), "{forged}");
            }
        }
        assert!(cursors.read("scope", "").is_err());
        assert!(cursors.read("scope", &"A".repeat(10_000)).is_err());
    }
}
