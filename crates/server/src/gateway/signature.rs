//! Signatures of events, as Standard Webhooks has them: HMAC-SHA256 over `id.timestamp.body`, in base64 after `v1,`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::payment::EventId;
use domain::timestamp::{Span, Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;
use std::fmt;

/// How far a provider's clock may be from ours, either way, and how long an event may travel.
pub const TOLERANCE: Span = Span::seconds(300);
/// Signatures that are looked at; a provider sends one for each of its keys.
const SIGNATURES_MAX: usize = 16;
const SCHEME: &str = "v1,";

/// Whoever may sign the events of a provider.
pub struct Signer {
    keys: Vec<Hmac<Sha256>>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Signer")
    }
}

/// What came with an event, and the event itself, as bytes.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'event> {
    /// `webhook-id`.
    pub id: &'event str,
    /// `webhook-timestamp`: seconds since 1970.
    pub timestamp: &'event str,
    /// `webhook-signature`: one or more, with spaces between.
    pub signatures: &'event str,
    /// The body, byte for byte as it came.
    pub body: &'event [u8],
}

impl Signer {
    /// Whoever has one of the keys.
    ///
    /// # Errors
    /// If a key cannot be one, which no key can.
    pub fn new(keys: &[SecretSlice<u8>]) -> anyhow::Result<Self> {
        let mac = |key: &SecretSlice<u8>| Hmac::<Sha256>::new_from_slice(key.expose_secret());
        Ok(Self { keys: keys.iter().map(mac).collect::<Result<_, _>>()? })
    }

    /// The id of an event that was signed with one of the keys, near to now. What is wrong with any other is
    /// nobody's business. Signatures are compared in constant time.
    #[must_use]
    pub fn verify(&self, signed: &Signed<'_>, now: Timestamp) -> Option<EventId> {
        // Neither id nor timestamp has a full stop, so what is signed can be read in one way only.
        let id = EventId::parse(signed.id).ok()?;
        let at = moment(signed.timestamp)?;
        if at < now.minus(TOLERANCE) || at > now.plus(TOLERANCE) {
            return None;
        }
        let claimed: Vec<Vec<u8>> = signed
            .signatures
            .split(' ')
            .take(SIGNATURES_MAX)
            .filter_map(|signature| STANDARD.decode(signature.strip_prefix(SCHEME)?).ok())
            .collect();
        let is_signed = self.keys.iter().any(|key| {
            let mac = key
                .clone()
                .chain_update(signed.id)
                .chain_update(".")
                .chain_update(signed.timestamp)
                .chain_update(".")
                .chain_update(signed.body);
            claimed.iter().any(|claimed| mac.clone().verify_slice(claimed).is_ok())
        });
        is_signed.then_some(id)
    }
}

/// Seconds since 1970, in plain digits.
fn moment(text: &str) -> Option<Timestamp> {
    if !(1..=18).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds: i64 = text.parse().ok()?;
    seconds.checked_mul(1_000_000).map(Timestamp::from_micros)
}

#[cfg(test)]
#[path = "signature/tests.rs"]
mod tests;
