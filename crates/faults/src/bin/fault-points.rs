//! `scripts/fault-points`: every operation on a file fails once, for every route that changes something. It is its own
//! child, too: the server that a fault happens to.

use faults::points::cases::{CASES, Case};
use faults::points::{Judge, Mode, Outcome, Point, child};
use faults::server::Failure;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use superapp::clock::stopwatch;

const WORKERS: usize = 2;

fn say(line: &str) {
    // Whoever closed the pipe reads no more.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// What was seen.
#[derive(Debug, Default)]
struct Tally {
    points: u64,
    by_operation: BTreeMap<String, u64>,
    by_end: BTreeMap<&'static str, u64>,
    broken: u64,
}

impl Tally {
    fn add(&mut self, point: &Point, outcome: &Outcome) {
        let Some(failed) = &outcome.failed else {
            // Not a point: there was nothing left to fail, and everything must be as without a fault.
            self.complain(point, outcome);
            return;
        };
        self.points += 1;
        *self.by_operation.entry(format!("{failed} {}", point.mode.as_str())).or_default() += 1;
        let end = match outcome.did.as_str() {
            did if did.starts_with("answered 2") && did.ends_with("aborted") => "acknowledged, then aborted",
            did if did.starts_with("answered 2") => "acknowledged",
            did if did.starts_with("answered") => "answered with an error",
            did if did.starts_with("did not start") => "did not start",
            _ => "aborted",
        };
        *self.by_end.entry(end).or_default() += 1;
        self.complain(point, outcome);
    }

    fn complain(&mut self, point: &Point, outcome: &Outcome) {
        if outcome.complaints.is_empty() {
            return;
        }
        self.broken += 1;
        let (name, mode, number) = (point.case.name, point.mode.as_str(), point.number);
        let failed = outcome.failed.as_deref().unwrap_or("nothing");
        say(&format!("`{name}`, {mode} at {number} ({failed}): it {}", outcome.did));
        outcome.complaints.iter().for_each(|complaint| say(&format!("  {complaint}")));
        say(&format!("  again: scripts/fault-points --point '{name}' {mode} {number}"));
    }
}

async fn sweep(judge: &Judge, case: &Case, tally: &Mutex<Tally>) -> Result<(), Failure> {
    let mut line = format!("{:52}", case.name);
    for mode in Mode::ALL {
        let mut points = 0_u64;
        let mut hear = |point: &Point, outcome: &Outcome| {
            points += u64::from(outcome.failed.is_some());
            tally.lock().expect("no worker dies in here").add(point, outcome);
        };
        judge.sweep(case, mode, (1, 1), &mut hear).await?;
        line.push_str(&format!("  {}: {points:4}", mode.as_str()));
    }
    say(&line);
    Ok(())
}

fn all(wanted: &[String]) -> Result<bool, Failure> {
    let unknown = wanted.iter().find(|name| Case::find(name).is_none());
    if let Some(name) = unknown {
        return Err(format!("there is no case `{name}`; say one of: {}", names().join(", ")).into());
    }
    let cases: Vec<Case> =
        CASES.iter().filter(|case| wanted.is_empty() || wanted.iter().any(|name| name == case.name)).copied().collect();
    let place = place()?;
    let began = stopwatch();
    let judge = runtime()?.block_on(Judge::new(std::env::current_exe()?, place.path()))?;
    let (tally, next) = (Mutex::new(Tally::default()), AtomicUsize::new(0));
    let work = || -> Result<(), Failure> {
        let runtime = runtime()?;
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            runtime.block_on(sweep(&judge, case, &tally))?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| "a worker died")?)
    })?;
    let tally = tally.into_inner().map_err(|_| "a worker died")?;
    say(&format!("{} cases, {} fault points in {:.0} s", cases.len(), tally.points, began.elapsed().as_secs_f64()));
    tally.by_operation.iter().for_each(|(what, count)| say(&format!("  {what}: {count}")));
    tally.by_end.iter().for_each(|(what, count)| say(&format!("the server {what}: {count}")));
    say(&format!("{} with something wrong afterwards", tally.broken));
    Ok(tally.broken == 0)
}

/// One point, for whoever looks into it.
fn one(name: &str, mode: &str, number: &str) -> Result<bool, Failure> {
    let case = Case::find(name).ok_or_else(|| format!("there is no case `{name}`"))?;
    let (mode, number) = (Mode::parse(mode).ok_or("say error, half, full or lost")?, number.parse()?);
    let place = place()?;
    let (runtime, mut tally) = (runtime()?, Tally::default());
    runtime.block_on(async {
        let judge = Judge::new(std::env::current_exe()?, place.path()).await?;
        let mut hear = |point: &Point, outcome: &Outcome| {
            say(&format!("{}: it {}", outcome.failed.as_deref().unwrap_or("nothing failed"), outcome.did));
            tally.add(point, outcome);
        };
        judge.sweep(&case, mode, (number, 0), &mut hear).await
    })?;
    Ok(tally.broken == 0)
}

fn names() -> Vec<&'static str> {
    CASES.iter().map(|case| case.name).collect()
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// Memory is the fastest disk, and what fails here is not the disk.
fn place() -> Result<tempfile::TempDir, Failure> {
    let memory = PathBuf::from("/dev/shm");
    Ok(if memory.is_dir() { tempfile::tempdir_in(memory)? } else { tempfile::tempdir()? })
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let texts: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match texts.as_slice() {
        ["--child", name, mode, number, directory] => match (Case::find(name), Mode::parse(mode), number.parse()) {
            (Some(case), Some(mode), Ok(number)) => {
                let _ = child::run(Path::new(directory), &case, mode, number);
                return ExitCode::SUCCESS;
            }
            _ => Err("a child of another version".into()),
        },
        ["--point", name, mode, number] => one(name, mode, number),
        _ => all(&arguments),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("the harness itself failed: {error}"));
            ExitCode::FAILURE
        }
    }
}
