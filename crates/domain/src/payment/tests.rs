//! Events in any order: each pair of event and deposit, and what may be credited.

#![expect(clippy::arithmetic_side_effects, reason = "numbers of a test are small, and overflow checks are on")]

#[path = "tests/histories.rs"]
mod histories;

use super::{
    Doubt, EventId, EventType, NotCreditable, PENDING_MAX, PaymentEvent, TooManyPending, Verdict, creditable, judge,
    lapsed_by, may_ask, standing,
};
use crate::id::{DepositId, UserId};
use crate::money::Amount;
use crate::receipt::{DepositAsked, DepositStatus};
use crate::timestamp::{Span, Timestamp};
use crate::wallet::Provider;
use uuid::Uuid;

const CURRENCY: &str = "IDR";
const START: Timestamp = Timestamp::from_micros(1_790_812_800_000_000);

fn provider() -> Provider {
    Provider::parse("acme").unwrap()
}

fn user(number: u8) -> UserId {
    UserId::new(Uuid::from_u128(u128::from(number) + 1))
}

fn asked(number: u8, status: DepositStatus) -> DepositAsked {
    DepositAsked {
        id: DepositId::new(Uuid::from_u128(u128::from(number))),
        user_id: user(number % 2),
        amount: Amount::new(100 * (i64::from(number) + 1)).unwrap(),
        provider: provider(),
        provider_tx_id: matches!(status, DepositStatus::Completed | DepositStatus::Held)
            .then(|| "payment 0".to_owned()),
        status,
    }
}

/// What the provider says when all is well with a deposit.
fn right(number: u8) -> PaymentEvent {
    let deposit = asked(number, DepositStatus::Pending);
    PaymentEvent {
        provider: provider(),
        event_id: EventId::parse("event").unwrap(),
        event_type: EventType::Succeeded.as_str().to_owned(),
        deposit_id: Some(deposit.id),
        provider_tx_id: Some(format!("payment {number}")),
        amount_cents: Some(deposit.amount.credit().get()),
        currency: Some(CURRENCY.to_owned()),
    }
}

fn failed(number: u8) -> PaymentEvent {
    PaymentEvent { event_type: EventType::Failed.as_str().to_owned(), ..right(number) }
}

#[test]
fn an_event_id_is_plain_and_has_no_full_stop() {
    for (text, valid) in [("evt_1", true), ("", false), ("a.b", false), ("a b", false), ("é", false), ("\u{7f}", false)]
    {
        assert_eq!(EventId::parse(text).is_ok(), valid, "{text:?}");
    }
    assert!(EventId::parse(&"a".repeat(200)).is_ok() && EventId::parse(&"a".repeat(201)).is_err());
}

#[test]
fn every_event_meets_every_deposit() {
    use DepositStatus::{Completed, Failed, Held, Pending};
    use Verdict::{Fail, Hold, Ignore, Settle};
    let other = PaymentEvent { provider_tx_id: Some("another".to_owned()), ..right(0) };
    let wrong = PaymentEvent { amount_cents: Some(99), ..other.clone() };
    for (event, status, verdict) in [
        (right(0), Pending, Settle),
        (right(0), Failed, Hold(Doubt::AfterFailure)),
        (right(0), Completed, Ignore(Doubt::AlreadyCompleted)),
        (other.clone(), Completed, Ignore(Doubt::SecondPayment)),
        (right(0), Held, Ignore(Doubt::AlreadyHeld)),
        (other.clone(), Held, Settle),
        (wrong.clone(), Held, Ignore(Doubt::SecondPayment)),
        (wrong, Completed, Ignore(Doubt::SecondPayment)),
        (failed(0), Pending, Fail),
        (failed(0), Failed, Ignore(Doubt::AlreadyFailed)),
        (failed(0), Completed, Ignore(Doubt::AlreadyCompleted)),
        (failed(0), Held, Ignore(Doubt::AlreadyHeld)),
    ] {
        assert_eq!(judge(Some(&asked(0, status)), &event, CURRENCY), verdict, "{event:?} {status:?}");
    }
}

