//! TLS to PostgreSQL: whoever asks for it gets it, from the server that they asked for, or no connection at all. Needs
//! what `scripts/test-tls` makes, and fails without it.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]
#![expect(clippy::expect_used, reason = "it says what is missing")]

#[expect(dead_code, reason = "used by other tests")]
#[path = "../process/client.rs"]
mod client;
#[expect(dead_code, reason = "used by other tests")]
#[path = "../process/place.rs"]
mod place;
#[expect(dead_code, reason = "used by other tests")]
#[path = "../process/server.rs"]
mod server;

use client::Client;
use place::{Place, rows};
use server::{Server, run};
use std::time::{Duration, Instant};

/// A file that `scripts/test-tls` made.
fn made(name: &str) -> String {
    let directory = std::env::var("SUPERAPP_TEST_TLS").expect("run `scripts/test-tls`");
    format!("{directory}/{name}")
}

/// Turns TLS on or off at the server, and waits until new connections see it.
fn set_tls(plain: &str, on: bool) {
    let state = if on { "on" } else { "off" };
    for text in [
        format!("ALTER SYSTEM SET ssl_cert_file = '{}'", made("server.pem")),
        format!("ALTER SYSTEM SET ssl_key_file = '{}'", made("server.key")),
        format!("ALTER SYSTEM SET ssl = {state}"),
        "SELECT CAST(pg_reload_conf() AS TEXT)".to_owned(),
    ] {
        rows(plain, &text, |_| ());
    }
    let asked = Instant::now();
    while rows(plain, "SHOW ssl", |row| row.get::<_, String>(0)) != [state] {
        assert!(asked.elapsed() < Duration::from_secs(20), "the server has another certificate, or none");
        std::thread::yield_now();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_server_that_was_asked_for_is_spoken_to_and_nothing_is_said_in_plain() {
    let server = place::server().expect("run `scripts/test-tls`");
    let place = Place::on(&server);
    let plain = place.url().unwrap().to_owned();
    set_tls(&plain, true);
    let at = |host: &str, mode: &str| format!("{}?sslmode={mode}", plain.replace("127.0.0.1", host));
    let roots = |name: &str| made(&format!("{name}.pem"));
    let ended = |url: &str, roots: &str| {
        let settings = [("DATABASE_URL", url), ("SUPERAPP_POSTGRES__ROOT_CERTIFICATES", roots)];
        run(place.path(), &settings, &["migrate", "up"], "")
    };

    let refused = [
        (at("127.0.0.1", "require"), roots("ours"), "not valid for name"),
        (at("localhost", "require"), roots("another"), "UnknownIssuer"),
        (at("localhost", "verify-full"), roots("another"), "UnknownIssuer"),
        (at("localhost", "require"), "/etc/ssl/certs/ca-certificates.crt".to_owned(), ""),
        (at("localhost", "require"), made("server.key"), "postgres.root_certificates"),
        (at("localhost", "require"), "nowhere.pem".to_owned(), "postgres.root_certificates"),
    ];
    for (url, roots, told) in refused {
        let ended = ended(&url, &roots);
        assert!(ended.code == Some(1) && ended.err.contains(told), "{url} {roots}: {ended:?}");
    }

    for mode in ["require", "verify-full"] {
        let (url, roots) = (at("localhost", mode), roots("ours"));
        assert_eq!(ended(&url, &roots).code, Some(0), "{mode}");
        let settings = [("DATABASE_URL", url.as_str()), ("SUPERAPP_POSTGRES__ROOT_CERTIFICATES", roots.as_str())];
        let server = Server::start(place.path(), &settings).await;
        let mut client = Client::connect(server.address).await.unwrap();
        client.newcomer(&format!("ann-{mode}"), 100).await;
        let sessions = rows(
            &plain,
            "SELECT COUNT(*), COUNT(*) FILTER (WHERE s.ssl), MIN(s.version) FROM pg_stat_activity a
                JOIN pg_stat_ssl s ON s.pid = a.pid WHERE a.datname = current_database() AND a.application_name = 'superapp'",
            |row| (row.get::<_, i64>(0), row.get::<_, i64>(1), row.get::<_, Option<String>>(2)),
        );
        println!("{mode}: (sessions, of which encrypted, version) {sessions:?}");
        assert!(sessions[0].0 > 5 && sessions[0].0 == sessions[0].1, "{sessions:?}");
        server.stop().await;
    }

    // A server, or somebody on the way to it, that offers no TLS.
    set_tls(&plain, false);
    let url = at("localhost", "require");
    let ended = ended(&url, &roots("ours"));
    assert!(ended.code == Some(1) && ended.err.contains("TLS"), "{ended:?}");
}
