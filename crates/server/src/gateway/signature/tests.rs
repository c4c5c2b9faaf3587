//! Signatures: the reference library signs, and nothing but what it signed is believed.

use super::{Signed, Signer};
use domain::timestamp::{Span, Timestamp};
use secrecy::SecretSlice;
use standardwebhooks::Webhook;

/// From the reference library's own tests.
const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const SECONDS: i64 = 1_614_265_330;
const BODY: &[u8] = br#"{"test": 2432232314}"#;

fn key(secret: &str) -> SecretSlice<u8> {
    use base64::Engine;
    SecretSlice::from(base64::engine::general_purpose::STANDARD.decode(secret).unwrap())
}

fn signer(secrets: &[&str]) -> Signer {
    let keys: Vec<_> = secrets.iter().map(|secret| key(secret)).collect();
    Signer::new(&keys).unwrap()
}

fn now() -> Timestamp {
    Timestamp::from_micros(SECONDS * 1_000_000)
}

fn signed<'event>(signatures: &'event str, body: &'event [u8]) -> Signed<'event> {
    Signed { id: ID, timestamp: "1614265330", signatures, body }
}

#[test]
fn the_test_vector_of_the_specification_is_believed() {
    let vector = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    let id = signer(&[SECRET]).verify(&signed(vector, BODY), now()).unwrap();
    assert_eq!(id.as_str(), ID);
}

#[test]
fn what_the_reference_library_signs_is_believed() {
    let reference = Webhook::new(SECRET).unwrap();
    for body in ["", "{}", "a.b", "{\"text\":\"é😀\"}"] {
        let signature = reference.sign(ID, SECONDS, body.as_bytes()).unwrap();
        assert!(signer(&[SECRET]).verify(&signed(&signature, body.as_bytes()), now()).is_some(), "{body}");
    }
}

#[test]
fn any_of_several_signatures_by_any_of_several_keys_is_enough() {
    let other = "C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let by = |secret: &str| Webhook::new(secret).unwrap().sign(ID, SECONDS, BODY).unwrap();
    let (old, new) = (by(SECRET), by(other));
    let both = format!("v1a,AAAA v1,AAAA {old} {new}");
    for secrets in [&[SECRET][..], &[other], &[SECRET, other], &[other, SECRET]] {
        assert!(signer(secrets).verify(&signed(&both, BODY), now()).is_some(), "{secrets:?}");
    }
    assert!(signer(&[other]).verify(&signed(&old, BODY), now()).is_none());
    assert!(signer(&[]).verify(&signed(&both, BODY), now()).is_none());
    // What comes after the sixteenth is not looked at.
    let many = format!("{}{old}", "v1,AAAA ".repeat(16));
    assert!(signer(&[SECRET]).verify(&signed(&many, BODY), now()).is_none());
}

#[test]
fn five_minutes_either_way_are_near_enough() {
    let signature = Webhook::new(SECRET).unwrap().sign(ID, SECONDS, BODY).unwrap();
    for (seconds, believed) in [(-301, false), (-300, true), (0, true), (300, true), (301, false)] {
        let now = now().plus(Span::seconds(seconds));
        let verified = signer(&[SECRET]).verify(&signed(&signature, BODY), now);
        assert_eq!(verified.is_some(), believed, "{seconds}");
    }
}

#[test]
fn no_bit_of_what_is_signed_can_be_changed() {
    let signature = Webhook::new(SECRET).unwrap().sign(ID, SECONDS, BODY).unwrap();
    let signer = signer(&[SECRET]);
    for index in 0..BODY.len() {
        for bit in 0..8 {
            let mut body = BODY.to_vec();
            body[index] ^= 1 << bit;
            assert!(signer.verify(&signed(&signature, &body), now()).is_none(), "{index} {bit}");
        }
    }
    for body in [&BODY[1..], &BODY[..BODY.len() - 1], b""] {
        assert!(signer.verify(&signed(&signature, body), now()).is_none());
    }
    for (index, _) in signature.char_indices() {
        for letter in ["A", "+", "=", " ", ""] {
            if signature.get(index..=index) != Some(letter) {
                let mut forged = signature.clone();
                forged.replace_range(index..=index, letter);
                assert!(signer.verify(&signed(&forged, BODY), now()).is_none(), "{forged}");
            }
        }
    }
    for id in ["msg_p5jXN8AQM9LWM0D4loKWxJeK", "", "msg", &"x".repeat(201)] {
        assert!(signer.verify(&Signed { id, ..signed(&signature, BODY) }, now()).is_none(), "{id}");
    }
    for timestamp in ["1614265331", "+1614265330", "01614265330", " 1614265330", "1614265330.0", "-1", "", "1e9"] {
        assert!(signer.verify(&Signed { timestamp, ..signed(&signature, BODY) }, now()).is_none(), "{timestamp}");
    }
    let far = "999999999999999999";
    assert!(signer.verify(&Signed { timestamp: far, ..signed(&signature, BODY) }, now()).is_none());
}

#[test]
fn the_border_between_id_timestamp_and_body_cannot_be_moved() {
    // Signed as one text, `a.1614265330.1614265330.{}` could be read in two ways if an id might hold a full stop.
    let signature = Webhook::new(SECRET).unwrap().sign("a", SECONDS, b"1614265330.{}").unwrap();
    let signer = signer(&[SECRET]);
    let moved = Signed { id: "a.1614265330", ..signed(&signature, b"{}") };
    assert!(signer.verify(&moved, now()).is_none());
    assert!(signer.verify(&Signed { id: "a", ..signed(&signature, b"1614265330.{}") }, now()).is_some());
}
