//! The process that a fault happens to: a server, one request, and its end. It says on its output what comes to pass.

use super::Mode;
use super::cases::{Base, Case, Since};
use super::faulty::Faulty;
use crate::scene::Names;
use crate::server::{Failure, Server, migrate};
use crate::vfs::{self, Call};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use superapp::store::Options;

/// Longer than the server's checkpointer takes to look at the log.
const CHECKPOINT_PATIENCE: Duration = Duration::from_secs(5);

/// The words that a line of a child's begins with.
pub const FAULT: &str = "fault ";
pub(super) const ANSWER: &str = "answer ";
pub(super) const COUNTED: &str = "counted ";
pub(super) const ENDED: &str = "ended ";

/// The file with the names of a scene, in the directory of its database.
pub(super) const NAMES: &str = "names.json";

fn say(line: &str) {
    // Whoever started it reads it at the end; a pipe that is gone has no reader.
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

fn tell(call: &Call<'_>) {
    say(&format!("{FAULT}{:?} {:?}", call.op, call.kind));
}

/// What is in a directory.
pub(super) fn names(directory: &Path) -> Result<Names, Failure> {
    match fs::read(directory.join(NAMES)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Names::new()),
        text => Ok(serde_json::from_slice(&text?)?),
    }
}

/// Is the server.
///
/// # Errors
/// If it does not start: then it has said nothing of an answer.
pub fn run(directory: &Path, case: &Case, mode: Mode, number: u64) -> Result<(), Failure> {
    let faulty = Arc::new(Faulty::new(mode, number, tell));
    vfs::watch(directory, Arc::clone(&faulty) as Arc<dyn vfs::Watcher>);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let asked = case.request(&names(directory)?);
    if case.since == Since::TheStart {
        faulty.arm();
    }
    let done = runtime.block_on(async {
        if case.base == Base::Empty {
            migrate(directory)?;
        }
        let server = Server::open(directory, &options(case)).await?;
        faulty.arm();
        let answer = server.send(&asked).await;
        say(&format!("{ANSWER}{} {}", answer.status, answer.is_replay));
        if case.has_checkpoint {
            faulty.wait_for_a_checkpoint(CHECKPOINT_PATIENCE);
        }
        server.close().await;
        Ok::<(), Failure>(())
    });
    say(&format!("{COUNTED}{}", faulty.counted()));
    if let Err(error) = &done {
        say(&format!("{ENDED}{error}"));
    }
    done
}

/// How the case is run. One reader: which thread reads does not matter here, and two make two orders.
pub(super) fn options(case: &Case) -> Options {
    let checkpoint_pages = if case.has_checkpoint { 1 } else { i64::MAX };
    Options { readers: 1, checkpoint_pages, ..Options::default() }
}
