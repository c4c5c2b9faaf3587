//! The audit log: each event once, with who did it, by which credential, to what, and from what to what.

use crate::harness::{AuditRow, PASSWORD, Person, Reply, TestApp};
use domain::id::{SessionId, TransactionId};
use domain::timestamp::Span;
use serde_json::{Value, json};

/// The one record that a request left.
async fn only(app: &TestApp, reply: &Reply) -> AuditRow {
    let rows = app.audit_of(reply).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.into_iter().next().unwrap()
}

/// It was done by this person, signed in.
fn assert_by(row: &AuditRow, person: &Person, session: SessionId) {
    assert_eq!((row.actor, row.credential), (Some(person.id), Some(session.uuid())), "{row:?}");
}

#[tokio::test]
async fn registering_is_two_events_the_account_and_its_first_session() {
    let app = TestApp::new().await;
    let body = json!({ "email": "ann@example.com", "password": PASSWORD });
    let reply = app.post("/api/auth/register").json(body.clone()).send().await.done(201);
    let user = reply.json()["user"]["id"].as_str().unwrap().parse::<domain::id::UserId>().unwrap();
    let rows = app.audit_of(&reply).await;
    let actions: Vec<_> = rows.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(actions, ["user.registered", "session.created"]);
    assert_eq!((rows[0].entity_type.as_str(), rows[0].entity), ("user", Some(user.uuid())));
    assert_eq!(rows[0].after, json!({ "email": "ann@example.com", "role": "user" }));
    assert_eq!(
        (rows[1].entity_type.as_str(), rows[1].actor, rows[1].credential),
        ("session", Some(user), rows[1].entity)
    );
    let taken = app.post("/api/auth/register").json(body).send().await.refused(409, "email_taken");
    assert!(app.audit_of(&taken).await.is_empty());
}

#[tokio::test]
async fn every_sign_in_is_on_record_and_so_is_every_failure() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let login = |email: &str, password: &str| {
        app.post("/api/auth/login").json(json!({ "email": email, "password": password })).send()
    };
    let reply = login(&ann.email, PASSWORD).await.done(200);
    let row = only(&app, &reply).await;
    let session = ann.with(&reply).session().await;
    assert_eq!((row.action.as_str(), row.entity), ("session.created", Some(session.uuid())));
    assert_by(&row, &ann, session);

    let wrong = login(&ann.email, "wrong password").await.refused(401, "invalid_credentials");
    let nobody = login("nobody@example.com", PASSWORD).await.refused(401, "invalid_credentials");
    let nonsense = login("nonsense", PASSWORD).await.refused(401, "invalid_credentials");
    app.suspend(&ann).await;
    let suspended = login(&ann.email, PASSWORD).await.refused(403, "account_suspended");
    for (reply, entity, reason) in [
        (wrong, Some(ann.id.uuid()), "invalid_credentials"),
        (nobody, None, "invalid_credentials"),
        (nonsense, None, "invalid_credentials"),
        (suspended, Some(ann.id.uuid()), "account_suspended"),
    ] {
        let row = only(&app, &reply).await;
        assert_eq!((row.action.as_str(), row.actor, row.entity), ("session.refused", None, entity), "{row:?}");
        assert_eq!(row.after, json!({ "reason": reason }));
    }
}

#[tokio::test]
async fn every_refresh_is_on_record_and_a_copy_by_its_name() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let session = ann.session().await;
    let first = ann.refresh().send().await.done(200);
    let lost = ann.refresh().send().await.done(200);
    app.advance(Span::seconds(11));
    let copy = ann.refresh().send().await.refused(401, "refresh_token_reused");
    let dead = ann.with(&first).refresh().send().await.refused(401, "invalid_refresh_token");
    for (reply, action) in [
        (first, "session.refreshed"),
        (lost, "session.refreshed"),
        (copy, "session.refresh_reused"),
        (dead, "session.refresh_refused"),
    ] {
        let row = only(&app, &reply).await;
        assert_eq!((row.action.as_str(), row.entity), (action, Some(session.uuid())));
        assert_by(&row, &ann, session);
    }
    let unknown = json!({ "refresh_token": format!("sar_{}", "A".repeat(43)) });
    let unknown = app.post("/api/auth/refresh").json(unknown).send().await.refused(401, "invalid_refresh_token");
    let row = only(&app, &unknown).await;
    assert_eq!((row.action.as_str(), row.actor, row.entity), ("session.refresh_refused", None, None));
}

