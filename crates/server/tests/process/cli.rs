//! The command line as a shell sees it: exit codes, both outputs, and commands beside a running server.

use crate::client::Client;
use crate::server::{Server, run};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

const PASSWORD: &str = "correct horse battery staple";
/// What is promised; asserted with room for a machine that does other things, too.
const READY: Duration = Duration::from_secs(1);
const READY_ROOM: u32 = 5;

fn empty() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// What a command that ended well wrote on standard output.
fn done(directory: &TempDir, arguments: &[&str]) -> String {
    let ended = run(directory.path(), &[], arguments, "");
    assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
    ended.out
}

#[test]
fn the_version_is_that_of_the_package() {
    let directory = empty();
    assert_eq!(done(&directory, &["version"]), concat!("superapp ", env!("CARGO_PKG_VERSION"), "\n"));
    assert_eq!(done(&directory, &["--version"]), concat!("superapp ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn wrong_use_is_exit_code_2_and_says_what_would_be_right() {
    let directory = empty();
    let wrong: &[&[&str]] = &[
        &["nonsense"],
        &["migrate"],
        &["migrate", "sideways"],
        &["serve", "--listen", "nowhere"],
        &["reconcile", "--jsn"],
        &["admin", "create", "--email", "ann@example.com"],
        &["--config", "nowhere.toml", "config", "check"],
    ];
    for arguments in wrong {
        let ended = run(directory.path(), &[], arguments, "");
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.out.is_empty() && ended.err.contains("error: "), "{ended:?}");
    }
}

#[test]
fn tiers_and_roles_are_set_by_address_and_errors_end_with_what_helps() {
    let directory = empty();
    let ended = run(directory.path(), &[], &["admin", "set-tier", "--email", "ann@example.com", "--tier", "free"], "");
    assert!(ended.code == Some(1) && ended.err.contains("`superapp serve`"), "{ended:?}");
    let create = ["admin", "create", "--email", "ann@example.com", "--password-stdin"];
    assert_eq!(run(directory.path(), &[], &create, PASSWORD).code, Some(0));
    let said = done(&directory, &["admin", "set-tier", "--email", "ANN@example.com", "--tier", "premium"]);
    assert!(said.contains("the role admin and the tier premium"), "{said}");
    let said = done(&directory, &["admin", "set-role", "--email", "ann@example.com", "--role", "creator"]);
    assert!(said.contains("the role creator and the tier premium"), "{said}");
    for (arguments, told) in [
        (["set-tier", "--email", "bob@example.com", "--tier", "free"], "superapp admin create --email bob@example.com"),
        (["set-role", "--email", "bob@example.com", "--role", "user"], "superapp admin create --email bob@example.com"),
        (["set-tier", "--email", "ann@example.com", "--tier", "gold"], "free, premium, creator or admin"),
        (["set-role", "--email", "ann@example.com", "--role", "king"], "user, creator or admin"),
    ] {
        let ended = run(directory.path(), &[], &[&["admin"], arguments.as_slice()].concat(), "");
        assert!(ended.code == Some(1) && ended.err.contains(told) && ended.err.contains("superapp "), "{ended:?}");
    }
}

#[tokio::test]
async fn health_is_0_while_the_server_is_ready_and_1_when_it_is_gone() {
    let directory = empty();
    let server = Server::start(directory.path(), &[]).await;
    let address = server.address_of("API");
    let ask = |listen: String| {
        let at = directory.path().to_owned();
        tokio::task::spawn_blocking(move || run(&at, &[], &["health", "--listen", &listen], ""))
    };
    let ended = ask(address.to_string()).await.unwrap();
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), "ready\n"), "{ended:?}");
    let ended = ask(format!("0.0.0.0:{}", address.port())).await.unwrap();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    server.stop().await;
    let ended = ask(address.to_string()).await.unwrap();
    assert!(ended.code == Some(1) && ended.out.is_empty() && ended.err.contains("does not answer"), "{ended:?}");
}

