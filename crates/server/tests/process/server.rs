//! A server in a process of its own, and commands that run to their end. Signals go to our own children, by pid.

use crate::client::Client;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

/// How long a server may take until it is ready, on a machine that does other things, too.
const START: Duration = Duration::from_secs(10);
/// Between two looks at something that will happen soon.
pub const GLANCE: Duration = Duration::from_millis(5);

/// What every server here is told: nothing that costs time and is not what is tested.
pub const LEAN: &[(&str, &str)] = &[
    ("SUPERAPP_METRICS__LISTEN", ""),
    ("SUPERAPP_RATE_LIMITS__ENABLED", "false"),
    ("SUPERAPP_AUTH__ARGON2_MEMORY_KIB", "64"),
    ("SUPERAPP_AUTH__ARGON2_PASSES", "1"),
    // Longer than any run of ours.
    ("SUPERAPP_AUTH__ACCESS_TOKEN_SECONDS", "86400"),
    ("SUPERAPP_LOG__LEVEL", "warn"),
];

/// The binary in a clean environment, so that neither the developer's settings nor a file can leak in.
pub fn superapp(directory: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_superapp"));
    command.env_clear().current_dir(directory).env("SUPERAPP_DATA_DIR", directory.join("data"));
    command.envs(LEAN.iter().copied()).envs(settings.iter().copied());
    command
}

/// How a command ended and what it said.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// Runs the binary to its end.
pub fn run(directory: &Path, settings: &[(&str, &str)], arguments: &[&str], input: &str) -> Ended {
    let mut command = superapp(directory, settings);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that refuses its arguments does not read what it is given.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// Fails unless every check of the ledger passes; says how many transactions there are.
pub fn reconcile(directory: &Path, settings: &[(&str, &str)]) -> u64 {
    let ended = run(directory, settings, &["reconcile", "--json"], "");
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    let report: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(report["clean"], true, "{report}");
    report["transactions"].as_u64().unwrap()
}

/// A server under way. Dropping it kills it.
#[derive(Debug)]
pub struct Server {
    child: Child,
    log: Arc<Mutex<String>>,
    /// Where it listens.
    pub address: SocketAddr,
    /// How long it took to answer that it is ready.
    pub ready_after: Duration,
}

impl Server {
    /// Starts `superapp serve` on a free port, and waits until it is ready.
    pub async fn start(directory: &Path, settings: &[(&str, &str)]) -> Self {
        Self::start_with(directory, settings, &["serve", "--listen", "127.0.0.1:0"]).await
    }

    /// The same, with arguments of one's own.
    pub async fn start_with(directory: &Path, settings: &[(&str, &str)], arguments: &[&str]) -> Self {
        let started = Instant::now();
        let mut command = superapp(directory, settings);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (greeted, greeting) = oneshot::channel();
        let stderr = child.stderr.take().unwrap();
        let kept = Arc::clone(&log);
        std::thread::spawn(move || listen(stderr, &kept, greeted));
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut server = Self { child, log, address: unknown, ready_after: Duration::ZERO };
        let came = timeout(START, greeting).await;
        assert!(matches!(came, Ok(Ok(()))), "it did not start:\n{}", server.log());
        server.address = server.address_of("API");
        server.await_ready(started).await;
        server.ready_after = started.elapsed();
        server
    }

    async fn await_ready(&self, started: Instant) {
        while !is_ready(self.address).await {
            assert!(started.elapsed() < START, "it is not ready:\n{}", self.log());
            sleep(GLANCE).await;
        }
    }

    /// How much memory it holds, in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// What it wrote on stderr until now.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Where something listens, by the greeting.
    pub fn address_of(&self, what: &str) -> SocketAddr {
        let log = self.log();
        let ready = log.lines().find(|line| line.contains(r#""message":"ready""#));
        if let Some(ready) = ready.and_then(|line| serde_json::from_str::<serde_json::Value>(line).ok()) {
            let name = if what == "API" { "address" } else { "metrics" };
            return ready[name].as_str().unwrap().parse().unwrap();
        }
        let line = log.lines().find_map(|line| line.trim().strip_prefix(what)).unwrap();
        line.trim().strip_prefix("http://").unwrap().split('/').next().unwrap().parse().unwrap()
    }

    /// How much memory it has.
    pub fn memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// SIGKILL: it ends where it stands.
    pub fn kill(mut self) {
        self.kill_in_place();
    }

    /// The same, where another takes its place.
    pub fn kill_in_place(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Any other signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// SIGTERM: it is asked to end.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Waits for its end.
    pub async fn end(&mut self, within: Duration) -> ExitStatus {
        let until = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "it still runs after {within:?}:\n{}", self.log());
            sleep(GLANCE).await;
        }
    }

    /// SIGTERM, and an end in peace.
    pub async fn stop(mut self) {
        self.terminate();
        let status = self.end(Duration::from_secs(25)).await;
        assert_eq!(status.code(), Some(0), "{}", self.log());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail once it has ended, which is what they are for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn is_ready(address: SocketAddr) -> bool {
    let Ok(mut client) = Client::connect(address).await else { return false };
    let asked = timeout(Duration::from_secs(1), client.get("/readyz", "")).await;
    matches!(asked, Ok(Ok(answer)) if answer.status == 200)
}

/// Keeps what the server says, and tells when it has said where it listens. Ends with the server.
fn listen(stderr: ChildStderr, kept: &Mutex<String>, greeted: oneshot::Sender<()>) {
    let mut greeted = Some(greeted);
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        let mut kept = kept.lock().unwrap();
        kept.push_str(&line);
        kept.push('\n');
        // The last line of those that say what is where, or the one for programs.
        let is_greeting = line.starts_with("  Data ") || line.contains(r#""message":"ready""#);
        if let Some(greeted) = greeted.take_if(|_| is_greeting) {
            let _ = greeted.send(());
        }
    }
}
