//! A real streaming replica beside the database: what may be old is read from it, nothing else is, and when it falls
//! behind or goes away nobody notices but whoever looks at the health.

use crate::client::{Account, Client};
use crate::own::OwnServer;
use crate::place::{Place, on_a_thread, rows};
use crate::server::{GLANCE, Server};
use hyper::Method;
use postgres::NoTls;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How far behind the replica may be here, and how long anything may take to be noticed.
const LAG_SECONDS_MAX: &str = "4";
const NOTICED_WITHIN: Duration = Duration::from_secs(20);

struct Scene {
    server: Server,
    client: Client,
    place: Place,
    /// The replica's own database.
    replica: String,
    fan: Account,
    creator: Account,
}

/// The URL of a place's database on another server.
fn beside(place: &Place, server: &str) -> String {
    format!("{server}/{}", place.url().unwrap().rsplit('/').next().unwrap())
}

async fn start(place: &Place, replica: &str) -> Server {
    let more = [
        ("DATABASE_READ_URL", replica),
        ("SUPERAPP_DATABASE__READ_LAG_SECONDS_MAX", LAG_SECONDS_MAX),
        ("SUPERAPP_METRICS__LISTEN", "127.0.0.1:0"),
    ];
    Server::start(place.path(), &place.settings(&more)).await
}

async fn until_it_says(server: &Server, told: &str) {
    let since = Instant::now();
    while !server.log().contains(told) {
        assert!(since.elapsed() < NOTICED_WITHIN, "{told}:\n{}", server.log());
        sleep(GLANCE).await;
    }
}

impl Scene {
    async fn new(postgres: &OwnServer) -> Self {
        let place = Place::on(&postgres.url);
        let replica = beside(&place, &postgres.replica);
        let server = start(&place, &replica).await;
        let mut client = Client::connect(server.address).await.unwrap();
        let (creator, fan) = (client.newcomer("cleo", 1_000_000).await, client.newcomer("fan", 1_000_000).await);
        client.done(Method::POST, "/api/users/me/creator", &creator, "creator", &json!({})).await;
        let mut scene = Self { server, client, place, replica, fan, creator };
        scene.until_health_is("healthy", "up").await;
        scene
    }

    async fn health(&mut self) -> (u16, Value) {
        let answer = self.client.get("/api/health", "").await.unwrap();
        (answer.status, json!([answer.body["status"], answer.body["checks"]["replica"]]))
    }

    async fn until_health_is(&mut self, status: &str, replica: &str) {
        let since = Instant::now();
        while self.health().await != (200, json!([status, replica])) {
            assert!(since.elapsed() < NOTICED_WITHIN, "{:?}\n{}", self.health().await, self.server.log());
            sleep(GLANCE).await;
        }
    }

    /// Stops or resumes what the replica does with what it hears.
    fn replay(&self, act: &str) {
        let text = format!("SELECT CAST(pg_wal_replay_{act}() AS TEXT)");
        rows(&self.replica, &text, |_| ());
    }

    async fn publish(&mut self, title: &str) -> String {
        let body = json!({ "type": "video", "title": title, "price_cents": 500, "media_url": "https://cdn.example.com/a.mp4" });
        let content = self.client.done(Method::POST, "/api/content", &self.creator, title, &body).await;
        content["id"].as_str().unwrap().to_owned()
    }

    async fn catalogue(&mut self, creator: bool) -> Vec<Value> {
        let token = if creator { &self.creator.token } else { &self.fan.token };
        let answer = self.client.get("/api/content", token).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["data"].as_array().unwrap().clone()
    }

    async fn titles(&mut self, creator: bool) -> Vec<String> {
        let title = |content: &Value| content["title"].as_str().unwrap().to_owned();
        self.catalogue(creator).await.iter().map(title).collect()
    }

    async fn until_the_fan_sees(&mut self, titles: &[&str]) -> Duration {
        let since = Instant::now();
        while self.titles(false).await != titles {
            assert!(since.elapsed() < NOTICED_WITHIN, "{:?}\n{}", self.titles(false).await, self.server.log());
            sleep(GLANCE).await;
        }
        since.elapsed()
    }

