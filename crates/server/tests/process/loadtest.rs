//! `superapp loadtest` against a real server: what it counts, what it keeps, and what it refuses.

use crate::client::Client;
use crate::place::Place;
use crate::server::{Ended, Server, run};
use serde_json::{Value, json};
use std::path::Path;

const PASSWORD: &str = "correct horse battery staple";

/// A server, and the token of its administrator.
async fn stage(place: &Place) -> (Server, String) {
    let create = ["admin", "create", "--email", "root@example.com", "--password-stdin"];
    let ended = run(place.path(), &place.settings(&[]), &create, PASSWORD);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let server = Server::start(place.path(), &place.settings(&[])).await;
    let login = json!({ "email": "root@example.com", "password": PASSWORD });
    let mut client = Client::connect(server.address).await.unwrap();
    let body = client.post("/api/auth/login", "", "", &login).await.unwrap().body;
    (server, body["access_token"].as_str().unwrap().to_owned())
}

/// A run for three seconds, with whatever is added.
async fn load(place: &Place, server: &Server, more: &[&str]) -> Ended {
    let target = format!("http://{}", server.address);
    let few = ["loadtest", "--target", &target, "--rate", "20", "--duration", "3s"];
    let arguments: Vec<String> = few.iter().chain(more).map(|word| (*word).to_owned()).collect();
    let directory = place.path().to_owned();
    let ended = tokio::task::spawn_blocking(move || {
        run(&directory, &[], &arguments.iter().map(String::as_str).collect::<Vec<_>>(), "")
    });
    ended.await.unwrap()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_test_counts_everybody_reconciles_and_writes_both_reports() {
    let _turn = crate::TURN.lock().await;
    let place = Place::new();
    let (server, token) = stage(&place).await;
    let (data, page) = (place.path().join("report.json"), place.path().join("report.html"));
    let wide = ["--p95", "20s", "--p99", "20s", "--sign-in-p95", "20s", "--sign-in-p99", "20s"];
    let files = ["--json", data.to_str().unwrap(), "--html", page.to_str().unwrap(), "--admin-token", &token];
    let ended = load(&place, &server, &[files.as_slice(), &wide].concat()).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("reconciliation: clean") && ended.out.ends_with("verdict: passed\n"), "{}", ended.out);

    let report: Value = serde_json::from_str(&read(&data)).unwrap();
    assert_eq!((&report["schema"], &report["passed"], &report["arrivals"]), (&json!(1), &json!(true), &json!(60)));
    let sum = |lines: Vec<&Value>, member: &str| lines.iter().map(|line| line[member].as_u64().unwrap()).sum::<u64>();
    let scenarios: Vec<_> = report["scenarios"].as_array().unwrap().iter().collect();
    let routes: Vec<_> = report["routes"].as_object().unwrap().values().collect();
    // Sixty visitors, of whom fifteen have one request and the others two; a free account's limit ends a visit.
    let (requests, limited) = (sum(scenarios.clone(), "requests"), sum(scenarios.clone(), "limited"));
    assert!((105 - limited..=105).contains(&requests), "{requests} requests, {limited} of them limited");
    assert_eq!(sum(scenarios.clone(), "good") + limited, requests, "{report}");
    assert_eq!(sum(routes, "requests"), requests);
    assert_eq!(report["seconds"].as_array().unwrap().len(), 3);
    assert_eq!(report["reconciliation"]["report"]["discrepancies_total"], 0);
    let tiers = json!([["free", 20], ["premium", 6], ["creator", 5]]);
    assert_eq!(report["accounts"], tiers);
    let page = read(&page);
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    assert!(!page.contains(&token) && !read(&data).contains(&token), "the administrator's token is in a report");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_threshold_that_is_missed_and_a_ledger_that_nobody_looked_at_are_said() {
    let _turn = crate::TURN.lock().await;
    let place = Place::new();
    let (server, _) = stage(&place).await;
    let ended = load(&place, &server, &["--p99", "1us", "--json", "/dev/stdout"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.contains("is not below 0.00 ms") && ended.out.contains("verdict: FAILED"), "{}", ended.out);
    assert!(ended.out.contains("reconciliation: skipped") && ended.err.contains("without --admin-token"), "{ended:?}");
    let report: Value = serde_json::from_str(&ended.out[ended.out.find("\n{").unwrap()..]).unwrap();
    assert_eq!((&report["passed"], &report["reconciliation"]["status"]), (&json!(false), &json!("skipped")));
    let ended = load(&place, &server, &["--admin-token", "nobodys"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("the administrator's token"), "{ended:?}");
    server.stop().await;
}

#[tokio::test]
async fn another_machine_is_loaded_only_if_that_is_said_and_nobody_there_is_told_how_to_start() {
    let place = Place::new();
    let run = |arguments: &[&str]| run(place.path(), &[], &[&["loadtest"], arguments].concat(), "");
    let ended = run(&["--target", "http://192.0.2.7:8080"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("--beyond-this-machine"), "{}", ended.err);
    for wrong in ["https://127.0.0.1", "127.0.0.1:8080", "http://127.0.0.1:1/api"] {
        assert_eq!(run(&["--target", wrong]).code, Some(2), "{wrong}");
    }
    assert_eq!(run(&["--rate", "10"]).code, Some(2));
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ended = run(&["--target", &format!("http://{free}")]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("superapp serve"), "{}", ended.err);
}
