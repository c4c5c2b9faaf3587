//! The access check of media gateways with a hundred thousand subscriptions: over HTTP, and the store's call alone.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the monotonic clock")]

use super::client::{self, Load, Outcome};
use super::server::{Superapp, User};
use domain::id::UserId;
use domain::timestamp::{Span, Timestamp};
use hdrhistogram::Histogram;
use std::sync::Arc;
use std::time::{Duration, Instant};
use superapp::clock::{Clock, Ids};
use superapp::store::{Database, Options, Work, creators};

const SUBSCRIPTIONS: usize = 100_000;
/// Every user that is measured subscribes to each of these; everybody else is a stranger who does to one.
const CREATORS: usize = 16;

/// Signed in, over HTTP, in the order that leaves no row in a cache of ours: there is none.
pub async fn measure(users: usize, time: Duration) -> Outcome {
    let superapp = Superapp::start().await;
    let users = superapp.users(users).await;
    // Beside the server, as another process would.
    let database = Database::open(&superapp.database().as_path().into(), &Options::default()).unwrap();
    let ids = subscribe(&database, &users).await;
    let load = Load { servers: &[superapp.address], connections: users.len(), time };
    let outcome = load.run(client::entitlements(&users, CREATORS)).await;
    outcome.print("entitlements, 256 connections");
    alone(&database, &ids, time).await;
    database.close().await;
    outcome
}

/// Makes the subscriptions; whom they are for.
async fn subscribe(database: &Database, users: &[User]) -> Arc<[UserId]> {
    let (ids, now) = (Ids::new(Clock::System), Clock::System.now());
    let people: Arc<[UserId]> = users.iter().map(|user| user.id.parse().unwrap()).collect();
    let creators: Vec<UserId> = people.iter().take(CREATORS).copied().collect();
    let own = people.iter().flat_map(|fan| creators.iter().map(|creator| (*fan, *creator)));
    let others = creators.iter().cycle().map(|creator| (UserId::new(ids.uuid()), *creator));
    let pairs: Vec<_> = own.chain(others).take(SUBSCRIPTIONS).collect();
    for some in pairs.chunks(10_000) {
        let (some, ids) = (some.to_vec(), ids.clone());
        let write = move |work: &mut Work<'_>| some.iter().try_for_each(|pair| insert(work, &ids, *pair, now));
        database.write(write, tokio::time::Instant::now() + Duration::from_secs(600)).await.unwrap();
    }
    people
}

fn insert(
    work: &mut Work<'_>,
    ids: &Ids,
    (fan, creator): (UserId, UserId),
    now: Timestamp,
) -> Result<(), superapp::store::StoreError> {
    let text =
        "INSERT INTO subscriptions (id, subscriber_id, creator_id, tier, status, price_cents, anchor_at, period, \
        period_start, period_end, expires_at, auto_renew, created_at, updated_at)
        VALUES ($1, $2, $3, 'monthly', 'active', 1, $4, 0, $4, $5, $5, 0, $4, $4)";
    let end = now.plus(Span::days(30));
    work.execute_one(text, &[ids.uuid().into(), fan.into(), creator.into(), now.into(), end.into()])
}

/// The same question to the store, one after the other, on one thread.
async fn alone(database: &Database, people: &Arc<[UserId]>, time: Duration) {
    let mut latency = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3).unwrap();
    let (end, mut count) = (Instant::now() + time, 0_usize);
    while Instant::now() < end {
        // Each user with each creator, in steps that do not go along the tables.
        let (fan, creator) = (count * 97 % people.len(), count * 7 % CREATORS);
        let (fan, creator) = (*people.get(fan).unwrap(), *people.get(creator).unwrap());
        let now = Clock::System.now();
        let asked = Instant::now();
        let until = database.find(creators::subscribed_until(fan, creator, now)).await.unwrap();
        latency.saturating_record(u64::try_from(asked.elapsed().as_nanos()).unwrap());
        assert!(until.is_some_and(|until| until.is_some()), "a subscription is not found");
        count += 1;
    }
    let at = |quantile: f64| Duration::from_nanos(latency.value_at_quantile(quantile));
    println!("{:34} {:>12} {:>10.1?} {:>10.1?}", "entitlements, the store alone", latency.len(), at(0.5), at(0.99));
}
