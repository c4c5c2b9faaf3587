//! The primary is lost under load and its synchronous standby takes its place, again and again: nothing acknowledged is
//! lost, nothing happens twice, no answer is wrong, and payments go on by themselves. `SWITCH_OVERS` and
//! `SWITCH_OVERS_SEED` change the run; `scripts/switch-overs` is the long one.

use crate::client::Client;
use crate::fans::{Crowd, World};
use crate::pair::{Loss, Pair};
use crate::place::{Place, rows};
use crate::server::{GLANCE, Server, reconcile};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

const SWITCH_OVERS: u64 = 2;
const FANS: usize = 32;
const ITEMS: usize = 40;
/// How long a pair runs between two switch-overs.
const RUN_MILLISECONDS_MAX: u64 = 1_500;
/// How soon payments are made again once there is a primary.
const BACK_WITHIN: Duration = Duration::from_secs(10);
const NOTICED_WITHIN: Duration = Duration::from_secs(20);
const LOSSES: &[Loss] = &[Loss::Crash, Loss::Stop, Loss::Cut];

/// One switch-over: how long there was no payment, and how much of it after the promotion.
#[derive(Clone, Copy, Debug)]
struct Outage {
    loss: Loss,
    whole: Duration,
    after: Duration,
}

async fn switch_over(pair: &mut Pair, loss: Loss, world: &World, server: &Server) -> Outage {
    let lost = Instant::now();
    pair.switch_over(loss);
    let promoted = Instant::now();
    while world.last_done() < promoted {
        assert!(promoted.elapsed() < BACK_WITHIN, "no payment is made again:\n{}", server.log());
        sleep(GLANCE).await;
    }
    let outage = Outage { loss, whole: lost.elapsed(), after: promoted.elapsed() };
    // The lost one is made the standby of the other, under load as well.
    pair.follow().await;
    outage
}

#[expect(clippy::print_stdout, reason = "the long run says how far it is")]
fn tell(outages: &[Outage]) {
    let part = |part: fn(&Outage) -> Duration, percent: usize| {
        let mut times: Vec<_> = outages.iter().map(part).collect();
        times.sort_unstable();
        times[(times.len() * percent).div_ceil(100) - 1]
    };
    println!(
        "result: {} switch-overs, no payment for p50 {:.2?}, p95 {:.2?}, at most {:.2?}; after the promotion p50 {:.2?}, p95 {:.2?}",
        outages.len(),
        part(|outage| outage.whole, 50),
        part(|outage| outage.whole, 95),
        part(|outage| outage.whole, 100),
        part(|outage| outage.after, 50),
        part(|outage| outage.after, 95),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_a_synchronous_standby_takes_the_place_of_its_primary() {
    let _turn = crate::TURN.lock().await;
    let switch_overs = crate::from_environment("SWITCH_OVERS", SWITCH_OVERS);
    let seed = crate::from_environment("SWITCH_OVERS_SEED", rand::random::<u32>().into());
    println!("SWITCH_OVERS={switch_overs} SWITCH_OVERS_SEED={seed}");
    let mut pair = Pair::start().await;
    let place = Place::on(&pair.door.url());
    let server = Server::start(place.path(), &place.settings(&[])).await;
    let crowd = Crowd::gather(server.address, FANS, ITEMS, seed).await;
    let world = Arc::clone(&crowd.world);
    let (mut random, mut outages) = (StdRng::seed_from_u64(seed), Vec::new());
    let crowd = crowd
        .live(async {
            for _ in 0..switch_overs {
                // Not a wait for anything: the moment is what is random here.
                sleep(Duration::from_millis(random.random_range(1..=RUN_MILLISECONDS_MAX))).await;
                let loss = *LOSSES.choose(&mut random).unwrap();
                outages.push(switch_over(&mut pair, loss, &world, &server).await);
                if outages.len().is_multiple_of(20) {
                    println!("{} switch-overs", outages.len());
                }
            }
        })
        .await;
    server.stop().await;
    let transactions = crowd.check(place.url().unwrap());
    assert_eq!(reconcile(place.path(), &place.settings(&[])), transactions);
    tell(&outages);
    let count = |loss| outages.iter().filter(|outage| outage.loss == loss).count();
    let losses: Vec<_> = LOSSES.iter().map(|loss| (*loss, count(*loss))).collect();
    println!("result: {losses:?}, {transactions} transactions, 0 lost, 0 doubled, answers {:?}", crowd.answers());
    assert!(crowd.answers().contains_key("overloaded"), "no switch-over was noticed");
}

/// The session of a ledger's batch that waits for a standby to have its commit, other than one.
async fn until_a_batch_waits(place: &Place, other_than: i32) -> i32 {
    let since = Instant::now();
    let text = format!(
        "SELECT a.pid FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid
        WHERE a.wait_event = 'SyncRep' AND l.relation = CAST('wallets' AS REGCLASS) AND l.mode = 'RowShareLock'
            AND a.pid <> {other_than}"
    );
    loop {
        if let Some(pid) = rows(place.url().unwrap(), &text, |row| row.get(0)).first() {
            return *pid;
        }
        assert!(since.elapsed() < NOTICED_WITHIN, "no batch waits for a standby");
        sleep(GLANCE).await;
    }
}

/// A commit whose wait for the standby is cancelled is there, and on the primary alone: the server says so in a warning
/// and nothing else. Whoever paid is told when the standby has it, or that nobody knows.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_no_standby_has_is_not_acknowledged_though_somebody_cancels_the_wait_for_it() {
    let _turn = crate::TURN.lock().await;
    let pair = Pair::start_alone().await;
    let place = Place::on(&pair.door.url());
    let server = Server::start(place.path(), &place.settings(&[])).await;
    let mut client = Client::connect(server.address).await.unwrap();
    let (ann, bob) = (client.newcomer("ann", 1_000).await, client.newcomer("bob", 1_000).await);
    pair.tell(&["ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()"]);
    let (token, to) = (ann.token.clone(), bob.id.clone());
    let mut paying = tokio::spawn(async move { client.transfer(&token, "one", (&to, 10, "one")).await });
    let first = until_a_batch_waits(&place, 0).await;
    assert_eq!(pair.answer(&format!("SELECT pg_cancel_backend({first})")), Some(true));
    // The unit of work runs again, finds what it did, and waits for a standby to have that.
    let second = until_a_batch_waits(&place, first).await;
    assert!(timeout(GLANCE, &mut paying).await.is_err(), "{second} waits, and the payment is acknowledged");
    pair.tell(&["ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()"]);
    let answer = timeout(NOTICED_WITHIN, paying).await.unwrap().unwrap().unwrap();
    assert_eq!((answer.status, &answer.body["balance_after_cents"]), (201, &990.into()), "{}", answer.body);
    server.stop().await;
    assert_eq!(reconcile(place.path(), &place.settings(&[])), 3);
}
