//! Access tokens: signed, short-lived, and never the last word. Role and standing are read from the account.

use super::hs256;
use domain::id::{SessionId, UserId};
use domain::timestamp::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use uuid::Uuid;

pub(super) const ISSUER: &str = "superapp";
const AUDIENCE: &str = "superapp-api";
/// RFC 9068: an access token says so, so that no other token can pass for one.
const TYPE: &str = "at+jwt";
/// A token of ours has some 400 bytes.
const BYTES_MAX: usize = 2_048;
/// How far two clocks may differ, in seconds.
const LEEWAY: i64 = 30;

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    exp: i64,
    nbf: i64,
    iat: i64,
    jti: Uuid,
    sid: String,
}

/// What a token says, once it has been believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bearer {
    /// Whose it is.
    pub user_id: UserId,
    /// The sign-in that it descends from.
    pub session_id: SessionId,
}

/// One key with one algorithm, for tokens of one kind.
#[derive(Clone)]
pub(super) struct Key {
    encoding: EncodingKey,
    decoding: DecodingKey,
    header: Header,
    /// The first part of every token of ours: the header as it is written.
    head: String,
    validation: Validation,
}

impl Key {
    /// A key for tokens of a type and for an audience. No other type and no other audience is believed.
    pub(super) fn new(secret: &[u8], token_type: &str, audience: &str) -> Self {
        hs256::install();
        let kid: String = Sha256::digest(secret).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some(token_type.to_owned());
        header.kid = Some(kid);
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
        // Time is compared by the caller, with the clock that is handed in.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let (encoding, decoding) = (EncodingKey::from_secret(secret), DecodingKey::from_secret(secret));
        // Signed once, to learn how the library writes it. Claims are not looked at.
        let head = encode(&header, &(), &encoding).ok().and_then(|token| token.split('.').next().map(str::to_owned));
        Self { encoding, decoding, header, head: head.unwrap_or_default(), validation }
    }

    /// Signs claims.
    pub(super) fn sign(&self, claims: &impl Serialize) -> Result<String, jsonwebtoken::errors::Error> {
        encode(&self.header, claims, &self.encoding)
    }

    /// The claims of a token that was signed with this key, whatever their times.
    pub(super) fn open<C: DeserializeOwned>(&self, token: &str) -> Option<C> {
        // The header is ours to the letter: nothing in one that is not can name an algorithm, a key or where to find one.
        let (head, _) = token.split_once('.').filter(|_| token.len() <= BYTES_MAX)?;
        if head != self.head {
            return None;
        }
        decode::<C>(token, &self.decoding, &self.validation).ok().map(|data| data.claims)
    }
}

/// Signs access tokens with one key and one algorithm, and believes those of the keys before it for as long as they are
/// in the settings.
#[derive(Clone)]
pub struct Tokens {
    key: Key,
    previous: Vec<Key>,
    seconds: u32,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tokens").field("seconds", &self.seconds).finish_non_exhaustive()
    }
}

impl Tokens {
    /// Tokens that are signed with `secret` and good for `seconds`.
    #[must_use]
    pub fn new(secret: &SecretString, seconds: u32) -> Self {
        Self { key: Self::key(secret), previous: Vec::new(), seconds }
    }

    /// The same, and tokens that were signed with any of `secrets` are believed for the rest of their time.
    #[must_use]
    pub fn with_previous(self, secrets: &[SecretString]) -> Self {
        Self { previous: secrets.iter().map(Self::key).collect(), ..self }
    }

    fn key(secret: &SecretString) -> Key {
        Key::new(secret.expose_secret().as_bytes(), TYPE, AUDIENCE)
    }

    /// How long a token is good for.
    #[must_use]
    pub const fn seconds(&self) -> u32 {
        self.seconds
    }

