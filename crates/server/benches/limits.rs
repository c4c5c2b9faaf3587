//! What a decision of the limiter costs, and how much memory it has for ten million addresses. Prints figures, judges
//! nothing: `scripts/with-redis cargo bench --package superapp --bench limits`, or without Redis.

#![expect(clippy::print_stdout, clippy::unwrap_used, clippy::indexing_slicing, reason = "a program for people")]
#![expect(clippy::disallowed_methods, reason = "it measures")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;
use superapp::clock::{Clock, Ids};
use superapp::config::{Config, Sources};
use superapp::gateway::redis::Redis;
use superapp::limits::Limiter;

use domain::id::UserId;
use domain::rate_limit::Class;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const DECISIONS: usize = 2_000_000;
const ADDRESSES: u32 = 10_000_000;

fn config() -> Config {
    Sources { file: None, environment: BTreeMap::new() }.load().unwrap()
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// What a decision without Redis never waits for.
fn at_once<T>(decision: impl Future<Output = T>) -> T {
    match pin!(decision).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(decision) => decision,
        Poll::Pending => unreachable!("it waits"),
    }
}

/// Decisions in the Redis of `scripts/with-redis`, one after the other.
async fn in_redis(url: String) {
    let ids = Ids::new(Clock::System);
    let redis = Redis::start(&url.into(), ids.uuid()).await.unwrap();
    let limiter = Limiter::new(&config(), Clock::System, Some(redis)).unwrap();
    let user = UserId::new(ids.uuid());
    let mut nanos: Vec<u64> = Vec::new();
    for _ in 0..20_000 {
        let started = Instant::now();
        black_box(limiter.account(user, Class::Creator, "POST", None).await);
        nanos.push(u64::try_from(started.elapsed().as_nanos()).unwrap());
    }
    print("a decision in Redis", nanos);
}

fn print(name: &str, mut nanos: Vec<u64>) {
    nanos.sort_unstable();
    let at = |part: usize| nanos[nanos.len() * part / 10_000];
    println!("{name:<44} p50 {:>6} ns  p99 {:>6} ns  p99.9 {:>7} ns", at(5_000), at(9_900), at(9_990));
}

/// Each decision by itself, with what reading the clock twice costs.
fn time(name: &str, mut decide: impl FnMut(usize)) {
    let mut nanos: Vec<u64> = Vec::with_capacity(DECISIONS);
    for number in 0..DECISIONS {
        let started = Instant::now();
        decide(number);
        nanos.push(u64::try_from(started.elapsed().as_nanos()).unwrap());
    }
    print(name, nanos);
}

fn main() {
    if let Ok(url) = std::env::var("SUPERAPP_TEST_REDIS") {
        tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(in_redis(url));
    }
    let limiter = Limiter::new(&config(), Clock::System, None).unwrap();
    let ids = Ids::new(Clock::System);
    let users: Vec<UserId> = (0..100_000).map(|_| UserId::new(ids.uuid())).collect();
    let route = Some("/api/wallet/transfer");
    time("a decision, one creator", |_| {
        black_box(at_once(limiter.account(users[0], Class::Creator, "POST", route)));
    });
    time("a decision, 100 000 creators in turn", |number| {
        black_box(at_once(limiter.account(users[number % users.len()], Class::Creator, "POST", route)));
    });
    time("a decision, 100 000 free accounts in turn", |number| {
        black_box(at_once(limiter.account(users[number % users.len()], Class::Free, "POST", route)));
    });
    for _ in 0..200 {
        black_box(at_once(limiter.account(users[1], Class::Free, "POST", route)));
    }
    time("a refusal of who floods", |_| {
        black_box(limiter.flood(users[1], "POST", route));
    });
    let before = resident_kib();
    let started = Instant::now();
    for number in 0..ADDRESSES {
        let address = IpAddr::V4(Ipv4Addr::from_bits(0x0B00_0000 + number));
        black_box(at_once(limiter.address(address, "POST", route)));
        if number + 1 == 1_000_000 {
            println!("{:<44} {} MiB", "memory for a million addresses", (resident_kib() - before) / 1_024);
        }
    }
    let nanos = started.elapsed().as_nanos() / u128::from(ADDRESSES);
    println!("{:<44} {} MiB", "memory for ten million addresses", (resident_kib() - before) / 1_024);
    println!("{:<44} {nanos} ns", "a decision for a new address, on average");
    println!("{:<44} {}", "keys held", limiter.keys());
}
