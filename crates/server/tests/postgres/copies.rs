//! `superapp copy` from a file to PostgreSQL as a shell sees it: killed again and again, it goes on, and a server
//! starts at the copy with everybody signed in and every key still known. `COPY_KILLS` and `COPY_SEED` change the run.

use crate::client::{Account, Client};
use crate::server::{Ended, Server, reconcile, run, superapp};
use crate::{from_environment, place};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::time::sleep;

/// Accounts of the file: enough for some seconds.
const ACCOUNTS: u32 = 80_000;
const KILLS: u64 = 8;
const KILL_AFTER_MILLISECONDS: std::ops::Range<u64> = 0..300;

fn fill(file: &Path) {
    let text = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
        INSERT INTO users SELECT randomblob(16), 'u' || i || '@example.org', NULL, NULL, 'hash', 'user', 'free', 'active', i, i
        FROM n";
    let filled = rusqlite::Connection::open(file).unwrap().execute(text, [ACCOUNTS]).unwrap();
    assert_eq!(u32::try_from(filled).unwrap(), ACCOUNTS);
}

/// A server on a file that sold something, and is stopped.
async fn past(directory: &Path) -> (Account, Account, Value) {
    let server = Server::start(directory, &[]).await;
    let mut client = Client::connect(server.address).await.unwrap();
    let (ann, bob) = (client.newcomer("ann", 10_000).await, client.newcomer("bob", 10_000).await);
    let paid = client.transfer(&ann.token, "one", (&bob.id, 2_500, "thanks")).await.unwrap();
    assert_eq!(paid.status, 201, "{}", paid.body);
    server.stop().await;
    (ann, bob, paid.body)
}

fn copy(directory: &Path, url: &str) -> Ended {
    // The target may hold a password, so it can come from the environment.
    let arguments = ["copy", "--from", "sqlite:data/superapp.db", "--json"];
    run(directory, &[("SUPERAPP_COPY_TO", url)], &arguments, "")
}

/// Copies what is left, and nothing else.
fn goes_on(directory: &Path, url: &str, there: &[i64]) {
    let ended = copy(directory, url);
    // The statement that takes the mark away may outlive its sender: then everything is there already.
    let was_near_its_end = there.last() == Some(&i64::from(ACCOUNTS + 2));
    if was_near_its_end && ended.err.contains("holds data already") {
        reconcile(directory, &[("DATABASE_URL", url)]);
        return;
    }
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((&report["equal"], &report["clean"]), (&json!(true), &json!(true)), "{report}");
    let users = report["tables"].as_array().unwrap().iter().find(|table| table["table"] == "users").unwrap();
    assert_eq!(users["rows"]["target"], ACCOUNTS + 2);
    let copied = report["copied_rows"].as_u64().unwrap();
    let left = u64::from(ACCOUNTS) + 2 - u64::try_from(*there.last().unwrap_or(&0)).unwrap();
    // A batch may have been on its way when its sender was killed; the other tables have a few rows.
    assert!((left - 2_000..left + 1_000).contains(&copied), "only what was left was copied: {copied}, {there:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_killed_again_and_again_goes_on_and_a_server_starts_at_it() {
    let _turn = crate::TURN.lock().await;
    let place = crate::place();
    let (directory, url) = (place.path(), place.url().unwrap());
    let (ann, bob, paid) = past(directory).await;
    fill(&directory.join("data/superapp.db"));

    let seed = from_environment("COPY_SEED", rand::random());
    let mut random = StdRng::seed_from_u64(seed);
    let mut killed = 0;
    let mut there = Vec::new();
    let mut is_done = false;
    for _ in 0..from_environment("COPY_KILLS", KILLS) {
        let mut command = superapp(directory, &[]);
        command.args(["copy", "--from", "sqlite:data/superapp.db", "--to", url]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        // Once it has copied a batch, and then at any moment.
        let _ = said.find(|line| line.as_ref().is_ok_and(|line| line.starts_with("copying users")));
        sleep(Duration::from_millis(random.random_range(KILL_AFTER_MILLISECONDS))).await;
        killed += u64::from(child.try_wait().unwrap().is_none());
        let _ = child.kill();
        if child.wait().unwrap().success() {
            break;
        }
        // Before it is marked as half a copy it is an empty database like any other.
        let is_begun = "SELECT COUNT(*) FROM pg_tables WHERE tablename = 'copy_in_progress'";
        if place.count(is_begun) == 1 {
            there.push(place.count("SELECT COUNT(*) FROM users"));
            let refused = run(directory, &[("DATABASE_URL", url)], &["serve", "--listen", "127.0.0.1:0"], "");
            assert!(
                refused.code == Some(1) && refused.err.contains("run the same `superapp copy` again"),
                "{refused:?}"
            );
        } else if !there.is_empty() {
            // It was done when it was killed, and only its report is lost.
            is_done = true;
            break;
        }
    }
    println!("seed {seed}: {killed} kills, after which there were {there:?} accounts");
    assert!(killed > 1 && there.len() > 1 && there.is_sorted(), "{killed} kills: {there:?}");

    if !is_done {
        goes_on(directory, url, &there);
    }

    let server = Server::start(directory, &[("DATABASE_URL", url)]).await;
    let mut client = Client::connect(server.address).await.unwrap();
    let again = client.transfer(&ann.token, "one", (&bob.id, 2_500, "thanks")).await.unwrap();
    assert!(again.is_replay() && again.body == paid, "{}", again.body);
    let login = json!({ "email": "ann@example.com", "password": "correct horse battery staple" });
    let signed_in = client.post("/api/auth/login", "", "", &login).await.unwrap();
    assert_eq!(signed_in.status, 200, "{}", signed_in.body);
    let balance = client.get("/api/wallet/balance", &bob.token).await.unwrap().body;
    assert_eq!(balance["balance_cents"], 12_500);
    let refused = copy(directory, url);
    assert!(refused.code == Some(1) && refused.err.contains("uses the target"), "{refused:?}");
    server.stop().await;
    let refused = copy(directory, url);
    assert!(refused.code == Some(1) && refused.err.contains("holds data already"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_refused_with_what_helps() {
    let place = crate::place();
    let (directory, url) = (place.path(), place.url().unwrap());
    let copy = |from: &str, to: &str| run(directory, &[], &["copy", "--from", from, "--to", to], "");
    for (from, to, code, told) in [
        ("mongodb://x", url, 2, "`--from` must be sqlite:PATH or postgres://"),
        (url, "nowhere", 2, "`--to` must be"),
        (url, url, 2, "another database"),
        ("sqlite:data/superapp.db", url, 1, "there is no database"),
        (url, "sqlite:copy.db", 1, "superapp migrate up"),
    ] {
        let ended = copy(from, to);
        assert!(ended.code == Some(code) && ended.err.contains(told) && ended.err.contains("hint: "), "{ended:?}");
    }
    let server = Server::start(directory, &[]).await;
    let refused = copy("sqlite:data/superapp.db", url);
    assert!(refused.code == Some(1) && refused.err.contains("uses the source: stop it first"), "{refused:?}");
    server.stop().await;
    let done = copy("sqlite:data/superapp.db", url);
    assert!(done.code == Some(0) && done.out.contains("every row is equal"), "{done:?}");
    assert!(done.err.contains("copying users") || done.err.contains("comparing users"), "{done:?}");
    let home = copy(url, "sqlite:home/again.db");
    assert_eq!(home.code, Some(0), "{home:?}");
    assert!(place::server().is_some() && directory.join("home/again.db").exists());
}
