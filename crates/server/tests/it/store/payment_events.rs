//! Events of payment providers: each of them once, and what became of it said once.

use super::{START, databases, uuid};
use domain::id::{DepositId, PaymentEventId};
use domain::money::Amount;
use domain::payment::{EventId, EventOutcome, PaymentEvent};
use domain::receipt::DepositStatus;
use domain::timestamp::{Span, Timestamp};
use domain::wallet::Provider;
use superapp::store::payment_events::{self, Listed, Page, Recorded};
use superapp::store::{StoreError, Work};

fn provider(name: &str) -> Provider {
    Provider::parse(name).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    START.plus(Span::seconds(seconds))
}

fn recorded(number: u8, name: &str, outcome: EventOutcome) -> Recorded {
    let event = PaymentEvent {
        provider: provider(name),
        event_id: EventId::parse(&format!("event-{number}")).unwrap(),
        event_type: "payment.succeeded".to_owned(),
        deposit_id: Some(DepositId::new(uuid(7))),
        provider_tx_id: Some("pay_1".to_owned()),
        amount_cents: Some(-5),
        currency: Some("IDR".to_owned()),
    };
    let id = PaymentEventId::new(uuid(number.into()));
    Recorded { id, event, outcome, reason: Some("a reason".to_owned()), received_at: at(number.into()) }
}

#[tokio::test]
async fn an_event_is_kept_as_it_was_said_and_once_for_each_provider() {
    for db in databases() {
        let bare = PaymentEvent {
            deposit_id: None,
            provider_tx_id: None,
            amount_cents: None,
            currency: None,
            ..recorded(2, "acme", EventOutcome::Ignored).event
        };
        let bare = Recorded { event: bare, reason: None, ..recorded(2, "acme", EventOutcome::Ignored) };
        for row in [recorded(1, "acme", EventOutcome::Held), recorded(1, "other", EventOutcome::Held), bare] {
            let kept = row.clone();
            db.write(move |work| payment_events::insert(work, &kept)).await;
            let event = row.event.clone();
            let found = db.read(move |view| payment_events::find(view, &event.provider, &event.event_id)).await;
            assert_eq!(found, Some(row));
        }
        let again = |work: &mut Work<'_>| payment_events::insert(work, &recorded(1, "acme", EventOutcome::Held));
        assert!(matches!(db.try_write(again).await, Err(StoreError::Lost(_) | StoreError::Overloaded)));
        let unknown = EventId::parse("event-9").unwrap();
        assert_eq!(db.read(move |view| payment_events::find(view, &provider("acme"), &unknown)).await, None);
    }
}

#[tokio::test]
async fn what_became_of_a_settling_event_is_said_once() {
    for db in databases() {
        let row = recorded(1, "acme", EventOutcome::Settling);
        let (kept, event) = (row.clone(), row.event.clone());
        db.write(move |work| payment_events::insert(work, &kept)).await;
        let held =
            move |work: &mut Work<'_>| payment_events::conclude(work, &event, EventOutcome::Held, Some("frozen"));
        db.write(held.clone()).await;
        let event = row.event.clone();
        let found = db.read(move |view| payment_events::find(view, &event.provider, &event.event_id)).await;
        let expected = Recorded { outcome: EventOutcome::Held, reason: Some("frozen".to_owned()), ..row };
        assert_eq!(found, Some(expected));
        assert!(matches!(db.try_write(held).await, Err(StoreError::Lost(_) | StoreError::Overloaded)));
    }
}