    async fn board(&mut self) -> Value {
        let path = format!("/api/gifts/leaderboard?creator_id={}", self.creator.id);
        self.client.get(&path, &self.fan.token).await.unwrap().body["data"].clone()
    }

    async fn metric(&self, name: &str) -> f64 {
        let mut client = Client::connect(self.server.address_of("Metrics")).await.unwrap();
        let answer = client.get("/metrics", "").await.unwrap();
        let text = answer.body.as_str().unwrap();
        let of = |line: &str| line.strip_prefix(name).and_then(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok());
        text.lines().filter_map(of).sum()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_old_is_read_from_the_replica_and_nothing_else_is() {
    let _turn = crate::TURN.lock().await;
    let postgres = OwnServer::start_with_replica();
    let mut scene = Scene::new(&postgres).await;
    let first = scene.publish("first").await;
    scene.until_the_fan_sees(&["first"]).await;
    assert!(scene.metric("database_replica_reads_total").await > 0.0);

    scene.replay("pause");
    let paused = Instant::now();
    let second = scene.publish("second").await;
    let rose = json!({ "recipient_id": scene.creator.id, "gift_type": "rose", "quantity": 1 });
    let fan = scene.fan.clone();
    scene.client.done(Method::POST, "/api/gifts/send", &fan, "gift", &rose).await;
    scene.client.done(Method::POST, &format!("/api/content/{first}/unlock"), &fan, "unlock", &json!({})).await;
    // The list is the replica's; what the fan may see of it is not.
    let seen = scene.catalogue(false).await;
    assert_eq!((seen.len(), &seen[0]["title"], &seen[0]["access"]), (1, &json!("first"), &json!("unlocked")));
    assert!(seen[0]["media_url"].is_string(), "{seen:?}");
    assert_eq!(scene.board().await, json!([]), "the board is the replica's");
    assert_eq!(scene.titles(true).await, ["second", "first"], "who publishes sees it at once");
    for (path, key, expected) in [
        (format!("/api/content/{second}"), "title", json!("second")),
        ("/api/wallet/balance".to_owned(), "balance_cents", json!(1_000_000 - 100_000 - 500)),
    ] {
        assert_eq!(scene.client.get(&path, &fan.token).await.unwrap().body[key], expected, "{path}");
    }
    let history = scene.client.get("/api/wallet/transactions", &fan.token).await.unwrap().body;
    assert_eq!(history["data"].as_array().unwrap().len(), 3, "the newest page is not: {history}");
    assert!(paused.elapsed() < Duration::from_secs(3), "all of it within the bound: {:?}", paused.elapsed());

    // Beyond the bound the database answers for it.
    scene.until_the_fan_sees(&["second", "first"]).await;
    let noticed = paused.elapsed();
    assert!(noticed > Duration::from_secs(2), "{noticed:?}");
    scene.until_health_is("degraded", "down").await;
    assert_eq!(scene.board().await[0]["total_cents"], 100_000);
    assert!(scene.metric("database_replica_fallbacks_total{reason=\"behind\"}").await > 0.0);
    assert!(scene.metric("database_replica_lag_seconds").await > 3.0);
    until_it_says(&scene.server, "too far behind").await;
    println!("replay stood still: the database answered after {noticed:.1?}");

    // And comes back by itself: the next standstill shows that it is read from again.
    scene.replay("resume");
    let resumed = Instant::now();
    scene.until_health_is("healthy", "up").await;
    println!("replay went on: the replica was read from after {:.1?}", resumed.elapsed());
    scene.replay("pause");
    scene.publish("third").await;
    assert_eq!(scene.titles(false).await, ["second", "first"]);
    scene.replay("resume");
    scene.until_the_fan_sees(&["third", "second", "first"]).await;
    scene.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_dies_is_not_missed_and_comes_back_by_itself() {
    let _turn = crate::TURN.lock().await;
    let postgres = OwnServer::start_with_replica();
    let mut scene = Scene::new(&postgres).await;
    scene.publish("first").await;
    scene.until_the_fan_sees(&["first"]).await;
    for _ in 0..2 {
        let stop = postgres.control_replica(&["-m", "immediate", "stop"]);
        let reads = async {
            let (mut reads, since) = (0, Instant::now());
            // Over the stop and what follows it, with no answer that is not right.
            while since.elapsed() < Duration::from_secs(3) {
                assert_eq!(scene.titles(false).await, ["first"]);
                reads += 1;
            }
            reads
        };
        let ((), reads) = tokio::join!(stop, reads);
        println!("{reads} reads while the replica was stopped");
        scene.until_health_is("degraded", "down").await;
        postgres.control_replica(&["start"]).await;
        scene.until_health_is("healthy", "up").await;
    }
    assert!(scene.metric("database_replica_fallbacks_total").await > 0.0);
    // A server starts without it.
    postgres.control_replica(&["-m", "immediate", "stop"]).await;
    let again = start(&scene.place, &scene.replica).await;
    let ready = Client::connect(again.address).await.unwrap().get("/readyz", "").await.unwrap();
    assert_eq!(ready.status, 200);
    again.stop().await;
    scene.server.stop().await;
}

/// Every session of ours on the replica, as the operating system knows it.
fn signal_sessions(replica: &str, signal: Signal) {
    let text = "SELECT pid FROM pg_stat_activity WHERE application_name = 'superapp'";
    let pids: Vec<i32> = rows(replica, text, |row| row.get(0));
    assert!(pids.len() > 1, "readers and the one that watches: {pids:?}");
    pids.into_iter().for_each(|pid| kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_says_nothing_any_more_delays_a_read_by_a_second_and_then_none() {
    let _turn = crate::TURN.lock().await;
    let postgres = OwnServer::start_with_replica();
    let mut scene = Scene::new(&postgres).await;
    scene.publish("first").await;
    scene.until_the_fan_sees(&["first"]).await;
    signal_sessions(&scene.replica, Signal::STOP);
    let (mut slowest, mut slow, frozen) = (Duration::ZERO, 0, Instant::now());
    while frozen.elapsed() < Duration::from_secs(6) {
        let asked = Instant::now();
        assert_eq!(scene.titles(false).await, ["first"]);
        slowest = slowest.max(asked.elapsed());
        slow += u32::from(asked.elapsed() > Duration::from_millis(900));
    }
    println!("{slow} reads waited for a replica that was frozen, {slowest:.2?} at most");
    assert!(slow < 5 && slowest < Duration::from_secs(3), "{slow} reads, {slowest:?}");
    scene.until_health_is("degraded", "down").await;
    assert!(scene.metric("database_replica_fallbacks_total{reason=\"failed\"}").await > 0.0);
    signal_sessions(&scene.replica, Signal::CONT);
    scene.until_health_is("healthy", "up").await;
    scene.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_replica_of_this_database_is_not_read_from() {
    let _turn = crate::TURN.lock().await;
    let postgres = OwnServer::start_with_replica();
    let place = crate::place();
    // The replica of another server has a database of that name, too.
    let other = beside(&place, &postgres.url);
    let name = other.rsplit('/').next().unwrap();
    let create = format!("CREATE DATABASE {name}");
    let at = format!("{}/postgres", postgres.url);
    on_a_thread(|| postgres::Client::connect(&at, NoTls).unwrap().batch_execute(&create).unwrap());
    let primary = place.url().unwrap().to_owned();
    for (url, told) in [(primary, "transaction_read_only"), (beside(&place, &postgres.replica), "another primary")] {
        let server = start(&place, &url).await;
        until_it_says(&server, told).await;
        let mut client = Client::connect(server.address).await.unwrap();
        let health = client.get("/api/health", "").await.unwrap();
        assert_eq!((health.status, &health.body["status"]), (200, &json!("degraded")), "{}", health.body);
        let fan = client.register(&format!("fan-{}", told.len())).await;
        let catalogue = client.get("/api/content", &fan.token).await.unwrap();
        assert_eq!((catalogue.status, &catalogue.body["data"]), (200, &json!([])));
        server.stop().await;
    }
}
