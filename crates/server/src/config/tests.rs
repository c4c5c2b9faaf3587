//! What the settings accept, and what they say about what they do not.

use super::{Config, ConfigError, DatabaseUrl, Sources, known_keys};
use domain::timestamp::Span;
use secrecy::ExposeSecret;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn sources(file: &str, environment: &[(&str, &str)]) -> Sources {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Sources { file: Some(file.to_owned()), environment: environment.iter().map(pair).collect() }
}

fn load(environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    sources("", environment).load()
}

const JWT: &str = "q8Zr1nVwX2yTb5uKd7PfHs9LmGc3JeAo4RiB6NvC";
const SERVER: &str = "T0pWx8yZa1bC2dE3fG4hI5jK6lM7nO8pQ9rS0tUv";

fn production<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut list =
        vec![("SUPERAPP_ENVIRONMENT", "production"), ("JWT_SECRET", JWT), ("SUPERAPP_AUTH__SERVER_SECRET", SERVER)];
    list.extend_from_slice(more);
    list
}

#[test]
fn the_defaults_are_valid() {
    let config = Sources::default().load().unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!((config.rate_limits.free, config.rate_limits.premium, config.rate_limits.creator), (10, 100, 500));
    assert!(config.sandbox() && config.docs());
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let file = "[server]\nbody_bytes_max = 100\nconnections_max = 7\n";
    let config = sources(file, &[("SUPERAPP_SERVER__BODY_BYTES_MAX", "200")]).load().unwrap();
    assert_eq!((config.server.body_bytes_max, config.server.connections_max), (200, 7));
}

#[test]
fn names_that_platforms_set_are_understood() {
    let config = load(&[("PORT", "9000"), ("DATABASE_URL", "sqlite:/tmp/x.db"), ("RUST_LOG", "debug")]).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:9000");
    assert_eq!(config.log.level, "debug");
    let url = config.database_url(Path::new("data")).unwrap();
    assert_eq!(file(url), PathBuf::from("/tmp/x.db"));
}

#[test]
fn the_database_is_in_the_data_directory_unless_told_otherwise() {
    let url = load(&[]).unwrap().database_url(Path::new("data")).unwrap();
    assert_eq!(file(url), PathBuf::from("data/superapp.db"));
    for (url, path) in [("sqlite:x.db", "x.db"), ("sqlite:///x.db", "/x.db"), ("sqlite://x.db", "x.db")] {
        let config = load(&[("DATABASE_URL", url)]).unwrap();
        assert_eq!(file(config.database_url(Path::new("")).unwrap()), PathBuf::from(path), "{url}");
    }
    assert!(load(&[("DATABASE_URL", "mongodb://x")]).is_err());
}

#[test]
fn unknown_settings_are_errors_with_a_suggestion() {
    let error = sources("[server]\nlissten = 1\n", &[]).load().unwrap_err();
    assert_eq!(error.to_string(), "`server.lissten` is not a setting; did you mean `server.listen`?");
    let error = load(&[("SUPERAPP_RATE_LIMITS__FRE", "1")]).unwrap_err();
    let told = "`SUPERAPP_RATE_LIMITS__FRE` is not a setting; did you mean `SUPERAPP_RATE_LIMITS__FREE`?";
    assert_eq!(error.to_string(), told);
}

#[test]
fn wrong_values_name_their_setting() {
    for (name, value, key) in [
        ("SUPERAPP_SERVER__LISTEN", "nowhere", "server.listen"),
        ("SUPERAPP_DATABASE__READERS", "many", "database.readers"),
        ("SUPERAPP_DATABASE__READERS", "0", "database.readers"),
        ("SUPERAPP_MONEY__CENTS_PER_COIN", "0", "money.cents_per_coin"),
        ("SUPERAPP_MONEY__CURRENCY", "coins", "money.currency"),
        ("SUPERAPP_METRICS__LISTEN", "x", "metrics.listen"),
        ("SUPERAPP_PAYMENTS__SANDBOX", "maybe", "payments.sandbox"),
        ("SUPERAPP_ENVIRONMENT", "staging", "environment"),
    ] {
        let error = load(&[(name, value)]).unwrap_err().to_string();
        assert!(error.contains(key), "{name}={value}: {error}");
    }
}

