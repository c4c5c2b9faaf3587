//! Which keys are in flight in other processes, as Redis has it: so that a duplicate there is told at once.
//!
//! It is a courtesy. The record of a key in the database decides what happened; whoever finds no Redis, or a note
//! that is stale, asks the database, waits there and replays.

use crate::gateway::redis::{Redis, Script};
use domain::id::UserId;
use domain::idempotency::KeyDigest;
use std::fmt::Write;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::runtime::Handle;

/// How long a note is good for. A request that takes longer is only found in the database.
const NOTE_MILLIS: u64 = 2_000;

/// Leaves a note, unless there is another one than the one that is known to be stale; that one is the answer.
static LEAVE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local note = redis.call('GET', KEYS[1])
         if note and note ~= ARGV[2] then return note end
         redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
         return ''",
    )
});

/// Takes a note away that is one's own.
static TAKE: LazyLock<Script> = LazyLock::new(|| {
    Script::new("if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 0")
});

/// The notes in Redis.
#[derive(Debug)]
pub struct Registry {
    redis: Redis,
    /// Notes are taken away from wherever a flight ends.
    runtime: Handle,
    count: AtomicU64,
}

/// What came of a note.
#[derive(Debug)]
pub enum Announced {
    /// It is there.
    Here(Note),
    /// Another process has the key in flight.
    Elsewhere,
    /// Redis does not answer.
    Nowhere,
}

/// A note that is taken away when this is dropped.
#[derive(Debug)]
pub struct Note {
    redis: Redis,
    runtime: Handle,
    name: String,
    text: String,
}

impl Registry {
    /// The notes of a Redis, for a process whose runtime this is called in.
    #[must_use]
    pub fn new(redis: Redis) -> Self {
        Self { redis, runtime: Handle::current(), count: AtomicU64::new(0) }
    }

    /// Leaves a note for a key.
    pub async fn announce(&self, (principal, digest): (UserId, KeyDigest)) -> Announced {
        let mut name = format!("superapp:flight:{{{}", principal.uuid().simple());
        for byte in digest.0 {
            // Writing to a text cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        name.push('}');
        let text = format!("{} {}", self.redis.id(), self.count.fetch_add(1, Ordering::Relaxed));
        let mut stale = String::new();
        // The second time over a note whose process is gone.
        for _ in 0..2 {
            let mut call = LEAVE.key(&name);
            call.arg(&text).arg(&stale).arg(NOTE_MILLIS);
            let Some(found) = self.redis.ask::<String>(&call).await else { return Announced::Nowhere };
            if found.is_empty() {
                let (redis, runtime) = (self.redis.clone(), self.runtime.clone());
                return Announced::Here(Note { redis, runtime, name, text });
            }
            let owner = found.split(' ').next().unwrap_or_default();
            match self.redis.is_alive(owner).await {
                // Within this process the map of keys in flight rules: what is left here of it is late.
                _ if owner == self.redis.id() => stale = found,
                Some(false) => stale = found,
                Some(true) => return Announced::Elsewhere,
                None => return Announced::Nowhere,
            }
        }
        Announced::Elsewhere
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        let redis = self.redis.clone();
        let (name, text) = (std::mem::take(&mut self.name), std::mem::take(&mut self.text));
        self.runtime.spawn(async move {
            let mut call = TAKE.key(name);
            call.arg(text);
            let _ = redis.ask::<u8>(&call).await;
        });
    }
}
