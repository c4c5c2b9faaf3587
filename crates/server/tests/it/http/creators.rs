//! Creators, as everybody sees them, and their plans.

use crate::harness::TestApp;
use domain::subscription::PlanTier;
use domain::timestamp::Span;
use serde_json::{Value, json};

const ROUTE: &str = "/api/creators";

#[tokio::test]
async fn a_creator_is_shown_with_counts_and_plans_and_without_an_address() {
    let app = TestApp::new().await;
    let (cleo, fan, bob) = (app.creator("cleo").await, app.rich("fan", 9_000).await, app.rich("bob", 9_000).await);
    let path = format!("{ROUTE}/{}", cleo.id);
    let mut expected = json!({
        "id": cleo.id.to_string(), "username": "cleo", "created_at": "2027-01-15T08:00:00Z", "contents": 0,
        "subscribers": 0, "plans": [],
    });
    assert_eq!(fan.get(&path).send().await.done(200).json(), expected);
    cleo.publish(json!({})).await;
    cleo.publish(json!({ "is_active": false })).await;
    cleo.offer(PlanTier::Yearly, 5_000).await;
    cleo.offer(PlanTier::Monthly, 500).await;
    fan.join(&cleo, PlanTier::Monthly).await;
    bob.join(&cleo, PlanTier::Yearly).await;
    let off = json!({ "price_cents": 6_000, "is_active": false });
    cleo.put(format!("{ROUTE}/me/plans/yearly")).json(off).send().await.done(200);
    expected["contents"] = 1.into();
    expected["subscribers"] = 2.into();
    expected["plans"] = json!([
        { "tier": "monthly", "price_cents": 500, "is_active": true },
        { "tier": "yearly", "price_cents": 6_000, "is_active": false },
    ]);
    let shown = fan.get(&path).send().await.done(200);
    assert_eq!(shown.json(), expected);
    assert!(!String::from_utf8(shown.bytes.to_vec()).unwrap().contains('@'));
    assert_eq!(fan.get(ROUTE).send().await.done(200).json(), json!({ "data": [expected], "next_cursor": null }));
    app.advance(Span::days(31 + 3));
    let fan = app.another_session(&fan).await;
    assert_eq!(fan.get(&path).send().await.done(200).json()["subscribers"], 1, "a month has lapsed, the year goes on");
}