#[test]
fn what_is_sold_is_read_into_the_rules() {
    let config = load(&[]).unwrap();
    let splits = config.splits().unwrap();
    let parts = [splits.premium_unlock, splits.subscription, splits.gift];
    let parts = parts.map(|shares| (shares.platform().get(), shares.processor().get()));
    assert_eq!(parts, [(1_500, 500), (2_500, 500), (1_000, 500)]);
    let policy = config.renewal_policy().unwrap();
    assert_eq!((policy.grace, policy.retry_after, policy.tries_max), (Span::days(3), Span::hours(24), 3));
    assert_eq!(config.payout_min().unwrap().credit().get(), 100_000);
    let gifts = config.gifts().unwrap();
    let gifts: Vec<_> =
        gifts.listings().iter().map(|gift| (gift.gift_type.as_str(), gift.price.credit().get())).collect();
    assert_eq!(gifts, [("rose", 100_000), ("heart", 500_000), ("diamond", 10_000_000)]);
    let none = load(&[("SUPERAPP_GIFTS__CATALOGUE", "")]).unwrap();
    assert!(none.gifts().unwrap().listings().is_empty());
}

#[test]
fn what_cannot_be_sold_names_its_setting() {
    let cheap = ("SUPERAPP_MONEY__AMOUNT_CENTS_MAX", "9999999");
    for (settings, told) in [
        (
            [("SUPERAPP_SPLITS__GIFT", "8500/1000/400")].as_slice(),
            "`splits.gift` must be three shares from 0 to 10000 that make 10000 together; they make 9900",
        ),
        (
            &[("SUPERAPP_SPLITS__PREMIUM_UNLOCK", "80/15/5%")],
            "`splits.premium_unlock` must be creator/platform/processor in basis points, such as 8000/1500/500",
        ),
        (
            &[("SUPERAPP_SPLITS__SUBSCRIPTION", "")],
            "`splits.subscription` must be creator/platform/processor in basis points, such as 8000/1500/500",
        ),
        (&[("SUPERAPP_GIFTS__CATALOGUE", "rose:Rose:1,rose:Rose:2")], "`gifts.catalogue` has the gift `rose` twice"),
        (&[cheap], "`gifts.catalogue` has the gift `diamond`, whose price is above money.amount_cents_max"),
        (&[("SUPERAPP_SUBSCRIPTIONS__GRACE_DAYS", "28")], "`subscriptions.grace_days` must be from 0 to 27"),
        (&[("SUPERAPP_SUBSCRIPTIONS__GRACE_DAYS", "-1")], "`subscriptions.grace_days` must be from 0 to 27"),
        (&[("SUPERAPP_SUBSCRIPTIONS__RETRY_HOURS", "0")], "`subscriptions.retry_hours` must be from 1 to 648"),
        (&[("SUPERAPP_PAYMENTS__PENDING_HOURS", "0")], "`payments.pending_hours` must be from 1 to 8760"),
        (&[("SUPERAPP_SUBSCRIPTIONS__TOKEN_SECONDS", "0")], "`subscriptions.token_seconds` must be from 1 to 86400"),
        (&[("SUPERAPP_SUBSCRIPTIONS__TRIES_MAX", "0")], "`subscriptions.tries_max` must be from 1 to 100"),
        (
            &[("SUPERAPP_PAYOUTS__AMOUNT_CENTS_MIN", "0")],
            "`payouts.amount_cents_min` must be a whole number of cents from 1 to 9007199254740991",
        ),
        (
            &[("SUPERAPP_PAYOUTS__AMOUNT_CENTS_MIN", "1000000000000001")],
            "`payouts.amount_cents_min` must be at most money.amount_cents_max",
        ),
    ] {
        assert_eq!(load(settings).unwrap_err().to_string(), told, "{settings:?}");
    }
}

#[test]
fn production_is_possible() {
    let config = load(&production(&[])).unwrap();
    assert!(!config.sandbox() && !config.docs());
}

