//! `scripts/power-cuts`: simulated power cuts at length, each failure with the command that repeats it.

use faults::cuts::{Found, Plan, make};
use faults::disk::Planted;
use faults::recording::Recording;
use faults::scene;
use faults::server::Failure;
use faults::workload::{Scenery, record};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use superapp::clock::stopwatch;

/// Cuts of one recording.
const CUTS_TO_A_RECORDING: u64 = 1_000;
/// Of the same recording with a mistake planted.
const PLANTED_CUTS: u64 = 50;
/// Requests of each of six clients.
const REQUESTS: u64 = 40;
const WORKERS: u64 = 2;
const KEPT: &str = "target/power-cuts";

/// A real disk, a disk as with `synchronous=NORMAL`, and one that checkpoints do not sync.
type Tally = [Found; 3];
const DISKS: [Planted; 3] = [Planted::Nothing, Planted::NormalSync, Planted::NoSyncOfCheckpoints];

fn say(line: &str) {
    // Whoever closed the pipe reads no more.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

struct Run {
    cuts: u64,
    seed: u64,
    next: AtomicU64,
    tally: Mutex<Tally>,
}

fn worker(run: &Run, scenery: &Scenery<'_>, place: &Path) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    loop {
        let number = run.next.fetch_add(1, Ordering::Relaxed);
        let done = number * CUTS_TO_A_RECORDING;
        if done >= run.cuts {
            return Ok(());
        }
        let seed = run.seed.wrapping_add(number);
        let directory = place.join(format!("{number}"));
        let recording = runtime.block_on(record(scenery, &directory, seed))?;
        for (index, planted) in DISKS.into_iter().enumerate() {
            let cuts =
                if planted == Planted::Nothing { CUTS_TO_A_RECORDING.min(run.cuts - done) } else { PLANTED_CUTS };
            let plan = Plan { seed, numbers: 0..cuts, planted };
            let found = runtime.block_on(make(&recording, &plan, &directory))?;
            if planted == Planted::Nothing && found.wrong() > 0 {
                keep(&recording, seed, &found)?;
            }
            run.tally.lock().map_err(|_| "another worker died")?[index].add(found);
        }
        let [real, ..] = run.tally.lock().map_err(|_| "another worker died")?.clone();
        say(&format!("{} of {} cuts, {} with something wrong", real.cuts, run.cuts, real.wrong()));
    }
}

/// Keeps a recording, because threads do not take the same turns twice.
fn keep(recording: &Recording, seed: u64, found: &Found) -> Result<(), Failure> {
    fs::create_dir_all(KEPT)?;
    let file = format!("{KEPT}/{seed}.recording");
    recording.save(Path::new(&file))?;
    for (number, text) in &found.failures {
        say(&format!("cut {number} of recording {seed}: {text}"));
        say(&format!("  again: scripts/power-cuts --replay {file} {seed} {number}"));
    }
    Ok(())
}

fn report(run: &Run, seconds: f64) -> Result<bool, Failure> {
    let [real, normal, checkpoints] = run.tally.lock().map_err(|_| "a worker died")?.clone();
    say(&format!(
        "{} cuts in {seconds:.0} s with seed {}: {} left an acknowledged request out, {} a broken database",
        real.cuts, run.seed, real.with_losses, real.broken,
    ));
    say(&format!(
        "  {} acknowledged requests looked for, {} different databases, {} cuts in the middle of a checkpoint",
        real.looked_for, real.states, real.in_checkpoints,
    ));
    for (what, found) in [("synchronous=NORMAL", &normal), ("checkpoints that do not sync the file", &checkpoints)] {
        say(&format!(
            "planted, {what}: {} cuts, {} with losses ({} acknowledged requests), {} with a broken database",
            found.cuts, found.with_losses, found.lost, found.broken,
        ));
    }
    let bites = normal.with_losses > 0 && normal.broken == 0 && checkpoints.wrong() > 0;
    if !bites {
        say("the harness did not find what was planted, or found more than that");
    }
    Ok(bites && real.wrong() == 0)
}

fn cut(cuts: u64, seed: u64) -> Result<bool, Failure> {
    say(&format!("power cuts: {cuts} with seed {seed}"));
    let place = place()?;
    let scene = place.path().join("scene");
    fs::create_dir_all(&scene)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let names = runtime.block_on(scene::make(&scene));
    let scenery = Scenery { directory: &scene, names: &names, requests: REQUESTS };
    let run = Run { cuts, seed, next: AtomicU64::new(0), tally: Mutex::default() };
    let began = stopwatch();
    std::thread::scope(|scope| {
        let work = || worker(&run, &scenery, place.path());
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| "a worker died")?)
    })?;
    report(&run, began.elapsed().as_secs_f64())
}

/// Makes one cut of a recording that was kept.
fn replay(file: &str, seed: u64, number: u64) -> Result<bool, Failure> {
    let recording = Recording::load(Path::new(file))?;
    let plan = Plan { seed, numbers: number..number + 1, planted: Planted::Nothing };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let found = runtime.block_on(make(&recording, &plan, &place()?.path().join("replay")))?;
    for (number, text) in &found.failures {
        say(&format!("cut {number}: {text}"));
    }
    say(if found.wrong() == 0 { "nothing is wrong after this cut" } else { "it fails again" });
    Ok(found.wrong() == 0)
}

/// Memory is the fastest disk, and this one is only read by the model.
fn place() -> Result<tempfile::TempDir, Failure> {
    let memory = PathBuf::from("/dev/shm");
    Ok(if memory.is_dir() { tempfile::tempdir_in(memory)? } else { tempfile::tempdir()? })
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize| arguments.get(index).and_then(|text| text.parse::<u64>().ok());
    let done = match arguments.first().map(String::as_str) {
        Some("--replay") => match (arguments.get(1), number(2), number(3)) {
            (Some(file), Some(seed), Some(cut)) => replay(file, seed, cut),
            _ => Err("say --replay FILE SEED CUT".into()),
        },
        _ => cut(number(0).unwrap_or(100_000), number(1).unwrap_or_else(rand::random)),
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
