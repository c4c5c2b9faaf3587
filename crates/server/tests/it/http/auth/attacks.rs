//! Two thousand tokens that somebody might try, each at the door of the server: none is let in.
//!
//! Whatever can be signed is signed with the server's own key, so that what refuses a token is what is wrong with it.

use crate::harness::{Person, TestApp};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha384, Sha512};

const SECRET: &str = "q8Zr1nVwX2yTb5uKd7PfHs9LmGc3JeAo4RiB6NvC";
/// Signed before, and is still believed.
const PREVIOUS: &str = "Xq3vT8mKd0Lz5Rw7Yb2Jf9Hs4Gc6Np1AeUiOoVtB";
const SERVER_SECRET: &str = "T0pWx8yZa1bC2dE3fG4hI5jK6lM7nO8pQ9rS0tUv";

fn hs256(key: &[u8], message: &str) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(message).finalize().into_bytes().to_vec()
}

fn part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

/// A token of any header and claims, signed with any key.
fn signed_with(key: &[u8], header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(hs256(key, &message));
    format!("{message}.{signature}")
}

/// What an attacker has who has seen a token, and somehow has the key as well.
struct Seen {
    token: String,
    header: Value,
    claims: Value,
    /// As the server writes them: with these the token is good.
    parts: [String; 3],
}

impl Seen {
    fn of(token: &str) -> Self {
        let parts: Vec<String> = token.split('.').map(str::to_owned).collect();
        let json = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        let (header, claims) = (json(&parts[0]), json(&parts[1]));
        Self { token: token.to_owned(), header, claims, parts: parts.try_into().unwrap() }
    }

    fn header_with(&self, name: &str, value: Value) -> Value {
        let mut header = self.header.clone();
        header[name] = value;
        header
    }

    fn claims_with(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims.clone();
        claims[name] = value;
        claims
    }

    /// Claims under the header that the server writes, with a signature that is right.
    fn forged(&self, claims: &Value) -> String {
        let message = format!("{}.{}", self.parts[0], part(claims));
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(hs256(SECRET.as_bytes(), &message)))
    }

    fn now(&self) -> i64 {
        self.claims["iat"].as_i64().unwrap()
    }
}

/// Another algorithm, or none, with every signature that may go with it.
fn algorithms(seen: &Seen) -> Vec<String> {
    let names = [
        "none", "None", "NONE", "nOnE", "", " HS256", "HS256 ", "hs256", "HS384", "HS512", "RS256", "RS384", "RS512",
        "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "ES256K", "EdDSA", "A256KW", "dir", "HMAC",
    ];
    let odd = [Value::Null, json!(256), json!(["HS256"]), json!({ "HS256": true }), json!(true)];
    let mut tokens = Vec::new();
    for algorithm in names.map(Value::from).into_iter().chain(odd) {
        let header = seen.header_with("alg", algorithm);
        let message = format!("{}.{}", part(&header), seen.parts[1]);
        let key = SECRET.as_bytes();
        let signatures = [
            Vec::new(),
            vec![0],
            URL_SAFE_NO_PAD.decode(&seen.parts[2]).unwrap(),
            hs256(key, &message),
            Hmac::<Sha384>::new_from_slice(key).unwrap().chain_update(&message).finalize().into_bytes().to_vec(),
            Hmac::<Sha512>::new_from_slice(key).unwrap().chain_update(&message).finalize().into_bytes().to_vec(),
        ];
        tokens.extend(signatures.iter().map(|signature| format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))));
    }
    let mut without = seen.header.clone();
    without.as_object_mut().unwrap().remove("alg");
    tokens.push(signed_with(SECRET.as_bytes(), &without, &seen.claims));
    tokens
}

