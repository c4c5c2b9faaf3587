//! A server that moves to a copy of its database: whoever was signed in still is, what was paid is paid once, and the
//! books are the same to the last row.

use super::webhooks::{SECRET, ask, outcome, succeeded};
use crate::harness::{Person, Reply, TestApp, transaction_of};
use domain::subscription::PlanTier;
use domain::timestamp::Span;
use serde_json::{Value, json};
use superapp::store::copy::tables::TABLES;

const SETTINGS: &[(&str, &str)] =
    &[("SUPERAPP_PAYMENTS__WEBHOOK_PROVIDER", "acme"), ("SUPERAPP_PAYMENTS__WEBHOOK_SECRET", SECRET)];

struct Town {
    ann: Person,
    bob: Person,
    admin: Person,
    paid: Reply,
    refused: Reply,
}

/// Something of everything that there is, over the routes.
async fn town(app: &TestApp) -> Town {
    let (ann, bob, admin) = (app.rich("ann", 9_000_000).await, app.creator("bob").await, app.admin("eve").await);
    let paid = ann.transfer(&bob, 2_500).key("paid").send().await.done(201);
    let refused = bob.transfer(&ann, 900_000_000).key("refused").send().await.refused(402, "insufficient_funds");
    let content = bob.publish(json!({ "price_cents": 70_000, "title": "Ünïcode — 漢字 🎁" })).await;
    let second = bob.publish(json!({ "price_cents": 80_000 })).await;
    ann.buy(&content).await;
    let regretted = ann.buy(&second).await;
    app.give_back(regretted).await;
    bob.offer(PlanTier::Monthly, 300_000).await;
    let body = json!({ "creator_id": bob.id.to_string(), "tier": "monthly" });
    let joined = ann.post("/api/subscriptions").json(body).fresh_key().send().await.done(201).json();
    let id = joined["subscription"]["id"].as_str().unwrap();
    ann.post(format!("/api/subscriptions/{id}/token")).send().await.done(200);
    let gift = ann.roses(&bob, 3).fresh_key().send().await.done(201);
    admin.refund(transaction_of(&gift.json()), Some(100_000)).fresh_key().send().await.done(201);
    bob.ask_payout(100_000).fresh_key().send().await.done(201);
    let deposit = ask(&ann, 44_000).await;
    assert_eq!(outcome(app, "evt_1", &succeeded(&deposit, "pay_1")).await, "completed");
    ask(&ann, 55_000).await;
    admin.post("/api/admin/reconciliations").send().await.done(201);
    let key = json!({ "name": "program", "scopes": ["wallet:read"], "allowed_networks": ["10.0.0.0/8"] });
    ann.post("/api/api-keys").json(key).send().await.done(201);
    let wrong = json!({ "email": bob.email, "password": "not this one" });
    app.post("/api/auth/login").json(wrong).send().await.refused(401, "invalid_credentials");
    // No route leads to the row of a job.
    let job = "INSERT INTO jobs (name, held_until, next_run_at, runs, failures, last_outcome) \
        VALUES ('sweep', 0, 0, 1, 0, 'done')";
    let insert = move |work: &mut superapp::store::Work<'_>| work.execute_one(job, &[]);
    app.database.write(insert, tokio::time::Instant::now() + std::time::Duration::from_secs(10)).await.unwrap();
    Town { ann, bob, admin, paid, refused }
}

#[tokio::test]
async fn a_server_goes_on_at_the_copy_of_its_database_as_if_nothing_had_been() {
    let mut app = TestApp::on_a_file_with(SETTINGS).await;
    let Town { ann, bob, admin, paid, refused } = town(&app).await;
    let seen = |person: &Person| {
        let person = person.clone();
        async move { (person.balance().await, person.history().await) }
    };
    let (anns, bobs) = (seen(&ann).await, seen(&bob).await);
    app.advance(Span::seconds(60));

    let report = app.move_to_a_copy(SETTINGS).await;
    assert!(report.is_equal() && report.is_clean(), "{report:#?}");
    let empty: Vec<_> = report.tables.iter().filter(|table| table.source_rows == 0).map(|table| table.table).collect();
    assert_eq!(empty, [""; 0], "the town has something of everything");
    assert_eq!(report.tables.len(), TABLES.len());

    let (ann, bob, admin) = (ann.at(&app), bob.at(&app), admin.at(&app));
    assert_eq!((seen(&ann).await, seen(&bob).await), (anns, bobs));
    // The token of before, the password, and the refresh token are all still good.
    ann.sign_in().await;
    ann.refresh().send().await.done(200);
    ann.transfer(&bob, 2_500).key("paid").send().await.replays(&paid);
    bob.transfer(&ann, 900_000_000).key("refused").send().await.replays(&refused);
    ann.transfer(&bob, 2_501).key("paid").send().await.refused(422, "idempotency_key_reused");
    ann.pay(&bob, 100).await;
    let content = ann.get("/api/content").send().await.done(200).json();
    let title = |content: &Value| content["title"].as_str().unwrap().to_owned();
    assert!(content["data"].as_array().unwrap().iter().any(|content| title(content) == "Ünïcode — 漢字 🎁"));
    admin.post("/api/admin/reconciliations").send().await.done(201);
}
