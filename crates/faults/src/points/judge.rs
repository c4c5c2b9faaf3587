//! Who starts the children, and rules on what they leave.

use super::Mode;
use super::cases::{Base, Case};
use super::child::{ANSWER, COUNTED, ENDED, FAULT, NAMES, names, options};
use crate::scene;
use crate::server::{Failure, PATIENCE, Server, migrate};
use crate::verdict::{damage, rows};
use crate::workload::copy;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

const SIGABRT: i32 = 6;

/// Where a fault happens.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    /// During what.
    pub case: Case,
    /// How.
    pub mode: Mode,
    /// At which of the operations that can fail so.
    pub number: u64,
}

/// What became of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The operation that failed, such as `Sync Wal`; `None` if there were fewer.
    pub failed: Option<String>,
    /// What the server did: its answer, its end, or both.
    pub did: String,
    /// What is wrong afterwards.
    pub complaints: Vec<String>,
}

/// What a request comes to if nothing fails.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Effect {
    status: u16,
    rows: BTreeMap<String, i64>,
}

/// A case without faults.
#[derive(Clone, Debug)]
struct Clean {
    /// Asked for the first time, after a start.
    first: Effect,
    /// Asked again, after another start.
    again: Effect,
}

/// What a child said, and how it ended.
struct Said {
    text: String,
    status: ExitStatus,
}

impl Said {
    fn line(&self, word: &str) -> Option<&str> {
        self.text.lines().find_map(|line| line.strip_prefix(word))
    }

    fn answer(&self) -> Option<u16> {
        self.line(ANSWER)?.split(' ').next()?.parse().ok()
    }
}

/// Keeps the databases that cases begin with.
#[derive(Debug)]
pub struct Judge {
    /// The program that is the child, with the arguments of `child::run`.
    program: PathBuf,
    place: PathBuf,
}

impl Judge {
    /// Makes the databases, in a directory.
    ///
    /// # Errors
    /// If a server does not start.
    pub async fn new(program: PathBuf, place: &Path) -> Result<Self, Failure> {
        let judge = Self { program, place: place.to_owned() };
        let closed = judge.base(Base::Closed);
        fs::create_dir_all(&closed)?;
        let made = scene::make(&closed).await;
        fs::write(closed.join(NAMES), serde_json::to_vec(&made)?)?;
        // One server is killed after its answer: what it had in its files by then.
        let (live, case) = (place.join("live"), Case::find("recovery").ok_or("no such case")?);
        copy(&closed, &live)?;
        let server = Server::open(&live, &options(&case)).await?;
        server.ask(&case.request(&made), 201).await;
        copy(&live, &judge.base(Base::Killed))?;
        server.close().await;
        fs::create_dir_all(judge.base(Base::Empty))?;
        Ok(judge)
    }

    fn base(&self, base: Base) -> PathBuf {
        self.place.join(format!("{base:?}"))
    }

    /// A start, the case's request, and an end, without faults.
    async fn calm(directory: &Path, case: &Case) -> Result<(Effect, bool), Failure> {
        if case.base == Base::Empty {
            migrate(directory)?;
        }
        let server = Server::open(directory, &options(case)).await?;
        let answer = server.send(&case.request(&names(directory)?)).await;
        let found = server.discrepancies().await?;
        server.close().await;
        if !found.is_empty() {
            return Err(format!("the ledger does not add up: {found:?}").into());
        }
        Ok((Effect { status: answer.status, rows: rows(directory)? }, answer.is_replay))
    }

    async fn clean(&self, case: &Case, directory: &Path) -> Result<Clean, Failure> {
        copy(&self.base(case.base), directory)?;
        let (first, _) = Self::calm(directory, case).await?;
        let (again, _) = Self::calm(directory, case).await?;
        fs::remove_dir_all(directory)?;
        if first.status >= 300 {
            return Err(format!("`{}` is answered {} without a fault", case.name, first.status).into());
        }
        Ok(Clean { first, again })
    }

