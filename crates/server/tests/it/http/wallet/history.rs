//! The history of a wallet: its pages, its filters, and cursors that are good for one list alone.

use crate::harness::{Person, TestApp};
use domain::timestamp::Span;
use serde_json::Value;

const ROUTE: &str = "/api/wallet/transactions";

/// Every page from the first to the last.
async fn pages(person: &Person, query: &str) -> Vec<Vec<Value>> {
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = person.get(format!("{ROUTE}?{query}{cursor}")).send().await.done(200).json();
        pages.push(page["data"].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return pages,
        }
    }
}

fn amounts(lines: &[Value]) -> Vec<i64> {
    lines.iter().map(|line| line["amount_cents"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn a_new_wallet_has_an_empty_page() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    let page = ann.get(ROUTE).send().await.done(200).json();
    assert_eq!(page, serde_json::json!({ "data": [], "next_cursor": null }));
}

#[tokio::test]
async fn every_line_is_on_one_page_once_and_in_order() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 1_000_000).await, app.user("bob").await);
    // The clock stands still for most of them: the ledger puts a microsecond between two lines of a wallet.
    for cents in 1..=249 {
        if cents % 50 == 0 {
            app.advance(Span::seconds(1));
        }
        ann.pay(&bob, cents).await;
    }
    let expected: Vec<i64> = (1..=249).rev().map(|cents| -cents).chain([1_000_000]).collect();
    for (query, sizes) in [
        ("", vec![20; 12].into_iter().chain([10]).collect::<Vec<_>>()),
        ("limit=100", vec![100, 100, 50]),
        ("limit=125", vec![100, 100, 50]),
        ("limit=50", vec![50; 5]),
        ("limit=7&type=transfer", vec![7; 35].into_iter().chain([4]).collect()),
    ] {
        let pages = pages(&ann, query).await;
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), sizes, "{query}");
        let without_deposit = expected.len() - usize::from(query.contains("transfer"));
        assert_eq!(amounts(&pages.concat()), expected[..without_deposit], "{query}");
    }
    let balances: Vec<_> =
        ann.history().await.iter().map(|line| line["balance_after_cents"].as_i64().unwrap()).collect();
    assert!(balances.is_sorted(), "newest first, and each payment took from it");
}

#[tokio::test]
async fn what_arrives_between_two_pages_disturbs_neither() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 1_000).await, app.user("bob").await);
    for cents in 1..=4 {
        ann.pay(&bob, cents).await;
    }
    let first = ann.get(format!("{ROUTE}?limit=2")).send().await.done(200).json();
    ann.pay(&bob, 5).await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = ann.get(format!("{ROUTE}?limit=3&cursor={cursor}")).send().await.done(200).json();
    let seen = [first["data"].as_array().unwrap().clone(), second["data"].as_array().unwrap().clone()].concat();
    assert_eq!(amounts(&seen), [-4, -3, -2, -1, 1_000]);
    assert_eq!(second["next_cursor"], Value::Null);
}

#[tokio::test]
async fn a_cursor_is_good_for_its_own_list_alone() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 1_000).await, app.rich("bob", 1_000).await);
    for _ in 0..3 {
        ann.pay(&bob, 1).await;
    }
    let page = ann.get(format!("{ROUTE}?limit=1")).send().await.done(200).json();
    let cursor = page["next_cursor"].as_str().unwrap();
    let read = |person: &Person, query: String| person.get(format!("{ROUTE}?{query}")).send();
    read(&ann, format!("cursor={cursor}")).await.done(200);
    read(&bob, format!("cursor={cursor}")).await.invalid(&["cursor"]);
    for filter in ["type=transfer", "status=completed", "from=2020-01-01T00:00:00Z", "to=2030-01-01T00:00:00Z"] {
        read(&ann, format!("{filter}&cursor={cursor}")).await.invalid(&["cursor"]);
    }
    for index in 0..cursor.len() {
        let mut forged = cursor.to_owned();
        let other = if &cursor[index..=index] == "A" { "B" } else { "A" };
        forged.replace_range(index..=index, other);
        read(&ann, format!("cursor={forged}")).await.invalid(&["cursor"]);
    }
    for forged in ["", "x", "null", "%00", "%2e%2e", &"A".repeat(2_000), &cursor[1..], &format!("{cursor}A")] {
        read(&ann, format!("cursor={forged}")).await.invalid(&["cursor"]);
    }
}

#[tokio::test]
async fn a_page_has_one_to_a_hundred_lines() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    for cents in 1..=101 {
        ann.deposit(cents).fresh_key().send().await.done(201);
    }
    for (limit, lines) in
        [("1", 1), ("2", 2), ("99", 99), ("100", 100), ("101", 100), ("1000", 100), ("9223372036854775807", 100)]
    {
        let page = ann.get(format!("{ROUTE}?limit={limit}")).send().await.done(200).json();
        assert_eq!(page["data"].as_array().unwrap().len(), lines, "{limit}");
        assert!(page["next_cursor"].is_string(), "{limit}");
    }
    for limit in ["0", "-1", "-9223372036854775808"] {
        ann.get(format!("{ROUTE}?limit={limit}")).send().await.invalid(&["limit"]);
    }
    for limit in ["abc", "", "1.5", "1e2", "0x10", "99999999999999999999", "%31%00"] {
        ann.get(format!("{ROUTE}?limit={limit}")).send().await.refused(400, "malformed_request");
    }
}

