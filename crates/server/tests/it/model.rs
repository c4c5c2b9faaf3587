//! The server against the reference model of `crates/domain/tests/model`: random requests to the real routes, on a real
//! database, and to a model that shares no logic with the ledger. Status, code, amounts, balances and moments of every
//! answer must agree. `SERVER_MODEL_STEPS` and `SERVER_MODEL_SEED` change the run; `scripts/model` is the long one. What
//! fails is told as short as it can be made.

mod scene;
mod step;
mod told;

use proptest::collection::vec;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use scene::Scene;
use std::cell::RefCell;
use std::collections::BTreeMap;
use step::{Step, step};

const STEPS: u64 = 2_000;
/// On PostgreSQL, where each step is several round trips.
const STEPS_ON_POSTGRES: u64 = 600;
/// A server of its own for so many, more or less.
const STEPS_PER_SERVER: usize = 400;
/// Attempts at making what fails shorter.
const SHRINKS_MAX: u32 = 100;

/// What a run of so many steps must have seen.
const KINDS: &[&str] = &[
    "deposit",
    "transfer",
    "unlock",
    "subscription",
    "gift",
    "refund in full",
    "payout held",
    "replayed",
    "reused",
    "insufficient_funds",
    "recipient_not_found",
    "wallet_frozen",
    "already_unlocked",
    "price_changed",
    "plan_not_found",
    "transaction_not_found",
];

type Tally = BTreeMap<String, u64>;

async fn play(steps: &[Step]) -> Result<Tally, String> {
    let mut scene = Scene::new().await;
    for (number, step) in steps.iter().enumerate() {
        scene.step(step).await.map_err(|wrong| format!("step {number}, {step:?}: {wrong}"))?;
    }
    scene.compare().await?;
    Ok(std::mem::take(&mut scene.tally))
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

#[test]
fn the_server_answers_whatever_is_asked_as_the_model_does() {
    let few = if std::env::var_os("SUPERAPP_TEST_POSTGRES").is_some() { STEPS_ON_POSTGRES } else { STEPS };
    let steps = from_environment("SERVER_MODEL_STEPS").unwrap_or(few);
    let seed = from_environment("SERVER_MODEL_SEED").unwrap_or_else(|| rand::random::<u32>().into());
    println!("SERVER_MODEL_STEPS={steps} SERVER_MODEL_SEED={seed}");
    let servers = steps.div_ceil(STEPS_PER_SERVER as u64);
    let config = Config {
        cases: u32::try_from(servers).unwrap(),
        max_shrink_iters: SHRINKS_MAX,
        failure_persistence: None,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let tally = RefCell::new(Tally::new());
    let outcome = runner.run(&vec(step(), 1..2 * STEPS_PER_SERVER), |steps| {
        // Ends with its server, tasks and all.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let seen = runtime.block_on(play(&steps)).map_err(TestCaseError::fail)?;
        seen.into_iter().for_each(|(kind, count)| *tally.borrow_mut().entry(kind).or_default() += count);
        Ok(())
    });
    let tally = tally.into_inner();
    println!("result: SERVER_MODEL_SEED={seed} {servers} servers, {tally:?}");
    assert!(outcome.is_ok(), "SERVER_MODEL_SEED={seed}: {}", outcome.unwrap_err());
    for kind in KINDS.iter().filter(|_| steps >= STEPS) {
        assert!(tally.contains_key(*kind), "SERVER_MODEL_SEED={seed}: {kind} never happened");
    }
}
