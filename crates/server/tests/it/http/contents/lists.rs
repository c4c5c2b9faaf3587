//! The catalogue: its order, its filters, and its pages.

use super::ROUTE;
use crate::harness::{Person, TestApp};
use domain::timestamp::Span;
use serde_json::{Value, json};

/// The titles of every page from the first to the last.
async fn titles(person: &Person, query: &str) -> Vec<String> {
    let (mut titles, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = person.get(format!("{ROUTE}?{query}{cursor}")).send().await.done(200).json();
        let title = |item: &Value| item["title"].as_str().unwrap().to_owned();
        titles.extend(page["data"].as_array().unwrap().iter().map(title));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return titles,
        }
    }
}

/// Five contents of two creators, a second apart.
async fn catalogue(app: &TestApp) -> (Person, Person) {
    let (cleo, dan) = (app.creator("cleo").await, app.creator("dan").await);
    for (creator, title, kind, price) in [
        (&cleo, "Red yoga", "video", 300),
        (&cleo, "Blue YOGA", "audio", 100),
        (&dan, "Green 100%", "video", 0),
        (&dan, "Green_book", "document", 300),
        (&cleo, "Grey", "image", 200),
    ] {
        app.advance(Span::seconds(1));
        creator.publish(json!({ "title": title, "type": kind, "price_cents": price })).await;
    }
    (cleo, dan)
}

#[tokio::test]
async fn contents_are_listed_in_four_orders_page_by_page() {
    let app = TestApp::new().await;
    let (cleo, fan) = (catalogue(&app).await.0, app.user("fan").await);
    let newest = ["Grey", "Green_book", "Green 100%", "Blue YOGA", "Red yoga"];
    let by_price = ["Green 100%", "Blue YOGA", "Grey", "Red yoga", "Green_book"];
    let reversed = |titles: [&'static str; 5]| titles.into_iter().rev().collect::<Vec<_>>();
    for (query, expected) in [
        ("", newest.to_vec()),
        ("sort=newest", newest.to_vec()),
        ("sort=oldest", reversed(newest)),
        ("sort=price_asc", by_price.to_vec()),
        ("sort=price_desc", reversed(by_price)),
    ] {
        for limit in [1, 2, 5, 100] {
            assert_eq!(titles(&fan, &format!("{query}&limit={limit}").replace("&&", "&")).await, expected, "{query}");
        }
        let of_cleo: Vec<_> = expected.iter().filter(|title| !title.starts_with("Green")).copied().collect();
        let query = format!("{query}&limit=2&creator_id={}", cleo.id);
        assert_eq!(titles(&fan, query.trim_start_matches('&')).await, of_cleo, "{query}");
    }
}

#[tokio::test]
async fn contents_are_found_by_creator_kind_and_title() {
    let app = TestApp::new().await;
    let (_, dan) = catalogue(&app).await;
    let nobody = app.user("fan").await.id;
    let fan = app.user("other").await;
    for (query, expected) in [
        (format!("creator_id={}", dan.id), vec!["Green_book", "Green 100%"]),
        (format!("creator_id={nobody}"), vec![]),
        ("type=video".to_owned(), vec!["Green 100%", "Red yoga"]),
        ("q=yoga".to_owned(), vec!["Blue YOGA", "Red yoga"]),
        ("q=YoGa&type=audio".to_owned(), vec!["Blue YOGA"]),
        ("q=%25".to_owned(), vec!["Green 100%"]),
        ("q=_".to_owned(), vec!["Green_book"]),
        ("q=%27%20OR%201%3D1".to_owned(), vec![]),
        (format!("q=gr&creator_id={}&type=video&sort=price_asc", dan.id), vec!["Green 100%"]),
    ] {
        assert_eq!(titles(&fan, &query).await, expected, "{query}");
        assert_eq!(titles(&fan, &format!("{query}&limit=1")).await, expected, "{query}");
    }
}

#[tokio::test]
async fn what_is_off_offer_and_whoever_is_suspended_is_not_in_the_catalogue() {
    let app = TestApp::new().await;
    let (cleo, dan) = catalogue(&app).await;
    let fan = app.user("fan").await;
    let off = cleo.publish(json!({ "title": "Off", "is_active": false })).await;
    assert!(!titles(&fan, "").await.contains(&"Off".to_owned()));
    for query in ["", "sort=price_desc"] {
        assert!(titles(&cleo, query).await.contains(&"Off".to_owned()), "one's own is");
    }
    fan.get(format!("{ROUTE}/{off}")).send().await.refused(404, "not_found");
    app.suspend(&dan).await;
    assert_eq!(titles(&fan, "").await, ["Grey", "Blue YOGA", "Red yoga"]);
}

#[tokio::test]
async fn a_filter_that_is_none_is_refused() {
    let app = TestApp::new().await;
    let fan = app.user("fan").await;
    for (query, pointer) in [
        ("creator_id=x", "creator_id"),
        ("creator_id=", "creator_id"),
        ("creator_id=cnt_00000000000000000000000000", "creator_id"),
        ("type=film", "type"),
        ("type=", "type"),
        ("q=", "q"),
        ("q=%20", "q"),
        ("q=%00", "q"),
        ("sort=random", "sort"),
        ("sort=", "sort"),
        ("limit=0", "limit"),
        ("cursor=x", "cursor"),
    ] {
        fan.get(format!("{ROUTE}?{query}")).send().await.invalid(&[pointer]);
    }
    fan.get(format!("{ROUTE}?q={}", "x".repeat(101))).send().await.invalid(&["q"]);
    fan.get(format!("{ROUTE}?q={}", "x".repeat(100))).send().await.done(200);
    for query in ["access=free", "limit=x", "q=a&q=b", "offset=1"] {
        fan.get(format!("{ROUTE}?{query}")).send().await.refused(400, "malformed_request");
    }
}

#[tokio::test]
async fn a_cursor_is_good_for_its_own_list_alone() {
    let app = TestApp::new().await;
    let (cleo, dan) = catalogue(&app).await;
    let page = dan.get(format!("{ROUTE}?limit=1&sort=newest")).send().await.done(200).json();
    let cursor = page["next_cursor"].as_str().unwrap();
    dan.get(format!("{ROUTE}?limit=5&sort=newest&cursor={cursor}")).send().await.done(200);
    cleo.get(format!("{ROUTE}?sort=newest&cursor={cursor}")).send().await.invalid(&["cursor"]);
    for other in ["sort=oldest", "sort=price_asc", "sort=newest&type=video", "sort=newest&q=e"] {
        dan.get(format!("{ROUTE}?{other}&cursor={cursor}")).send().await.invalid(&["cursor"]);
    }
    let other = format!("{ROUTE}?sort=newest&creator_id={}&cursor={cursor}", dan.id);
    dan.get(other).send().await.invalid(&["cursor"]);
}