    /// Signs a token.
    ///
    /// # Errors
    /// If the claims cannot be written, which no claims of ours can cause.
    pub fn sign(&self, bearer: Bearer, id: Uuid, now: Timestamp) -> Result<String, jsonwebtoken::errors::Error> {
        let seconds = now.as_micros().div_euclid(1_000_000);
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: bearer.user_id.to_string(),
            exp: seconds + i64::from(self.seconds),
            nbf: seconds,
            iat: seconds,
            jti: id,
            sid: bearer.session_id.to_string(),
        };
        self.key.sign(&claims)
    }

    /// Believes a token, or not. There is no saying why not: that would only help a forger.
    #[must_use]
    pub fn verify(&self, token: &str, now: Timestamp) -> Option<Bearer> {
        // A token names its key, and no other one is tried: a header that no key of ours writes opens nothing.
        let claims = std::iter::once(&self.key).chain(&self.previous).find_map(|key| key.open::<Claims>(token))?;
        let seconds = now.as_micros().div_euclid(1_000_000);
        let in_time = seconds < claims.exp.saturating_add(LEEWAY) && seconds >= claims.nbf.saturating_sub(LEEWAY);
        if !in_time {
            return None;
        }
        Some(Bearer { user_id: claims.sub.parse().ok()?, session_id: claims.sid.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::{Bearer, Claims, Tokens};
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use domain::id::{SessionId, UserId};
    use domain::timestamp::{Span, Timestamp};
    use hmac::{Hmac, KeyInit, Mac};
    use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
    use secrecy::SecretString;
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
    const SECRET: &str = "a-key-for-tests-only-0123456789abcdef";

    fn bearer() -> Bearer {
        Bearer { user_id: UserId::new(Uuid::from_u128(1)), session_id: SessionId::new(Uuid::from_u128(2)) }
    }

    fn tokens() -> Tokens {
        Tokens::new(&SECRET.into(), 900)
    }

    fn signed() -> String {
        tokens().sign(bearer(), Uuid::nil(), NOW).unwrap()
    }

    #[test]
    fn a_token_is_good_for_its_time_and_thirty_seconds() {
        let (tokens, token) = (tokens(), signed());
        assert_eq!(tokens.verify(&token, NOW), Some(bearer()));
        assert_eq!(tokens.verify(&token, NOW.plus(Span::seconds(929))), Some(bearer()));
        assert_eq!(tokens.verify(&token, NOW.plus(Span::seconds(930))), None);
        assert_eq!(tokens.verify(&token, NOW.minus(Span::seconds(31))), None);
    }

    #[test]
    fn no_bit_of_a_token_can_be_flipped() {
        let (tokens, token) = (tokens(), signed());
        for index in 0..token.len() {
            for bit in 0..7 {
                let mut bytes = token.clone().into_bytes();
                bytes[index] ^= 1 << bit;
                let Ok(forged) = String::from_utf8(bytes) else { continue };
                assert_eq!(tokens.verify(&forged, NOW), None, "{index} {bit}");
            }
        }
    }

    fn forged(header: &Header, change: impl FnOnce(&mut Claims)) -> String {
        let seconds = NOW.as_micros() / 1_000_000;
        let mut claims = Claims {
            iss: super::ISSUER.to_owned(),
            aud: super::AUDIENCE.to_owned(),
            sub: bearer().user_id.to_string(),
            exp: seconds + 900,
            nbf: seconds,
            iat: seconds,
            jti: Uuid::nil(),
            sid: bearer().session_id.to_string(),
        };
        change(&mut claims);
        encode(header, &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
    }

    #[test]
    fn tokens_signed_with_our_key_for_another_purpose_are_refused() {
        let (tokens, ours) = (tokens(), tokens().key.header);
        assert_eq!(tokens.verify(&forged(&ours, |_| ()), NOW), Some(bearer()));
        let no_type = Header { typ: Some("JWT".to_owned()), ..ours.clone() };
        let no_kid = Header { kid: None, ..ours.clone() };
        let cases = [
            forged(&no_type, |_| ()),
            forged(&no_kid, |_| ()),
            forged(&ours, |claims| claims.iss = "somebody".to_owned()),
            forged(&ours, |claims| claims.aud = "something".to_owned()),
            forged(&ours, |claims| claims.sub = "admin".to_owned()),
            forged(&ours, |claims| claims.sid = String::new()),
            forged(&ours, |claims| claims.exp = 0),
            forged(&ours, |claims| claims.nbf = i64::MAX),
        ];
        for token in cases {
            assert_eq!(tokens.verify(&token, NOW), None, "{token}");
        }
    }

    #[test]
    fn a_token_signed_with_our_key_and_another_algorithm_is_refused() {
        let header = Header { alg: Algorithm::HS512, ..tokens().key.header };
        let token = signed();
        let payload = token.split('.').nth(1).unwrap();
        let message = format!("{}.{payload}", URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header).unwrap()));
        let mac = Hmac::<sha2::Sha512>::new_from_slice(SECRET.as_bytes()).unwrap().chain_update(&message).finalize();
        let signature = URL_SAFE_NO_PAD.encode(mac.into_bytes());
        assert_eq!(tokens().verify(&format!("{message}.{signature}"), NOW), None);
    }

    #[test]
    fn an_unsigned_token_is_refused() {
        let token = signed();
        let payload = token.split('.').nth(1).unwrap();
        for header in [r#"{"alg":"none","typ":"at+jwt"}"#, r#"{"alg":"None"}"#, r#"{"alg":"HS256","typ":"at+jwt"}"#] {
            let header = URL_SAFE_NO_PAD.encode(header);
            for signature in ["", "AAAA"] {
                assert_eq!(tokens().verify(&format!("{header}.{payload}.{signature}"), NOW), None);
            }
        }
    }

    #[test]
    fn a_previous_key_opens_its_own_tokens_for_their_time_and_signs_none() {
        let (old, new) = (SecretString::from(SECRET), "another-key-for-tests-only-0123456789".into());
        let rotated = Tokens::new(&new, 900).with_previous(std::slice::from_ref(&old));
        assert_eq!(rotated.verify(&signed(), NOW), Some(bearer()));
        assert_eq!(rotated.verify(&signed(), NOW.plus(Span::seconds(930))), None);
        let token = rotated.sign(bearer(), Uuid::nil(), NOW).unwrap();
        assert_eq!(rotated.verify(&token, NOW), Some(bearer()));
        assert_eq!(tokens().verify(&token, NOW), None);
        assert_eq!(Tokens::new(&new, 900).verify(&signed(), NOW), None);
        // A key is known by its name in the header: under the name of another one, no signature is right.
        let (ours, theirs) = (tokens().key.header, rotated.key.header.clone());
        assert_ne!(ours.kid, theirs.kid);
        assert_eq!(rotated.verify(&forged(&ours, |_| ()), NOW), Some(bearer()));
        assert_eq!(rotated.verify(&forged(&theirs, |_| ()), NOW), None);
    }

    #[test]
    fn another_servers_token_is_refused() {
        let other = Tokens::new(&"another-key-for-tests-only-0123456789".into(), 900);
        assert_eq!(other.verify(&signed(), NOW), None);
    }
}