#[tokio::test]
async fn ending_sessions_and_changing_the_password_are_on_record() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let (phone, tablet) = (ann.sign_in().await, ann.sign_in().await);
    let (here, there, third) = (ann.session().await, phone.session().await, tablet.session().await);
    let out = tablet.post("/api/auth/logout").send().await.done(204);
    let row = only(&app, &out).await;
    assert_eq!((row.action.as_str(), row.entity), ("session.revoked", Some(third.uuid())));
    assert_by(&row, &ann, third);

    let again = ann.delete(format!("/api/auth/sessions/{third}")).send().await.refused(404, "not_found");
    assert!(app.audit_of(&again).await.is_empty());

    let change = |current: &str| {
        let body = json!({ "current_password": current, "new_password": "a horse of another colour" });
        ann.post("/api/auth/password").json(body).send()
    };
    let refused = only(&app, &change("wrong password").await.refused(422, "wrong_password")).await;
    assert_eq!((refused.action.as_str(), refused.entity), ("user.password_refused", Some(ann.id.uuid())));
    let changed = only(&app, &change(PASSWORD).await.done(204)).await;
    assert_eq!((changed.action.as_str(), changed.entity), ("user.password_changed", Some(ann.id.uuid())));
    assert_eq!(changed.after, json!({ "sessions_revoked": 1 }), "the phone's, {there}");
    assert_by(&changed, &ann, here);
}

#[tokio::test]
async fn changes_of_an_account_are_on_record_from_what_to_what() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let session = ann.session().await;
    let change = ann.patch("/api/users/me").key("k").json(json!({ "username": null, "email": "a@example.com" }));
    let row = only(&app, &change.send().await.done(200)).await;
    assert_eq!((row.action.as_str(), row.entity), ("user.updated", Some(ann.id.uuid())));
    assert_eq!(row.before, json!({ "email": "ann@example.com", "username": "ann" }));
    assert_eq!(row.after, json!({ "email": "a@example.com", "username": "" }));
    assert_by(&row, &ann, session);
    let replay = ann.patch("/api/users/me").key("k").json(json!({ "username": null, "email": "a@example.com" }));
    assert!(app.audit_of(&replay.send().await).await.is_empty(), "a replay is no event");

    let row = only(&app, &ann.post("/api/users/me/creator").send().await.done(200)).await;
    assert_eq!((row.action.as_str(), row.entity), ("user.became_creator", Some(ann.id.uuid())));
    assert_eq!((row.before, row.after), (json!({ "role": "user" }), json!({ "role": "creator" })));
}

fn tx_of(reply: &Reply) -> TransactionId {
    reply.json()["tx_id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn money_is_on_record_with_its_transaction_and_the_balances_around_it() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 1_000).await, app.rich("bob", 50).await);
    let session = ann.session().await;
    let deposit = ann.deposit(500).key("d").send().await.done(201);
    let transfer = ann.transfer(&bob, 300).key("t").send().await.done(201);
    for (reply, action, before, after) in [
        (
            &deposit,
            "transaction.deposit",
            json!({ "payee_balance_cents": 1_000 }),
            json!({ "payee_balance_cents": 1_500 }),
        ),
        (
            &transfer,
            "transaction.transfer",
            json!({ "payer_balance_cents": 1_500, "payee_balance_cents": 50 }),
            json!({ "payer_balance_cents": 1_200, "payee_balance_cents": 350 }),
        ),
    ] {
        let row = only(&app, reply).await;
        assert_eq!((row.action.as_str(), row.entity_type.as_str()), (action, "transaction"));
        assert_eq!((row.tx_id, row.entity), (Some(tx_of(reply)), Some(tx_of(reply).uuid())));
        assert_eq!((row.before.clone(), row.after.clone()), (before, after));
        assert_by(&row, &ann, session);
    }
    for reply in [
        ann.transfer(&bob, 300).key("t").send().await.replays(&transfer),
        ann.transfer(&bob, 301).key("t").send().await.refused(422, "idempotency_key_reused"),
        ann.transfer(&bob, 9_999).key("poor").send().await.refused(402, "insufficient_funds"),
        ann.transfer(&bob, 0).key("zero").send().await.refused(400, "invalid_request"),
    ] {
        assert!(app.audit_of(&reply).await.is_empty(), "{reply}");
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM audit_logs WHERE tx_id IS NOT NULL").await, app.transactions().await);
}

#[tokio::test]
async fn the_address_of_the_peer_is_on_record_and_shown_with_the_session() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    for (peer, address) in [
        ("203.0.113.7:4711", "203.0.113.7"),
        ("[2001:db8::1]:80", "2001:db8::1"),
        ("[::ffff:192.0.2.1]:80", "192.0.2.1"),
    ] {
        let body = json!({ "email": ann.email, "password": PASSWORD });
        // What a client says of its own address is not believed.
        let call = app.post("/api/auth/login").json(body).header("x-forwarded-for", "198.51.100.1").peer(peer);
        let reply = call.send().await.done(200);
        assert_eq!(only(&app, &reply).await.address.as_deref(), Some(address));
        let sessions = ann.with(&reply).sessions().await;
        let current = sessions.iter().find(|session| session["current"] == true).unwrap();
        assert_eq!(current["address"], Value::from(address));
    }
}
