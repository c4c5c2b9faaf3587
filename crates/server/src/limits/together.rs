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

#[cfg(test)]
mod tests {
    use super::{Ask, Place, Windows, or_alone, question, read};
    use crate::gateway::redis::Redis;
    use domain::rate_limit::{Decision, WINDOW_MICROS};
    use std::num::NonZeroU32;

    const LIMIT: NonZeroU32 = NonZeroU32::new(2).unwrap();
    const ONE: NonZeroU32 = NonZeroU32::new(1).unwrap();

    #[tokio::test]
    async fn while_redis_does_not_answer_a_process_decides_alone_and_keeps_what_it_must_tell() {
        // A port of the loopback address that nobody listens at.
        let redis = Redis::start(&"redis://127.0.0.1:1".into(), uuid::Uuid::nil()).await.unwrap();
        let windows: Windows<u64> = Windows::default();
        let mut said = Vec::new();
        for now in 0..3 {
            let (decision, place) = or_alone(&redis, &windows, 1, || now, (LIMIT, ONE)).await;
            said.push((decision.accepted, decision.remaining, place.name()));
        }
        assert_eq!(said, [(true, 1, "alone"), (true, 0, "alone"), (false, 0, "alone")]);
        let mut untold = windows.take_untold(1, 10, redis.epoch());
        untold.sort_unstable();
        assert_eq!(untold, [9, 10]);
        let (later, _) = or_alone(&redis, &windows, 1, || WINDOW_MICROS, (LIMIT, ONE)).await;
        assert!(later.accepted);
    }

    #[test]
    fn what_redis_says_is_read_as_a_decision_about_what_was_asked() {
        let ask = Ask { limit: LIMIT, cost: ONE, now: None };
        let _ = question("ann", ask, &[1, 2]);
        let _ = question("ann", Ask { now: Some(5), ..ask }, &[]);
        let refused = Decision { accepted: false, limit: LIMIT, remaining: 0, wait_micros: 7 };
        assert_eq!(read(ask, (0, 0, 7)), refused);
        assert_eq!(read(ask, (1, 1, 0)), Decision { accepted: true, remaining: 1, wait_micros: 0, ..refused });
        assert_eq!([Place::Process, Place::Redis, Place::Alone].map(Place::name), ["process", "redis", "alone"]);
    }
}
