//! Cuts of one recording: the files that a cut leaves are recovered, and held against what was acknowledged before it.

use crate::disk::{Disk, Image, Planted};
use crate::recording::{Event, Recording};
use crate::server::{Failure, file};
use crate::verdict::{Pages, State, inspect, recover};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Cuts that were made.
    pub cuts: u64,
    /// Cuts after which an acknowledged request was gone, or another answer was on record.
    pub with_losses: u64,
    /// Acknowledged requests that were gone, over all cuts.
    pub lost: u64,
    /// Cuts after which the database was damaged, did not add up, or knew what nobody had asked.
    pub broken: u64,
    /// Databases that differ from one another.
    pub states: u64,
    /// Acknowledged requests that were looked for, over all cuts.
    pub looked_for: u64,
    /// Cuts between two syncs of a checkpoint, while the database file was being written.
    pub in_checkpoints: u64,
    /// The first few failures, each with the number of its cut.
    pub failures: Vec<(u64, String)>,
}

const FAILURES_MAX: usize = 5;

impl Found {
    /// Adds what was found elsewhere.
    pub fn add(&mut self, other: Self) {
        self.cuts += other.cuts;
        self.with_losses += other.with_losses;
        self.lost += other.lost;
        self.broken += other.broken;
        self.states += other.states;
        self.looked_for += other.looked_for;
        self.in_checkpoints += other.in_checkpoints;
        self.failures.extend(other.failures);
        self.failures.truncate(FAILURES_MAX);
    }

    /// Cuts after which something was wrong.
    #[must_use]
    pub fn wrong(&self) -> u64 {
        self.with_losses + self.broken
    }
}

/// Which cuts of a recording are made.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Chooses where they are and what they leave.
    pub seed: u64,
    /// Their numbers.
    pub numbers: std::ops::Range<u64>,
    /// What is wrong with the disk on purpose.
    pub planted: Planted,
}

fn random(plan: &Plan, number: u64) -> StdRng {
    StdRng::seed_from_u64(plan.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// A run over one recording.
struct Run<'run> {
    directory: &'run Path,
    /// What is on record in the database that clients began with.
    before: BTreeSet<String>,
    /// What was seen already: many cuts leave the same database.
    seen: HashMap<Pages, State>,
    found: Found,
}

/// Makes the cuts of a plan, in a directory of their own.
///
/// # Errors
/// If the harness itself fails.
pub async fn make(recording: &Recording, plan: &Plan, directory: &Path) -> Result<Found, Failure> {
    fs::create_dir_all(directory)?;
    let mut cuts: Vec<(usize, u64, StdRng)> = Vec::new();
    for number in plan.numbers.clone() {
        let mut random = random(plan, number);
        cuts.push((random.random_range(0..=recording.events.len()), number, random));
    }
    cuts.sort_by_key(|(at, number, _)| (*at, *number));
    let mut run = Run { directory, before: BTreeSet::new(), seen: HashMap::new(), found: Found::default() };
    write(directory, &[Some(recording.base.clone()), None])?;
    recover(directory)?;
    run.before = inspect(directory).await?.records.into_keys().collect();
    let (mut disk, mut now) = (Disk::new(&recording.base), 0);
    let mut acknowledged: Vec<(&str, &[u8])> = Vec::new();
    let mut asked: BTreeSet<&str> = BTreeSet::new();
    for (at, number, mut random) in cuts {
        for event in now..at {
            disk.advance(event, &recording.events, plan.planted);
            match &recording.events[event] {
                Event::Answered(id, body) => acknowledged.push((id, body)),
                Event::Asked(id) => drop(asked.insert(id)),
                _ => {}
            }
        }
        now = at;
        let image = disk.cut(&recording.events, &mut random);
        run.found.in_checkpoints += u64::from(disk.is_in_a_checkpoint());
        run.cut(number, &image, &acknowledged, &asked).await?;
    }
    run.found.states = run.seen.len() as u64;
    fs::remove_dir_all(directory)?;
    Ok(run.found)
}

fn write(directory: &Path, image: &Image) -> Result<(), Failure> {
    let path = file(directory);
    for (suffix, content) in ["", "-wal", "-shm"].iter().zip([image[0].as_ref(), image[1].as_ref(), None]) {
        let mut name = path.clone().into_os_string();
        name.push(suffix);
        match content {
            Some(content) => fs::write(name, content)?,
            None => match fs::remove_file(name) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            },
        }
    }
    Ok(())
}

impl Run<'_> {
    /// Holds what a cut left against what was acknowledged before it.
    async fn cut(
        &mut self,
        number: u64,
        image: &Image,
        acknowledged: &[(&str, &[u8])],
        asked: &BTreeSet<&str>,
    ) -> Result<(), Failure> {
        self.found.cuts += 1;
        self.found.looked_for += acknowledged.len() as u64;
        write(self.directory, image)?;
        let pages = match recover(self.directory) {
            Ok(pages) => pages,
            Err(error) => {
                self.fail(number, format!("it cannot be recovered: {error}"));
                self.found.broken += 1;
                return Ok(());
            }
        };
        if !self.seen.contains_key(&pages) {
            let state = inspect(self.directory).await?;
            self.seen.insert(pages, state);
        }
        let state = &self.seen[&pages];
        let mut complaints = state.complaints.clone();
        let is_known = |id: &String| self.before.contains(id) || asked.contains(id.as_str());
        // A damaged database was not looked into.
        let is_readable = !state.records.is_empty();
        complaints.extend(state.records.keys().filter(|id| !is_known(id)).map(|id| format!("nobody asked {id}")));
        let is_kept = |(id, body): &&(&str, &[u8])| state.records.get(*id).is_some_and(|kept| kept == body);
        let lost: Vec<&str> = acknowledged.iter().filter(|one| !is_kept(one)).map(|(id, _)| *id).collect();
        if is_readable && !lost.is_empty() {
            self.found.with_losses += 1;
            self.found.lost += lost.len() as u64;
            let text = format!("{} of {} acknowledged requests are lost: {lost:.100?}", lost.len(), acknowledged.len());
            self.fail(number, text);
        } else if !complaints.is_empty() {
            self.found.broken += 1;
            self.fail(number, complaints.join("; "));
        }
        Ok(())
    }

    fn fail(&mut self, number: u64, text: String) {
        if self.found.failures.len() < FAILURES_MAX {
            self.found.failures.push((number, text));
        }
    }
}