#[tokio::test]
async fn events_are_listed_newest_first_by_outcome_and_provider() {
    for db in databases() {
        for (number, name, outcome) in [
            (1, "acme", EventOutcome::Held),
            (2, "acme", EventOutcome::Ignored),
            (3, "other", EventOutcome::Held),
            (4, "acme", EventOutcome::Held),
        ] {
            db.write(move |work| payment_events::insert(work, &recorded(number, name, outcome))).await;
        }
        let all = Page { before: None, outcome: None, provider: None, reason: None, limit: 10 };
        let held = Some(EventOutcome::Held);
        for (page, expected) in [
            (all.clone(), vec![4, 3, 2, 1]),
            (Page { limit: 2, ..all.clone() }, vec![4, 3]),
            (Page { before: Some((at(3), PaymentEventId::new(uuid(3)))), ..all.clone() }, vec![2, 1]),
            (Page { outcome: held, ..all.clone() }, vec![4, 3, 1]),
            (Page { outcome: held, provider: Some(provider("acme")), ..all.clone() }, vec![4, 1]),
            (Page { provider: Some(provider("nobody")), ..all.clone() }, vec![]),
            (Page { reason: Some("a reason".to_owned()), limit: 3, ..all.clone() }, vec![4, 3, 2]),
            (Page { reason: Some("none".to_owned()), ..all }, vec![]),
        ] {
            let found = db.read(move |view| payment_events::list(view, &page)).await;
            let numbers: Vec<u128> = found.iter().map(|row| row.recorded.id.uuid().as_u128()).collect();
            assert_eq!(numbers, expected);
        }
    }
}

#[tokio::test]
async fn an_event_is_listed_beside_its_deposit() {
    for db in databases() {
        let ann = db.user(1).await;
        let text = "INSERT INTO deposits (id, user_id, amount_cents, provider, status, created_at)
            VALUES ($1, $2, 100, 'acme', 'held', $3)";
        let id = DepositId::new(uuid(7));
        db.write(move |work| work.execute_one(text, &[id.into(), ann.into(), START.into()])).await;
        let row = recorded(1, "acme", EventOutcome::Held);
        let other = PaymentEvent { deposit_id: None, ..recorded(2, "acme", EventOutcome::Ignored).event };
        let other = Recorded { event: other, ..recorded(2, "acme", EventOutcome::Ignored) };
        for row in [row.clone(), other.clone()] {
            db.write(move |work| payment_events::insert(work, &row)).await;
        }
        let page = Page { before: None, outcome: None, provider: None, reason: None, limit: 10 };
        let found = db.read(move |view| payment_events::list(view, &page)).await;
        let held = Some((Amount::new(100).unwrap(), DepositStatus::Held));
        assert_eq!(found, [Listed { recorded: other, deposit: None }, Listed { recorded: row, deposit: held }]);
    }
}

#[tokio::test]
async fn a_deposit_is_held_for_the_newest_event_that_held_it() {
    for db in databases() {
        let id = DepositId::new(uuid(7));
        assert_eq!(db.read(move |view| payment_events::holding(view, id)).await, None);
        for (number, outcome) in [(1, EventOutcome::Held), (3, EventOutcome::Held), (4, EventOutcome::Ignored)] {
            db.write(move |work| payment_events::insert(work, &recorded(number, "acme", outcome))).await;
        }
        let found = db.read(move |view| payment_events::holding(view, id)).await;
        assert_eq!(found, Some(recorded(3, "acme", EventOutcome::Held).event));
        assert_eq!(db.read(|view| payment_events::holding(view, DepositId::new(uuid(8)))).await, None);
    }
}

#[tokio::test]
async fn what_is_settling_is_found_from_the_oldest_on_and_what_completed_a_deposit_is_known() {
    for db in databases() {
        for (number, outcome) in [
            (1, EventOutcome::Settling),
            (2, EventOutcome::Completed),
            (3, EventOutcome::Settling),
            (4, EventOutcome::Settling),
        ] {
            db.write(move |work| payment_events::insert(work, &recorded(number, "acme", outcome))).await;
        }
        let start = (Timestamp::from_micros(i64::MIN), PaymentEventId::new(uuid(0)));
        let third = (at(3), PaymentEventId::new(uuid(3)));
        for (before, behind, limit, expected) in
            [(5, start, 10, vec![1, 3, 4]), (4, start, 10, vec![1, 3]), (5, start, 1, vec![1]), (5, third, 10, vec![4])]
        {
            let found = db.read(move |view| payment_events::settling(view, at(before), behind, limit)).await;
            let numbers: Vec<u128> = found.iter().map(|row| row.id.uuid().as_u128()).collect();
            assert_eq!(numbers, expected);
        }
    }
}
