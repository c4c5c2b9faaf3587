//! A primary and its standby, which change places: what a test stops, promotes and makes anew. They are reached by a door
//! that is always in the same place, as by an address that moves along or a proxy for databases.

mod door;

pub use door::Door;

use postgres::NoTls;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// Where `scripts/with-postgres` says that the server's programs are.
const BINARIES: &str = "SUPERAPP_TEST_POSTGRES_BIN";
/// How soon a standby follows, on a machine that does other things, too.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(30);
const GLANCE: Duration = Duration::from_millis(20);
/// Ends the servers and takes their data away when its input ends, however the test did.
const GUARD: &str = r#"cat >/dev/null
for node in "$1"/*/; do "$2" -D "$node" -m immediate stop; done >/dev/null 2>&1
rm -rf "$1"/*/"#;
/// Who runs the servers where a test is run by root, which they refuse.
const NOBODY: u32 = 65_534;
const AS_NOBODY: &[&str] = &["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"];

/// How a primary is lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Loss {
    /// It is stopped where it stands.
    Crash,
    /// It is asked to end: sessions are ended, and its log is sent to its end.
    Stop,
    /// Nobody reaches it any more. It lives on until the other one is promoted.
    Cut,
}

/// Two servers, by their directories: which is the primary changes.
#[derive(Debug)]
pub struct Pair {
    directory: TempDir,
    guard: Child,
    pub door: Door,
    primary: &'static str,
    standby: &'static str,
}

fn port(node: &str) -> &'static str {
    if node == "a" { "1" } else { "2" }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs a program of PostgreSQL to its end.
fn run(program: &str, arguments: &[&str]) {
    let bin = std::env::var(BINARIES).expect("`scripts/with-postgres` says where PostgreSQL is");
    let program = format!("{bin}/{program}");
    let mut words: Vec<&str> = if is_root() { AS_NOBODY.to_vec() } else { Vec::new() };
    words.push(&program);
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
    let status = tokio::task::block_in_place(|| command.status()).unwrap();
    assert!(status.success(), "{program} {arguments:?}");
}

impl Pair {
    /// Two new servers, of which one follows the other.
    pub async fn start() -> Self {
        let mut pair = Self::start_alone().await;
        pair.follow().await;
        pair
    }

    /// A primary that has no standby yet.
    pub async fn start_alone() -> Self {
        let directory = tempfile::tempdir().unwrap();
        if is_root() {
            std::os::unix::fs::chown(directory.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let bin = std::env::var(BINARIES).expect("`scripts/with-postgres` says where PostgreSQL is");
        let mut guard = Command::new(if is_root() { AS_NOBODY[0] } else { "env" });
        guard.args(if is_root() { &AS_NOBODY[1..] } else { &[] });
        guard.args(["sh", "-c", GUARD, "guard"]).arg(directory.path()).arg(format!("{bin}/pg_ctl"));
        let guard = guard.stdin(Stdio::piped()).spawn().unwrap();
        let pair = Self { directory, guard, door: Door::open().await, primary: "a", standby: "b" };
        let data = pair.data(pair.primary);
        let locale = ["--no-sync", "--encoding=UTF8", "--locale=C"];
        run("initdb", &[&["-D", &data, "-U", "superapp", "-A", "trust"][..], &locale].concat());
        pair.begin(pair.primary);
        pair.door.lead_to(Some(pair.socket(pair.primary)));
        pair
    }

    fn data(&self, node: &str) -> String {
        self.directory.path().join(node).to_str().unwrap().to_owned()
    }

    /// Servers are reached by sockets in the file system, whose names have a number: there are no ports that somebody else
    /// could have.
    fn socket(&self, node: &str) -> PathBuf {
        self.directory.path().join(format!(".s.PGSQL.{}", port(node)))
    }

    fn sockets(&self) -> &str {
        self.directory.path().to_str().unwrap()
    }

    fn begin(&self, node: &str) {
        let data = self.data(node);
        let options = format!(
            "-k {} -p {} -c listen_addresses= -c max_connections=200 -c shared_buffers=64MB -c wal_keep_size=256MB",
            self.sockets(),
            port(node),
        );
        run("pg_ctl", &["-D", &data, "-l", &format!("{data}.log"), "-w", "-s", "-o", &options, "start"]);
    }

    fn stop(&self, node: &str, mode: &str) {
        run("pg_ctl", &["-D", &self.data(node), "-w", "-s", "-m", mode, "stop"]);
    }

    /// Statements for the primary itself, one after the other.
    pub fn tell(&self, statements: &[&str]) {
        self.ask(|client| statements.iter().for_each(|text| client.batch_execute(text).unwrap()));
    }

    /// The answer to a question that has one line.
    pub fn answer<T: for<'row> postgres::types::FromSql<'row> + Send>(&self, text: &str) -> Option<T> {
        self.ask(|client| client.query_opt(text, &[]).unwrap().map(|row| row.get(0)))
    }

    fn ask<T: Send>(&self, run: impl FnOnce(&mut postgres::Client) -> T + Send) -> T {
        let at = format!("host={} port={} user=superapp dbname=postgres", self.sockets(), port(self.primary));
        crate::place::on_a_thread(|| run(&mut postgres::Client::connect(&at, NoTls).unwrap()))
    }

    /// Makes a standby of the primary, from which on nothing is acknowledged that the standby does not have.
    pub async fn follow(&mut self) {
        let (from, to) = (port(self.primary), self.data(self.standby));
        let _ = std::fs::remove_dir_all(&to);
        let how = ["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"];
        run("pg_basebackup", &[&["-h", self.sockets(), "-p", from, "-U", "superapp", "-D", &to][..], &how].concat());
        self.begin(self.standby);
        self.tell(&["ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"]);
        let since = Instant::now();
        while !self.is_followed() {
            assert!(since.elapsed() < FOLLOWS_WITHIN, "no standby follows");
            sleep(GLANCE).await;
        }
    }

    /// Whether what is acknowledged is on both.
    pub fn is_followed(&self) -> bool {
        let state: Option<String> = self.answer("SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'");
        let names: Option<String> = self.answer("SELECT current_setting('synchronous_standby_names')");
        state.as_deref() == Some("sync") && names.as_deref() == Some("*")
    }

    /// Loses the primary, and has its standby in its place. The old one is gone.
    pub fn switch_over(&mut self, loss: Loss) {
        assert!(self.is_followed(), "whoever is lost is followed");
        match loss {
            Loss::Crash => self.stop(self.primary, "immediate"),
            Loss::Stop => self.stop(self.primary, "fast"),
            Loss::Cut => {}
        }
        self.door.lead_to(None);
        run("pg_ctl", &["-D", &self.data(self.standby), "-w", "-s", "promote"]);
        if loss == Loss::Cut {
            self.stop(self.primary, "immediate");
        }
        std::mem::swap(&mut self.primary, &mut self.standby);
        self.door.lead_to(Some(self.socket(self.primary)));
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}
