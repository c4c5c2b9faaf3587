//! The payment provider that signs what it says: its name, and the keys that it may sign with.

use super::sales::within;
use super::{Config, ConfigError, invalid};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use domain::timestamp::Span;
use domain::wallet::Provider;
use secrecy::{ExposeSecret, SecretSlice};
use std::ops::RangeInclusive;

/// The shortest key of Standard Webhooks, which production asks for.
const KEY_BYTES_MIN: usize = 24;
/// The one in use, the next one, and some to spare: each costs a hash for each event.
const KEYS_MAX: usize = 4;
/// Secrets are copied by hand, and the padding is easily lost.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A payment provider that sends signed events.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Its name, here and in the path of its webhook.
    pub provider: Provider,
    /// The keys that it may sign with; never empty.
    pub keys: Vec<SecretSlice<u8>>,
}

/// From an hour to a year.
const PENDING_HOURS: RangeInclusive<i64> = 1..=8_760;

impl Config {
    /// How long a deposit waits for its payment.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] for a number out of bounds.
    pub fn deposit_lifetime(&self) -> Result<Span, ConfigError> {
        Ok(Span::hours(within("payments.pending_hours", self.payments.pending_hours, &PENDING_HOURS)?))
    }

    /// The payment provider that sends signed events, if there is one.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] for a name that is none or is taken, and for secrets that are missing, too many,
    /// no base64, or too short for production.
    pub fn webhook(&self) -> Result<Option<Webhook>, ConfigError> {
        let (name, key) = (&self.payments.webhook_provider, "payments.webhook_provider");
        if name.is_empty() {
            return Ok(None);
        }
        let provider = Provider::parse(name).map_err(|problem| invalid(key, problem.to_string()))?;
        if [Provider::sandbox(), Provider::manual()].contains(&provider) {
            return Err(invalid(key, format!("must not be `{name}`, which has a meaning of its own")));
        }
        Ok(Some(Webhook { provider, keys: self.webhook_keys()? }))
    }

    fn webhook_keys(&self) -> Result<Vec<SecretSlice<u8>>, ConfigError> {
        let wrong = |problem: &str| {
            invalid("payments.webhook_secret", format!("{problem}; make one with `openssl rand -base64 32`"))
        };
        let mut keys = Vec::new();
        // The texts are secrets, so no message repeats them.
        for text in self.payments.webhook_secret.expose_secret().split_whitespace() {
            let bytes = BASE64.decode(text.strip_prefix("whsec_").unwrap_or(text));
            let bytes = bytes.map_err(|_| wrong("must be base64, with or without `whsec_` before it"))?;
            if bytes.is_empty() || (self.is_production() && bytes.len() < KEY_BYTES_MIN) {
                return Err(wrong(&format!("must be at least {KEY_BYTES_MIN} bytes long in production")));
            }
            keys.push(SecretSlice::from(bytes));
        }
        match keys.len() {
            0 => Err(wrong("is required with payments.webhook_provider")),
            1..=KEYS_MAX => Ok(keys),
            _ => Err(wrong(&format!("must be at most {KEYS_MAX} secrets"))),
        }
    }
}
