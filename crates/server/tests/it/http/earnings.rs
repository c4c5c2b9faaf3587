//! What a creator earned, by source and day by day: the ledger's own sums, for the creator alone.

use crate::harness::{Person, TestApp, transaction_of};
use domain::subscription::PlanTier;
use domain::timestamp::Span;
use serde_json::{Value, json};

const TOTALS: &str = "/api/creator/earnings";
const SERIES: &str = "/api/creator/earnings/series";

fn sums(sales: i64, earned: i64, refunded: i64) -> Value {
    json!({ "sales": sales, "earned_cents": earned, "refunded_cents": refunded, "net_cents": earned - refunded })
}

fn of(name: &str, value: &str, mut sums: Value) -> Value {
    sums[name] = value.into();
    sums
}

async fn get(person: &Person, path: String) -> Value {
    person.get(path).send().await.done(200).json()
}

/// A creator who sold one of each, and whose unlock was given back on the next day.
async fn two_days(app: &TestApp) -> Person {
    let (ann, bob, eve) = (app.rich("ann", 1_000_000).await, app.user("bob").await, app.admin("eve").await);
    bob.become_creator().await;
    let item = app.content(&bob, 1_000).await;
    app.plan(&bob, PlanTier::Monthly, 100).await;
    let sale = transaction_of(&ann.unlock(item).fresh_key().send().await.done(201).json());
    ann.subscribe(&bob).fresh_key().send().await.done(201);
    bob.pay(&ann, 870).await;
    app.advance(Span::days(1));
    eve.sign_in().await.refund(sale, None).fresh_key().send().await.done(201);
    let token = bob.sign_in().await;
    ann.sign_in().await.roses(&bob, 2).fresh_key().send().await.done(201);
    token
}

#[tokio::test]
async fn totals_are_by_source_and_all_together_with_what_is_owed() {
    let app = TestApp::new().await;
    let bob = two_days(&app).await;
    let expected = json!({
        "data": [of("source", "unlock", sums(1, 800, 800)), of("source", "subscription", sums(1, 70, 0)),
            of("source", "gift", sums(1, 170_000, 0))],
        "total": sums(3, 170_870, 800), "debt_cents": 0,
    });
    assert_eq!(get(&bob, TOTALS.to_owned()).await, expected);
    // The ledger says the same: what came in less what went out, and the refund was repaid from the gift.
    assert_eq!(bob.balance().await, 170_870 - 800 - 870);
    let first_day = get(&bob, format!("{TOTALS}?to=2027-01-16T00:00:00Z")).await;
    assert_eq!(first_day["total"], sums(2, 870, 0));
    let second_day = get(&bob, format!("{TOTALS}?from=2027-01-16T23:59:59Z")).await;
    assert_eq!(second_day["total"], sums(1, 170_000, 800));
    assert_eq!(second_day["data"][1], of("source", "subscription", sums(0, 0, 0)));
}

#[tokio::test]
async fn a_debt_is_shown_until_it_is_repaid() {
    let app = TestApp::new().await;
    let (ann, bob, eve) = (app.rich("ann", 1_000_000).await, app.user("bob").await, app.admin("eve").await);
    bob.become_creator().await;
    let sale = transaction_of(&ann.roses(&bob, 1).fresh_key().send().await.done(201).json());
    bob.pay(&ann, 85_000).await;
    eve.refund(sale, None).fresh_key().send().await.done(201);
    let owed = get(&bob, TOTALS.to_owned()).await;
    assert_eq!((&owed["debt_cents"], &owed["total"]), (&json!(85_000), &sums(1, 85_000, 85_000)));
    ann.roses(&bob, 1).fresh_key().send().await.done(201);
    assert_eq!(get(&bob, TOTALS.to_owned()).await["debt_cents"], 0);
}

#[tokio::test]
async fn a_series_has_a_line_for_each_day_and_source_that_moved() {
    let app = TestApp::new().await;
    let bob = two_days(&app).await;
    let on = |day: &str, source: &str, sums: Value| of("day_start", day, of("source", source, sums));
    let (first, second) = ("2027-01-15T00:00:00Z", "2027-01-16T00:00:00Z");
    let expected = [
        on(first, "subscription", sums(1, 70, 0)),
        on(first, "unlock", sums(1, 800, 0)),
        on(second, "gift", sums(1, 170_000, 0)),
        on(second, "unlock", sums(0, 0, 800)),
    ];
    for query in ["", "?interval=day", "?from=2026-02-01T00:00:00Z", "?from=2027-01-15T12:00:00Z"] {
        assert_eq!(get(&bob, format!("{SERIES}{query}")).await["data"], json!(expected), "{query}");
    }
    let first_day = get(&bob, format!("{SERIES}?to={second}")).await;
    assert_eq!(first_day["data"], json!(expected[..2]));
    let second_day = get(&bob, format!("{SERIES}?from={second}&to=2027-01-16T00:00:01Z")).await;
    assert_eq!(second_day["data"], json!(expected[2..]));
    app.advance(Span::days(29));
    let bob = bob.sign_in().await;
    assert_eq!(get(&bob, SERIES.to_owned()).await["data"], json!(expected[2..]), "thirty days by default");
}

#[tokio::test]
async fn a_series_has_at_most_a_leap_year_of_days_and_wrong_bounds_are_named() {
    let app = TestApp::new().await;
    let bob = app.user("bob").await;
    bob.become_creator().await;
    // 366 days, the last of them being today.
    for (query, named) in [
        ("?from=2026-01-15T00:00:00Z", &[][..]),
        ("?from=2026-01-14T23:59:59Z", &["from"]),
        ("?from=2024-01-01T00:00:00Z&to=2025-01-01T00:00:00Z", &[]),
        ("?from=2024-01-01T00:00:00Z&to=2025-01-01T00:00:01Z", &["from"]),
        ("?from=2027-01-15T00:00:00Z&to=2027-01-15T00:00:00Z", &["to"]),
        ("?from=yesterday&to=tomorrow", &["from", "to"]),
        ("?interval=hour", &["interval"]),
    ] {
        let reply = bob.get(format!("{SERIES}{query}")).send().await;
        if named.is_empty() {
            reply.done(200)
        } else {
            reply.invalid(named)
        };
    }
    bob.get(format!("{TOTALS}?to=2020-01-01T00:00:00Z&from=2021-01-01T00:00:00Z")).send().await.invalid(&["to"]);
    bob.get(format!("{TOTALS}?interval=day")).send().await.refused(400, "malformed_request");
}

#[tokio::test]
async fn earnings_are_the_creators_own_and_nobody_elses() {
    let app = TestApp::new().await;
    let bob = two_days(&app).await;
    for path in [TOTALS, SERIES] {
        app.get(path).send().await.refused(401, "unauthenticated");
        app.user(&crate::harness::unique("fan")).await.get(path).send().await.refused(403, "forbidden");
        bob.get(path).send().await.done(200);
    }
    let (dan, eve) = (app.user("dan").await, app.admin("eva").await);
    dan.become_creator().await;
    for other in [&dan, &eve] {
        assert_eq!(get(other, TOTALS.to_owned()).await["total"], sums(0, 0, 0));
        assert_eq!(get(other, SERIES.to_owned()).await["data"], json!([]));
    }
}
