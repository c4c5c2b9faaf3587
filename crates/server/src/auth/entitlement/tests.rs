//! What is believed of a token, and what is not.

use super::{EntitlementTokens, Place, family_of, nonce};
use crate::auth::token::{Bearer, Tokens};
use domain::id::{SessionId, SubscriptionId, UserId};
use domain::money::Amount;
use domain::subscription::{Plan, PlanTier, RenewalPolicy, Subscription};
use domain::timestamp::{Span, Timestamp};
use uuid::Uuid;

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_500_000);
const SECRET: &str = "a-key-for-tests-only-0123456789abcdef";

fn tokens() -> EntitlementTokens {
    EntitlementTokens::new(&SECRET.into()).unwrap()
}

fn subscription() -> Subscription {
    let [ann, bob] = [1, 2].map(|number| UserId::new(Uuid::from_u128(number)));
    let plan = Plan { creator_id: bob, tier: PlanTier::Yearly, price: Amount::new(1).unwrap(), is_active: true };
    let policy = RenewalPolicy { grace: Span::days(3), retry_after: Span::days(1), tries_max: 3 };
    Subscription::begin(SubscriptionId::new(Uuid::from_u128(3)), ann, &plan, policy, NOW)
}

fn place(period: i64) -> Place {
    Place { subscription_id: SubscriptionId::new(Uuid::from_u128(3)), period, family: [7; 16] }
}

#[test]
fn a_token_is_good_until_its_end_and_not_a_second_longer() {
    let (token, until) = tokens().sign(&subscription(), Uuid::nil(), NOW, NOW.plus(Span::seconds(300))).unwrap();
    assert_eq!(until, Timestamp::from_micros(1_800_000_300_000_000), "rounded down");
    let claims = tokens().verify(&token, NOW).unwrap();
    assert_eq!((claims.sub.as_str(), claims.tier.as_str()), (&*subscription().subscriber_id.to_string(), "yearly"));
    assert_eq!(claims.creator_id, subscription().creator_id.to_string());
    assert_eq!(claims.subscription_id, subscription().id.to_string());
    assert!(tokens().verify(&token, until.minus(Span::MICROSECOND)).is_some());
    assert_eq!(tokens().verify(&token, until), None);
    assert_eq!(tokens().verify(&token, NOW.minus(Span::seconds(1))), None);
}

#[test]
fn neither_kind_of_token_passes_for_the_other_even_with_one_secret() {
    let access = Tokens::new(&SECRET.into(), 900);
    let bearer = Bearer { user_id: UserId::new(Uuid::from_u128(1)), session_id: SessionId::new(Uuid::from_u128(2)) };
    let (token, _) = tokens().sign(&subscription(), Uuid::nil(), NOW, NOW.plus(Span::seconds(300))).unwrap();
    assert_eq!(access.verify(&token, NOW), None);
    assert_eq!(tokens().verify(&access.sign(bearer, Uuid::nil(), NOW).unwrap(), NOW), None);
    let other = EntitlementTokens::new(&"another-key-for-tests-only-0123456789".into()).unwrap();
    assert_eq!(other.verify(&token, NOW), None);
}

#[test]
fn no_bit_of_a_token_can_be_flipped() {
    let (token, _) = tokens().sign(&subscription(), Uuid::nil(), NOW, NOW.plus(Span::seconds(300))).unwrap();
    let nonce = nonce([7; 16], [1; 16]);
    let renewal = tokens().first(&place(0), &nonce);
    for text in [token.as_str(), renewal.expose()] {
        for index in 0..text.len() {
            let mut bytes = text.to_owned().into_bytes();
            bytes[index] ^= 1;
            let Ok(forged) = String::from_utf8(bytes) else { continue };
            assert_eq!(tokens().verify(&forged, NOW), None, "{index}");
            assert!(tokens().read(&place(0), &forged).is_none(), "{index}");
        }
    }
}

#[test]
fn a_renewal_token_is_read_in_its_own_family_only() {
    let nonce = nonce([7; 16], [1; 16]);
    assert_eq!(family_of(&nonce), [7; 16]);
    let first = tokens().first(&place(0), &nonce);
    assert_eq!(first, tokens().first(&place(0), &nonce));
    let second = tokens().successor(&place(0), first.expose(), &nonce).unwrap();
    assert_ne!(first, second);
    for token in [&first, &second] {
        assert_eq!(tokens().read(&place(0), token.expose()).as_ref(), Some(token));
        assert!(tokens().read(&place(1), token.expose()).is_none());
        assert!(tokens().read(&Place { family: [8; 16], ..place(0) }, token.expose()).is_none());
        let other = SubscriptionId::new(Uuid::from_u128(4));
        assert!(tokens().read(&Place { subscription_id: other, ..place(0) }, token.expose()).is_none());
    }
    for text in ["", "sae_", "sar_", &"x".repeat(68), &format!("sae_{}", "é".repeat(32)), &format!("{}A", first.0)] {
        assert!(tokens().read(&place(0), text).is_none(), "{text}");
    }
}

#[test]
fn the_key_for_gateways_is_derived_as_the_documentation_says() {
    // printf 'superapp entitlement token 1' | openssl dgst -sha256 -hmac "$SERVER_SECRET"
    let derived = "12f0b640f9615f9b45535ce9d3d0ad6e15f99328118cc3b63509a0555518d880";
    let key: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&derived[2 * at..2 * at + 2], 16).unwrap()).collect();
    let (token, _) = tokens().sign(&subscription(), Uuid::nil(), NOW, NOW.plus(Span::seconds(300))).unwrap();
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
    validation.set_audience(&["superapp-media"]);
    let key = jsonwebtoken::DecodingKey::from_secret(&key);
    assert!(jsonwebtoken::decode::<super::Claims>(&token, &key, &validation).is_ok());
}
