//! Levels, and what lines are made of events and of the spans around them, whatever is in them.

use super::layer::Lines;
use super::levels;
use super::line::{FIELD_BYTES_MAX, Line};
use crate::clock::Clock;
use domain::timestamp::Timestamp;
use proptest::prelude::*;
use serde_json::Value;
use std::sync::{Arc, Mutex};
use tracing::Level;
use tracing_subscriber::layer::SubscriberExt;

#[test]
fn a_level_is_for_all_targets_and_a_target_may_have_its_own() {
    let filter = levels("info,superapp::ledger=debug,hyper=off").unwrap();
    for (target, level, shown) in [
        ("superapp::http", Level::INFO, true),
        ("superapp::http", Level::DEBUG, false),
        ("superapp::ledger::writer", Level::DEBUG, true),
        ("superapp::ledger", Level::TRACE, false),
        ("hyper::proto", Level::ERROR, false),
    ] {
        assert_eq!(filter.would_enable(target, &level), shown, "{target} {level}");
    }
    assert!(levels("warn").is_ok() && levels("off").is_ok() && levels("TRACE").is_ok());
}

#[test]
fn what_is_no_filter_is_named() {
    let error = levels("superapp=loud").unwrap_err().to_string();
    assert!(error.contains("superapp=loud"), "{error}");
}

/// The lines of what is told meanwhile.
fn lines_of(filter: &str, tell: impl FnOnce()) -> Vec<Line> {
    let told = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&told);
    let clock = Clock::frozen(Timestamp::from_micros(1_800_000_000_000_001));
    let sink = move |line: &Line| kept.lock().unwrap().push(line.clone());
    let layer = Lines::new(levels(filter).unwrap(), clock, sink);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), tell);
    // The subscriber may be in somebody else's hands for a moment longer: another test that registers a place to log at.
    std::mem::take(&mut *told.lock().unwrap())
}

