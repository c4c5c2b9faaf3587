//! Reconciliations on request: what they answer, what they keep, and what they find.

use super::{column, every_line};
use crate::harness::TestApp;
use domain::timestamp::Span;
use serde_json::json;

const PATH: &str = "/api/admin/reconciliations";

#[tokio::test]
async fn a_sound_ledger_is_clean_and_the_result_is_kept() {
    let app = TestApp::new().await;
    let (root, ann) = (app.admin("root").await, app.rich("ann", 100).await);
    ann.pay(&root, 1).await;
    let reply = root.post(PATH).send().await.done(201);
    let result = reply.json();
    assert_eq!((&result["status"], &result["transactions"]), (&"clean".into(), &2.into()));
    assert_eq!((&result["discrepancies"], &result["discrepancies_total"]), (&json!([]), &0.into()));
    assert_eq!(result["requested_by"], root.id.to_string());
    assert_eq!(result["started_at"], "2027-01-15T08:00:00Z");
    let id = result["id"].as_str().unwrap();
    assert!(id.starts_with("rec_"));
    assert_eq!(reply.header("location"), format!("{PATH}/{id}"));
    assert_eq!(root.get(format!("{PATH}/{id}")).send().await.done(200).json(), result);
    let rows = app.audit_of(&reply).await;
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((row.action.as_str(), row.actor), ("reconciliation.created", Some(root.id)));
    assert_eq!((row.entity_type.as_str(), &row.after), ("reconciliation", &json!({ "discrepancies": 0 })));
    for other in ["rec_01h2xcejqtf2nbrexx3vqjhp41", "x", &ann.id.to_string()] {
        root.get(format!("{PATH}/{other}")).send().await.refused(404, "not_found");
    }
}

#[tokio::test]
async fn results_are_listed_newest_first() {
    let app = TestApp::new().await;
    let root = app.admin("root").await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        app.advance(Span::seconds(1));
        let result = root.post(PATH).send().await.done(201).json();
        ids.insert(0, result["id"].as_str().unwrap().to_owned());
    }
    for limit in [1, 2, 5, 100] {
        assert_eq!(column(&every_line(&root, PATH, limit).await, "id"), ids);
    }
    root.get(format!("{PATH}?cursor=x")).send().await.invalid(&["cursor"]);
}

#[tokio::test]
async fn a_key_makes_it_happen_once() {
    let app = TestApp::new().await;
    let root = app.admin("root").await;
    let first = root.post(PATH).key("k").send().await.done(201);
    root.post(PATH).key("k").send().await.replays(&first);
    root.post(PATH).key("k").json(json!({ "x": 1 })).send().await.invalid(&["/x"]);
    assert_eq!(every_line(&root, PATH, 100).await.len(), 1);
}

#[tokio::test]
async fn what_does_not_add_up_is_named_and_bounded() {
    let mut app = TestApp::new().await;
    let root = app.admin("root").await;
    let mut people = Vec::new();
    for number in 0..12 {
        people.push(app.rich(&format!("user{number}"), 100).await);
    }
    app.unbalance(&people).await;
    let result = root.post(PATH).key("k").send().await.done(201).json();
    assert_eq!(result["status"], "discrepancies");
    assert_eq!(result["discrepancies_total"], 13);
    let codes = column(result["discrepancies"].as_array().unwrap(), "code");
    assert_eq!(codes.iter().filter(|code| *code == "balance_mismatch").count(), 10);
    assert_eq!(codes.iter().filter(|code| *code == "ledger_imbalance").count(), 1);
    let detail = result["discrepancies"][0]["detail"].as_str().unwrap();
    assert_eq!(detail, "all balances together are 12 cents instead of 0");
    app.give_up_the_ledger();
}
