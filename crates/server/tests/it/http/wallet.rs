//! One's own wallet: what it holds; what moves it, and what moved, is in the modules below.

mod deposits;
mod history;
mod transfer;

use crate::harness::TestApp;
use domain::timestamp::Span;
use serde_json::{Value, json};

#[tokio::test]
async fn a_balance_is_shown_in_cents_and_in_whole_coins() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let mut expected = json!({
        "wallet_id": ann.id.to_string().replace("usr_", "wal_"), "balance_cents": 0, "balance_coins": 0,
        "available_cents": 0, "currency": "IDR", "status": "active", "last_transaction_at": null,
    });
    assert_eq!(ann.get("/api/wallet/balance").send().await.done(200).json(), expected);
    app.advance(Span::seconds(60));
    for (cents, sum, coins) in [(9_999, 9_999, 0), (1, 10_000, 1), (9_999, 19_999, 1)] {
        ann.deposit(cents).fresh_key().send().await.done(201);
        expected["balance_cents"] = sum.into();
        expected["available_cents"] = sum.into();
        expected["balance_coins"] = coins.into();
        let mut balance = ann.get("/api/wallet/balance").send().await.done(200).json();
        let at = std::mem::replace(&mut balance["last_transaction_at"], Value::Null);
        assert!(at.as_str().unwrap().starts_with("2027-01-15T08:01:00"), "{at}");
        assert_eq!(balance, expected);
    }
}

#[tokio::test]
async fn the_settings_name_the_currency_and_the_size_of_a_coin() {
    let settings = [("SUPERAPP_MONEY__CURRENCY", "EUR"), ("SUPERAPP_MONEY__CENTS_PER_COIN", "100")];
    let app = TestApp::with(&settings).await;
    let ann = app.rich("ann", 250).await;
    let balance = ann.get("/api/wallet/balance").send().await.done(200).json();
    assert_eq!((&balance["currency"], &balance["balance_coins"]), (&"EUR".into(), &2.into()));
}

#[tokio::test]
async fn a_frozen_wallet_shows_its_balance_and_lets_nothing_go() {
    let app = TestApp::new().await;
    let ann = app.rich("ann", 500).await;
    app.freeze(&ann).await;
    let balance = ann.get("/api/wallet/balance").send().await.done(200).json();
    let shown = (&balance["status"], &balance["balance_cents"], &balance["available_cents"]);
    assert_eq!(shown, (&"frozen".into(), &500.into(), &0.into()));
}

#[tokio::test]
async fn a_wallet_is_its_owners_business() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 500).await, app.user("bob").await);
    assert_eq!((ann.balance().await, bob.balance().await), (500, 0));
    for path in ["/api/wallet/balance", "/api/wallet/transactions"] {
        app.get(path).send().await.refused(401, "unauthenticated");
        let asked = bob.get(format!("{path}?user_id={}", ann.id)).send().await;
        assert!(asked.status == 400 || asked.json()["balance_cents"] == 0, "{asked}");
    }
}
