//! Keys, fingerprints, and which answer a request with a key is due.

use super::{ExecutionDigest, Fingerprint, Key, RETENTION, Record, StoredResponse, Verdict, judge};
use crate::id::{TransactionId, UserId};
use crate::timestamp::{Span, Timestamp};
use proptest::prelude::{any, prop_assert_ne, proptest};
use uuid::Uuid;

const SEEN: Timestamp = Timestamp::from_micros(1_000_000);

fn record() -> Record {
    Record {
        principal: UserId::new(Uuid::from_u128(1)),
        digest: Key::parse("key").unwrap().digest(),
        fingerprint: Fingerprint::of(&[b"POST", b"/api/wallet/transfer"]),
        execution: TransactionId::new(Uuid::from_u128(2)),
        tx_id: None,
        route: "/api/wallet/transfer".to_owned(),
        request_id: "request".to_owned(),
        response: StoredResponse { status: 201, headers: Vec::new(), body: Vec::new() },
        created_at: SEEN,
        expires_at: SEEN.plus(RETENTION),
    }
}

#[test]
fn forty_forms_of_a_key() {
    let long = "k".repeat(255);
    let too_long = "k".repeat(256);
    let quoted_long = format!("\"{long}\"");
    let valid = [
        "a",
        "abc",
        "\"abc\"",
        "0",
        "-",
        "_",
        "~",
        "!",
        "key:1",
        "a/b",
        "a=b",
        "{}",
        "a,b",
        "a;b",
        "\\",
        "'",
        "`",
        "8e03978e-40d5-43e8-bc93-6894a57f9324",
        "\"",
        "\"a",
        "a\"",
        &long,
        &quoted_long,
    ];
    for text in valid {
        assert!(Key::parse(text).is_ok(), "{text}");
    }
    let invalid = [
        "",
        "\"\"",
        " ",
        "a b",
        " a",
        "a ",
        "\"a b\"",
        "\t",
        "a\tb",
        "a\nb",
        "\0",
        "a\u{7f}",
        "é",
        "€",
        "a\u{200b}",
        "\u{1f600}",
        &too_long,
    ];
    for text in invalid {
        assert!(Key::parse(text).is_err(), "{text:?}");
    }
    assert_eq!(valid.len() + invalid.len(), 40);
    assert_eq!(Key::parse("\"abc\"").unwrap().digest(), Key::parse("abc").unwrap().digest());
}

#[test]
fn a_key_is_kept_for_24_hours_to_the_microsecond() {
    let record = record();
    let last = record.expires_at.minus(Span::MICROSECOND);
    assert_eq!(judge(Some(&record), &record.fingerprint, None, last), Verdict::Replay(&record));
    assert_eq!(judge(Some(&record), &record.fingerprint, None, record.expires_at), Verdict::Execute);
    assert_eq!(record.expires_at.minus(Span::hours(24)), SEEN);
}

#[test]
fn another_request_with_the_same_key_is_told_so() {
    let record = record();
    let other = Fingerprint::of(&[b"POST", b"/api/wallet/deposits"]);
    assert_eq!(judge(Some(&record), &other, None, SEEN), Verdict::Reused);
}

#[test]
fn a_batch_that_runs_again_knows_its_own_work() {
    let record = record();
    let later = record.expires_at.plus(Span::hours(1));
    assert_eq!(judge(Some(&record), &record.fingerprint, Some(record.execution), later), Verdict::Own(&record));
}

#[test]
fn a_key_used_again_after_its_time_names_another_execution() {
    let record = record();
    let first = ExecutionDigest::of(record.principal, record.digest, SEEN);
    let second = ExecutionDigest::of(record.principal, record.digest, SEEN.plus(RETENTION));
    assert!(first < second, "time leads");
}

proptest! {
    #[test]
    fn moving_a_byte_between_parts_changes_the_fingerprint(left in any::<Vec<u8>>(), right in any::<Vec<u8>>(), byte: u8) {
        let longer: Vec<u8> = left.iter().copied().chain([byte]).collect();
        let shifted: Vec<u8> = [byte].into_iter().chain(right.iter().copied()).collect();
        prop_assert_ne!(Fingerprint::of(&[&longer, &right]), Fingerprint::of(&[&left, &shifted]));
    }

    #[test]
    fn no_text_panics_the_key(text in ".*") {
        let _ = Key::parse(&text);
    }
}