#[test]
fn production_refuses_twenty_bad_settings_and_more() {
    let short = "x".repeat(31);
    let dull = "abababababababababababababababababab";
    let bad: &[(&str, &str)] = &[
        ("JWT_SECRET", ""),
        ("JWT_SECRET", "secret"),
        ("JWT_SECRET", "changeme"),
        ("JWT_SECRET", &short),
        ("JWT_SECRET", dull),
        ("JWT_SECRET", "00000000000000000000000000000000"),
        ("JWT_SECRET", "my-super-secret-key-that-is-long-enough"),
        ("JWT_SECRET", "your-256-bit-key-goes-here-0123456789"),
        ("JWT_SECRET", "please-change-me-0123456789-abcdefghij"),
        ("JWT_SECRET", "Password-Password-Password-0123456789"),
        ("JWT_SECRET", "0123456789abcdefghijklmnopqrstuvwxyz"),
        ("JWT_SECRET", "qwertyuiopasdfghjklzxcvbnm-QWERTYUIOP"),
        ("JWT_SECRET", "superapp-production-signing-key-number-1"),
        ("JWT_SECRET", SERVER),
        ("SUPERAPP_AUTH__PREVIOUS_JWT_SECRET", "short"),
        ("SUPERAPP_AUTH__PREVIOUS_JWT_SECRET", dull),
        ("SUPERAPP_AUTH__PREVIOUS_JWT_SECRET", "please-change-me-0123456789-abcdefghij"),
        ("SUPERAPP_AUTH__PREVIOUS_JWT_SECRET", JWT),
        ("SUPERAPP_AUTH__PREVIOUS_JWT_SECRET", SERVER),
        ("SUPERAPP_AUTH__SERVER_SECRET", ""),
        ("SUPERAPP_AUTH__SERVER_SECRET", "short"),
        ("SUPERAPP_AUTH__SERVER_SECRET", JWT),
        ("SUPERAPP_AUTH__SERVER_SECRET", "default-default-default-0123456789-xyz"),
        ("SUPERAPP_AUTH__PASSWORD_PEPPER", "short"),
        ("SUPERAPP_AUTH__PASSWORD_PEPPER", "pepper-pepper-pepper-pepper-pepper"),
        ("SUPERAPP_AUTH__PASSWORD_PEPPER", JWT),
        ("SUPERAPP_AUTH__PASSWORD_PEPPER", SERVER),
        ("SUPERAPP_PAYMENTS__SANDBOX", "true"),
        ("SUPERAPP_PAYMENTS__SANDBOX", "on"),
        ("SUPERAPP_AUTH__ARGON2_MEMORY_KIB", "1024"),
        ("SUPERAPP_AUTH__ARGON2_PASSES", "1"),
        ("SUPERAPP_AUTH__ARGON2_MEMORY_KIB", "0"),
    ];
    assert_eq!(bad.len(), 32);
    for (name, value) in bad {
        let settings: BTreeMap<_, _> = production(&[(name, value)]).into_iter().collect();
        let settings: Vec<_> = settings.into_iter().collect();
        let error = load(&settings).expect_err(value).to_string();
        assert!(value.is_empty() || value.len() < 9 || !error.contains(value), "a secret is printed: {error}");
    }
}

#[test]
fn a_short_secret_is_refused_in_development_too() {
    for (name, key) in [("JWT_SECRET", "auth.jwt_secret"), ("SUPERAPP_AUTH__SERVER_SECRET", "auth.server_secret")] {
        for short in ["a", "dev", &JWT[..31]] {
            let error = load(&[(name, short)]).unwrap_err().to_string();
            let told = format!(
                "`{key}` must be at least 32 bytes long; make one with `openssl rand -base64 48`, or leave it empty in development"
            );
            assert_eq!(error, told);
        }
        // Guessable ones are production's concern: a developer may want the same token on every machine.
        load(&[(name, "a-secret-for-development-only-0123456789")]).unwrap();
        load(&[(name, "")]).unwrap();
    }
}

#[test]
fn previous_keys_are_a_few_and_no_two_are_the_same() {
    let (one, two) = ("Xq3vT8mKd0Lz5Rw7Yb2Jf9Hs4Gc6Np1AeUiOoVtB", "c7Wd2Zk9Qm4Ls0Xv6Rt1Yj8Hb3Nf5Gp-EaUuIiOo");
    let (three, four) = (one.to_lowercase(), two.to_lowercase());
    let previous = |texts: &[&str]| {
        let joined = texts.join("  ");
        let pairs = [("SUPERAPP_AUTH__PREVIOUS_JWT_SECRET", joined.as_str())];
        [load(&pairs), load(&production(&pairs))]
            .map(|config| config.map(|config| config.auth.previous_jwt_secrets().len()))
    };
    for (texts, count) in [(vec![], 0), (vec![one], 1), (vec![one, two, &three], 3)] {
        assert!(previous(&texts).into_iter().all(|found| found.unwrap() == count), "{texts:?}");
    }
    for texts in [vec![one, one], vec![one, "short"], vec![one, two, &three, &four]] {
        for refused in previous(&texts) {
            let told = refused.unwrap_err().to_string();
            assert!(told.contains("`auth.previous_jwt_secret`") && !told.contains(one), "{told}");
        }
    }
    let printed = sources("", &[("SUPERAPP_AUTH__PREVIOUS_JWT_SECRET", one)]).print().unwrap();
    assert!(printed.contains(&("auth.previous_jwt_secret".to_owned(), "********".to_owned())));
}