#[test]
fn indexes_are_validated_and_the_missing_ones_made_again() {
    let directory = empty();
    let ended = run(directory.path(), &[], &["migrate", "validate"], "");
    assert!(ended.code == Some(1) && ended.err.contains("`superapp serve`"), "no file is made by asking: {ended:?}");
    done(&directory, &["migrate", "up"]);
    let said = done(&directory, &["migrate", "validate"]);
    assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), 18, "{said}");
    assert!(said.ends_with("18 indexes: each is there, and its query uses it\n"), "{said}");

    let connection = rusqlite::Connection::open(directory.path().join("data/superapp.db")).unwrap();
    connection.execute_batch("DROP INDEX wallets_last_transaction_at").unwrap();
    let ended = run(directory.path(), &[], &["migrate", "validate"], "");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.contains("missing  wallets_last_transaction_at "), "{ended:?}");
    assert!(ended.err.contains("`superapp migrate validate --repair`"), "{ended:?}");
    let ended = run(directory.path(), &[], &["migrate", "validate", "--json"], "");
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((ended.code, &report["valid"]), (Some(1), &json!(false)));
    assert_eq!(report["indexes"][4]["state"], "missing");
    assert_eq!(report["indexes"][4]["columns"], "last_transaction_at");

    done(&directory, &["migrate", "validate", "--repair"]);
    let report: Value = serde_json::from_str(&done(&directory, &["migrate", "validate", "--json"])).unwrap();
    assert_eq!(report["valid"], true);
    connection.execute_batch("CREATE INDEX rival ON subscriptions (expires_at) WHERE status = 'active'").unwrap();
    let ended = run(directory.path(), &[], &["migrate", "validate"], "");
    assert!(ended.code == Some(1) && ended.out.contains("unused   subscriptions_expires_at "), "{ended:?}");
    assert!(ended.err.contains("ANALYZE"), "{ended:?}");
}

#[test]
fn printed_settings_hide_their_secrets() {
    let directory = empty();
    let secrets = [
        ("JWT_SECRET", "kept-from-the-reader-1"),
        ("SUPERAPP_AUTH__SERVER_SECRET", "kept-from-the-reader-2"),
        ("SUPERAPP_AUTH__PASSWORD_PEPPER", "kept-from-the-reader-3"),
        ("DATABASE_URL", "sqlite:kept-from-the-reader-4.db"),
    ];
    for arguments in [["config", "print"].as_slice(), &["config", "print", "--json"]] {
        let ended = run(directory.path(), &secrets, arguments, "");
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(!ended.out.contains("kept-from") && !ended.err.contains("kept-from"), "{ended:?}");
    }
    let printed: Value = serde_json::from_str(&done(&directory, &["config", "print", "--json"])).unwrap();
    assert_eq!(printed["server.drain_timeout_seconds"], "25");
}

#[test]
fn settings_are_checked_by_name_and_by_value() {
    let directory = empty();
    assert_eq!(done(&directory, &["config", "check"]), "the settings are valid for development\n");
    let check = |settings| run(directory.path(), settings, &["config", "check"], "");

    let ended = check(&[("SUPERAPP_SERVER__LISTN", "127.0.0.1:1")]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("did you mean `SUPERAPP_SERVER__LISTEN`?"), "{ended:?}");

    let ended = check(&[("SUPERAPP_DATABASE__READERS", "many")]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("database.readers"), "{ended:?}");

    std::fs::write(directory.path().join("superapp.toml"), "[server]\nlissten = \"127.0.0.1:1\"\n").unwrap();
    let ended = check(&[]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("did you mean `server.listen`?"), "{ended:?}");
}

#[test]
fn production_does_not_start_without_secrets() {
    let directory = empty();
    for arguments in [["config", "check"].as_slice(), &["serve", "--listen", "127.0.0.1:0"]] {
        let ended = run(directory.path(), &[("SUPERAPP_ENVIRONMENT", "production")], arguments, "");
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains("`auth.jwt_secret` is required in production"), "{ended:?}");
    }
    assert!(!directory.path().join("data").exists(), "a refused start leaves nothing behind");
}

#[test]
fn migrations_go_up_and_down_and_tell_where_they_are() {
    let directory = empty();
    let applied = || {
        let status: Value = serde_json::from_str(&done(&directory, &["migrate", "status", "--json"])).unwrap();
        let list = status["migrations"].as_array().unwrap().clone();
        (list.iter().filter(|migration| !migration["applied_at"].is_null()).count(), list.len())
    };
    let (none, all) = applied();
    assert!(none == 0 && all > 0);
    assert!(done(&directory, &["migrate", "status"]).contains("pending"));
    assert_eq!(done(&directory, &["migrate", "up"]).matches("applied 0").count(), all);
    assert_eq!(applied(), (all, all));
    assert!(!done(&directory, &["migrate", "status"]).contains("pending"));
    assert!(done(&directory, &["migrate", "up"]).contains("nothing to apply"));

    let ended = run(directory.path(), &[], &["migrate", "down"], "yes\n");
    assert_eq!(ended.code, Some(1), "a pipe is nobody who can be asked: {ended:?}");
    assert!(ended.err.contains("--yes"), "{ended:?}");
    assert_eq!(applied(), (all, all));
    assert!(done(&directory, &["migrate", "down", "--yes"]).contains("undid 0"));
    assert_eq!(applied(), (all - 1, all));
}

