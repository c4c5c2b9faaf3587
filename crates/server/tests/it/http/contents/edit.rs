//! Making contents, editing them, taking them off offer: one's own, checked, and on record.

use super::{MEDIA, ROUTE};
use crate::harness::{TestApp, document};
use domain::id::ContentId;
use domain::timestamp::Span;
use serde_json::{Value, json};

fn right() -> Value {
    json!({ "type": "audio", "title": " Yoga ", "price_cents": 0, "media_url": MEDIA })
}

#[tokio::test]
async fn a_content_is_made_with_defaults_and_answered_with_its_place() {
    let app = TestApp::new().await;
    let cleo = app.creator("cleo").await;
    let reply = cleo.post(ROUTE).json(right()).send().await.done(201);
    let made = reply.json();
    assert_eq!(reply.header("location"), format!("{ROUTE}/{}", made["id"].as_str().unwrap()));
    let expected = json!({
        "id": made["id"], "creator": { "id": cleo.id.to_string(), "username": "cleo" }, "type": "audio",
        "title": "Yoga", "description": null, "price_cents": 0, "subscriber_only": false, "preview_url": null,
        "media_url": MEDIA, "is_active": true, "access": "creator", "created_at": "2027-01-15T08:00:00Z",
        "updated_at": "2027-01-15T08:00:00Z",
    });
    assert_eq!(made, expected);
    assert_eq!(cleo.get(reply.header("location")).send().await.done(200).json(), expected);
}

