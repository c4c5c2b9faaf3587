//! Redis, which processes share if there is one: what they count together, and who of them is alive.
//!
//! Nothing rests on it: whoever asks gets an answer within 20 ms (40 if others get theirs), or none, and knows what
//! to do then. After the first
//! failure nobody asks until it has answered a heartbeat again.

mod link;

pub use ::redis::{FromRedisValue, RedisError, Script, ScriptInvocation};

use link::{Link, Target};
use secrecy::SecretString;
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval, timeout};
use uuid::Uuid;

/// How long anything may take that a request waits for.
const PATIENCE: Duration = Duration::from_millis(20);
/// Between two heartbeats, which are also how a lost Redis is found again.
const BEAT: Duration = Duration::from_millis(200);
/// How long a heartbeat may take.
const BEAT_PATIENCE: Duration = Duration::from_millis(100);
/// How long connecting may take.
const CONNECT_PATIENCE: Duration = Duration::from_millis(500);
/// Heartbeats in a row without an answer, after which the connection is given up.
const UNANSWERED_MAX: u32 = 5;
/// A process without a heartbeat for this long is not alive.
const ALIVE_MICROS: u64 = 600_000;
/// A process without a heartbeat for this long does not share the limits any more.
const KNOWN_MICROS: u64 = 3_000_000;
/// After Redis has forgotten the processes, each has been heard of again within so many heartbeats, or is gone.
const BEATS_TO_GATHER: u32 = 15;
/// When each process was last heard of.
const PROCESSES: &str = "superapp:{processes}";
/// What Redis knows began when this was written down: when it changes, everything else was lost, too.
const MEMORY: &str = "superapp:{processes}:memory";

/// Notes a heartbeat, forgets who has not been heard of, and says how many there are, and since when it knows.
static NOTE_BEAT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local time = redis.call('TIME')
         local now = time[1] * 1000000 + time[2]
         redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
         redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', now - ARGV[2]))
         redis.call('PEXPIRE', KEYS[1], 60000)
         redis.call('SET', KEYS[2], ARGV[1] .. ' ' .. string.format('%.0f', now), 'NX')
         return {redis.call('ZCARD', KEYS[1]), redis.call('GET', KEYS[2])}",
    )
});

/// Whether a process was heard of lately.
static IS_ALIVE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local time = redis.call('TIME')
         local beat = redis.call('ZSCORE', KEYS[1], ARGV[1])
         if beat and beat + ARGV[2] > time[1] * 1000000 + time[2] then return 1 end
         return 0",
    )
});

/// A Redis, or a cluster of them.
#[derive(Debug)]
struct Inner {
    target: Target,
    link: RwLock<Option<Link>>,
    is_up: AtomicBool,
    /// Processes that were known at the last heartbeat.
    processes: AtomicU32,
    /// Heartbeats during which that number only grows: what Redis forgot was not the other processes' end.
    gathering: AtomicU32,
    /// How many answers there were.
    answers: AtomicU64,
    /// This process.
    id: String,
    /// Since when Redis knows what it knows.
    memory: Mutex<String>,
    /// How often it has forgotten everything.
    epoch: AtomicU32,
}

/// A handle. The heartbeat ends with the last one.
#[derive(Clone, Debug)]
pub struct Redis(Arc<Inner>);

impl Redis {
    /// Connects, if it answers, and begins the heartbeat. A Redis that does not answer is no error.
    ///
    /// # Errors
    /// If the URL is none.
    pub async fn start(url: &SecretString, id: Uuid) -> anyhow::Result<Self> {
        let redis = Self(Arc::new(Inner {
            target: Target::parse(url)?,
            link: RwLock::new(None),
            is_up: AtomicBool::new(false),
            processes: AtomicU32::new(1),
            gathering: AtomicU32::new(0),
            answers: AtomicU64::new(0),
            id: id.simple().to_string(),
            memory: Mutex::default(),
            epoch: AtomicU32::new(0),
        }));
        ::metrics::gauge!("redis_up").set(0.0);
        if redis.0.beat().await {
            tracing::info!("Redis answers: processes share their limits");
        } else {
            tracing::warn!("Redis does not answer: this process limits by itself until it does");
        }
        tokio::spawn(keep_beating(Arc::downgrade(&redis.0)));
        Ok(redis)
    }