    /// Lets the operations of a case fail in a mode, one at a time: from the first one on each that is `step` further, until
    /// there are no more; with a `step` of 0 the first one alone. Hears of each outcome.
    ///
    /// # Errors
    /// If the harness itself fails.
    pub async fn sweep(
        &self,
        case: &Case,
        mode: Mode,
        (first, step): (u64, u64),
        hear: &mut (dyn FnMut(&Point, &Outcome) + Send),
    ) -> Result<(), Failure> {
        let directory = self.place.join(format!("{}-{}", case.name.replace([' ', '/', '{', '}'], "_"), mode.as_str()));
        let clean = self.clean(case, &directory).await?;
        let mut number = first;
        loop {
            let point = Point { case: *case, mode, number };
            copy(&self.base(case.base), &directory)?;
            let outcome = self.at(&point, &clean, &directory).await?;
            fs::remove_dir_all(&directory)?;
            hear(&point, &outcome);
            if outcome.failed.is_none() || step == 0 {
                return Ok(());
            }
            number += step;
        }
    }

    async fn child(&self, point: &Point, directory: &Path) -> Result<Said, Failure> {
        let mut child = Command::new(&self.program)
            .args(["--child", point.case.name, point.mode.as_str(), &point.number.to_string()])
            .arg(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut out = child.stdout.take().ok_or("a child without an output")?;
        let read = tokio::task::spawn_blocking(move || {
            let mut text = String::new();
            out.read_to_string(&mut text).map(|_| text)
        });
        // Its output ends with it.
        let Ok(text) = tokio::time::timeout(PATIENCE, read).await else {
            child.kill()?;
            child.wait()?;
            return Err(format!("the child of `{}` at {} hangs", point.case.name, point.number).into());
        };
        let (text, status) = (text??, child.wait()?);
        Ok(Said { text, status })
    }

    async fn at(&self, point: &Point, clean: &Clean, directory: &Path) -> Result<Outcome, Failure> {
        let said = self.child(point, directory).await?;
        let failed = said.line(FAULT).map(ToOwned::to_owned);
        let aborted = said.status.signal() == Some(SIGABRT);
        let end = match (aborted, said.line(ENDED)) {
            (true, _) => "aborted".to_owned(),
            (false, Some(error)) => format!("did not start: {error}"),
            (false, None) => format!("ended ({})", said.status),
        };
        let did = said.answer().map_or_else(|| end.clone(), |status| format!("answered {status}, then {end}"));
        let mut complaints = Vec::new();
        let ended_as_it_may = aborted || said.line(COUNTED).is_some();
        if !ended_as_it_may {
            complaints.push(format!("it neither ended nor aborted: {}", said.status));
        }
        if failed.is_none() && (aborted || said.line(ENDED).is_some()) {
            complaints.push("it failed without a fault".to_owned());
        }
        let damage = damage(directory);
        if damage.is_empty() {
            complaints.extend(Self::hold(&said, point, clean, directory).await?);
        } else {
            complaints.extend(damage.into_iter().map(|line| format!("the file is damaged: {line}")));
        }
        Ok(Outcome { failed, did, complaints })
    }

    /// Starts the server again, asks again, and holds what comes of it against the case without faults.
    async fn hold(said: &Said, point: &Point, clean: &Clean, directory: &Path) -> Result<Vec<String>, Failure> {
        let mut complaints = Vec::new();
        let is_acknowledged = match said.answer() {
            Some(status) if status == clean.first.status => true,
            // A fault is not the caller's: nobody may take it for a refusal.
            Some(status) if status < 500 => {
                complaints.push(format!("the fault was answered {status}"));
                false
            }
            _ => false,
        };
        match Self::calm(directory, &point.case).await {
            Ok((effect, _)) if effect == clean.again => {}
            Ok((effect, _)) if effect == clean.first && !is_acknowledged => {}
            Ok((effect, _)) => complaints.push(format!(
                "asked again it answers {} and has {}; {} and once are due",
                effect.status,
                difference(&effect.rows, &clean.again.rows),
                clean.again.status,
            )),
            Err(error) => complaints.push(format!("afterwards: {error}")),
        }
        Ok(complaints)
    }
}

/// How the rows of two databases differ.
fn difference(found: &BTreeMap<String, i64>, due: &BTreeMap<String, i64>) -> String {
    let of = |(table, count): (&String, &i64)| {
        let due = due.get(table).copied().unwrap_or_default();
        (due != *count).then(|| format!("{count} {table} instead of {due}"))
    };
    let lines: Vec<String> = found.iter().filter_map(of).collect();
    if lines.is_empty() { "the rows that are due".to_owned() } else { lines.join(", ") }
}