#[tokio::test]
async fn only_creators_and_administrators_make_contents() {
    let app = TestApp::new().await;
    let (ann, root) = (app.user("ann").await, app.user("root").await);
    app.promote(&root).await;
    ann.post(ROUTE).json(right()).send().await.refused(403, "forbidden");
    root.post(ROUTE).json(right()).send().await.done(201);
    ann.post("/api/users/me/creator").send().await.done(200);
    ann.post(ROUTE).json(right()).send().await.done(201);
    app.post(ROUTE).json(right()).send().await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn what_cannot_be_a_content_is_refused_member_by_member() {
    let app = TestApp::with(&[("SUPERAPP_MONEY__AMOUNT_CENTS_MAX", "20000000")]).await;
    let cleo = app.creator("cleo").await;
    let id = cleo.publish(json!({})).await;
    let before = cleo.get(format!("{ROUTE}/{id}")).send().await.done(200).json();
    let long = |length: usize| "x".repeat(length);
    for (member, value) in [
        ("type", json!("film")),
        ("type", json!("")),
        ("title", json!("")),
        ("title", json!("  ")),
        ("title", json!(long(201))),
        ("title", json!("a\u{0}b")),
        ("description", json!("")),
        ("description", json!(long(5_001))),
        ("price_cents", json!(-1)),
        ("price_cents", json!(20_000_001)),
        ("price_cents", json!(9_007_199_254_740_993_i64)),
        ("media_url", json!("cdn.example.com/a")),
        ("media_url", json!("ftp://example.com/a")),
        ("media_url", json!(format!("https://example.com/{}", long(2_000)))),
        ("preview_url", json!("javascript:alert(1)")),
        ("preview_url", json!(MEDIA)),
        ("preview_url", json!("http://CDN.example.com/secret.mp4#t=1")),
    ] {
        let mut body = right();
        body[member] = value.clone();
        cleo.post(ROUTE).json(body).send().await.invalid(&[&format!("/{member}")]);
        cleo.patch(format!("{ROUTE}/{id}"))
            .json(json!({ member: value }))
            .send()
            .await
            .invalid(&[&format!("/{member}")]);
    }
    for (member, value) in
        [("title", json!(long(200))), ("description", json!(long(5_000))), ("price_cents", json!(20_000_000))]
    {
        let mut body = right();
        body[member] = value;
        cleo.post(ROUTE).json(body).send().await.done(201);
    }
    let wrong = json!({ "type": "x", "title": "", "price_cents": -1, "media_url": "x", "preview_url": "x" });
    let pointers = ["/type", "/title", "/price_cents", "/media_url", "/preview_url"];
    cleo.post(ROUTE).json(wrong).send().await.invalid(&pointers);
    assert_eq!(cleo.get(format!("{ROUTE}/{id}")).send().await.done(200).json(), before, "a refusal changes nothing");
}

#[tokio::test]
async fn a_content_is_changed_member_by_member() {
    let app = TestApp::new().await;
    let cleo = app.creator("cleo").await;
    let path = format!("{ROUTE}/{}", cleo.publish(json!({})).await);
    let mut expected = cleo.get(&path).send().await.done(200).json();
    assert_eq!(cleo.patch(&path).json(json!({})).send().await.done(200).json(), expected);
    for change in [
        json!({ "title": "Another" }),
        json!({ "description": "Text" }),
        json!({ "type": "course", "price_cents": 0 }),
        json!({ "subscriber_only": true }),
        json!({ "media_url": "https://cdn.example.com/new.mp4", "preview_url": MEDIA }),
        json!({ "preview_url": null, "description": null }),
        json!({ "is_active": false }),
        json!({ "is_active": true }),
    ] {
        app.advance(Span::seconds(1));
        let changed = cleo.patch(&path).json(change.clone()).send().await.done(200).json();
        for (name, value) in change.as_object().unwrap() {
            expected[name] = value.clone();
        }
        assert_ne!(changed["updated_at"], expected["updated_at"]);
        expected["updated_at"] = changed["updated_at"].clone();
        assert_eq!(changed, expected, "{change}");
        assert_eq!(cleo.get(&path).send().await.done(200).json(), expected);
        app.advance(Span::seconds(1));
        assert_eq!(
            cleo.patch(&path).json(change).send().await.done(200).json(),
            expected,
            "the same again is no change"
        );
    }
    // The media would become what the preview shows already.
    cleo.patch(&path).json(json!({ "preview_url": "https://cdn.example.com/p.mp4" })).send().await.done(200);
    let same = json!({ "media_url": "https://cdn.example.com/p.mp4" });
    cleo.patch(&path).json(same).send().await.invalid(&["/preview_url"]);
}

#[tokio::test]
async fn somebody_elses_content_is_not_there_to_be_changed() {
    let app = TestApp::new().await;
    let (cleo, dan, root) = (app.creator("cleo").await, app.creator("dan").await, app.user("root").await);
    app.promote(&root).await;
    let path = format!("{ROUTE}/{}", cleo.publish(json!({})).await);
    let nothing = format!("{ROUTE}/cnt_00000000000000000000000000");
    for person in [&dan, &root] {
        let theirs = person.patch(&path).json(json!({ "title": "Mine" })).send().await.refused(404, "not_found");
        let none = person.patch(&nothing).json(json!({ "title": "Mine" })).send().await.refused(404, "not_found");
        assert_eq!(theirs.json()["detail"], none.json()["detail"]);
        person.delete(&path).send().await.refused(404, "not_found");
        person.delete(format!("{ROUTE}/x")).send().await.refused(404, "not_found");
    }
    assert_eq!(cleo.get(&path).send().await.done(200).json()["title"], "A title");
}

#[tokio::test]
async fn taking_off_offer_twice_is_once() {
    let app = TestApp::new().await;
    let cleo = app.creator("cleo").await;
    let path = format!("{ROUTE}/{}", cleo.publish(json!({})).await);
    let first = cleo.delete(&path).key("off").send().await.done(204);
    cleo.delete(&path).key("off").send().await.replays(&first);
    let again = cleo.delete(&path).send().await.done(204);
    assert!(app.audit_of(&again).await.is_empty(), "nothing changed, so nothing is on record");
    assert_eq!(cleo.get(&path).send().await.done(200).json()["is_active"], false);
}

#[tokio::test]
async fn a_content_is_made_once_for_a_key_and_a_wrong_one_leaves_the_key_free() {
    let app = TestApp::new().await;
    let cleo = app.creator("cleo").await;
    let mut wrong = right();
    wrong["preview_url"] = MEDIA.into();
    cleo.post(ROUTE).key("k").json(wrong).send().await.invalid(&["/preview_url"]);
    let first = cleo.post(ROUTE).key("k").json(right()).send().await.done(201);
    cleo.post(ROUTE).key("k").json(right()).send().await.replays(&first);
    assert_eq!(app.count("SELECT COUNT(*) FROM contents").await, 1);
    let mut other = right();
    other["title"] = "Other".into();
    cleo.post(ROUTE).key("k").json(other).send().await.refused(422, "idempotency_key_reused");
}

#[tokio::test]
async fn every_change_is_on_record_and_no_record_tells_where_the_media_lie() {
    let app = TestApp::new().await;
    let cleo = app.creator("cleo").await;
    let mut body = right();
    body["preview_url"] = "https://cdn.example.com/secret-preview.mp4".into();
    let made = cleo.post(ROUTE).json(body).send().await.done(201);
    let id: ContentId = made.json()["id"].as_str().unwrap().parse().unwrap();
    let path = format!("{ROUTE}/{id}");
    let change = json!({ "title": "New", "price_cents": 7, "media_url": "https://cdn.example.com/secret2.mp4" });
    let changed = cleo.patch(&path).json(change).send().await.done(200);
    let off = cleo.delete(&path).send().await.done(204);
    let all = json!({ "type": "audio", "title": "Yoga", "price_cents": 0, "subscriber_only": 0, "is_active": 1 });
    for (reply, action, before, after) in [
        (&made, "content.created", json!({}), all),
        (
            &changed,
            "content.updated",
            json!({ "title": "Yoga", "price_cents": 0 }),
            json!({ "title": "New", "price_cents": 7, "media": "replaced" }),
        ),
        (&off, "content.deactivated", json!({ "is_active": 1 }), json!({ "is_active": 0 })),
    ] {
        let rows = app.audit_of(reply).await;
        assert_eq!(rows.len(), 1);
        let row = &rows[0];
        assert_eq!((row.action.as_str(), row.entity_type.as_str(), row.entity), (action, "content", Some(id.uuid())));
        assert_eq!((row.actor, &row.before, &row.after), (Some(cleo.id), &before, &after));
    }
    let told = "SELECT COUNT(*) FROM audit_logs WHERE before LIKE '%secret%' OR after LIKE '%secret%'";
    assert_eq!(app.count(told).await, 0);
}

#[tokio::test]
async fn the_document_says_that_the_media_may_be_missing() {
    let app = TestApp::new().await;
    let schema = &document(&app)["components"]["schemas"]["ContentBody"];
    let required = schema["required"].as_array().unwrap();
    assert!(!required.contains(&"media_url".into()) && required.contains(&"access".into()), "{required:?}");
}