#[tokio::test]
async fn only_creators_whose_account_is_usable_are_shown() {
    let app = TestApp::new().await;
    let (cleo, ann, root) = (app.creator("cleo").await, app.user("ann").await, app.user("root").await);
    app.promote(&root).await;
    let find = |id: String| ann.get(format!("{ROUTE}/{id}")).send();
    find(cleo.id.to_string()).await.done(200);
    for id in [ann.id.to_string(), root.id.to_string(), "usr_00000000000000000000000000".to_owned(), "x".to_owned()] {
        find(id).await.refused(404, "not_found");
    }
    app.suspend(&cleo).await;
    find(cleo.id.to_string()).await.refused(404, "not_found");
    assert_eq!(ann.get(ROUTE).send().await.done(200).json()["data"], json!([]));
    app.get(ROUTE).send().await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn creators_are_listed_newest_first_page_by_page() {
    let app = TestApp::new().await;
    let fan = app.user("fan").await;
    let names = ["ann", "Anna", "bob", "a_b", "cleo"];
    for name in names {
        app.advance(Span::seconds(1));
        app.creator(name).await.offer(PlanTier::Monthly, 5).await;
    }
    for (query, expected) in [
        ("", vec!["cleo", "a_b", "bob", "Anna", "ann"]),
        ("q=ann", vec!["Anna", "ann"]),
        ("q=ANNA", vec!["Anna"]),
        ("q=a_", vec!["a_b"]),
        ("q=%25", vec![]),
        ("q=leo", vec![]),
    ] {
        for limit in [1, 2, 100] {
            let (mut seen, mut cursor) = (Vec::new(), String::new());
            loop {
                let page =
                    fan.get(format!("{ROUTE}?limit={limit}&{query}{cursor}").replace("&&", "&").trim_end_matches('&'));
                let page = page.send().await.done(200).json();
                seen.extend(page["data"].as_array().unwrap().iter().map(|line| line["username"].clone()));
                match page["next_cursor"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            assert_eq!(seen, expected.iter().map(|name| Value::from(*name)).collect::<Vec<_>>(), "{query} {limit}");
        }
    }
    let page = fan.get(format!("{ROUTE}?limit=1")).send().await.done(200).json();
    let cursor = page["next_cursor"].as_str().unwrap();
    fan.get(format!("{ROUTE}?q=a&cursor={cursor}")).send().await.invalid(&["cursor"]);
    fan.get(format!("{ROUTE}?q=")).send().await.invalid(&["q"]);
    fan.get(format!("{ROUTE}?q={}", "x".repeat(65))).send().await.invalid(&["q"]);
    fan.get(format!("{ROUTE}?limit=0")).send().await.invalid(&["limit"]);
}

#[tokio::test]
async fn a_plan_is_made_and_changed_and_on_record_from_what_to_what() {
    let app = TestApp::new().await;
    let cleo = app.creator("cleo").await;
    let path = format!("{ROUTE}/me/plans/quarterly");
    let put = |body: Value| cleo.put(&path).json(body).send();
    let made = put(json!({ "price_cents": 900 })).await.done(200);
    assert_eq!(made.json(), json!({ "tier": "quarterly", "price_cents": 900, "is_active": true }));
    let changed = put(json!({ "price_cents": 800, "is_active": false })).await.done(200);
    let same = put(json!({ "price_cents": 800, "is_active": false })).await.done(200);
    assert_eq!(changed.json(), same.json());
    assert!(app.audit_of(&same).await.is_empty(), "nothing changed, so nothing is on record");
    let at = |price: i64, active: i64| json!({ "tier": "quarterly", "price_cents": price, "is_active": active });
    for (reply, before, after) in [(&made, json!({}), at(900, 1)), (&changed, at(900, 1), at(800, 0))] {
        let rows = app.audit_of(reply).await;
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].action.as_str(), rows[0].entity_type.as_str()), ("plan.updated", "plan"));
        assert_eq!((rows[0].entity, rows[0].actor), (Some(cleo.id.uuid()), Some(cleo.id)));
        assert_eq!((&rows[0].before, &rows[0].after), (&before, &after));
    }
    let again = put(json!({ "price_cents": 800 })).await.done(200);
    assert_eq!(again.json()["is_active"], true, "what is left out is the default, and not what it was");
}

#[tokio::test]
async fn what_cannot_be_a_plan_is_refused() {
    let app = TestApp::with(&[("SUPERAPP_MONEY__AMOUNT_CENTS_MAX", "20000000")]).await;
    let (cleo, ann) = (app.creator("cleo").await, app.user("ann").await);
    let path = |tier: &str| format!("{ROUTE}/me/plans/{tier}");
    for tier in ["weekly", "Monthly", "x", "%00", "%ff"] {
        cleo.put(path(tier)).json(json!({ "price_cents": 5 })).send().await.refused(404, "not_found");
    }
    for price in [0, -1, 20_000_001, i64::MAX] {
        cleo.put(path("monthly")).json(json!({ "price_cents": price })).send().await.invalid(&["/price_cents"]);
    }
    cleo.put(path("monthly")).json(json!({ "price_cents": 20_000_000 })).send().await.done(200);
    cleo.put(path("monthly")).json(json!({ "is_active": true })).send().await.invalid(&["/price_cents"]);
    cleo.put(path("monthly")).json(json!({ "price_cents": 5, "tier": "yearly" })).send().await.invalid(&["/tier"]);
    ann.put(path("monthly")).json(json!({ "price_cents": 5 })).send().await.refused(403, "forbidden");
    ann.put(path("weekly")).json(json!({ "price_cents": 5 })).send().await.refused(403, "forbidden");
}

#[tokio::test]
async fn a_plan_takes_a_key() {
    let app = TestApp::new().await;
    let cleo = app.creator("cleo").await;
    let put = |price: i64| cleo.put(format!("{ROUTE}/me/plans/monthly")).key("k").json(json!({ "price_cents": price }));
    let first = put(5).send().await.done(200);
    cleo.offer(PlanTier::Monthly, 7).await;
    put(5).send().await.replays(&first);
    put(6).send().await.refused(422, "idempotency_key_reused");
    assert_eq!(app.count("SELECT price_cents FROM plans").await, 7, "a replay changes nothing");
}
