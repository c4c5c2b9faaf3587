//! Gifts: what can be given is what the settings say.

use crate::harness::TestApp;
use serde_json::json;

const CATALOG: &str = "/api/gifts/catalog";

#[tokio::test]
async fn the_catalogue_is_the_one_of_the_settings() {
    let app = TestApp::new().await;
    let fan = app.user("fan").await;
    let expected = json!({ "data": [
        { "gift_type": "rose", "name": "Rose", "price_cents": 100_000 },
        { "gift_type": "heart", "name": "Heart", "price_cents": 500_000 },
        { "gift_type": "diamond", "name": "Diamond", "price_cents": 10_000_000 },
    ] });
    assert_eq!(fan.get(CATALOG).send().await.done(200).json(), expected);
    app.get(CATALOG).send().await.refused(401, "unauthenticated");
    let app = TestApp::with(&[("SUPERAPP_GIFTS__CATALOGUE", "tea:A cup of tea:5")]).await;
    let listed = app.user("fan").await.get(CATALOG).send().await.done(200).json();
    assert_eq!(listed, json!({ "data": [{ "gift_type": "tea", "name": "A cup of tea", "price_cents": 5 }] }));
    let app = TestApp::with(&[("SUPERAPP_GIFTS__CATALOGUE", "")]).await;
    assert_eq!(app.user("fan").await.get(CATALOG).send().await.done(200).json(), json!({ "data": [] }));
}
