//! What a log line costs: looking for secrets in it, and making it. Prints figures, judges nothing:
//! `cargo bench --package superapp --bench masking`.

#![expect(clippy::print_stdout, clippy::unwrap_used, clippy::indexing_slicing, reason = "a program for people")]
#![expect(clippy::disallowed_methods, reason = "it measures")]

use std::hint::black_box;
use std::time::Instant;
use superapp::clock::Clock;
use superapp::telemetry::layer::Lines;
use superapp::telemetry::line::Line;
use superapp::telemetry::mask;
use tracing_subscriber::layer::SubscriberExt;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RUNS: usize = 300_000;
const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
/// What a line about a request has for texts.
const FIELDS: &[(&str, &str)] = &[
    ("message", "request"),
    ("request_id", "0198f2a1-9c3b-7d2e-8f41-0a2b4c6d8e0f"),
    ("user_id", "usr_01jhk3n5v8e9tbxq4r6w2m7c0z"),
    ("method", "POST"),
    ("route", "/api/contents/{id}/unlock"),
    ("code", "insufficient_funds"),
    ("address", "2001:db8:85a3::8a2e:370:7334"),
    ("user_agent", AGENT),
];
const ERROR: &str = "a unit of work failed: the database refused a statement: error connecting to server: \
    postgres://app:hunter2@db.example.com/app?sslmode=require: Connection refused (os error 111)";

fn time(name: &str, mut run: impl FnMut()) {
    let mut nanos: Vec<u64> = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let started = Instant::now();
        run();
        nanos.push(u64::try_from(started.elapsed().as_nanos()).unwrap());
    }
    nanos.sort_unstable();
    let at = |part: usize| nanos[nanos.len() * part / 10_000];
    println!("{name:<52} p50 {:>6} ns  p99 {:>6} ns  p99.9 {:>7} ns", at(5_000), at(9_900), at(9_990));
}

fn main() {
    time("masking the line of a request (8 texts)", || {
        for (name, value) in FIELDS {
            black_box(mask::field(name, black_box(value)));
        }
    });
    time("masking an error with a database URL in it", || {
        black_box(mask::text(black_box(ERROR)));
    });
    let kilobyte = AGENT.repeat(15);
    time("masking 1 KiB without a secret", || {
        black_box(mask::text(black_box(&kilobyte)));
    });
    let json = r#"{"email":"ann@example.com","password":"hunter2","items":[1,2,3],"note":"a text"}"#.repeat(12);
    time("masking 1 KiB of JSON with 24 secrets", || {
        black_box(mask::text(black_box(&json)));
    });
    let sink = |line: &Line| {
        black_box(line.json());
    };
    let layer = Lines::new("info".parse().unwrap(), Clock::System, sink);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let [_, id, user, method, route, code, address, agent] =
            FIELDS.iter().map(|(_, value)| *value).collect::<Vec<_>>()[..]
        else {
            return;
        };
        time("a request: its span, its line, masked, as JSON", || {
            let user_id = tracing::field::Empty;
            let span = tracing::error_span!(target: "superapp::http", "request", request_id = id, user_id);
            span.record("user_id", user);
            let _entered = span.enter();
            let (status, duration_ms) = (402_u16, 1.234);
            tracing::warn!(target: "superapp::http", method, route, status, duration_ms, code, address, user_agent = agent, "request");
        });
    });
}
