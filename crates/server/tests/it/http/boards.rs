//! Leaderboards, and the gifts that somebody sent and received, as their viewers see them.

use crate::harness::{Person, TestApp, transaction_of};
use domain::timestamp::Span;
use serde_json::{Value, json};

const ROUTE: &str = "/api/gifts/leaderboard";

async fn board(person: &Person, query: &str) -> Vec<Value> {
    let board = person.get(format!("{ROUTE}{query}")).send().await.done(200).json();
    board["data"].as_array().unwrap().clone()
}

fn names(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["username"].as_str().unwrap()).collect()
}

async fn list(person: &Person, route: &str) -> Vec<Value> {
    person.get(format!("/api/gifts/{route}")).send().await.done(200).json()["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_board_ranks_those_who_gave_to_one_creator_and_to_all() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 10_000_000).await, app.rich("bob", 10_000_000).await);
    let (cat, dan) = (app.user("cat").await, app.user("dan").await);
    assert_eq!(board(&ann, "").await, [] as [Value; 0]);
    ann.roses(&cat, 2).fresh_key().send().await.done(201);
    bob.roses(&cat, 1).fresh_key().send().await.done(201);
    bob.roses(&dan, 5).fresh_key().send().await.done(201);
    let line = |rank: i64, who: &Person, name: &str, roses: i64| {
        json!({ "rank": rank, "sender_id": who.id.to_string(), "username": name, "total_cents": roses * 100_000,
            "gifts": roses })
    };
    let of_cat = format!("?creator_id={}", cat.id);
    assert_eq!(board(&dan, &of_cat).await, [line(1, &ann, "ann", 2), line(2, &bob, "bob", 1)]);
    assert_eq!(board(&dan, "").await, [line(1, &bob, "bob", 6), line(2, &ann, "ann", 2)]);
    assert_eq!(board(&dan, "?limit=1&period=week").await, [line(1, &bob, "bob", 6)]);
    assert_eq!(board(&dan, &format!("?creator_id={}", ann.id)).await, [] as [Value; 0]);
    // The one who gets there first stays in front.
    bob.roses(&cat, 1).fresh_key().send().await.done(201);
    assert_eq!(names(&board(&dan, &of_cat).await), ["ann", "bob"]);
}

#[tokio::test]
async fn a_board_of_a_period_is_empty_when_the_next_one_begins() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 10_000_000).await, app.user("bob").await);
    ann.roses(&bob, 1).fresh_key().send().await.done(201);
    let sizes = async || {
        let mut sizes = Vec::new();
        for period in ["day", "week", "month", "all"] {
            sizes.push(
                board(&app.admin(&crate::harness::unique("eve")).await, &format!("?period={period}")).await.len(),
            );
        }
        sizes
    };
    // A Friday, at eight in the morning.
    assert_eq!(sizes().await, [1, 1, 1, 1]);
    app.advance_almost(Span::hours(16));
    assert_eq!(sizes().await, [1, 1, 1, 1]);
    app.advance(Span::MICROSECOND);
    assert_eq!(sizes().await, [0, 1, 1, 1]);
    app.advance_almost(Span::days(2));
    assert_eq!(sizes().await, [0, 1, 1, 1]);
    app.advance(Span::MICROSECOND);
    assert_eq!(sizes().await, [0, 0, 1, 1]);
    app.advance(Span::days(14));
    assert_eq!(sizes().await, [0, 0, 0, 1]);
}

#[tokio::test]
async fn a_refund_takes_its_gift_from_the_board_and_says_so_in_the_lists() {
    let app = TestApp::new().await;
    let (ann, bob, eve) = (app.rich("ann", 1_000_000).await, app.user("bob").await, app.admin("eve").await);
    let sale = transaction_of(&ann.roses(&bob, 3).fresh_key().send().await.done(201).json());
    eve.refund(sale, Some(100_000)).fresh_key().send().await.done(201);
    let shown = &board(&ann, "").await[0];
    assert_eq!((&shown["total_cents"], &shown["gifts"]), (&json!(200_000), &json!(3)));
    assert_eq!(list(&ann, "sent").await[0]["refunded_cents"], 100_000);
    eve.refund(sale, None).fresh_key().send().await.done(201);
    assert_eq!(board(&ann, "").await, [] as [Value; 0]);
    assert_eq!(list(&bob, "received").await[0]["refunded_cents"], 300_000);
}

