//! Windows that processes share, in Redis: one script for each decision, by the clock of that server.

use super::windows::Windows;
use crate::gateway::redis::{Redis, Script, ScriptInvocation};
use domain::rate_limit::{Decision, WINDOW_MICROS};
use std::fmt::Display;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::LazyLock;

static DECIDE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("window.lua")));

/// What Redis accepts is written down here a little later: that much sooner it counts no more, or a request that comes
/// at the very moment that Redis named would be refused.
const NOTED_LATE_MICROS: u64 = 100_000;

/// What is asked of a window.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// The limit of this moment.
    pub limit: NonZeroU32,
    /// What the request costs.
    pub cost: NonZeroU32,
    /// A moment that is handed in, by tests. Otherwise it is that of the server.
    pub now: Option<u64>,
}

/// A decision as a call. `ages` says how long ago requests were accepted that Redis has not heard of.
#[must_use]
pub fn question(name: &str, ask: Ask, ages: &[u64]) -> ScriptInvocation<'static> {
    let mut call = DECIDE.key(format!("superapp:limit:{{{name}}}"));
    call.arg(ask.limit.get()).arg(ask.cost.get()).arg(WINDOW_MICROS);
    match ask.now {
        Some(now) => call.arg(now),
        None => call.arg(""),
    };
    for age in ages {
        call.arg(age);
    }
    call
}

/// What the call says.
#[must_use]
pub fn read(ask: Ask, (accepted, remaining, wait_micros): (u8, u32, u64)) -> Decision {
    Decision { accepted: accepted == 1, limit: ask.limit, remaining, wait_micros }
}

/// Decides together with every other process; or alone, about this one's share, while Redis does not answer.
///
/// What is accepted is written down here, too. So a share that begins in the middle of a minute knows what this
/// process let through before, and what was let through alone is told to Redis with the key's next decision.
pub async fn or_alone<K: Copy + Eq + Hash + Display>(
    redis: &Redis,
    windows: &Windows<K>,
    key: K,
    now: impl Fn() -> u64,
    (limit, cost): (NonZeroU32, NonZeroU32),
) -> (Decision, Place) {
    if redis.is_up() {
        let untold = windows.take_untold(key, now(), redis.epoch());
        // However often Redis forgets, this process lets through no more than the limit by itself.
        if untold.is_empty()
            && let Some(wait_micros) = windows.full_for(key, now().saturating_add(NOTED_LATE_MICROS), limit)
        {
            return (Decision { accepted: false, limit, remaining: 0, wait_micros }, Place::Process);
        }
        let ask = Ask { limit, cost, now: None };
        if let Some(said) = redis.ask(&question(&key.to_string(), ask, &untold)).await {
            let decision = read(ask, said);
            if decision.accepted {
                windows.record(key, now(), limit, cost);
            }
            return (decision, Place::Redis);
        }
        windows.put_back_untold(key, untold.len());
    }
    let share = domain::rate_limit::share(limit, redis.processes());
    (windows.decide_untold(key, now(), share, cost), Place::Alone)
}

/// Where a decision was made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// In this process, which has no other to ask, or need not.
    Process,
    /// In Redis.
    Redis,
    /// In this process, because Redis did not answer.
    Alone,
}

impl Place {
    /// Its name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Redis => "redis",
            Self::Alone => "alone",
        }
    }
}
