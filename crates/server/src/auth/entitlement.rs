//! Tokens for media gateways, and the tokens that renew them. Neither opens anything of the API.
//!
//! Both have keys of their own, derived from the server's secret: who may check what a gateway is shown can forge
//! nothing else.

use super::refresh::successor_of;
use super::token::{ISSUER, Key};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::id::SubscriptionId;
use domain::subscription::Subscription;
use domain::timestamp::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use uuid::Uuid;

const AUDIENCE: &str = "superapp-media";
/// So that it cannot pass for an access token, nor an access token for it.
const TYPE: &str = "entitlement+jwt";
const PREFIX: &str = "sae_";
const BODY_BYTES: usize = 32;
const TAG_BYTES: usize = 16;

/// What a token for media gateways says. Times are seconds since 1970; a token is good from `nbf` until before `exp`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "docs/api.md explains them to those who read tokens")]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    pub sub: String,
    pub creator_id: String,
    pub subscription_id: String,
    pub tier: String,
    pub exp: i64,
    pub nbf: i64,
    pub iat: i64,
    pub jti: Uuid,
}

/// Which family of refresh tokens: of which subscription, in which period, and which of the families there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// The period.
    pub period: i64,
    /// What the family was given at its beginning.
    pub family: [u8; 16],
}

/// What makes a token: the mark that its family keeps, and random bytes for this one.
#[must_use]
pub fn nonce(family: [u8; 16], random: [u8; 16]) -> [u8; 32] {
    let mut nonce = [0; 32];
    for (byte, value) in nonce.iter_mut().zip(family.into_iter().chain(random)) {
        *byte = value;
    }
    nonce
}

/// The mark of the family in a nonce.
#[must_use]
pub fn family_of(nonce: &[u8; 32]) -> [u8; 16] {
    let mut family = [0; 16];
    for (byte, value) in family.iter_mut().zip(nonce) {
        *byte = *value;
    }
    family
}

/// A token that gets the next token for gateways. Never printed.
#[derive(Clone, Eq, PartialEq)]
pub struct RenewalToken(String);

impl fmt::Debug for RenewalToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RenewalToken(***)")
    }
}

impl RenewalToken {
    /// What goes to the client.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is kept. A plain hash is enough for 256 bits that nobody can guess.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(&self.0).into()
    }
}

/// Signs tokens for media gateways, and makes and recognises those that renew them.
#[derive(Clone)]
pub struct EntitlementTokens {
    key: Key,
    mac: Hmac<Sha256>,
}

impl fmt::Debug for EntitlementTokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("EntitlementTokens")
    }
}

impl EntitlementTokens {
    /// Tokens whose keys are derived from the server's secret.
    ///
    /// # Errors
    /// If the secret cannot be a key, which no secret of ours can be.
    pub fn new(secret: &SecretString) -> anyhow::Result<Self> {
        let derived = |purpose: &[u8]| -> anyhow::Result<[u8; 32]> {
            let mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())?;
            Ok(mac.chain_update(purpose).finalize().into_bytes().into())
        };
        // docs/api.md tells operators how to derive the first one for their gateways: it must stay as it is.
        let key = Key::new(&derived(b"superapp entitlement token 1")?, TYPE, AUDIENCE);
        let mac = Hmac::<Sha256>::new_from_slice(&derived(b"superapp entitlement refresh 1")?)?;
        Ok(Self { key, mac })
    }

    /// Signs a token that tells of a subscription until `end`; says until when it is good, in whole seconds.
    ///
    /// # Errors
    /// If the claims cannot be written, which no claims of ours can cause.
    pub fn sign(
        &self,
        subscription: &Subscription,
        id: Uuid,
        now: Timestamp,
        end: Timestamp,
    ) -> Result<(String, Timestamp), jsonwebtoken::errors::Error> {
        let seconds = |at: Timestamp| at.as_micros().div_euclid(1_000_000);
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: subscription.subscriber_id.to_string(),
            creator_id: subscription.creator_id.to_string(),
            subscription_id: subscription.id.to_string(),
            tier: subscription.tier.as_str().to_owned(),
            // Rounded down: it never outlives what it tells of.
            exp: seconds(end),
            nbf: seconds(now),
            iat: seconds(now),
            jti: id,
        };
        Ok((self.key.sign(&claims)?, Timestamp::from_micros(claims.exp.saturating_mul(1_000_000))))
    }

    /// Believes a token, or not, as a gateway does.
    #[must_use]
    pub fn verify(&self, token: &str, now: Timestamp) -> Option<Claims> {
        let claims = self.key.open::<Claims>(token)?;
        let seconds = now.as_micros().div_euclid(1_000_000);
        (claims.nbf <= seconds && seconds < claims.exp).then_some(claims)
    }

    /// The first token of a family. It can be made again from the nonce, and from the server's secret, which is not
    /// in the database: the first answer may get lost, too.
    #[must_use]
    pub fn first(&self, place: &Place, nonce: &[u8; 32]) -> RenewalToken {
        let body = self.placed(b"first", place).chain_update(nonce).finalize().into_bytes();
        self.token(place, &body.into())
    }

    /// The token that follows another one.
    #[must_use]
    pub fn successor(&self, place: &Place, token: &str, nonce: &[u8; 32]) -> Option<RenewalToken> {
        successor_of(token, nonce).map(|body| self.token(place, &body))
    }

    /// Reads a token of a family. Any other text, and any token of another family, is none.
    #[must_use]
    pub fn read(&self, place: &Place, text: &str) -> Option<RenewalToken> {
        let encoded = text.strip_prefix(PREFIX).filter(|encoded| encoded.len() == (BODY_BYTES + TAG_BYTES) / 3 * 4)?;
        let bytes = URL_SAFE_NO_PAD.decode(encoded).ok()?;
        let (body, tag) = bytes.split_at_checked(BODY_BYTES)?;
        self.placed(b"tag", place).chain_update(body).verify_truncated_left(tag).ok()?;
        Some(RenewalToken(text.to_owned()))
    }

    fn placed(&self, purpose: &[u8], place: &Place) -> Hmac<Sha256> {
        let mac = self.mac.clone().chain_update(purpose).chain_update(place.subscription_id.uuid().as_bytes());
        mac.chain_update(place.period.to_be_bytes()).chain_update(place.family)
    }

    fn token(&self, place: &Place, body: &[u8; BODY_BYTES]) -> RenewalToken {
        let tag = self.placed(b"tag", place).chain_update(body).finalize().into_bytes();
        let bytes: Vec<u8> = body.iter().chain(tag.iter().take(TAG_BYTES)).copied().collect();
        RenewalToken(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }
}

#[cfg(test)]
#[path = "entitlement/tests.rs"]
mod tests;