#[test]
fn printing_masks_every_secret() {
    let printed = sources("", &production(&[("DATABASE_URL", "sqlite:/var/hidden.db")])).print().unwrap();
    assert_eq!(printed.len(), known_keys().unwrap().len());
    let text = format!("{printed:?}");
    for secret in [JWT, SERVER, "hidden"] {
        assert!(!text.contains(secret));
    }
    assert!(printed.contains(&("server.listen".to_owned(), "127.0.0.1:8080".to_owned())));
}

#[test]
fn debug_output_of_the_settings_holds_no_secret() {
    let text = format!("{:?}", load(&production(&[])).unwrap());
    assert!(!text.contains(JWT) && !text.contains(SERVER));
}

/// Twenty-four bytes.
const WEBHOOK: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[test]
fn a_payment_provider_needs_a_name_of_its_own_and_a_secret() {
    let set = |name, secret| {
        let pairs = [("SUPERAPP_PAYMENTS__WEBHOOK_PROVIDER", name), ("SUPERAPP_PAYMENTS__WEBHOOK_SECRET", secret)];
        (load(&pairs), load(&production(&pairs)))
    };
    assert!(load(&[]).unwrap().webhook().unwrap().is_none());
    let two = format!("{WEBHOOK}  MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    for (secret, keys) in [(WEBHOOK, 1), (&two, 2)] {
        let (_, production) = set("acme", secret);
        let webhook = production.unwrap().webhook().unwrap().unwrap();
        assert_eq!((webhook.provider.as_str(), webhook.keys.len()), ("acme", keys));
    }
    let five = [WEBHOOK; 5].join(" ");
    for (name, secret, key) in [
        ("Acme", WEBHOOK, "payments.webhook_provider"),
        ("sandbox", WEBHOOK, "payments.webhook_provider"),
        ("manual", WEBHOOK, "payments.webhook_provider"),
        ("acme", "", "payments.webhook_secret"),
        ("acme", "whsec_", "payments.webhook_secret"),
        ("acme", "whsec_not base64!", "payments.webhook_secret"),
        ("acme", &five, "payments.webhook_secret"),
    ] {
        for refused in <[_; 2]>::from(set(name, secret)) {
            let told = refused.unwrap_err().to_string();
            assert!(told.contains(key) && (secret.is_empty() || !told.contains(secret)), "{name} {secret}: {told}");
        }
    }
    let (development, production) = set("acme", "c2hvcnQ");
    assert!(development.is_ok() && production.unwrap_err().to_string().contains("at least 24 bytes"));
}

#[test]
fn the_secret_of_a_payment_provider_is_not_shown() {
    let pairs = [("SUPERAPP_PAYMENTS__WEBHOOK_PROVIDER", "acme"), ("SUPERAPP_PAYMENTS__WEBHOOK_SECRET", WEBHOOK)];
    let printed = sources("", &pairs).print().unwrap();
    assert!(printed.contains(&("payments.webhook_secret".to_owned(), "********".to_owned())));
    assert!(!format!("{:?}", load(&pairs).unwrap()).contains(WEBHOOK));
}

fn file(url: DatabaseUrl) -> PathBuf {
    match url {
        DatabaseUrl::Sqlite(path) => path,
        DatabaseUrl::Postgres(_) => panic!("not a file"),
    }
}

#[test]
fn a_url_of_postgresql_is_kept_whole_and_not_shown() {
    for url in ["postgres://ann:hidden@db/app", "postgresql://ann:hidden@db/app?sslmode=disable"] {
        let config = load(&[("DATABASE_URL", url)]).unwrap();
        let found = config.database_url(Path::new("")).unwrap();
        assert!(!format!("{found:?}").contains("hidden"));
        assert!(matches!(found, DatabaseUrl::Postgres(kept) if kept.expose_secret() == url));
    }
}
