//! The access check that media gateways call: the same answer as the content's own.

use crate::harness::{Person, TestApp};
use domain::subscription::PlanTier;
use domain::timestamp::Span;
use serde_json::{Value, json};

const ROUTE: &str = "/api/entitlements";

async fn check(person: &Person, query: String) -> Value {
    person.get(format!("{ROUTE}?{query}")).send().await.done(200).json()
}

#[tokio::test]
async fn a_content_is_answered_with_its_access_and_its_end() {
    let app = TestApp::new().await;
    let (cleo, fan) = (app.creator("cleo").await, app.rich("fan", 9_000).await);
    let (priced, free) = (cleo.publish(json!({})).await, cleo.publish(json!({ "price_cents": 0 })).await);
    let inside = cleo.publish(json!({ "subscriber_only": true })).await;
    let access = |person: &Person, id: &str| {
        let (person, query) = (person.clone(), format!("content_id={id}"));
        async move { check(&person, query).await }
    };
    let locked = json!({ "entitled": false, "access": "locked" });
    assert_eq!(access(&fan, &priced).await, locked);
    assert_eq!(access(&fan, &inside).await, locked);
    assert_eq!(access(&fan, &free).await, json!({ "entitled": true, "access": "free" }));
    assert_eq!(access(&cleo, &priced).await, json!({ "entitled": true, "access": "creator" }));
    fan.buy(&priced).await;
    cleo.offer(PlanTier::Monthly, 5).await;
    fan.join(&cleo, PlanTier::Monthly).await;
    assert_eq!(access(&fan, &priced).await, json!({ "entitled": true, "access": "unlocked" }));
    let until = "2027-02-18T08:00:00Z";
    let expected = json!({ "entitled": true, "access": "subscription", "expires_at": until });
    assert_eq!(access(&fan, &inside).await, expected);
    app.advance(Span::days(31 + 3));
    let fan = app.another_session(&fan).await;
    assert_eq!(access(&fan, &inside).await, locked);
}

#[tokio::test]
async fn a_creator_is_answered_with_the_subscription() {
    let app = TestApp::new().await;
    let (cleo, fan) = (app.creator("cleo").await, app.rich("fan", 9_000).await);
    let query = format!("creator_id={}", cleo.id);
    assert_eq!(check(&fan, query.clone()).await, json!({ "entitled": false, "access": "locked" }));
    assert_eq!(check(&cleo, query.clone()).await, json!({ "entitled": true, "access": "creator" }));
    cleo.offer(PlanTier::Quarterly, 5).await;
    let sale = fan.join(&cleo, PlanTier::Quarterly).await;
    let expected = json!({ "entitled": true, "access": "subscription", "expires_at": "2027-04-18T08:00:00Z" });
    assert_eq!(check(&fan, query.clone()).await, expected);
    let priced = cleo.publish(json!({})).await;
    let both = format!("{query}&content_id={priced}");
    assert_eq!(check(&fan, both).await, json!({ "entitled": false, "access": "locked" }), "the content decides");
    app.give_back(sale).await;
    assert_eq!(check(&fan, query).await, json!({ "entitled": false, "access": "locked" }));
}

#[tokio::test]
async fn what_is_not_there_and_what_is_not_asked_is_refused() {
    let app = TestApp::new().await;
    let (cleo, fan) = (app.creator("cleo").await, app.user("fan").await);
    let hidden = cleo.publish(json!({ "is_active": false })).await;
    let get = |query: String| fan.get(format!("{ROUTE}?{query}")).send();
    let unknown = "00000000000000000000000000";
    for query in
        [format!("content_id=cnt_{unknown}"), format!("content_id={hidden}"), format!("creator_id=usr_{unknown}")]
    {
        get(query).await.refused(404, "not_found");
    }
    get(String::new()).await.invalid(&["content_id"]);
    get("content_id=x&creator_id=y".to_owned()).await.invalid(&["creator_id", "content_id"]);
    get(format!("content_id={}", cleo.id)).await.invalid(&["content_id"]);
    get("user_id=usr_1".to_owned()).await.refused(400, "malformed_request");
    assert_eq!(check(&cleo, format!("content_id={hidden}")).await["access"], "creator");
    app.get(format!("{ROUTE}?content_id={hidden}")).send().await.refused(401, "unauthenticated");
}