#[test]
fn whatever_does_not_match_is_held_or_ignored() {
    let pending = asked(0, DepositStatus::Pending);
    for (event, verdict) in [
        (PaymentEvent { amount_cents: Some(99), ..right(0) }, Verdict::Hold(Doubt::WrongAmount)),
        (PaymentEvent { amount_cents: Some(-100), ..right(0) }, Verdict::Hold(Doubt::WrongAmount)),
        (PaymentEvent { amount_cents: None, ..right(0) }, Verdict::Hold(Doubt::WrongAmount)),
        (PaymentEvent { currency: Some("EUR".to_owned()), ..right(0) }, Verdict::Hold(Doubt::WrongCurrency)),
        (PaymentEvent { currency: Some("idr".to_owned()), ..right(0) }, Verdict::Hold(Doubt::WrongCurrency)),
        (PaymentEvent { currency: None, ..right(0) }, Verdict::Hold(Doubt::WrongCurrency)),
        (PaymentEvent { provider_tx_id: None, ..right(0) }, Verdict::Hold(Doubt::NoPayment)),
        (PaymentEvent { event_type: String::new(), ..right(0) }, Verdict::Ignore(Doubt::Unreadable)),
        (PaymentEvent { event_type: "payment.created".to_owned(), ..right(0) }, Verdict::Ignore(Doubt::UnknownType)),
        (PaymentEvent { provider: Provider::sandbox(), ..right(0) }, Verdict::Ignore(Doubt::UnknownDeposit)),
        (PaymentEvent { deposit_id: None, ..right(0) }, Verdict::Ignore(Doubt::UnknownDeposit)),
        (right(1), Verdict::Ignore(Doubt::UnknownDeposit)),
        // What says that there is no money needs to say no more.
        (PaymentEvent { amount_cents: None, currency: None, provider_tx_id: None, ..failed(0) }, Verdict::Fail),
    ] {
        assert_eq!(judge(Some(&pending), &event, CURRENCY), verdict, "{event:?}");
    }
    assert_eq!(judge(None, &right(0), CURRENCY), Verdict::Ignore(Doubt::UnknownDeposit));
}

#[test]
fn what_was_paid_can_be_credited_and_nothing_else() {
    let paid = |cents: Option<i64>, currency: Option<&str>| {
        let event = PaymentEvent { amount_cents: cents, currency: currency.map(ToOwned::to_owned), ..right(0) };
        creditable(&event, CURRENCY).map(|amount| amount.credit().get())
    };
    assert_eq!(paid(Some(99), Some("IDR")), Ok(99));
    for currency in [None, Some("EUR"), Some("idr"), Some("")] {
        assert_eq!(paid(Some(99), currency), Err(NotCreditable::Currency), "{currency:?}");
    }
    for cents in [None, Some(0), Some(-1), Some(i64::MIN), Some(i64::MAX)] {
        assert_eq!(paid(cents, Some("IDR")), Err(NotCreditable::Amount), "{cents:?}");
    }
}

#[test]
fn a_deposit_that_waits_lapses_and_no_other_does() {
    let day = Span::days(1);
    let before = START.plus(day).minus(Span::MICROSECOND);
    assert_eq!(standing(DepositStatus::Pending, START, day, before), DepositStatus::Pending);
    assert_eq!(standing(DepositStatus::Pending, START, day, START.plus(day)), DepositStatus::Failed);
    assert!(START > lapsed_by(day, before) && START == lapsed_by(day, START.plus(day)));
    for status in [DepositStatus::Completed, DepositStatus::Failed, DepositStatus::Held] {
        assert_eq!(standing(status, START, day, START.plus(Span::days(99))), status);
    }
    assert_eq!((may_ask(PENDING_MAX - 1), may_ask(PENDING_MAX)), (Ok(()), Err(TooManyPending)));
}