#[tokio::test(flavor = "multi_thread")]
async fn reconciliation_tells_a_clean_ledger_from_a_corrupt_one() {
    let directory = empty();
    let ended = run(directory.path(), &[], &["reconcile"], "");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("there is no database here"), "{ended:?}");

    let server = Server::start(directory.path(), &[]).await;
    let mut client = Client::connect(server.address).await.unwrap();
    let (ann, bob) = (client.newcomer("ann", 10_000).await, client.newcomer("bob", 10_000).await);
    let paid = client.transfer(&ann.token, "one", (&bob.id, 2_500, "thanks")).await.unwrap();
    assert_eq!(paid.status, 201, "{}", paid.body);
    // Beside the server, and after it.
    assert!(done(&directory, &["reconcile"]).starts_with("clean: "));
    server.stop().await;
    assert!(done(&directory, &["reconcile"]).contains(" 3 transactions, "));

    corrupt(&directory.path().join("data/superapp.db"));
    let ended = run(directory.path(), &[], &["reconcile"], "");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let ended = run(directory.path(), &[], &["reconcile", "--json"], "");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(report["clean"], false, "{report}");
    assert!(!report["discrepancies"].as_array().unwrap().is_empty(), "{report}");
}

/// Gives one user a cent.
fn corrupt(database: &Path) {
    let connection = rusqlite::Connection::open(database).unwrap();
    let text = "UPDATE wallets SET balance_cents = balance_cents + 1 WHERE balance_cents = 7500";
    assert_eq!(connection.execute(text, []).unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_made_beside_a_running_server_can_sign_in() {
    let directory = empty();
    let server = Server::start(directory.path(), &[]).await;
    let create = ["admin", "create", "--email", "root@example.com", "--password-stdin"];
    let ended = run(directory.path(), &[], &create, &format!("{PASSWORD}\n"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.starts_with("administrator root@example.com is usr_"), "{ended:?}");
    assert!(!ended.out.contains(PASSWORD) && !ended.err.contains(PASSWORD), "{ended:?}");

    let mut client = Client::connect(server.address).await.unwrap();
    let login = json!({ "email": "root@example.com", "password": PASSWORD });
    let answer = client.post("/api/auth/login", "", "", &login).await.unwrap();
    assert_eq!((answer.status, answer.body["user"]["role"].as_str()), (200, Some("admin")), "{}", answer.body);

    let ended = run(directory.path(), &[], &create, PASSWORD);
    assert_eq!(ended.code, Some(1), "the address is taken: {ended:?}");
    let ended = run(directory.path(), &[], &create, "short");
    assert_eq!(ended.code, Some(1), "the password is too short: {ended:?}");
    server.stop().await;
}

#[test]
fn a_busy_port_is_told_with_the_way_out() {
    let directory = empty();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = run(directory.path(), &[], &["serve", "--listen", &address], "");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains(&address) && ended.err.contains("superapp serve --listen ADDR:PORT"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_binary_alone_serves_and_keeps_its_secrets_to_itself() {
    let directory = empty();
    let server = Server::start_with(directory.path(), &[("PORT", "0")], &[]).await;
    let data = directory.path().join("data");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for file in ["jwt_secret", "server_secret", "superapp.db"] {
        assert_eq!(mode(&data.join(file)), 0o600, "{file}");
    }
    let secret = std::fs::read_to_string(data.join("jwt_secret")).unwrap();
    assert!(secret.len() >= 32 && !server.log().contains(secret.trim()), "{}", server.log());
    server.stop().await;
}

#[test]
fn global_flags_stand_before_or_after_the_subcommand() {
    let directory = empty();
    for (name, arguments) in [
        ("before", ["--data-dir", "before", "migrate", "up"]),
        ("between", ["migrate", "--data-dir", "between", "up"]),
        ("after", ["migrate", "up", "--data-dir", "after"]),
    ] {
        done(&directory, &arguments);
        assert!(directory.path().join(name).join("superapp.db").exists(), "{name}");
    }
    std::fs::write(directory.path().join("mine.toml"), "[server]\nconnections_max = 7\n").unwrap();
    for arguments in [["--config", "mine.toml", "config", "print"], ["config", "print", "--config", "mine.toml"]] {
        let printed = done(&directory, &arguments);
        assert!(printed.lines().any(|line| line.starts_with("server.connections_max ") && line.ends_with("= 7")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_ready_soon_after_its_start() {
    let _turn = crate::TURN.lock().await;
    let directory = empty();
    let first = Server::start(directory.path(), &[]).await;
    let first_after = first.ready_after;
    first.stop().await;
    let again = Server::start(directory.path(), &[]).await;
    println!("ready {first_after:?} after the first start, {:?} after the second", again.ready_after);
    assert!(first_after.max(again.ready_after) < READY * READY_ROOM, "{}", again.log());
}