#[tokio::test]
async fn lines_can_be_filtered_by_reason_status_and_time() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 1_000).await, app.user("bob").await);
    for cents in [1, 2, 3] {
        app.advance(Span::seconds(60));
        ann.pay(&bob, cents).await;
    }
    bob.pay(&ann, 3).await;
    for (query, expected) in [
        ("type=deposit", [1_000].as_slice()),
        ("type=transfer", &[3, -3, -2, -1]),
        ("type=gift", &[]),
        ("status=completed", &[3, -3, -2, -1, 1_000]),
        ("status=reversed", &[]),
        ("from=2027-01-15T08:02:00Z", &[3, -3, -2]),
        ("from=2027-01-15T08:02:00.000001Z", &[3, -3]),
        ("to=2027-01-15T08:02:00Z", &[-1, 1_000]),
        ("to=2027-01-15T08:02:00.000001Z", &[-2, -1, 1_000]),
        ("from=2027-01-15T08:01:00Z&to=2027-01-15T08:03:00Z", &[-2, -1]),
        ("from=2027-01-15T10:01:00%2B02:00&to=2027-01-15T08:03:00Z", &[-2, -1]),
        ("from=2027-01-15T08:03:00Z&to=2027-01-15T08:01:00Z", &[]),
        ("type=transfer&status=completed&to=2027-01-15T08:02:00Z", &[-1]),
    ] {
        assert_eq!(amounts(&pages(&ann, query).await.concat()), expected, "{query}");
        assert_eq!(amounts(&pages(&ann, &format!("{query}&limit=1")).await.concat()), expected, "{query}");
    }
}

#[tokio::test]
async fn a_filter_that_is_none_is_refused() {
    let app = TestApp::new().await;
    let ann = app.user("ann").await;
    for (query, pointer) in [
        ("type=bogus", "type"),
        ("type=", "type"),
        ("type=TRANSFER", "type"),
        ("status=pending", "status"),
        ("status=", "status"),
        ("from=yesterday", "from"),
        ("from=", "from"),
        ("from=1800000000", "from"),
        ("from=2027-02-30T00:00:00Z", "from"),
        ("to=2027-01-15", "to"),
        ("to=2027-01-15T08:00:00", "to"),
    ] {
        ann.get(format!("{ROUTE}?{query}")).send().await.invalid(&[pointer]);
    }
    ann.get(format!("{ROUTE}?type=x&status=y&from=z&to=w")).send().await.invalid(&["type", "status", "from", "to"]);
    for query in ["user_id=usr_1", "limit=1&limit=2", "offset=5", "Type=transfer", "limit[]=1"] {
        ann.get(format!("{ROUTE}?{query}")).send().await.refused(400, "malformed_request");
    }
}

#[tokio::test]
async fn one_transaction_is_shown_to_its_two_sides_alone() {
    let app = TestApp::new().await;
    let (ann, bob, eve) = (app.rich("ann", 100).await, app.user("bob").await, app.rich("eve", 100).await);
    let path = ann.pay(&bob, 10).await.header("location").to_owned();
    ann.get(&path).send().await.done(200);
    bob.get(&path).send().await.done(200);
    let foreign = eve.get(&path).send().await.refused(404, "not_found");
    let none = eve.get(format!("{ROUTE}/tx_00000000000000000000000000")).send().await.refused(404, "not_found");
    assert_eq!(foreign.json()["detail"], none.json()["detail"], "what exists and what does not look the same");
    app.get(&path).send().await.refused(401, "unauthenticated");
    assert!(eve.history().await.iter().all(|line| line["type"] == "deposit"));
}

#[tokio::test]
async fn what_cannot_be_an_id_names_nothing() {
    let app = TestApp::new().await;
    let ann = app.rich("ann", 100).await;
    let id = ann.history().await[0]["tx_id"].as_str().unwrap().to_owned();
    let bare = id.trim_start_matches("tx_");
    for id in [
        "x",
        "tx_",
        bare,
        &id.to_uppercase(),
        &id.replace("tx_", "usr_"),
        &format!("{id}0"),
        "%00",
        "%ff",
        "1%20OR%201=1",
    ] {
        ann.get(format!("{ROUTE}/{id}")).send().await.refused(404, "not_found");
    }
    for path in [format!("{ROUTE}/"), format!("{ROUTE}/{id}/"), format!("{ROUTE}/{id}/refund")] {
        ann.get(path).send().await.refused(404, "route_not_found");
    }
}

#[tokio::test]
async fn a_page_may_come_from_a_replica_once_nothing_can_be_added_to_it() {
    let app = TestApp::new().await;
    let (ann, bob) = (app.rich("ann", 1_000).await, app.user("bob").await);
    for cents in 1..=6 {
        ann.pay(&bob, cents).await;
    }
    let fresh = pages(&ann, "limit=2").await;
    assert!(!app.is_long_past(crate::harness::START));
    // The bound of the replica, and two minutes.
    app.advance(Span::seconds(130));
    assert!(!app.is_long_past(crate::harness::START));
    app.advance(Span::seconds(1));
    assert!(app.is_long_past(crate::harness::START));
    assert_eq!(pages(&ann, "limit=2").await, fresh);
}
