//! API keys: what one looks like, what it opens, and when it is refused.
//!
//! A key is `sa_live_` or `sa_test_`, 32 random digits and 6 that check the rest: a text that was mistyped, cut or made
//! up is told from a key without asking anybody, and programs that look for leaked secrets find no false ones.

use crate::timestamp::Timestamp;
use crate::words::words;
use std::collections::BTreeSet;
use thiserror::Error;

/// Digits in the order of their values.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Random digits: 190 bits.
const RANDOM: usize = 32;
/// Digits of the checksum: 62⁶ is more than 2³².
const CHECK: usize = 6;
/// Of both kinds.
const PREFIX: usize = 8;
const LENGTH: usize = PREFIX + RANDOM + CHECK;

/// The most live keys of an account.
pub const LIVE_MAX: i64 = 50;
/// The most networks that a key may be bound to.
pub const NETWORKS_MAX: usize = 20;

words! {
    /// Which servers a key is for.
    Kind {
        /// Production.
        Live = "sa_live_",
        /// Everything else.
        Test = "sa_test_",
    }
}

words! {
    /// What a key opens. What is not here is for people: credentials, the account's own address and role, and
    /// everything of administrators.
    Scope {
        /// Who the owner is.
        AccountRead = "account:read",
        /// Balance, history and deposits.
        WalletRead = "wallet:read",
        /// Transfers, and deposits that are asked for.
        WalletWrite = "wallet:write",
        /// The catalogue, creators, what was unlocked, and whether somebody has access.
        ContentRead = "content:read",
        /// Contents and plans of one's own.
        ContentWrite = "content:write",
        /// Buying contents.
        ContentUnlock = "content:unlock",
        /// One's subscriptions.
        SubscriptionsRead = "subscriptions:read",
        /// Subscribing, cancelling and resuming.
        SubscriptionsWrite = "subscriptions:write",
        /// The catalogue of gifts, leaderboards, and what was given.
        GiftsRead = "gifts:read",
        /// Giving.
        GiftsWrite = "gifts:write",
        /// What a creator earned.
        EarningsRead = "earnings:read",
        /// A creator's payouts.
        PayoutsRead = "payouts:read",
        /// Asking for a payout.
        PayoutsWrite = "payouts:write",
    }
}

/// A key as its owner has it. Never printed.
#[derive(Clone, Eq, PartialEq)]
pub struct ApiKey {
    text: String,
    kind: Kind,
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ApiKey(***)")
    }
}

impl ApiKey {
    /// A new key. Each half of the random bytes makes half of its digits.
    #[must_use]
    pub fn new(kind: Kind, random: [[u8; 16]; 2]) -> Self {
        let mut text = String::with_capacity(LENGTH);
        text.push_str(kind.as_str());
        for half in random {
            text.extend(digits::<{ RANDOM / 2 }>(u128::from_le_bytes(half)));
        }
        let check = checksum(&text);
        text.extend(check);
        Self { text, kind }
    }

    /// Reads a key by its form and its checksum, so that no other text costs a look-up.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let kind = Kind::parse(text.get(..PREFIX)?)?;
        let body = text.get(..PREFIX + RANDOM)?;
        let is_key = text.len() == LENGTH
            && text.bytes().skip(PREFIX).all(|byte| ALPHABET.contains(&byte))
            && checksum(body).into_iter().eq(text.chars().skip(PREFIX + RANDOM));
        is_key.then(|| Self { text: text.to_owned(), kind })
    }

    /// Which servers it is for.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// What goes to its owner, once.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Its last letters, by which its owner knows it again.
    #[must_use]
    pub fn last_four(&self) -> &str {
        self.text.get(LENGTH - 4..).unwrap_or_default()
    }
}

/// The lowest `N` digits of a number, the highest of them first.
fn digits<const N: usize>(mut number: u128) -> [char; N] {
    let mut digits = ['0'; N];
    for digit in digits.iter_mut().rev() {
        let at = usize::try_from(number % 62).unwrap_or_default();
        *digit = ALPHABET.get(at).copied().map_or('0', char::from);
        number /= 62;
    }
    digits
}

fn checksum(body: &str) -> [char; CHECK] {
    digits(crc32(body.as_bytes()).into())
}

/// The checksum of ISO 3309, as `zip` and GitHub's tokens have it. Some forty bytes need no table.
fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            let is_odd = sum & 1 == 1;
            sum >>= 1;
            if is_odd {
                sum ^= 0xEDB8_8320;
            }
        }
    }
    !sum
}

/// What a key opens: at least one scope.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Scopes(BTreeSet<Scope>);

/// Why a list is not [`Scopes`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("must be one or more of {}", Scope::ALL.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", "))]
pub struct InvalidScopes;

impl Scopes {
    /// Reads a list of words. One that stands there twice counts once.
    ///
    /// # Errors
    /// [`InvalidScopes`] if there is none, or a word that is none.
    pub fn parse<'word>(words: impl IntoIterator<Item = &'word str>) -> Result<Self, InvalidScopes> {
        let scopes: Option<BTreeSet<Scope>> = words.into_iter().map(Scope::parse).collect();
        scopes.filter(|scopes| !scopes.is_empty()).map(Self).ok_or(InvalidScopes)
    }

    /// Whether one is among them.
    #[must_use]
    pub fn contain(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// Their words, in order.
    pub fn words(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|scope| scope.as_str())
    }
}

