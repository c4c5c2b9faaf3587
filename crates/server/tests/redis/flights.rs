//! Keys in flight, known to two processes: a duplicate is told at once, a process that was killed blocks nobody, and
//! the effect happens once whatever Redis knows.

use crate::client::{Account, Answer, Client};
use crate::place::{Place, rows};
use crate::server::{GLANCE, Server, reconcile};
use crate::{TURN, far};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use tokio::sync::Barrier;
use tokio::time::{Instant, sleep};

const AT_ONCE: usize = 64;
/// Less than the payment waits for a lock. A machine with nothing else to do takes some 50 ms.
const TOLD_WITHIN: Duration = Duration::from_secs(2);
/// A process that was killed is known to be gone after some 500 ms.
const FREE_WITHIN: Duration = Duration::from_secs(5);

fn keys() -> usize {
    std::env::var("FLIGHT_KEYS").map_or(30, |text| text.parse().unwrap())
}

async fn two(place: &Place) -> [Server; 2] {
    far::forget();
    let url = far::url();
    let settings = [("REDIS_URL", url.as_str())];
    let first = Server::start(place.path(), &place.settings(&settings)).await;
    [first, Server::start(place.path(), &place.settings(&settings)).await]
}

async fn people(server: &Server) -> (Account, Account) {
    let mut client = Client::connect(server.address).await.unwrap();
    (client.newcomer("ann", 10_000_000).await, client.register("bob").await)
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_on_two_processes_have_one_effect_for_each_key() {
    let _turn = TURN.lock().await;
    let place = crate::place();
    let servers = two(&place).await;
    let (ann, bob) = people(&servers[0]).await;
    let meeting = Arc::new(Barrier::new(AT_ONCE));
    let mut lines = Vec::new();
    for line in 0..AT_ONCE {
        let mut client = Client::connect(servers[line % 2].address).await.unwrap();
        let (ann, bob, meeting) = (ann.clone(), bob.clone(), Arc::clone(&meeting));
        lines.push(tokio::spawn(async move {
            let mut heard: Vec<(Answer, Duration)> = Vec::new();
            for key in 0..keys() {
                meeting.wait().await;
                let sent = Instant::now();
                let key = format!("same-{key}");
                heard.push((client.transfer(&ann.token, &key, (&bob.id, 1, &key)).await.unwrap(), sent.elapsed()));
            }
            heard
        }));
    }
    let mut heard = Vec::new();
    for line in lines {
        heard.push(line.await.unwrap());
    }
    let mut told = Vec::new();
    for key in 0..keys() {
        let answers: Vec<&(Answer, Duration)> = heard.iter().map(|line| &line[key]).collect();
        let first = answers.iter().filter(|(answer, _)| answer.status == 201 && !answer.is_replay()).count();
        assert_eq!(first, 1, "{answers:?}");
        for (answer, took) in answers {
            let in_progress = answer.body["code"] == "request_in_progress";
            assert!(answer.status == 201 || in_progress, "{answer:?}");
            told.extend(in_progress.then_some(*took));
        }
    }
    told.sort_unstable();
    println!(
        "{} answers, {} with 409: p50 {:.1?}, p99 {:.1?}",
        AT_ONCE * keys(),
        told.len(),
        told[told.len() / 2],
        told[told.len() * 99 / 100]
    );
    let mut client = Client::connect(servers[1].address).await.unwrap();
    assert_eq!(client.get("/api/wallet/balance", &bob.token).await.unwrap().body["balance_cents"], keys());
    for server in servers {
        server.stop().await;
    }
    reconcile(place.path(), &place.settings(&[]));
}

/// Holds the wallets of a database locked until told to let go.
fn lock(place: &Place) -> (Sender<()>, Receiver<()>) {
    let url = place.url().unwrap().to_owned();
    let ((let_go, told), (locked, is_locked)) = (channel::<()>(), channel());
    std::thread::spawn(move || {
        let mut client = postgres::Client::connect(&url, postgres::NoTls).unwrap();
        let mut transaction = client.transaction().unwrap();
        transaction.execute("SELECT 1 FROM wallets WHERE kind = 'user' FOR UPDATE", &[]).unwrap();
        locked.send(()).unwrap();
        let _ = told.recv();
        transaction.rollback().unwrap();
        locked.send(()).unwrap();
    });
    (let_go, is_locked)
}

/// A payment that hangs in the database, on the first process.
async fn stuck(place: &Place, server: &Server, ann: &Account, bob: &Account) -> tokio::task::JoinHandle<()> {
    let mut client = Client::connect(server.address).await.unwrap();
    let (ann, bob) = (ann.clone(), bob.clone());
    let task = tokio::spawn(async move {
        let _ = client.transfer(&ann.token, "stuck", (&bob.id, 5, "stuck")).await;
    });
    let waiting = "SELECT CAST(COUNT(*) AS BIGINT) FROM pg_stat_activity WHERE datname = current_database()
        AND wait_event_type = 'Lock'";
    let until = Instant::now() + Duration::from_secs(3);
    while rows(place.url().unwrap(), waiting, |row| row.get::<_, i64>(0))[0] == 0 {
        assert!(Instant::now() < until, "the payment does not wait for the lock");
        sleep(GLANCE).await;
    }
    task
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_on_another_process_is_told_at_once_and_succeeds_soon_after_a_kill() {
    let _turn = TURN.lock().await;
    let place = crate::place();
    let [first, second] = two(&place).await;
    let (ann, bob) = people(&first).await;
    let (let_go, is_locked) = lock(&place);
    is_locked.recv().unwrap();
    let task = stuck(&place, &first, &ann, &bob).await;
    let mut client = Client::connect(second.address).await.unwrap();
    for _ in 0..5 {
        let sent = Instant::now();
        let answer = client.transfer(&ann.token, "stuck", (&bob.id, 5, "stuck")).await.unwrap();
        assert_eq!((answer.status, answer.header("retry-after")), (409, "1"), "{answer:?}");
        assert!(sent.elapsed() < TOLD_WITHIN, "told after {:?}", sent.elapsed());
    }
    first.kill();
    let killed = Instant::now();
    task.await.unwrap();
    let_go.send(()).unwrap();
    is_locked.recv().unwrap();
    loop {
        let answer = client.transfer(&ann.token, "stuck", (&bob.id, 5, "stuck")).await.unwrap();
        if answer.status == 201 {
            break;
        }
        assert_eq!(answer.status, 409, "{answer:?}");
        assert!(killed.elapsed() < FREE_WITHIN, "still blocked: {answer:?}");
        sleep(GLANCE).await;
    }
    println!("a retry on another process succeeded {:.0?} after the kill", killed.elapsed());
    assert_eq!(client.get("/api/wallet/balance", &bob.token).await.unwrap().body["balance_cents"], 5);
    second.stop().await;
    reconcile(place.path(), &place.settings(&[]));
}

/// Where the note of a recorded key would be.
fn note_of(row: &postgres::Row) -> String {
    let (principal, digest): (String, Vec<u8>) = (row.get(0), row.get(1));
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("superapp:flight:{{{}{digest}}}", principal.replace('-', ""))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_that_nobody_took_away_blocks_nothing_that_is_on_record() {
    let _turn = TURN.lock().await;
    let place = crate::place();
    let [first, second] = two(&place).await;
    let (ann, bob) = people(&first).await;
    let mut client = Client::connect(first.address).await.unwrap();
    let paid = client.transfer(&ann.token, "noted", (&bob.id, 5, "noted")).await.unwrap();
    assert_eq!(paid.status, 201);
    // As if the first process could not take its note away.
    let mut redis = far::connect();
    let processes: Vec<String> =
        redis::cmd("ZRANGE").arg("superapp:{processes}").arg(0).arg(-1).query(&mut redis).unwrap();
    assert_eq!(processes.len(), 2);
    let name = rows(
        place.url().unwrap(),
        "SELECT CAST(principal_id AS TEXT), key_digest FROM idempotency_keys ORDER BY created_at DESC LIMIT 1",
        note_of,
    );
    for process in processes {
        redis::cmd("SET").arg(&name[0]).arg(format!("{process} 7")).exec(&mut redis).unwrap();
        for server in [&first, &second] {
            let mut client = Client::connect(server.address).await.unwrap();
            let replayed = client.transfer(&ann.token, "noted", (&bob.id, 5, "noted")).await.unwrap();
            assert!(replayed.is_replay() && replayed.bytes == paid.bytes, "{replayed:?}");
        }
    }
}