/// Keys that a careless server might take: public ones, short ones, those of something else.
fn keys(seen: &Seen) -> Vec<String> {
    let kid = seen.header["kid"].as_str().unwrap();
    let published = json!({ "keys": [{ "kty": "RSA", "kid": kid, "n": "AQAB", "e": "AQAB" }] }).to_string();
    let encoded = [STANDARD.encode(SECRET), URL_SAFE.encode(SECRET), URL_SAFE_NO_PAD.encode(SECRET)];
    let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
    let mut keys = vec![
        "",
        "\0",
        "0",
        "secret",
        "changeme",
        "superapp",
        "superapp-api",
        kid,
        SERVER_SECRET,
        &published,
        pem,
        "null",
        "undefined",
        "/dev/null",
    ];
    keys.extend(encoded.iter().map(String::as_str));
    keys.extend((1..SECRET.len()).map(|length| &SECRET[..length]));
    let sign = |key: &&str| {
        let message = format!("{}.{}", seen.parts[0], seen.parts[1]);
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(hs256(key.as_bytes(), &message)))
    };
    keys.iter().map(sign).collect()
}

/// Headers that name a key, where to find one, or what must be understood, with a signature that is right.
fn headers(seen: &Seen) -> Vec<String> {
    let jwk = json!({ "kty": "oct", "k": URL_SAFE_NO_PAD.encode(SECRET) });
    let mut tokens = Vec::new();
    for (name, values) in [
        (
            "jku",
            vec![json!("https://example.com/keys"), json!("http://127.0.0.1/"), json!("file:///etc/passwd"), json!("")],
        ),
        ("x5u", vec![json!("https://example.com/cert"), json!("file:///etc/passwd")]),
        ("jwk", vec![jwk, json!({}), json!("key")]),
        ("x5c", vec![json!(["MIIB"]), json!([])]),
        ("x5t", vec![json!("AAAA")]),
        ("crit", vec![json!(["exp"]), json!([]), json!(["b64"])]),
        ("b64", vec![json!(false), json!(true)]),
        ("zip", vec![json!("DEF")]),
        ("enc", vec![json!("A256GCM")]),
        ("cty", vec![json!("JWT")]),
        (
            "kid",
            vec![
                json!(""),
                json!("../../etc/passwd"),
                json!("../../../../dev/null"),
                json!("/proc/sys/kernel/randomize_va_space"),
                json!("..%2f..%2fjwt_secret"),
                json!("https://example.com/key"),
                json!("deadbeef"),
                json!("1'; SELECT '"),
                json!(["0"]),
                json!("' OR 1=1 --"),
                json!("0"),
                json!(null),
                json!(1),
                json!("\u{0}"),
            ],
        ),
        (
            "typ",
            vec![
                json!("JWT"),
                json!("jwt"),
                json!("AT+JWT"),
                json!("application/at+jwt"),
                json!("rt+jwt"),
                json!("entitlement+jwt"),
                json!(""),
                json!(null),
            ],
        ),
        ("more", vec![json!("anything")]),
    ] {
        tokens.extend(
            values
                .into_iter()
                .map(|value| signed_with(SECRET.as_bytes(), &seen.header_with(name, value), &seen.claims)),
        );
    }
    for name in ["typ", "kid"] {
        let mut without = seen.header.clone();
        without.as_object_mut().unwrap().remove(name);
        tokens.push(signed_with(SECRET.as_bytes(), &without, &seen.claims));
    }
    tokens
}

