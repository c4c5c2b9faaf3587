//! Years of subscriptions on a whole server: its jobs, its ledger and its files, by a clock that is handed in. Now
//! and then it is restarted, is down for a day or two, or dies in the middle of a job. Every period is charged
//! once and on its day, every end comes when it is due, and the ledger adds up each year.
//!
//! `RENEWALS_SUBSCRIPTIONS`, `RENEWALS_YEARS` and `RENEWALS_SEED` change the run; `scripts/renewals` is the long one.

mod books;
mod life;
mod wish;

use crate::harness::{Client, Person, discrepancies, together, unique};
use crate::place::Place;
use axum::http::Method;
use books::{Books, Sums};
use domain::id::{SubscriptionId, UserId};
use domain::subscription::PlanTier;
use domain::timestamp::Timestamp;
use life::Life;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use superapp::clock::stopwatch;
use superapp::store::subscriptions;
use tempfile::TempDir;
use wish::{CREATORS, DAY, LATE, LATER, Later, MONTHS_OF_SIGNING_UP, START, Wish, months_after};

/// Every day of every month with 31 days, and some 29ths of February.
const SUBSCRIPTIONS: u64 = 217;
const YEARS: u64 = 1;
const RICH: i64 = 1_000_000_000;
/// Less than any period, and than what a fan leaves between a charge and a cancellation.
const DAYS_DOWN_MAX: u32 = 3;
/// What happens at a moment.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Event {
    Subscribe(usize),
    Cancel(usize),
    Resume(usize),
}

/// A server through the years.
struct World {
    /// Its secrets.
    directory: TempDir,
    place: Place,
    time: Arc<AtomicI64>,
    life: Option<Life>,
    random: StdRng,
    wishes: Vec<Wish>,
    fans: Vec<(UserId, i64)>,
    creators: Vec<UserId>,
    subscriptions: Vec<Option<SubscriptionId>>,
    runs: Vec<i64>,
    days_down: u32,
    restarts: u32,
    deaths: u32,
    /// Of these, with some of what was due done and some not.
    deaths_midway: u32,
}

impl World {
    fn new(wishes: Vec<Wish>, seed: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let time = Arc::new(AtomicI64::new(START - DAY));
        let place = Place::new();
        let life = Life::begin(directory.path(), &place, &time);
        let fans = life.run(register(&life.client, &wishes));
        let creators = life.run(offer(&life.client));
        let subscriptions = vec![None; wishes.len()];
        Self {
            directory,
            place,
            time,
            life: Some(life),
            random: StdRng::seed_from_u64(seed),
            wishes,
            fans,
            creators,
            subscriptions,
            runs: Vec::new(),
            days_down: 0,
            restarts: 0,
            deaths: 0,
            deaths_midway: 0,
        }
    }

    fn life(&self) -> &Life {
        self.life.as_ref().unwrap()
    }

    /// One life is over and the next begins.
    fn restart(&mut self, end: impl FnOnce(Life)) {
        end(self.life.take().unwrap());
        self.life = Some(Life::begin(self.directory.path(), &self.place, &self.time));
    }

    fn is_one_in(&mut self, count: u32) -> bool {
        self.random.random_ratio(1, count)
    }

    /// What people do at a moment.
    fn act(&mut self, moment: i64, event: Event) {
        self.time.store(moment, Ordering::SeqCst);
        let (Event::Subscribe(index) | Event::Cancel(index) | Event::Resume(index)) = event;
        let (wish, fan) = (&self.wishes[index], self.fans[index].0);
        let life = self.life.as_ref().unwrap();
        let token = life.run(life.client.token_of(fan));
        let post = |path: String| life.client.call(Method::POST, path).bearer(&token).key(&unique("act"));
        let path = |act| format!("/api/subscriptions/{}/{act}", self.subscriptions[index].unwrap());
        match event {
            Event::Subscribe(_) => {
                let body = json!({ "creator_id": self.creators[wish.creator].to_string(), "tier": wish.tier.as_str() });
                let sold = life.run(post("/api/subscriptions".to_owned()).json(body).send()).done(201).json();
                self.subscriptions[index] = Some(sold["subscription"]["id"].as_str().unwrap().parse().unwrap());
            }
            Event::Cancel(_) => drop(life.run(post(path("cancel")).send()).done(200)),
            Event::Resume(_) => drop(life.run(post(path("resume")).send()).done(200)),
        }
    }

    /// How many renewals are due.
    fn due(&self, moment: i64) -> usize {
        let now = Timestamp::from_micros(moment);
        let database = &self.life().client.database;
        self.life().run(database.read(move |view| subscriptions::due(view, now, i64::MAX))).unwrap().len()
    }

    /// The server looks for what is due, and may die of it. Whether it lived.
    fn wake(&mut self, moment: i64) -> bool {
        self.time.store(moment, Ordering::SeqCst);
        let due = self.due(moment);
        let is_deadly = due > 0 && self.is_one_in(3);
        let steps = 1 << self.random.random_range(0..14_u32);
        let woken = if is_deadly { self.life().wake_for(steps) } else { Some(self.life().wake()) };
        match woken {
            Some(true) => self.runs.push(moment),
            Some(false) => {}
            None => {
                let at_once = self.is_one_in(2);
                self.restart(|life| life.die(at_once));
                self.deaths += 1;
                self.deaths_midway += u32::from((1..due).contains(&self.due(moment)));
            }
        }
        woken.is_some()
    }