#[tokio::test]
async fn wrong_filters_are_named_all_at_once() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    for (query, named) in [
        ("?period=year", &["period"][..]),
        ("?creator_id=ann", &["creator_id"]),
        ("?creator_id=cnt_00000000000000000000000001&period=", &["creator_id", "period"]),
        ("?limit=0", &["limit"]),
    ] {
        ann.get(format!("{ROUTE}{query}")).send().await.invalid(named);
    }
    ann.get(format!("{ROUTE}?cursor=a")).send().await.refused(400, "malformed_request");
    for route in ["sent", "received"] {
        ann.get(format!("/api/gifts/{route}?cursor=a")).send().await.invalid(&["cursor"]);
        ann.get(format!("/api/gifts/{route}?limit=0")).send().await.invalid(&["limit"]);
        ann.get(format!("/api/gifts/{route}?user_id={}", ann.id)).send().await.refused(400, "malformed_request");
    }
}

#[tokio::test]
async fn a_gift_is_in_the_lists_of_the_two_it_concerns_and_of_nobody_else() {
    let app = TestApp::new().await;
    let (ann, bob, eve) = (app.rich("ann", 1_000_000).await, app.user("bob").await, app.admin("eve").await);
    let body = json!({ "recipient_id": bob.id.to_string(), "gift_type": "rose", "quantity": 2, "message": "bravo",
        "context": "stream-17" });
    let gift = &ann.post("/api/gifts/send").fresh_key().json(body).send().await.done(201).json()["gift"];
    let line = |username: &str| {
        let mut line = gift.clone();
        line["username"] = username.into();
        line["refunded_cents"] = 0.into();
        line
    };
    assert_eq!((&gift["sender_id"], &gift["recipient_id"]), (&json!(ann.id.to_string()), &json!(bob.id.to_string())));
    assert_eq!(list(&ann, "sent").await, [line("bob")]);
    assert_eq!(list(&bob, "received").await, [line("ann")]);
    for (who, route) in [(&ann, "received"), (&bob, "sent"), (&eve, "sent"), (&eve, "received")] {
        assert_eq!(list(who, route).await, [] as [Value; 0]);
    }
}

#[tokio::test]
async fn pages_go_on_with_the_cursor_of_the_same_list_alone() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 10_000_000).await, app.rich("bob", 10_000_000).await);
    for quantity in 1..=5 {
        ann.roses(&bob, quantity).fresh_key().send().await.done(201);
        bob.roses(&ann, quantity).fresh_key().send().await.done(201);
    }
    let mut cursors = Vec::new();
    for route in ["sent", "received"] {
        let (mut seen, mut query) = (Vec::new(), String::new());
        loop {
            let page = ann.get(format!("/api/gifts/{route}?limit=2{query}")).send().await.done(200).json();
            seen.extend(page["data"].as_array().unwrap().iter().map(|line| line["quantity"].as_i64().unwrap()));
            let Some(next) = page["next_cursor"].as_str() else { break };
            query = format!("&cursor={next}");
            cursors.push((route, next.to_owned()));
        }
        assert_eq!(seen, [5, 4, 3, 2, 1], "{route}");
    }
    for (route, cursor) in cursors {
        let other = if route == "sent" { "received" } else { "sent" };
        ann.get(format!("/api/gifts/{other}?cursor={cursor}")).send().await.invalid(&["cursor"]);
        bob.get(format!("/api/gifts/{route}?cursor={cursor}")).send().await.invalid(&["cursor"]);
    }
}
