//! Backups of a file while payments go on: each is sound, holds everything that was acknowledged before it began, and is
//! served again after a restore. What is damaged, in use or in the way is refused.

use crate::client::Client;
use crate::server::{Server, reconcile, run};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tempfile::TempDir;

/// Backups while payments go on.
const BACKUPS: usize = 4;

fn backups(directory: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

/// Makes a backup, and says where it is and how many transactions it holds.
async fn back_up(directory: &Path) -> (PathBuf, u64) {
    let ended = loop {
        let ended = run(directory, &[], &["backup", "create", "--json"], "");
        // A name is a second.
        if !ended.err.contains("of this second already") {
            break ended;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    let told: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(told["sound"], true, "{told}");
    (PathBuf::from(told["file"].as_str().unwrap()), told["transactions"].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_beside_payments_hold_all_that_was_acknowledged_before_them() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), &[]).await;
    let mut client = Client::connect(server.address).await.unwrap();
    let (ann, bob) = (client.newcomer("ann", 1_000_000).await, client.register("bob").await);
    let (stop, paid) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let paying = {
        let (stop, paid, to) = (Arc::clone(&stop), Arc::clone(&paid), bob.id.clone());
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let name = format!("cent-{}", paid.load(Ordering::Relaxed));
                let answer = client.transfer(&ann.token, &name, (&to, 1, &name)).await.unwrap();
                assert_eq!(answer.status, 201, "{answer:?}");
                paid.fetch_add(1, Ordering::Relaxed);
            }
        })
    };
    let mut made = Vec::new();
    for _ in 0..BACKUPS {
        let before = paid.load(Ordering::Relaxed);
        let (file, transactions) = back_up(directory.path()).await;
        // The deposit is one more.
        let after = paid.load(Ordering::Relaxed) + 2;
        assert!((before + 1..=after).contains(&transactions), "{before} {transactions} {after}");
        made.push((file, transactions));
    }
    stop.store(true, Ordering::Relaxed);
    paying.await.unwrap();
    assert_eq!(backups(&directory.path().join("data/backups")).len(), BACKUPS, "nothing else is left there");
    server.stop().await;

    for (file, transactions) in made {
        let place = tempfile::tempdir().unwrap();
        let restored = run(place.path(), &[], &["backup", "restore", file.to_str().unwrap()], "");
        assert_eq!(restored.code, Some(0), "{restored:?}");
        assert_eq!(reconcile(place.path(), &[]), transactions);
        let server = Server::start(place.path(), &[]).await;
        let mut client = Client::connect(server.address).await.unwrap();
        let login = serde_json::json!({ "email": "bob@example.com", "password": "correct horse battery staple" });
        let token = client.post("/api/auth/login", "", "", &login).await.unwrap().body["access_token"].clone();
        let balance = client.get("/api/wallet/balance", token.as_str().unwrap()).await.unwrap();
        assert_eq!(balance.body["balance_cents"], transactions - 1);
        server.stop().await;
    }
}

async fn place_with_a_backup() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), &[]).await;
    Client::connect(server.address).await.unwrap().newcomer("ann", 100).await;
    let (file, _) = back_up(directory.path()).await;
    server.stop().await;
    (directory, file)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_asks_before_it_replaces_and_waits_for_no_running_server() {
    let (directory, file) = place_with_a_backup().await;
    let file = file.to_str().unwrap();
    let refused = run(directory.path(), &[], &["backup", "restore", file], "");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("`--force` sets it aside"), "{refused:?}");

    let server = Server::start(directory.path(), &[]).await;
    Client::connect(server.address).await.unwrap().newcomer("late", 100).await;
    let refused = run(directory.path(), &[], &["backup", "restore", file, "--force"], "");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("stop the server on it first"), "{refused:?}");
    server.stop().await;

    let restored = run(directory.path(), &[], &["backup", "restore", file, "--force"], "");
    assert_eq!(restored.code, Some(0), "{restored:?}");
    assert_eq!(reconcile(directory.path(), &[]), 1, "what came later is not in it");
    let aside = backups(&directory.path().join("data"));
    let aside = aside.iter().find(|path| path.to_string_lossy().contains("superapp.db.before-")).unwrap();
    let url = format!("sqlite:{}", aside.display());
    assert_eq!(reconcile(directory.path(), &[("DATABASE_URL", &url)]), 2, "what was there is whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_or_does_not_add_up_is_never_restored() {
    let (directory, file) = place_with_a_backup().await;
    let whole = std::fs::read(&file).unwrap();
    let name = file.to_str().unwrap();
    let target = tempfile::tempdir().unwrap();
    let refuse = || {
        for arguments in [["backup", "verify", name], ["backup", "restore", name]] {
            let ended = run(target.path(), &[], &arguments, "");
            assert_eq!(ended.code, Some(1), "{arguments:?} {ended:?}");
        }
        assert!(!target.path().join("data/superapp.db").exists());
    };
    // A page of nothing in the middle, the end missing, and something else.
    let mut torn = whole.clone();
    let middle = torn.len() / 2 / 4096 * 4096;
    torn[middle..middle + 4096].fill(0);
    for damaged in [torn, whole[..whole.len() / 2].to_vec(), b"not a database at all".repeat(1_000)] {
        std::fs::write(&file, damaged).unwrap();
        refuse();
    }
    // Somebody who changes one balance.
    std::fs::write(&file, &whole).unwrap();
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.execute("UPDATE wallets SET balance_cents = balance_cents + 1 WHERE kind = 'user'", []).unwrap();
    drop(connection);
    refuse();
    assert_eq!(run(directory.path(), &[], &["backup", "verify", "nowhere.db"], "").code, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_are_kept_and_nothing_else_is_touched() {
    let (directory, first) = place_with_a_backup().await;
    let folder = first.parent().unwrap();
    std::fs::write(folder.join("notes.txt"), "mine").unwrap();
    let (second, _) = back_up(directory.path()).await;
    let third = loop {
        let ended = run(directory.path(), &[], &["backup", "create", "--keep", "2"], "");
        if ended.code == Some(0) {
            break ended;
        }
        assert!(ended.err.contains("of this second already"), "{ended:?}");
    };
    assert!(third.out.starts_with("sound: "), "{third:?}");
    let left = backups(folder);
    assert!(!left.contains(&first) && left.contains(&second), "{left:?}");
    assert_eq!(left.len(), 3, "{left:?}");
}