    /// One day of the world, with what people do on it.
    fn day(&mut self, midnight: i64, events: &[(i64, Event)]) {
        if events.is_empty() && self.days_down < DAYS_DOWN_MAX && self.is_one_in(15) {
            self.days_down += 1;
            return;
        }
        self.days_down = 0;
        if self.is_one_in(15) {
            self.restart(Life::end);
            self.restarts += 1;
        }
        let mut early =
            if self.is_one_in(3) { Some(midnight + self.random.random_range(0..LATE - DAY / 24)) } else { None };
        for (moment, event) in events {
            if let Some(early) = early.take_if(|early| *early < *moment) {
                self.wake(early);
            }
            if *moment >= midnight + LATE {
                break;
            }
            self.act(*moment, *event);
        }
        if let Some(early) = early {
            self.wake(early);
        }
        if !self.wake(midnight + LATE) {
            self.wake(midnight + LATER);
        }
        for (moment, event) in events.iter().filter(|(moment, _)| *moment >= midnight + LATE) {
            self.act(*moment, *event);
        }
    }

    /// Fails unless the ledger adds up now.
    fn reconcile(&self) {
        let client = &self.life().client;
        let found = self.life().run(discrepancies(client.database.clone(), client.clock.now())).unwrap();
        assert_eq!(found, []);
    }

    fn check(&self) -> Sums {
        let subscriptions: Vec<_> = self.subscriptions.iter().map(|id| id.unwrap()).collect();
        let client = &self.life().client;
        let books = Books {
            database: &client.database,
            wishes: &self.wishes,
            fans: &self.fans,
            subscriptions: &subscriptions,
            creators: &self.creators,
            runs: &self.runs,
            grace: client.renewal_policy.grace.as_micros(),
        };
        self.life().run(books.check())
    }
}

/// Everybody who will sign up, with their money.
async fn register(client: &Client, wishes: &[Wish]) -> Vec<(UserId, i64)> {
    let fan = |(index, wish): (usize, &Wish)| {
        let cents = if let Later::RunsDry(periods) = wish.later { periods * wish.price } else { RICH };
        let (client, name) = (client.clone(), format!("fan{index}"));
        async move {
            let fan = Person::register(&client, &name).await;
            fan.deposit(cents).fresh_key().send().await.done(201);
            (fan.id, cents)
        }
    };
    let mut fans = Vec::with_capacity(wishes.len());
    // Few at once: hashes of passwords are only made so many at a time.
    for some in wishes.iter().enumerate().collect::<Vec<_>>().chunks(16) {
        fans.extend(together(some.iter().copied().map(fan)).await);
    }
    fans
}

/// The creators, with a plan of each tier.
async fn offer(client: &Client) -> Vec<UserId> {
    let mut creators = Vec::new();
    for index in 0..CREATORS {
        let creator = Person::register(client, &format!("creator{index}")).await;
        creator.become_creator().await;
        for tier in PlanTier::ALL {
            creator.offer(*tier, wish::price(index, *tier)).await;
        }
        creators.push(creator.id);
    }
    creators
}

/// What people will do, in its order.
fn events(wishes: &[Wish]) -> Vec<(i64, Event)> {
    let mut events = Vec::new();
    for (index, wish) in wishes.iter().enumerate() {
        events.push((wish.anchor, Event::Subscribe(index)));
        events.extend(wish.cancels_at().map(|at| (at, Event::Cancel(index))));
        events.extend(wish.resumes_at().map(|at| (at, Event::Resume(index))));
    }
    events.sort_unstable();
    events
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[test]
fn years_of_subscriptions_are_charged_once_for_each_period_and_on_its_day() {
    let count = from_environment("RENEWALS_SUBSCRIPTIONS", SUBSCRIPTIONS);
    let (years, seed) = (from_environment("RENEWALS_YEARS", YEARS), from_environment("RENEWALS_SEED", rand::random()));
    println!("RENEWALS_SUBSCRIPTIONS={count} RENEWALS_YEARS={years} RENEWALS_SEED={seed}");
    let started = stopwatch();
    let wishes = wish::wishes(usize::try_from(count).unwrap(), seed);
    let events = events(&wishes);
    let mut world = World::new(wishes, seed);
    let end = months_after(START, MONTHS_OF_SIGNING_UP + 12 * i64::try_from(years).unwrap());
    let mut done = 0;
    for (day, midnight) in (0_u32..).zip((START..end).step_by(usize::try_from(DAY).unwrap())) {
        let today = events[done..].partition_point(|(moment, _)| *moment < midnight + DAY);
        world.day(midnight, &events[done..done + today]);
        done += today;
        if day % 365 == 364 {
            world.reconcile();
        }
    }
    world.reconcile();
    let Sums { charges, on_the_day, ended } = world.check();
    let World { runs, restarts, deaths, deaths_midway, .. } = world;
    println!(
        "{charges} charges, {on_the_day} of them on the very day, {ended} ends, {} runs, {restarts} restarts, \
         {deaths} deaths in a run ({deaths_midway} of them with a part of it done), in {:.0?}",
        runs.len(),
        started.elapsed(),
    );
    assert!(deaths > 10 && restarts > 10 && ended > 10, "too little happened");
}