fn json(line: &Line) -> Value {
    let text = line.json();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.chars().all(|letter| !letter.is_control()), "{text:?}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[derive(Debug, thiserror::Error)]
#[error("the outer one")]
struct Outer(#[source] std::io::Error);

#[test]
fn a_line_has_what_its_event_says_and_what_its_spans_know() {
    let lines = lines_of("info", || {
        let request = tracing::error_span!("request", request_id = "req-12345678", user_id = tracing::field::Empty);
        let _entered = request.enter();
        request.record("user_id", "usr_1");
        let error = Outer(std::io::Error::other("the inner one"));
        tracing::warn!(
            status = 503_u16,
            took = 1.5,
            is_new = true,
            error = &error as &dyn std::error::Error,
            level = "x",
            "a {}",
            "message"
        );
        tracing::debug!("not shown");
    });
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    let expected = serde_json::json!({
        "time": "2027-01-15T08:00:00.000001Z", "level": "WARN", "target": "superapp::telemetry::tests",
        "message": "a message", "status": 503, "took": 1.5, "is_new": true, "error": "the outer one: the inner one",
        "field_level": "x", "request_id": "req-12345678", "user_id": "usr_1",
    });
    assert_eq!(json(line), expected);
    let text = line.text(false);
    assert!(
        text.starts_with("2027-01-15T08:00:00.000001Z  WARN superapp::telemetry::tests: a message status=503"),
        "{text}"
    );
    assert!(line.text(true).contains("\u{1b}[33m WARN\u{1b}[0m"));
}

#[test]
fn the_inner_span_knows_better_and_levels_hide_no_span() {
    let lines = lines_of("error", || {
        let outer = tracing::error_span!("job", request_id = "job-outer", job = "renew").entered();
        let inner = tracing::info_span!("renewal", request_id = "job-inner").entered();
        tracing::error!("it failed");
        tracing::error!(request_id = "by the event", "it failed again");
        tracing::warn!("not shown");
        drop((inner, outer));
    });
    let ids: Vec<Value> = lines.iter().map(|line| json(line)["request_id"].clone()).collect();
    assert_eq!(ids, ["job-outer", "by the event"], "a span of a level that is not shown is none");
    assert_eq!(json(&lines[0])["job"], "renew");
}

#[test]
fn secrets_are_masked_in_messages_fields_errors_and_spans() {
    let lines = lines_of("info", || {
        let _request = tracing::error_span!("request", token = "hunter2", note = "password=hunter2").entered();
        let error = Outer(std::io::Error::other("postgres://ann:hunter2@db/app"));
        let secret = secrecy::SecretString::from("hunter2");
        tracing::info!(
            password = "hunter2",
            pin = 1234,
            ?secret,
            error = &error as &dyn std::error::Error,
            "token: hunter2"
        );
    });
    let line = lines[0].json();
    assert!(!line.contains("hunter2") && !line.contains("1234"), "{line}");
    assert_eq!(json(&lines[0])["pin"], "***");
    assert!(!lines[0].text(true).contains("hunter2"));
}

#[test]
fn half_a_secret_is_not_shown_where_a_long_field_is_cut() {
    let given = format!(
        "{} {} sa_live_{}",
        "password=x&".repeat(30),
        "Authorization: Bearer ab12\n".repeat(150),
        "k".repeat(9_000)
    );
    let lines = lines_of("info", || tracing::info!(given, "long"));
    let shown = json(&lines[0])["given"].as_str().unwrap().to_owned();
    assert!(shown.len() <= FIELD_BYTES_MAX && !shown.contains("ab12") && !shown.contains("kkk"), "{shown}");
    assert!(shown.ends_with('…'));
}

/// Whatever somebody may send: as bytes, so that lone surrogates are among it.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<String>().prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..30),
        proptest::sample::select(vec![
            "\r\n",
            "\n{\"level\":\"ERROR\"}",
            "\u{1b}[31m",
            "\u{2028}",
            "\u{2029}",
            "\u{202e}",
            "\u{85}",
            "\\",
            "\"",
            "\\\"",
            "\0",
            "\u{feff}",
            "{\"a\":\"b\\\"",
            "'",
            "=",
            "%0d%0a",
            "password=",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        Just(vec![0xed, 0xa0, 0x80]),
        Just(vec![0xed, 0xbf, 0xbf, 0xff]),
        "[ -~]{0,2000}".prop_map(String::into_bytes),
    ];
    proptest::collection::vec(piece, 0..6).prop_map(|pieces| String::from_utf8_lossy(&pieces.concat()).into_owned())
}

fn cases() -> u32 {
    std::env::var("HOSTILE_LINES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2_000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn every_line_is_one_object_whatever_is_in_it(message in any_text(), field in any_text(), span in any_text()) {
        let lines = lines_of("info", || {
            let _request = tracing::error_span!("request", request_id = "req-12345678", span).entered();
            tracing::info!(user_agent = field, debug = ?field, "{message}");
        });
        prop_assert_eq!(lines.len(), 1);
        let line = json(&lines[0]);
        prop_assert_eq!(&line["request_id"], "req-12345678");
        for (name, value) in line.as_object().unwrap() {
            prop_assert!(value.as_str().unwrap().len() <= FIELD_BYTES_MAX, "{}", name);
        }
        let text = lines[0].text(false);
        prop_assert!(text.chars().all(|letter| !letter.is_control() && !('\u{2028}'..='\u{202e}').contains(&letter)), "{:?}", text);
    }
}

#[test]
fn a_panic_is_one_masked_line_in_its_request() {
    let lines = lines_of("info", || {
        let _request = tracing::error_span!("request", request_id = "req-12345678").entered();
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(super::tell_panic));
        let panicked = std::panic::catch_unwind(|| panic!("password={}\nand more", "hunter2"));
        std::panic::set_hook(before);
        assert!(panicked.is_err());
    });
    let line = json(&lines[0]);
    assert_eq!((&line["message"], &line["said"]), (&"a thread panicked".into(), &"password=***\nand more".into()));
    assert!(line["place"].as_str().unwrap().contains("tests.rs:") && line["request_id"] == "req-12345678", "{line}");
}
