//! What the filter takes, what it leaves, and that it does so whatever stands around it.

use super::{MASK, field, text};
use proptest::prelude::*;

const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl";
const PHC: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNo";

#[test]
fn values_of_secret_names_are_hidden_wherever_they_stand() {
    for (given, shown) in [
        ("password=hunter2", "password=***"),
        ("a=1&password=hunter2&b=2", "a=1&password=***&b=2"),
        (r#"{"password":"hunter2","b":1}"#, r#"{"password":"***","b":1}"#),
        (r#"{"passWord" : "hun\"ter2" , "b":1}"#, r#"{"passWord" : "***" , "b":1}"#),
        (r#""{\"apiKey\":\"hunter2\",\"b\":1}""#, r#""{\"apiKey\":\"***\",\"b\":1}""#),
        (r#"{\\\"api_key\\\":\\\"hunter2\\\"}"#, r#"{\\\"api_key\\\":\\\"***\\\"}"#),
        (r#"{"secrets":["hunter2","hunter3"],"b":1}"#, r#"{"secrets":***,"b":1}"#),
        (r#"{"credentials":{"a":"hunter2"},"b":1}"#, r#"{"credentials":***,"b":1}"#),
        (r#"Login { token: Some("hunter, 2"), b: 1 }"#, "Login { token: ***, b: 1 }"),
        ("PIN: 1234, next", "PIN: ***, next"),
        ("a Secret(\"hunter2\"), b", "a Secret(\"***\"), b"),
        ("\"password\" => \"hunter2\", b", "\"password\" =***, b"),
        ("host=db password=hunter2 dbname=app", "host=db password=***"),
        ("Authorization: Digest a=\"hunter2\", b=c\nHost: x", "Authorization: ***\nHost: x"),
        ("cookie: a=hunter2; b=hunter3", "cookie: ***"),
        ("x-api-key: hunter2", "x-api-key: ***"),
        ("card number: 12-hunter2; b", "card number: ***; b"),
        ("password: correct horse battery", "password: ***"),
        ("email=ann@example.com", "email=a***@example.com"),
        ("email=ann%40example.com&b", "email=a***%40example.com&b"),
        ("phone: +62 812 3456 7890", "phone: ***90"),
        ("idempotency-key: order-1", "idempotency-key: #0bafe22156d2"),
        ("q=%7B%22password%22%3A%22hunter2%22%7D", r#"q={"password":"***"}"#),
        ("q=%257B%2522password%2522%253A%2522hunter2%2522%257D", r#"q={"password":"***"}"#),
    ] {
        assert_eq!(text(given), shown, "{given}");
    }
}

#[test]
fn shapes_of_secrets_are_hidden_whatever_they_are_called() {
    for (given, shown) in [
        (format!("a {JWT} b"), "a *** b".to_owned()),
        (format!("x={JWT}"), "x=***".to_owned()),
        ("the key sa_live_4kQz81bXw9 is".to_owned(), "the key sa_live_*** is".to_owned()),
        ("/sa_test_4kQz81bXw9/".to_owned(), "/sa_test_***".to_owned()),
        (format!("sar_{}", "aB1-_".repeat(9)), "sar_***".to_owned()),
        (format!("bad hash {PHC}!"), "bad hash ***!".to_owned()),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\nb".to_owned(), "***\nb".to_owned()),
        ("-----BEGIN PRIVATE KEY-----\nMIIE".to_owned(), MASK.to_owned()),
        ("postgres://ann:hu/nt#er2@db/app?a=b".to_owned(), "postgres://***@db/app?a=b".to_owned()),
        ("u=postgres%3A%2F%2Fann%3Ahunter2%40db".to_owned(), "u=postgres://***@db".to_owned()),
        ("https://ann:hunter2@example.com/a@b".to_owned(), "https://***@example.com/a@b".to_owned()),
        ("Bearer hunter2".to_owned(), "Bearer ***".to_owned()),
        ("paid with 4111 1111 1111 1111.".to_owned(), "paid with ***.".to_owned()),
        ("4242-4242-4242-4242".to_owned(), MASK.to_owned()),
        ("in 2027 378282246310005 came".to_owned(), "in 2027 *** came".to_owned()),
    ] {
        assert_eq!(text(&given), shown, "{given}");
    }
}

#[test]
fn what_is_no_secret_stays_as_it_is() {
    for given in [
        "",
        "a commit failed and was rolled back: the disk is full",
        "2027-01-15T08:00:00.123456Z",
        "1800000000000008 1800000000007 18000000000000008",
        "0198f2a1-9c3b-7d2e-8f41-1234567890ab",
        "usr_01jhk3n5v8e9tbxq4r6w2m7c0z",
        "GET /api/wallet/transactions/{id} 200",
        "id, kind of wallets where user_id = $1 AND kind = $2",
        "https://example.com/@ann?a=b@c",
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "authentication: basic authentication is not enough",
        "mapping: 3, ping: 4, stopping: 5",
        "token: null, session=None",
        "crates/server/src/auth/token.rs:12:5",
        "superapp::auth::token::verify failed",
        "the password (of nobody)",
        "100% of all",
    ] {
        assert_eq!(text(given), given);
    }
}

#[test]
fn a_field_is_judged_by_its_name_first() {
    assert_eq!(field("refresh_token", "anything"), MASK);
    assert_eq!(field("X-Api-Key", "anything"), MASK);
    assert_eq!(field("email", "ann@example.com"), "a***@example.com");
    assert_eq!(field("email", "hunter2"), MASK);
    assert_eq!(field("phone", "08123456789"), "***89");
    assert_eq!(field("route", "/api/auth/sessions"), "/api/auth/sessions");
    assert_eq!(field("user_agent", JWT), MASK);
    assert!(field("idempotency_key", "order-1").starts_with('#'));
}

fn any_secret() -> impl Strategy<Value = String> {
    prop_oneof![
        "eyJ[A-Za-z0-9_-]{8,40}\\.[A-Za-z0-9_-]{8,40}\\.[A-Za-z0-9_-]{8,40}",
        "sa_(live|test)_[A-Za-z0-9]{16,40}",
        "\\$argon2id\\$v=19\\$m=[1-9][0-9]{3},t=2,p=1\\$[A-Za-z0-9+/]{16}\\$[A-Za-z0-9+/]{22}",
        "postgres://[a-z]{3,8}:[A-Za-z0-9!*_/#?-]{8,20}@[a-z]{3,8}",
        "https://[a-z]{3,8}:[A-Za-z0-9!*_-]{8,20}@[a-z]{3,8}/",
    ]
}

/// The part that must not be read: without the beginning and the end that a mask leaves.
fn core_of(secret: &str) -> String {
    let from = secret.find("://").map_or(0, |at| at + 3).max(if secret.starts_with("sa_") { 8 } else { 0 });
    secret[from..].split('@').next().unwrap().to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_shape_is_found_in_whatever_stands_around_it(
        before in "(\\PC{0,20}[ ,;(\"'=&])?", secret in any_secret(), after in "([ ,;)\"'&\n]\\PC{0,20})?",
    ) {
        let given = format!("{before}{secret}{after}");
        prop_assert!(!text(&given).contains(&core_of(&secret)), "{given} became {}", text(&given));
    }

    #[test]
    fn a_named_value_is_found_in_json_as_deep_as_it_lies(
        name in "[a-z]{0,4}(password|pass_word|PASSWD|apiKey|api-key|client_secret|Access-Token|jwt|cvv|iban|otp)",
        value in "[A-Za-z0-9 !\"\\\\{}\\[\\]&,;:=/]{1,24}", depth in 0..3_usize,
    ) {
        // So that it is not found by accident.
        let value = format!("Zq{value}qZ");
        let mut given = serde_json::json!({"a": [1, {(name): value.as_str()}], "b": "x"}).to_string();
        for _ in 0..depth {
            given = serde_json::json!({"payload": given}).to_string();
        }
        let shown = text(&given).into_owned();
        prop_assert!(!shown.contains("Zq"), "{given} became {shown}");
        prop_assert!(shown.contains('b') && shown.len() <= given.len() + 3);
    }

    #[test]
    fn a_named_value_is_found_in_a_form(name in "(password|apiKey|token|card_number|x-jwt)", value in "[A-Za-z0-9%+*._ -]{1,24}") {
        let given = format!("a=1&{name}=Zq{value}qZ&b=2");
        prop_assert!(!text(&given).contains("Zq"), "{given} became {}", text(&given));
    }

    #[test]
    fn nothing_breaks_it(given in "(\\PC|[\"'\\\\=:&;,{}@/%$. -]|password|eyJ|://|4111 1111|-----BEGIN |sa_live_){0,60}") {
        let shown = text(&given);
        // It takes away, and puts masks and hashes into the gaps.
        prop_assert!(shown.len() <= 8 * given.len(), "{given} became {shown}");
        let shown = text(&shown);
        let _ = text(&shown);
    }

    #[test]
    fn a_card_number_is_found_and_another_number_is_not(
        digits in proptest::collection::vec(0..10_u8, 12..18), grouped: bool, wrong in 1..10_u8,
    ) {
        let mut digits = digits;
        digits[0] = 4;
        let sum: u32 = digits.iter().rev().enumerate().map(|(at, digit)| {
            let doubled = u32::from(*digit) * if at % 2 == 0 { 2 } else { 1 };
            doubled / 10 + doubled % 10
        }).sum();
        let check = u8::try_from((10 - sum % 10) % 10).unwrap();
        let written = |last: u8| {
            let all: Vec<String> = digits.iter().chain([&last]).map(ToString::to_string).collect();
            let size = if grouped && matches!(all.len() % 4, 0 | 3) { 4 } else { all.len() };
            all.chunks(size).map(<[String]>::concat).collect::<Vec<_>>().join(" ")
        };
        let card = written(check);
        let given = format!("pay {card}, now");
        prop_assert_eq!(text(&given), "pay ***, now");
        let other = written((check + wrong) % 10);
        // A group of it may be a number of its own.
        prop_assert!(other.contains(' ') || text(&other) == other);
    }
}