    /// Whether it answered when it was last asked.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.0.is_up.load(Ordering::Relaxed)
    }

    /// How many processes there were when Redis was last heard of, this one included.
    #[must_use]
    pub fn processes(&self) -> NonZeroU32 {
        NonZeroU32::new(self.0.processes.load(Ordering::Relaxed)).unwrap_or(NonZeroU32::MIN)
    }

    /// Another number whenever Redis has forgotten what it was told, which its heartbeat finds out.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.0.epoch.load(Ordering::Relaxed)
    }

    /// What this process is called in Redis.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Whether another process is alive. `None`: nobody knows.
    pub async fn is_alive(&self, id: &str) -> Option<bool> {
        let mut call = IS_ALIVE.key(PROCESSES);
        call.arg(id).arg(ALIVE_MICROS);
        self.ask(&call).await
    }

    /// Runs a script. `None`: Redis did not answer in time, or is known not to answer.
    pub async fn ask<T: FromRedisValue>(&self, call: &ScriptInvocation<'_>) -> Option<T> {
        if !self.is_up() {
            return None;
        }
        let mut link = self.0.link()?;
        let answers = || self.0.answers.load(Ordering::Relaxed);
        let before = answers();
        let mut running = pin!(link.run(call));
        let mut outcome = timeout(PATIENCE, running.as_mut()).await;
        if outcome.is_err() && answers() != before {
            // Others were answered meanwhile: it is this process that is slow.
            outcome = timeout(PATIENCE, running).await;
        }
        match outcome {
            Ok(Ok(answer)) => {
                self.0.answers.fetch_add(1, Ordering::Relaxed);
                return Some(answer);
            }
            Ok(Err(error)) => {
                self.0.hang_up();
                self.0.lost(&error);
            }
            Err(_) if answers() == before => self.0.lost(&"no answer in 20 ms"),
            Err(_) => ::metrics::counter!("redis_late_answers_total").increment(1),
        }
        None
    }
}

impl Inner {
    fn link(&self) -> Option<Link> {
        self.link.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The next heartbeat connects anew.
    fn hang_up(&self) {
        *self.link.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// From now on nobody asks. Said once for each time that it is lost.
    fn lost(&self, reason: &dyn std::fmt::Display) {
        if self.is_up.swap(false, Ordering::Relaxed) {
            tracing::warn!(%reason, "Redis is lost: each process enforces its share of the limits until it answers");
            ::metrics::gauge!("redis_up").set(0.0);
            ::metrics::counter!("redis_losses_total").increment(1);
        }
    }

    fn remember(&self, memory: String) {
        let mut known = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if *known != memory {
            if !known.is_empty() {
                tracing::warn!("Redis has forgotten what it was told: limits are told it again");
                self.epoch.fetch_add(1, Ordering::Relaxed);
                self.gathering.store(BEATS_TO_GATHER, Ordering::Relaxed);
            }
            *known = memory;
        }
    }

    /// Only the heartbeat writes these two.
    fn count(&self, processes: u32) {
        let gathering = self.gathering.load(Ordering::Relaxed);
        self.gathering.store(gathering.saturating_sub(1), Ordering::Relaxed);
        let known = if gathering > 0 { self.processes.load(Ordering::Relaxed) } else { 0 };
        self.processes.store(known.max(processes), Ordering::Relaxed);
    }

    async fn connected(&self) -> Result<Link, RedisError> {
        if let Some(link) = self.link() {
            return Ok(link);
        }
        let link = self.target.connect(CONNECT_PATIENCE).await?;
        *self.link.write().unwrap_or_else(PoisonError::into_inner) = Some(link.clone());
        Ok(link)
    }

    /// One heartbeat. Says whether it was answered.
    async fn beat(&self) -> bool {
        // The driver's own time-out does not cover all of a cluster.
        let connected = timeout(2 * CONNECT_PATIENCE, self.connected()).await;
        let Ok(Ok(mut link)) = connected else {
            self.lost(&"it cannot be connected to");
            return false;
        };
        let mut call = NOTE_BEAT.key(PROCESSES);
        call.key(MEMORY).arg(&self.id).arg(KNOWN_MICROS);
        match timeout(BEAT_PATIENCE, link.run::<(u32, String)>(&call)).await {
            Ok(Ok((processes, memory))) => {
                self.remember(memory);
                self.count(processes);
                ::metrics::gauge!("redis_processes").set(processes);
                if !self.is_up.swap(true, Ordering::Relaxed) {
                    ::metrics::gauge!("redis_up").set(1.0);
                }
                true
            }
            Ok(Err(error)) => {
                self.hang_up();
                self.lost(&error);
                false
            }
            Err(_) => {
                self.lost(&"a heartbeat was not answered");
                false
            }
        }
    }
}

/// Beats for as long as anybody has a handle.
async fn keep_beating(inner: Weak<Inner>) {
    let mut ticks = interval(BEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut unanswered = 0;
    loop {
        ticks.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        let was_up = inner.is_up.load(Ordering::Relaxed);
        if inner.beat().await {
            unanswered = 0;
            if !was_up {
                tracing::info!("Redis answers again: processes share their limits");
            }
        } else {
            unanswered += 1;
        }
        // A connection may be dead without anybody having said so.
        if unanswered >= UNANSWERED_MAX {
            inner.hang_up();
            unanswered = 0;
        }
    }
}
