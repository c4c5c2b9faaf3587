//! Results of reconciliations: kept with every word, and listed newest first.

use super::{START, databases, user_id, uuid};
use domain::id::{ReconciliationId, UserId};
use domain::timestamp::Span;
use superapp::store::reconciliations::{self, Named, Reconciliation};

fn result(number: u128, requested_by: Option<UserId>) -> Reconciliation {
    Reconciliation {
        id: ReconciliationId::new(uuid(number)),
        requested_by,
        wallets: 5,
        transactions: 7,
        found: 20,
        named: vec![Named { code: "orphan_entry".to_owned(), detail: "a \"quoted\" détail".to_owned() }],
        started_at: START,
        finished_at: START.plus(Span::seconds(1)),
    }
}

#[tokio::test]
async fn a_result_is_found_as_it_was_kept() {
    for db in databases() {
        for (number, by) in [(1, None), (2, Some(user_id(9)))] {
            let kept = result(number, by);
            let again = kept.clone();
            db.write(move |work| reconciliations::insert(work, &kept)).await;
            let id = again.id;
            assert_eq!(db.read(move |view| reconciliations::find(view, id)).await, Some(again));
        }
        let nothing = ReconciliationId::new(uuid(3));
        assert_eq!(db.read(move |view| reconciliations::find(view, nothing)).await, None);
    }
}

#[tokio::test]
async fn results_are_listed_newest_first_from_any_of_them_on() {
    for db in databases() {
        for number in [2, 1, 3] {
            db.write(move |work| reconciliations::insert(work, &result(number, None))).await;
        }
        let list = |before: Option<u128>, limit| {
            let before = before.map(|number| ReconciliationId::new(uuid(number)));
            let found = db.read(move |view| reconciliations::list(view, before, limit));
            async move { found.await.iter().map(|result| result.id.uuid()).collect::<Vec<_>>() }
        };
        assert_eq!(list(None, 2).await, [uuid(3), uuid(2)]);
        assert_eq!(list(Some(2), 2).await, [uuid(1)]);
        assert_eq!(list(Some(1), 2).await, [] as [uuid::Uuid; 0]);
    }
}
