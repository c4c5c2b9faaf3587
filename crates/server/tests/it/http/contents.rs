//! Contents: who sees what of them, and where the media lie told to nobody else.

mod edit;
mod lists;

use crate::harness::{Person, TestApp};
use domain::subscription::PlanTier;
use domain::timestamp::Span;
use serde_json::{Value, json};

const ROUTE: &str = "/api/content";
const MEDIA: &str = "https://cdn.example.com/secret.mp4";

/// What somebody is told of their access, having been told of the media exactly if they have it: in the list and
/// by the id alike.
async fn access(person: &Person, content: &str) -> String {
    let one = person.get(format!("{ROUTE}/{content}")).send().await.done(200);
    let body = one.json();
    let access = body["access"].as_str().unwrap().to_owned();
    let text = String::from_utf8(one.bytes.to_vec()).unwrap();
    assert_eq!(text.matches("secret").count(), usize::from(access != "locked"), "{one}");
    if access != "locked" {
        assert_eq!(body["media_url"], MEDIA);
    }
    let list = person.get(format!("{ROUTE}?limit=100")).send().await.done(200).json();
    let listed = list["data"].as_array().unwrap().iter().find(|item| item["id"] == content);
    assert_eq!(listed, Some(&body).filter(|body| body["is_active"] == true || access == "creator"));
    access
}

#[tokio::test]
async fn a_content_is_shown_with_everything_that_it_is() {
    let app = TestApp::new().await;
    let (cleo, fan) = (app.creator("cleo").await, app.user("fan").await);
    let id = cleo.publish(json!({ "description": "Calm", "title": "Yoga" })).await;
    let expected = json!({
        "id": id, "creator": { "id": cleo.id.to_string(), "username": "cleo" }, "type": "video", "title": "Yoga",
        "description": "Calm", "price_cents": 500, "subscriber_only": false,
        "preview_url": "https://cdn.example.com/preview.mp4", "is_active": true, "access": "locked",
        "created_at": "2027-01-15T08:00:00Z", "updated_at": "2027-01-15T08:00:00Z",
    });
    assert_eq!(fan.get(format!("{ROUTE}/{id}")).send().await.done(200).json(), expected);
    app.get(format!("{ROUTE}/{id}")).send().await.refused(401, "unauthenticated");
    app.get(ROUTE).send().await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn access_is_by_ownership_price_purchase_and_subscription() {
    let app = TestApp::new().await;
    let (cleo, fan, eve) = (app.creator("cleo").await, app.rich("fan", 100_000).await, app.user("eve").await);
    let priced = cleo.publish(json!({})).await;
    let free = cleo.publish(json!({ "price_cents": 0 })).await;
    let for_subscribers = cleo.publish(json!({ "subscriber_only": true })).await;
    let free_for_subscribers = cleo.publish(json!({ "subscriber_only": true, "price_cents": 0 })).await;
    let all = [&priced, &free, &for_subscribers, &free_for_subscribers];
    let accesses = async |person: &Person| {
        let mut list = Vec::new();
        for id in all {
            list.push(access(person, id).await);
        }
        list
    };
    assert_eq!(accesses(&cleo).await, ["creator"; 4]);
    assert_eq!(accesses(&fan).await, ["locked", "free", "locked", "locked"]);
    let purchase = fan.buy(&priced).await;
    assert_eq!(accesses(&fan).await, ["unlocked", "free", "locked", "locked"]);
    assert_eq!(accesses(&eve).await, ["locked", "free", "locked", "locked"], "what others buy is theirs");
    cleo.offer(PlanTier::Monthly, 300).await;
    fan.join(&cleo, PlanTier::Monthly).await;
    assert_eq!(accesses(&fan).await, ["unlocked", "free", "subscription", "subscription"]);
    app.give_back(purchase).await;
    assert_eq!(accesses(&fan).await, ["locked", "free", "subscription", "subscription"]);
    // To the end of February's period and its three days of grace.
    app.advance_almost(Span::days(31 + 3));
    let fan = app.another_session(&fan).await;
    assert_eq!(accesses(&fan).await, ["locked", "free", "subscription", "subscription"]);
    app.advance(Span::MICROSECOND);
    let fan = app.another_session(&fan).await;
    assert_eq!(accesses(&fan).await, ["locked", "free", "locked", "locked"]);
}

#[tokio::test]
async fn what_is_off_offer_is_there_for_its_creator_and_its_buyers() {
    let app = TestApp::new().await;
    let (cleo, fan, eve) = (app.creator("cleo").await, app.rich("fan", 1_000).await, app.user("eve").await);
    let id = cleo.publish(json!({})).await;
    let purchase = fan.buy(&id).await;
    cleo.delete(format!("{ROUTE}/{id}")).send().await.done(204);
    assert_eq!((access(&cleo, &id).await, access(&fan, &id).await), ("creator".to_owned(), "unlocked".to_owned()));
    let hidden = eve.get(format!("{ROUTE}/{id}")).send().await.refused(404, "not_found");
    let none = eve.get(format!("{ROUTE}/cnt_00000000000000000000000000")).send().await.refused(404, "not_found");
    assert_eq!(hidden.json()["detail"], none.json()["detail"], "what is hidden and what is not there look the same");
    app.give_back(purchase).await;
    fan.get(format!("{ROUTE}/{id}")).send().await.refused(404, "not_found");
    cleo.patch(format!("{ROUTE}/{id}")).json(json!({ "is_active": true })).send().await.done(200);
    assert_eq!(access(&eve, &id).await, "locked");
}

#[tokio::test]
async fn what_was_bought_is_listed_with_its_media_until_it_is_given_back() {
    let app = TestApp::new().await;
    let (cleo, fan) = (app.creator("cleo").await, app.rich("fan", 10_000).await);
    let mut bought = Vec::new();
    for price in [100, 200, 300] {
        let id = cleo.publish(json!({ "price_cents": price })).await;
        app.advance(Span::seconds(1));
        bought.push((fan.buy(&id).await, id));
    }
    cleo.patch(format!("{ROUTE}/{}", bought[0].1)).json(json!({ "price_cents": 0 })).send().await.done(200);
    cleo.delete(format!("{ROUTE}/{}", bought[1].1)).send().await.done(204);
    let read = async |query: &str| fan.get(format!("{ROUTE}/unlocked?{query}")).send().await.done(200).json();
    let all = read("").await;
    let told: Vec<_> = all["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            assert_eq!(line["content"]["media_url"], MEDIA);
            (line["amount_cents"].as_i64().unwrap(), line["content"]["access"].as_str().unwrap())
        })
        .collect();
    assert_eq!(told, [(300, "unlocked"), (200, "unlocked"), (100, "free")]);
    assert_eq!(all["data"][2]["unlocked_at"], "2027-01-15T08:00:01Z");
    assert!(all["data"][0]["id"].as_str().unwrap().starts_with("unl_"));
    assert_eq!(all["next_cursor"], Value::Null);

    let first = read("limit=2").await;
    let cursor = first["next_cursor"].as_str().unwrap();
    assert_eq!(read(&format!("limit=2&cursor={cursor}")).await["data"], json!([all["data"][2]]));
    let other = cleo.get(format!("{ROUTE}/unlocked?cursor={cursor}")).send().await;
    other.invalid(&["cursor"]);
    fan.get(format!("{ROUTE}?cursor={cursor}")).send().await.invalid(&["cursor"]);
    app.give_back(bought[2].0).await;
    assert_eq!(read("").await["data"].as_array().unwrap().len(), 2);
    assert_eq!(cleo.get(format!("{ROUTE}/unlocked")).send().await.done(200).json()["data"], json!([]));
}
