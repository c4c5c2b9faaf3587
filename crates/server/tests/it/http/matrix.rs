//! Every route for everybody: who is let in, who is told that there is nothing, and that nobody is told of what is
//! somebody else's. What a cell of the table expects is in `table.rs`, what it is about in `scene.rs`.

mod keys;
mod scene;
mod table;

use crate::harness::{Reply, TestApp, document, operations, unique};
use axum::http::Method;
use scene::{CALLERS, Caller, Scene};
use std::collections::BTreeSet;
use table::{ROWS, Row};

/// Methods that a path may answer to, or refuse.
const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];

/// A path without the names of its parameters.
fn shape(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let segment = |segment| if str::starts_with(segment, ['{', '<']) { "{}" } else { segment };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "{} cells are wrong:\n{}", complaints.len(), complaints.join("\n"));
}

/// What an answer says, without what belongs to its request.
fn said(reply: &Reply) -> (u16, String) {
    let text = String::from_utf8_lossy(&reply.bytes).replace(&reply.request_id(), "the request");
    (reply.status, text)
}

#[tokio::test]
async fn every_route_has_a_row_and_every_row_a_route() {
    let app = TestApp::new().await;
    let routes = operations(&app).into_iter().map(|operation| (operation.method.to_string(), shape(&operation.path)));
    let rows = ROWS.iter().map(|row| (row.method.to_owned(), shape(row.path)));
    assert_eq!(routes.collect::<BTreeSet<_>>(), rows.collect::<BTreeSet<_>>());
}

#[tokio::test]
async fn everybody_gets_what_the_table_says_and_nobody_what_is_not_theirs() {
    let scene = Scene::new().await;
    let before = scene.money().await;
    let (mut complaints, mut told) = (Vec::new(), BTreeSet::new());
    for (number, row) in ROWS.iter().enumerate() {
        for (caller, expected) in CALLERS.into_iter().zip(row.statuses) {
            // The same key for everybody: a replay would be somebody else's answer.
            let reply = scene.send(row, caller, &format!("row-{number}"), Scene::value).await;
            let cell = format!("{} {} for {caller:?}", row.method, row.path);
            if reply.status != expected || reply.is_replay() {
                complaints.push(format!("{cell}: {expected} was expected of {reply}"));
            }
            let found = scene.private_in(&reply);
            if row.may_tell(caller) {
                told.extend(found);
            } else if !found.is_empty() {
                complaints.push(format!("{cell}: {found:?} is told in {reply}"));
            }
        }
    }
    assert_none(&complaints);
    let untold: Vec<_> = scene.private().into_iter().filter(|text| !told.contains(text)).collect();
    assert_eq!(untold, [""; 0], "nobody at all was told of these, so that looking for them proves nothing");
    assert_eq!(scene.money().await, before, "money has moved");
}

#[tokio::test]
async fn what_is_somebody_elses_cannot_be_told_from_what_is_not_there() {
    let scene = Scene::new().await;
    let before = (scene.money().await, scene.things().await);
    let (mut complaints, mut compared) = (Vec::new(), 0);
    for row in ROWS.iter().filter(|row| scene.names_something(row)) {
        for (caller, expected) in CALLERS.into_iter().zip(row.statuses) {
            // What is there for everybody to see, and what is the caller's to see, may differ from nothing.
            if !matches!(expected, 401 | 403 | 404) {
                continue;
            }
            for body in [row.body, "{", "[]", "{\"unknown\": 1}"] {
                let row = Row { body: if row.method == "GET" { "" } else { body }, ..*row };
                let real = scene.send(&row, caller, &unique("real"), Scene::value).await;
                let unreal = scene.send(&row, caller, &unique("unreal"), Scene::nothing).await;
                if said(&real) != said(&unreal) {
                    complaints.push(format!("{} {} for {caller:?}: {real}\nbut {unreal}", row.method, row.path));
                }
                compared += 1;
            }
        }
    }
    assert_none(&complaints);
    assert!(compared > 300, "{compared}");
    assert_eq!((scene.money().await, scene.things().await), before, "something was written");
}

#[tokio::test]
async fn no_path_answers_to_a_method_that_it_does_not_have_whoever_asks() {
    let scene = Scene::new().await;
    let mut refused = 0;
    for (path, item) in document(&scene.app)["paths"].as_object().unwrap() {
        let has = |method: &str| item.get(method.to_lowercase()).is_some();
        let answers = |method: &str| has(method) || (method == "HEAD" && has("GET"));
        for method in METHODS.iter().filter(|method| !answers(method)) {
            for caller in CALLERS {
                let call = scene.call(caller, method.parse().unwrap(), path).await;
                let reply = call.that_may_break().send().await;
                let is_refused = reply.status == 405 && (*method == "HEAD" || reply.code() == "method_not_allowed");
                assert!(is_refused && scene.private_in(&reply).is_empty(), "{caller:?}: {reply}");
                refused += 1;
            }
        }
    }
    assert!(refused > 1_000, "{refused}");
}

#[tokio::test]
async fn whoever_asks_for_the_head_alone_gets_the_status_of_the_whole() {
    let scene = Scene::new().await;
    for row in ROWS.iter().filter(|row| row.method == "GET") {
        for (caller, expected) in CALLERS.into_iter().zip(row.statuses) {
            let call = scene.call(caller, Method::HEAD, &scene.fill(row.path, Scene::value)).await;
            let reply = call.send().await;
            assert_eq!(reply.status, expected, "{caller:?}: {reply}");
        }
    }
}

#[tokio::test]
#[should_panic(expected = "cells are wrong")]
async fn a_text_of_somebody_elses_fails_the_test() {
    let scene = Scene::new().await;
    let own = Row { method: "GET", path: "/api/users/me", body: "", statuses: [401, 200, 200, 200, 200] };
    let reply = scene.send(&own, Caller::Owner, "k", Scene::value).await;
    assert_none(&scene.private_in(&reply));
}
