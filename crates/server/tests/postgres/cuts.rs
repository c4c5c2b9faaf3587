//! Connections to the database that are cut around COMMIT, and errors in the place of answers: every key has one
//! effect, every answer is true. `CUTS` and `CUTS_SEED` change the run.

use crate::fans::Crowd;
use crate::proxy::{Fates, Proxy, upstream};
use crate::server::{GLANCE, Server, reconcile};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const CUTS: u64 = 400;
const FANS: usize = 48;
const ITEMS: usize = 60;
/// When a run of the usual length is given up, on a busy machine, too. It takes less than a minute on one that is not.
const WITHIN: Duration = Duration::from_secs(180);

/// Many small batches at once, so that cuts meet one another, and a server without patience, so that it has to say
/// that it does not know.
const SETTINGS: &[(&str, &str)] = &[
    ("SUPERAPP_POSTGRES__LANES", "6"),
    ("SUPERAPP_LEDGER__BATCH_MAX", "8"),
    ("SUPERAPP_SERVER__REQUEST_DEADLINE_SECONDS", "1"),
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_cut_around_a_commit_every_key_has_one_effect_and_every_answer_is_true() {
    let _turn = crate::TURN.lock().await;
    let (cuts, seed) =
        (crate::from_environment("CUTS", CUTS), crate::from_environment("CUTS_SEED", rand::random::<u32>().into()));
    println!("CUTS={cuts} CUTS_SEED={seed}");
    let place = crate::place();
    let direct = place.url().unwrap();
    let fates = Arc::new(Fates::new(seed));
    let proxy = Proxy::start(upstream(direct), Arc::clone(&fates)).await;
    let by_proxy = proxy.url(direct);
    let mut settings = SETTINGS.to_vec();
    settings.push(("DATABASE_URL", &by_proxy));
    let server = Server::start(place.path(), &settings).await;
    let crowd = Crowd::gather(server.address, FANS, ITEMS, seed).await;
    let started = Instant::now();
    let longest = WITHIN.max(WITHIN * u32::try_from(cuts / CUTS).unwrap());
    fates.turn(true);
    let crowd = crowd
        .live(async {
            while (fates.cuts() as u64) < cuts {
                assert!(started.elapsed() < longest, "{} cuts in {longest:?}:\n{}", fates.cuts(), server.log());
                sleep(GLANCE).await;
            }
            fates.turn(false);
        })
        .await;
    let took = started.elapsed();
    server.stop().await;
    let transactions = crowd.check(direct);
    assert_eq!(reconcile(place.path(), &place.settings(&[])), transactions);
    println!("{} cuts in {took:.1?}, {transactions} transactions, answers {:?}", fates.cuts(), crowd.answers());
    for (what, count) in fates.counts() {
        println!("{count:>6} {what}");
    }
    // What the run is for did happen: commits that were made and not heard of, and commits that were not made.
    let counts = fates.counts();
    let count =
        |what: &str| counts.iter().filter(|(name, _)| name.contains(what)).map(|(_, count)| count).sum::<usize>();
    for what in
        ["before it was sent whole", "cut at once", "before its first byte", "in the middle", "done all the same"]
    {
        assert!(count(what) > 0, "nothing was {what}: {counts:?}");
    }
    // And some were told that nobody knows, asked again, and were told the truth.
    for code in ["done", "replay", "outcome_unknown"] {
        assert!(crowd.answers().contains_key(code), "nobody was answered {code}");
    }
}
