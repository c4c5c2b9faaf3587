//! Events of payment providers: each of them once, and what became of it said once.

use super::{START, databases, uuid};
use domain::id::{DepositId, PaymentEventId};
use domain::payment::{EventId, EventOutcome, PaymentEvent};
use domain::timestamp::{Span, Timestamp};
use domain::wallet::Provider;
use superapp::store::payment_events::{self, Page, Recorded};
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
        let all = Page { before: None, outcome: None, provider: None, limit: 10 };
        let held = Some(EventOutcome::Held);
        for (page, expected) in [
            (all.clone(), vec![4, 3, 2, 1]),
            (Page { limit: 2, ..all.clone() }, vec![4, 3]),
            (Page { before: Some((at(3), PaymentEventId::new(uuid(3)))), ..all.clone() }, vec![2, 1]),
            (Page { outcome: held, ..all.clone() }, vec![4, 3, 1]),
            (Page { outcome: held, provider: Some(provider("acme")), ..all.clone() }, vec![4, 1]),
            (Page { provider: Some(provider("nobody")), ..all }, vec![]),
        ] {
            let found = db.read(move |view| payment_events::list(view, &page)).await;
            let numbers: Vec<u128> = found.iter().map(|row| row.id.uuid().as_u128()).collect();
            assert_eq!(numbers, expected);
        }
    }
}
