//! What becomes of what passes through: drawn at random, from a seed, and counted.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// An error that is answered instead of the server's answer.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    pub severity: &'static str,
    pub code: &'static str,
    /// Whether it leaves open what became of a commit.
    pub is_silent: bool,
}

const fn refusal(severity: &'static str, code: &'static str, is_silent: bool) -> Refusal {
    Refusal { severity, code, is_silent }
}

/// What servers, standbys, poolers and distributed databases say when something is in the way.
const REFUSALS: &[Refusal] = &[
    refusal("ERROR", "40001", false),
    refusal("ERROR", "40P01", false),
    refusal("ERROR", "55P03", false),
    refusal("ERROR", "08006", true),
    refusal("ERROR", "08007", true),
    refusal("ERROR", "40003", true),
    refusal("FATAL", "08006", true),
    refusal("FATAL", "57P01", true),
    refusal("FATAL", "53300", true),
];

/// What becomes of a question and its answer.
#[derive(Clone, Copy, Debug)]
pub enum Fate {
    /// Nothing.
    Pass,
    /// The connection ends after so many bytes of the question.
    CutQuestion(usize),
    /// The whole question goes on, and the connection ends at once: the server works on it, with nobody to answer to.
    CutUnheard,
    /// The connection ends after so many bytes of the answer.
    CutAnswer(usize),
    /// An error is answered. What was asked is done or not; where the error leaves nothing open it is not.
    Refuse(Refusal, bool),
}

/// How often a storm begins with a commit, and how many commits go wrong in it, one after the other: enough of them
/// that the server gives up on some.
const STORM_RATIO: u32 = 150;
const STORM_COMMITS: u32 = 120;

/// Chance, and where it stands.
#[derive(Debug)]
struct Chance {
    random: StdRng,
    /// Commits of a storm that are still to come.
    storm: u32,
}

impl Chance {
    fn spares_a_commit(&mut self) -> bool {
        if self.storm > 0 {
            self.storm -= 1;
            return false;
        }
        if self.random.random_ratio(1, STORM_RATIO) {
            self.storm = STORM_COMMITS;
        }
        self.random.random_bool(0.5)
    }
}

/// The source of fates.
#[derive(Debug)]
pub struct Fates {
    chance: Mutex<Chance>,
    /// What happened, and how often.
    counts: Mutex<BTreeMap<String, usize>>,
    is_on: AtomicBool,
    cuts: AtomicUsize,
}

impl Fates {
    pub fn new(seed: u64) -> Self {
        Self {
            chance: Mutex::new(Chance { random: StdRng::seed_from_u64(seed), storm: 0 }),
            counts: Mutex::default(),
            is_on: AtomicBool::new(false),
            cuts: AtomicUsize::new(0),
        }
    }

    /// Whether anything but passing happens from now on.
    pub fn turn(&self, on: bool) {
        self.is_on.store(on, Ordering::SeqCst);
    }

    /// Connections that were cut around a commit.
    pub fn cuts(&self) -> usize {
        self.cuts.load(Ordering::SeqCst)
    }

    /// What happened, and how often.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        self.counts.lock().unwrap().clone()
    }

    fn count(&self, what: String) {
        *self.counts.lock().unwrap().entry(what).or_default() += 1;
    }

    fn is_on(&self) -> bool {
        self.is_on.load(Ordering::SeqCst)
    }

    /// Whether a connection is refused before it begins.
    pub fn is_turned_away(&self) -> bool {
        let turned = self.is_on() && self.chance.lock().unwrap().random.random_ratio(1, 20);
        if turned {
            self.count("connections turned away".to_owned());
        }
        turned
    }

    /// What becomes of a commit, whose question is so long, and its answer.
    pub fn of_commit(&self, question: usize, answer: usize) -> Fate {
        let chance = &mut *self.chance.lock().unwrap();
        if !self.is_on() || chance.spares_a_commit() {
            return Fate::Pass;
        }
        let random = &mut chance.random;
        let fate = match random.random_range(0..10) {
            0..2 => Fate::CutQuestion(random.random_range(0..question)),
            2..4 => Fate::CutUnheard,
            4..7 => Fate::CutAnswer(random.random_range(0..=answer)),
            _ => refuse(random),
        };
        let what = match fate {
            Fate::CutQuestion(_) => "COMMIT cut before it was sent whole".to_owned(),
            Fate::CutUnheard => "COMMIT sent, connection cut at once".to_owned(),
            Fate::CutAnswer(0) => "answer to COMMIT cut before its first byte".to_owned(),
            Fate::CutAnswer(sent) if sent < answer => "answer to COMMIT cut in the middle".to_owned(),
            Fate::CutAnswer(_) => "connection cut after the answer to COMMIT".to_owned(),
            Fate::Refuse(refusal, happened) => {
                let word = if happened { "done all the same" } else { "not done" };
                format!("COMMIT answered with {} {}, {word}", refusal.severity, refusal.code)
            }
            Fate::Pass => unreachable!("something happens here"),
        };
        self.count(what);
        if !matches!(fate, Fate::Refuse(..)) {
            self.cuts.fetch_add(1, Ordering::SeqCst);
        }
        fate
    }

    /// What becomes of anything else.
    pub fn of_statement(&self, question: usize) -> Fate {
        let random = &mut self.chance.lock().unwrap().random;
        if !self.is_on() || !random.random_ratio(1, 100) {
            return Fate::Pass;
        }
        let fate = match random.random_range(0..3) {
            0 => Fate::CutQuestion(random.random_range(0..=question)),
            1 => Fate::CutAnswer(random.random_range(0..40)),
            _ => refuse(random),
        };
        match fate {
            Fate::Refuse(refusal, _) => self.count(format!("statement answered with {}", refusal.code)),
            _ => self.count("statements and their answers cut".to_owned()),
        }
        fate
    }
}

fn refuse(random: &mut StdRng) -> Fate {
    let refusal = *REFUSALS.choose(random).unwrap();
    Fate::Refuse(refusal, refusal.is_silent && random.random_bool(0.5))
}