/// Until when a key is good.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Life {
    /// When it lapses; never if there is none.
    pub expires_at: Option<Timestamp>,
    /// When its owner ended it.
    pub revoked_at: Option<Timestamp>,
}

words! {
    /// Why a key that is one of ours is not let through.
    Refused {
        /// Its owner ended it.
        Revoked = "revoked",
        /// It has lapsed.
        Expired = "expired",
        /// It came from an address that it is not for.
        Address = "address",
        /// It does not open the route.
        Scope = "scope",
    }
}

impl Life {
    /// Whether the key is good at a moment.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, now: Timestamp) -> Result<(), Refused> {
        match self {
            Self { revoked_at: Some(_), .. } => Err(Refused::Revoked),
            Self { expires_at: Some(end), .. } if *end <= now => Err(Refused::Expired),
            Self { .. } => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ALPHABET, ApiKey, Kind, LENGTH, Life, Refused, Scope, Scopes, crc32};
    use crate::timestamp::{Span, Timestamp};
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    #[test]
    fn the_checksum_is_the_one_that_everybody_has() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
    }

    proptest! {
        #[test]
        fn a_key_reads_back_as_it_was_made(random in any::<[[u8; 16]; 2]>(), live in any::<bool>()) {
            let kind = if live { Kind::Live } else { Kind::Test };
            let key = ApiKey::new(kind, random);
            prop_assert_eq!(key.expose().len(), LENGTH);
            prop_assert!(key.expose().starts_with(kind.as_str()) && key.expose().ends_with(key.last_four()));
            prop_assert_eq!(ApiKey::parse(key.expose()), Some(key));
        }

        #[test]
        fn no_letter_of_a_key_can_be_another(random in any::<[[u8; 16]; 2]>(), at in 0..LENGTH, letter in any::<u8>()) {
            let key = ApiKey::new(Kind::Live, random);
            let mut bytes = key.expose().as_bytes().to_vec();
            bytes[at] = letter;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            prop_assert_eq!(ApiKey::parse(&text).is_some(), text == key.expose());
        }

        #[test]
        fn no_text_panics_the_reader(text in "\\PC{0,60}") {
            let _ = ApiKey::parse(&text);
            let _ = ApiKey::parse(&format!("sa_live_{text}"));
        }
    }

    /// Numbers that look random, from a seed: SplitMix64.
    fn random(seed: u64) -> impl Iterator<Item = u64> {
        let mut state = seed;
        std::iter::repeat_with(move || {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut mixed = state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            mixed ^ (mixed >> 31)
        })
    }

    #[test]
    fn of_a_million_made_up_texts_at_most_one_passes_the_checksum() {
        let mut numbers = random(1);
        let mut passed = 0;
        for _ in 0..1_000_000 {
            let mut text = String::from("sa_live_");
            while text.len() < LENGTH {
                let at = usize::try_from(numbers.next().unwrap() % 62).unwrap();
                text.push(char::from(ALPHABET[at]));
            }
            passed += usize::from(ApiKey::parse(&text).is_some());
        }
        assert!(passed <= 1, "{passed} passed");
    }

    #[test]
    fn keys_are_not_alike_and_not_shown() {
        let keys: Vec<_> =
            (0..1_000_u128).map(|number| ApiKey::new(Kind::Test, [number.to_le_bytes(), [7; 16]])).collect();
        let mut texts: Vec<_> = keys.iter().map(ApiKey::expose).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), 1_000);
        assert_eq!(format!("{:?}", keys[0]), "ApiKey(***)");
    }

    #[test]
    fn other_texts_are_no_keys() {
        let key = ApiKey::new(Kind::Live, [[1; 16], [2; 16]]);
        let text = key.expose();
        for other in [
            String::new(),
            "sa_live_".to_owned(),
            text.replace("live", "test"),
            text.replace("sa_", "SA_"),
            text[..LENGTH - 1].to_owned(),
            format!("{text}0"),
            format!(" {text}"),
            format!("sa_live_{}", "é".repeat(19)),
        ] {
            assert_eq!(ApiKey::parse(&other), None, "{other}");
        }
    }

    #[test]
    fn scopes_are_words_of_the_list_and_at_least_one() {
        let read = |words: &[&str]| Scopes::parse(words.iter().copied());
        let both = read(&["wallet:write", "account:read", "wallet:write"]).unwrap();
        assert_eq!(both.words().collect::<Vec<_>>(), ["account:read", "wallet:write"]);
        assert!(both.contain(Scope::WalletWrite) && !both.contain(Scope::WalletRead));
        for wrong in [&[][..], &[""], &["admin"], &["wallet:read", "everything"], &["WALLET:READ"]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
        assert!(read(&[]).unwrap_err().to_string().contains("wallet:read, wallet:write"));
    }

    #[test]
    fn a_key_is_good_until_it_lapses_or_is_ended() {
        let for_ever = Life { expires_at: None, revoked_at: None };
        assert_eq!(for_ever.check(NOW), Ok(()));
        let lapses = Life { expires_at: Some(NOW), ..for_ever };
        assert_eq!(lapses.check(NOW.minus(Span::MICROSECOND)), Ok(()));
        assert_eq!(lapses.check(NOW), Err(Refused::Expired));
        assert_eq!(Life { revoked_at: Some(NOW), ..for_ever }.check(NOW), Err(Refused::Revoked));
        assert_eq!(Life { revoked_at: Some(NOW), ..lapses }.check(NOW), Err(Refused::Revoked));
    }
}
