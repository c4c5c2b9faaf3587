//! PostgreSQL is stopped without a word and started again, again and again, under load: nothing that was acknowledged
//! is lost, no answer is wrong, and the server goes on by itself. `RESTARTS` and `RESTARTS_SEED` change the run.

use crate::fans::Crowd;
use crate::own::OwnServer;
use crate::place::Place;
use crate::server::{GLANCE, Server, reconcile};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const RESTARTS: u64 = 6;
const FANS: usize = 32;
const ITEMS: usize = 40;
/// How long PostgreSQL runs between two stops, and how long it is gone.
const RUN_MILLISECONDS_MAX: u64 = 1_500;
const GONE_MILLISECONDS_MAX: u64 = 1_500;
/// How soon payments are made again once it is back.
const BACK_WITHIN: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_postgresql_is_stopped_at_once_and_started_again() {
    let _turn = crate::TURN.lock().await;
    let restarts = crate::from_environment("RESTARTS", RESTARTS);
    let seed = crate::from_environment("RESTARTS_SEED", rand::random::<u32>().into());
    println!("RESTARTS={restarts} RESTARTS_SEED={seed}");
    let postgres = OwnServer::start();
    let place = Place::on(&postgres.url);
    let server = Server::start(place.path(), &place.settings(&[])).await;
    let crowd = Crowd::gather(server.address, FANS, ITEMS, seed).await;
    let world = std::sync::Arc::clone(&crowd.world);
    let (mut random, mut slowest) = (StdRng::seed_from_u64(seed), Duration::ZERO);
    let crowd = crowd
        .live(async {
            for _ in 0..restarts {
                // Not waits for anything: the moments are what is random here.
                sleep(Duration::from_millis(random.random_range(1..=RUN_MILLISECONDS_MAX))).await;
                postgres.control(&["-m", "immediate", "stop"]).await;
                sleep(Duration::from_millis(random.random_range(0..=GONE_MILLISECONDS_MAX))).await;
                postgres.control(&["start"]).await;
                let back = Instant::now();
                while world.last_done() < back {
                    assert!(back.elapsed() < BACK_WITHIN, "no payment is made again:\n{}", server.log());
                    sleep(GLANCE).await;
                }
                slowest = slowest.max(back.elapsed());
            }
        })
        .await;
    server.stop().await;
    let transactions = crowd.check(place.url().unwrap());
    assert_eq!(reconcile(place.path(), &place.settings(&[])), transactions);
    println!(
        "{restarts} restarts, {transactions} transactions, the first payment at most {slowest:.1?} after a start, \
         answers {:?}",
        crowd.answers(),
    );
    // While it was gone, somebody was told so, and nothing else.
    assert!(crowd.answers().contains_key("overloaded"), "no stop was noticed");
}