fn kid(secret: &str) -> String {
    Sha256::digest(secret).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// Two keys are believed, each under its own name: under the other's name, or one that is nearly its own, neither is.
fn names(seen: &Seen) -> Vec<String> {
    let (now, before) = (kid(SECRET), kid(PREVIOUS));
    let near = |kid: &str| {
        let reversed = kid.chars().rev().collect();
        let longer: String = Sha256::digest(kid).iter().map(|byte| format!("{byte:02x}")).collect();
        [
            kid.to_uppercase() + "A",
            format!("{kid} "),
            format!(" {kid}"),
            kid[1..].to_owned(),
            kid.repeat(2),
            reversed,
            longer,
        ]
    };
    let mut tokens = Vec::new();
    for (key, own, other) in [(SECRET, &now, &before), (PREVIOUS, &before, &now)] {
        for name in near(own).iter().chain([other, &kid(SERVER_SECRET), &format!("../{own}"), &format!("{own}\0")]) {
            tokens.push(signed_as(key, &seen.parts[0], name, &seen.parts[1]));
        }
    }
    for key in [SERVER_SECRET, ""] {
        tokens.push(signed_as(key, &seen.parts[0], &before, &seen.parts[1]));
    }
    tokens
}

/// The header as the server writes it, but for the name of the key.
fn signed_as(key: &str, header: &str, name: &str, claims: &str) -> String {
    let header = String::from_utf8(URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    let named: Value = serde_json::from_str(&header).unwrap();
    let name = serde_json::to_string(name).unwrap();
    let header = header.replace(&named["kid"].to_string(), &name);
    let message = format!("{}.{claims}", URL_SAFE_NO_PAD.encode(header));
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(hs256(key.as_bytes(), &message)))
}

/// Claims that are missing, of another kind, of somebody else, or of another time, with a signature that is right.
fn claims(seen: &Seen, other: &Person) -> Vec<String> {
    let odd = [Value::Null, json!(""), json!("x"), json!(0), json!(-1), json!(1.5), json!([]), json!({}), json!(true)];
    let mut tokens = Vec::new();
    for name in ["iss", "aud", "sub", "exp", "nbf", "iat", "jti", "sid"] {
        let mut without = seen.claims.clone();
        without.as_object_mut().unwrap().remove(name);
        tokens.push(seen.forged(&without));
        // A number where one belongs is another time, and which of those are good is asked below.
        let is_time = ["exp", "nbf", "iat"].contains(&name);
        let wrong = odd.iter().filter(|value| !(is_time && value.is_i64()));
        tokens.extend(wrong.map(|value| seen.forged(&seen.claims_with(name, value.clone()))));
    }
    for (name, values) in [
        ("iss", vec![json!("Superapp"), json!("superapp "), json!("https://superapp"), json!(["superapp"])]),
        (
            "aud",
            vec![json!("superapp-media"), json!("superapp"), json!(["superapp-api"]), json!(["superapp-api", "x"])],
        ),
        (
            "sub",
            vec![
                json!(other.id.to_string()),
                json!("admin"),
                json!("usr_00000000000000000000000000"),
                seen.claims["sid"].clone(),
            ],
        ),
        ("sid", vec![json!("ses_00000000000000000000000000"), seen.claims["sub"].clone(), json!(other.refresh_token)]),
        ("role", vec![json!("admin")]),
        ("scope", vec![json!("wallet:read")]),
        ("exp", vec![json!(i64::MIN), json!(1e300), json!("9999999999")]),
        ("nbf", vec![json!(i64::MAX), json!("0")]),
    ] {
        tokens.extend(values.into_iter().map(|value| seen.forged(&seen.claims_with(name, value))));
    }
    let now = seen.now();
    for late in (31..=120).chain([3_600, 86_400, now]) {
        tokens.push(seen.forged(&seen.claims_with("exp", (now - late).into())));
    }
    for early in (31..=120).chain([3_600, 86_400]) {
        tokens.push(seen.forged(&seen.claims_with("nbf", (now + early).into())));
    }
    tokens
}

/// Texts that are no token at all, or one of another kind.
fn forms(seen: &Seen, ann: &Person) -> Vec<String> {
    let [header, claims, signature] = &seen.parts;
    let jwe = format!("{}.AAAA.AAAA.{claims}.AAAA", part(&json!({ "alg": "dir", "enc": "A256GCM", "typ": "at+jwt" })));
    let wrapped =
        format!("{}.AAAA.AAAA.{}.AAAA", part(&json!({ "alg": "A256KW", "enc": "A256GCM", "cty": "JWT" })), seen.token);
    let json_form = json!({ "payload": claims, "signatures": [{ "protected": header, "signature": signature }] });
    let long = |length: usize| seen.forged(&seen.claims_with("jti", "0".repeat(length).into()));
    vec![
        ann.refresh_token.clone(),
        ann.refresh_token.replace("sar_", "sae_"),
        ann.id.to_string(),
        seen.claims["sid"].as_str().unwrap().to_owned(),
        jwe,
        wrapped,
        json_form.to_string(),
        URL_SAFE_NO_PAD.encode(json_form.to_string()),
        format!("{header}.{claims}"),
        format!("{header}.{claims}."),
        format!("{header}..{signature}"),
        format!(".{claims}.{signature}"),
        format!("{header}.{claims}.{signature}."),
        format!("{header}.{claims}.{signature}.{signature}"),
        format!("{header}.{claims}.{signature}="),
        format!("{header}.{claims}=.{signature}"),
        format!("{header}=.{claims}.{signature}"),
        format!("{claims}.{header}.{signature}"),
        format!("{header}.{header}.{signature}"),
        format!("{header}. {claims}.{signature}"),
        format!("{header}.{claims}.{signature},{header}.{claims}.{signature}"),
        seen.token.to_uppercase(),
        seen.token.to_lowercase(),
        seen.token.chars().rev().collect(),
        URL_SAFE_NO_PAD.encode(&seen.token),
        long(1_900),
        long(4_000),
        long(8_192),
        "A".repeat(9_000),
        format!("{header}.{}.{signature}", "A".repeat(9_000)),
        ".".repeat(9_000),
        signed_with(SECRET.as_bytes(), &seen.header_with("more", "x".repeat(8_192).into()), &seen.claims),
    ]
}

/// Every bit of the token that can be, turned over.
fn flips(seen: &Seen) -> Vec<String> {
    let bits = 0..seen.token.len() * 7;
    let flip = |bit: usize| {
        let mut bytes = seen.token.clone().into_bytes();
        bytes[bit / 7] ^= 1 << (bit % 7);
        String::from_utf8(bytes).ok().filter(|text| text.bytes().all(|byte| (0x20..0x7F).contains(&byte)))
    };
    bits.filter_map(flip).filter(|text| text.trim() != seen.token).collect()
}

#[tokio::test]
async fn two_thousand_attacks_are_refused_and_the_token_itself_is_not() {
    let settings = [
        ("JWT_SECRET", SECRET),
        ("SUPERAPP_AUTH__PREVIOUS_JWT_SECRET", PREVIOUS),
        ("SUPERAPP_AUTH__SERVER_SECRET", SERVER_SECRET),
    ];
    let app = TestApp::with(&settings).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let seen = Seen::of(&ann.access_token);
    // The forger's own hand is as good as the server's: what follows is refused for what is wrong with it.
    let forged = seen.forged(&seen.claims);
    let near = [seen.claims_with("exp", (seen.now() - 29).into()), seen.claims_with("nbf", (seen.now() + 30).into())];
    let before = signed_as(PREVIOUS, &seen.parts[0], &kid(PREVIOUS), &seen.parts[1]);
    for good in [seen.token.clone(), forged, before, seen.forged(&near[0]), seen.forged(&near[1])] {
        app.get("/api/users/me").bearer(&good).send().await.done(200);
    }
    let families = [
        ("algorithms", algorithms(&seen)),
        ("keys", keys(&seen)),
        ("headers", headers(&seen)),
        ("names", names(&seen)),
        ("claims", claims(&seen, &bob)),
        ("forms", forms(&seen, &ann)),
        ("flips", flips(&seen)),
    ];
    let mut attacks = 0;
    for (family, tokens) in families {
        for token in tokens {
            let reply = app.get("/api/users/me").bearer(&token).send().await;
            assert_eq!((reply.status, reply.code().as_str()), (401, "unauthenticated"), "{family}: {token}");
            attacks += 1;
        }
    }
    assert!(attacks >= 2_000, "{attacks}");
    app.get("/api/users/me").bearer(&ann.access_token).send().await.done(200);
}
