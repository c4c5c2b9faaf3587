//! The lists of transactions and wallets that support works with.

use super::{column, every_line};
use crate::harness::TestApp;
use crate::http::webhooks::{ask, outcome, server, succeeded};
use domain::id::WalletId;

#[tokio::test]
async fn what_somebody_initiated_is_listed_newest_first_and_page_by_page() {
    let app = TestApp::new().await;
    let root = app.admin("root").await;
    let (ann, bob) = (app.rich("ann", 100).await, app.rich("bob", 50).await);
    for cents in 1..=5 {
        ann.pay(&bob, cents).await;
    }
    let path = format!("/api/admin/transactions?user_id={}", ann.id);
    let lines = every_line(&root, &path, 2).await;
    let amounts: Vec<i64> = lines.iter().map(|line| line["amount_cents"].as_i64().unwrap()).collect();
    assert_eq!(amounts, [5, 4, 3, 2, 1, 100]);
    assert_eq!(column(&lines, "type"), ["transfer", "transfer", "transfer", "transfer", "transfer", "deposit"]);
    assert_eq!(lines[0]["payee_id"], bob.id.to_string());
    // A cursor is of its list.
    let page = root.get(format!("{path}&limit=1")).send().await.done(200).json();
    let cursor = page["next_cursor"].as_str().unwrap();
    let of_bob = format!("/api/admin/transactions?user_id={}&cursor={cursor}", bob.id);
    root.get(of_bob).send().await.invalid(&["cursor"]);
}

#[tokio::test]
async fn a_payment_is_found_by_what_its_provider_calls_it() {
    let app = server().await;
    let (root, ann) = (app.admin("root").await, app.user("ann").await);
    let deposit = ask(&ann, 700).await;
    assert_eq!(outcome(&app, "evt_1", &succeeded(&deposit, "pay_77")).await, "completed");
    let find = async |query: &str| root.get(format!("/api/admin/transactions?{query}")).send().await;
    let found = find("provider=acme&provider_tx_id=pay_77").await.done(200).json();
    assert_eq!((&found["data"][0]["amount_cents"], &found["next_cursor"]), (&700.into(), &serde_json::Value::Null));
    assert_eq!(found["data"][0]["payee_id"], ann.id.to_string());
    assert_eq!(find("provider=acme&provider_tx_id=pay_78").await.done(200).json()["data"], serde_json::json!([]));
    find("").await.invalid(&["user_id"]);
    find("provider=acme").await.invalid(&["provider_tx_id"]);
    find("provider_tx_id=pay_77").await.invalid(&["provider"]);
    find("user_id=nobody").await.invalid(&["user_id"]);
}

#[tokio::test]
async fn wallets_are_listed_by_who_has_them_and_by_when_money_moved() {
    let app = TestApp::new().await;
    let root = app.admin("root").await;
    let (ann, bob) = (app.rich("ann", 100).await, app.rich("bob", 50).await);
    app.user("eve").await;
    ann.pay(&bob, 1).await;
    let lines = every_line(&root, "/api/admin/wallets", 1).await;
    let kinds = column(&lines, "kind");
    assert_eq!(kinds.iter().filter(|kind| *kind == "user").count(), 2, "on eve's no money ever moved: {kinds:?}");
    assert!(kinds.contains(&"clearing".to_owned()), "{kinds:?}");
    let moments = column(&lines, "last_transaction_at");
    let moments: Vec<jiff::Timestamp> = moments.iter().map(|at| at.parse().unwrap()).collect();
    assert!(moments.iter().zip(moments.iter().skip(1)).all(|(newer, older)| newer >= older), "{moments:?}");
    let of_ann = every_line(&root, &format!("/api/admin/wallets?user_id={}", ann.id), 9).await;
    assert_eq!(column(&of_ann, "id"), [WalletId::of_user(ann.id).to_string()]);
    assert_eq!(of_ann[0]["balance_cents"], 99);
    let frozen = format!("/api/admin/wallets?status=frozen&user_id={}", ann.id);
    assert!(every_line(&root, &frozen, 9).await.is_empty());
    root.get("/api/admin/wallets?status=cold").send().await.invalid(&["status"]);
}
