//! Both harnesses at short: `scripts/power-cuts` and `scripts/fault-points` are the long forms. `POWER_CUTS` and
//! `FAULT_STEP` change the runs; whoever looks into a failure uses the scripts, which print how to repeat it.

use faults::cuts::{Plan, make};
use faults::disk::Planted;
use faults::points::cases::{CASES, Case};
use faults::points::{Judge, Mode, Outcome, Point};
use faults::recording::Recording;
use faults::scene;
use faults::workload::{Scenery, record};
use std::collections::BTreeMap;
use std::path::Path;

/// Recordings until each mistake must have been found.
const RECORDINGS_MAX: u64 = 8;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_loses_nothing_that_was_acknowledged_and_two_mistakes_are_found() {
    let place = tempfile::tempdir().unwrap();
    let scene = place.path().join("scene");
    std::fs::create_dir(&scene).unwrap();
    let names = scene::make(&scene).await;
    let scenery = Scenery { directory: &scene, names: &names, requests: 12 };
    let mut found = BTreeMap::from([("normal", 0), ("unsynced", 0)]);
    // Clients take their turns as they like, so that not every recording has a moment at which each mistake shows.
    // The first has both kinds of checkpoints.
    for seed in 4..4 + RECORDINGS_MAX {
        let directory = place.path().join(format!("server{seed}"));
        let recording = record(&scenery, &directory, seed).await.unwrap();
        let cuts = async |planted, cuts| {
            let plan = Plan { seed, numbers: 0..cuts, planted };
            make(&recording, &plan, &directory).await.unwrap()
        };
        let real = cuts(Planted::Nothing, number("POWER_CUTS", 300)).await;
        assert_eq!((real.with_losses, real.broken), (0, 0), "{real:?}");
        assert!(real.states > 10 && real.looked_for > real.cuts, "{real:?}");
        assert!(seed != 4 || real.in_checkpoints > 0, "{real:?}");
        let normal = cuts(Planted::NormalSync, 40).await;
        assert_eq!(normal.broken, 0, "{normal:?}");
        let unsynced = cuts(Planted::NoSyncOfCheckpoints, 40).await;
        *found.entry("normal").or_default() += normal.with_losses;
        *found.entry("unsynced").or_default() += unsynced.wrong();
        // What is kept of a failure is the recording.
        let file = place.path().join("recording");
        recording.save(&file).unwrap();
        assert!(Recording::load(&file).unwrap() == recording);
        if found.values().all(|found| *found > 0) {
            return;
        }
    }
    panic!("a mistake that was planted was not found: {found:?}");
}

async fn judge(place: &Path) -> Judge {
    Judge::new(env!("CARGO_BIN_EXE_fault-points").into(), place).await.unwrap()
}

/// How many points there were, and what was wrong after them.
async fn sweep(judge: &Judge, case: &Case, mode: Mode, steps: (u64, u64)) -> (u64, Vec<String>) {
    let (mut points, mut wrong) = (0, Vec::new());
    let mut hear = |point: &Point, outcome: &Outcome| {
        points += u64::from(outcome.failed.is_some());
        if !outcome.complaints.is_empty() {
            wrong.push(format!("{point:?}: {outcome:?}"));
        }
    };
    judge.sweep(case, mode, steps, &mut hear).await.unwrap();
    (points, wrong)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_survives_an_operation_that_fails() {
    let place = tempfile::tempdir().unwrap();
    let judge = judge(place.path()).await;
    for (index, case) in (0..).zip(CASES) {
        // Another one for each, somewhere in its first dozens.
        let (points, wrong) = sweep(&judge, case, Mode::Error, (5 + index * 2, 0)).await;
        assert_eq!((points, wrong), (1, Vec::new()), "{}", case.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_survives_operations_that_fail_in_every_way_and_a_lost_write_is_found() {
    let place = tempfile::tempdir().unwrap();
    let judge = judge(place.path()).await;
    let case = Case::find("POST /api/wallet/transfer").unwrap();
    for mode in Mode::ALL {
        let (points, wrong) = sweep(&judge, &case, mode, (1, number("FAULT_STEP", 11))).await;
        assert!(points > 3 && wrong.is_empty(), "{points} points: {wrong:#?}");
    }
    let (points, wrong) = sweep(&judge, &case, Mode::Lost, (1, 9)).await;
    assert!(points > 1 && !wrong.is_empty(), "{points} points");
}
