//! PostgreSQL servers of a test's own, which it may stop: `scripts/with-postgres` or `scripts/with-replica` makes them,
//! and takes them away when its command, which waits for its input to end, does.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A server and, if it was asked for, its replica.
#[derive(Debug)]
pub struct OwnServer {
    child: Child,
    pub url: String,
    control: String,
    /// Empty where there is none.
    pub replica: String,
    replica_control: String,
}

impl OwnServer {
    pub fn start() -> Self {
        Self::start_by("with-postgres")
    }

    pub fn start_with_replica() -> Self {
        Self::start_by("with-replica")
    }

    fn start_by(script: &str) -> Self {
        let script = format!("{}/../../scripts/{script}", env!("CARGO_MANIFEST_DIR"));
        let told = r#"printf '%s\n' "$SUPERAPP_TEST_POSTGRES" "$SUPERAPP_TEST_POSTGRES_CONTROL" \
            "${SUPERAPP_TEST_REPLICA:-}" "${SUPERAPP_TEST_REPLICA_CONTROL:-}"; exec cat"#;
        let mut command = Command::new(script);
        command.args(["sh", "-c", told]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut line = || lines.next().expect("a server").unwrap();
        let (url, control, replica, replica_control) = (line(), line(), line(), line());
        Self { child, url, control, replica, replica_control }
    }

    pub async fn control(&self, arguments: &'static [&'static str]) {
        control(&self.control, arguments).await;
    }

    pub async fn control_replica(&self, arguments: &'static [&'static str]) {
        control(&self.replica_control, arguments).await;
    }
}

async fn control(program: &str, arguments: &'static [&'static str]) {
    let program = program.to_owned();
    let run = move || Command::new(program).args(arguments).stdout(Stdio::null()).status().unwrap();
    assert!(tokio::task::spawn_blocking(run).await.unwrap().success(), "{arguments:?}");
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
