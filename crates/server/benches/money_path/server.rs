//! The servers under load, each a process of its own: superapp, and one that answers a constant.

use super::client::{ask, connect, post};
use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

/// Somebody with money.
#[derive(Clone)]
pub struct User {
    pub id: String,
    pub bearer: String,
}

/// A superapp with a data directory of its own.
pub struct Superapp {
    pub address: SocketAddr,
    metrics: SocketAddr,
    process: Child,
    // Removed after the process that uses it has ended.
    directory: TempDir,
}

/// Commits and the commands in them.
#[derive(Clone, Copy, Default)]
pub struct Batches {
    commands: f64,
    commits: f64,
}

impl Batches {
    pub fn and(self, other: Self) -> Self {
        Self { commands: self.commands + other.commands, commits: self.commits + other.commits }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive mean")]
    pub fn mean_since(self, before: Self) -> usize {
        ((self.commands - before.commands) / (self.commits - before.commits).max(1.0)).round().max(1.0) as usize
    }
}

fn address_after(line: &str, word: &str) -> Option<SocketAddr> {
    let url = line.split_once(word)?.1.trim().strip_prefix("http://")?;
    url.split('/').next()?.parse().ok()
}

impl Superapp {
    /// Starts the binary on free ports. Its database is where BENCH_DIR says, as disks differ.
    pub async fn start() -> Self {
        Self::on("").await
    }

    /// The same on a database of a server, by its URL: with the limiter, a line for each request, and metrics, as it is
    /// run. The limits are so high that nobody meets them.
    pub async fn on(url: &str) -> Self {
        Self::with(url, &[("SUPERAPP_RATE_LIMITS__FREE", "100000"), ("RUST_LOG", "info")]).await
    }

    /// The same without limiter and lines, to see what they cost.
    pub async fn bare(url: &str) -> Self {
        Self::with(url, &[("SUPERAPP_RATE_LIMITS__ENABLED", "false"), ("RUST_LOG", "error")]).await
    }

    async fn with(url: &str, settings: &[(&str, &str)]) -> Self {
        let directory = std::env::var("BENCH_DIR").map_or_else(|_| tempfile::tempdir(), tempfile::tempdir_in).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_superapp"));
        // What is meant for us is no setting of the server.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SUPERAPP_TEST_")) {
            command.env_remove(name);
        }
        let mut process = command
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(directory.path())
            .env("DATABASE_URL", url)
            // Several on one database know one another's tokens.
            .env("JWT_SECRET", "a secret of the benchmark, for every process")
            .env("SUPERAPP_AUTH__SERVER_SECRET", "another secret of the benchmark, for every process")
            .env("SUPERAPP_METRICS__LISTEN", "127.0.0.1:0")
            // Signing up is not what is measured.
            .env("SUPERAPP_AUTH__ARGON2_MEMORY_KIB", "64")
            .env("SUPERAPP_AUTH__ARGON2_PASSES", "1")
            .env("SUPERAPP_LOG__FORMAT", "text")
            .envs(settings.iter().copied())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut find = |word: &str| lines.by_ref().find_map(|line| address_after(&line.unwrap(), word)).unwrap();
        let (address, metrics) = (find("API "), find("Metrics "));
        // Whatever it says later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { address, metrics, process, directory }
    }

    /// Its database, for rows that would take too long to make over HTTP.
    pub fn database(&self) -> PathBuf {
        self.directory.path().join("superapp.db")
    }

    /// Makes users with a thousand coins each.
    pub async fn users(&self, count: usize) -> Arc<[User]> {
        let mut sender = connect(self.address).await;
        let mut users = Vec::new();
        for index in 0..count {
            let body = format!(r#"{{"email":"user{index}@example.com","password":"correct horse battery"}}"#);
            let (status, body) = ask(&mut sender, post("/api/auth/register", body)).await;
            assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
            let body: Value = serde_json::from_slice(&body).unwrap();
            let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
            let user = User { id: text("/user/id"), bearer: format!("Bearer {}", text("/access_token")) };
            let deposit = r#"{"amount_cents":10000000,"provider":"sandbox"}"#;
            let mut request = post("/api/wallet/deposits", deposit.to_owned());
            request.headers_mut().insert("authorization", user.bearer.parse().unwrap());
            request.headers_mut().insert("idempotency-key", "first".parse().unwrap());
            assert_eq!(ask(&mut sender, request).await.0, 201);
            users.push(user);
        }
        users.into()
    }

    /// The batch-size histogram's totals.
    pub async fn batches(&self) -> Batches {
        let mut sender = connect(self.metrics).await;
        let request = Request::get("/metrics").header("host", "localhost").body(Full::<Bytes>::default()).unwrap();
        let (_, body) = ask(&mut sender, request).await;
        let text = String::from_utf8(body.to_vec()).unwrap();
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|value| value.trim().parse().ok()).unwrap_or(0.0)
        };
        Batches { commands: value("ledger_batch_size_sum"), commits: value("ledger_batch_size_count") }
    }
}

/// Our own child ends with us, whether we end well or not.
fn end(process: &mut Child) {
    let _ = process.kill();
    let _ = process.wait();
}

impl Drop for Superapp {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

impl Drop for Constant {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

/// The bare server: the same accept loop and the same framework, and nothing behind them.
pub struct Constant {
    pub address: SocketAddr,
    process: Child,
}

impl Constant {
    pub async fn start() -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .arg("--constant-server")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { address: line.trim().parse().unwrap(), process }
    }
}

/// Serves a constant of the size of a balance, until it is killed.
pub fn serve_constant() {
    const ANSWER: &str = r#"{"wallet_id":"wal_01h2xcejqtf2nbrexx3vqjhp41","balance_cents":10000000,"balance_coins":1000,"available_cents":10000000,"currency":"IDR","status":"active","last_transaction_at":"2026-01-01T00:00:00Z"}"#;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        let router = Router::new().route("/", get(async || ([("content-type", "application/json")], ANSWER)));
        axum::serve(listener, router).await.unwrap();
    });
}
