//! What every limiter must do, whoever keeps its window: the tests of the rule and those of Redis run the same.
//!
//! A limiter is a function from a key, a moment, a limit and a cost to a decision. Each run takes keys of its own.

use domain::rate_limit::{Decision, WINDOW_MICROS};
use std::collections::VecDeque;
use std::num::NonZeroU32;

/// The limits of the tiers.
pub const TIERS: [u32; 4] = [10, 100, 120, 500];
const SECOND: u64 = 1_000_000;

/// One question.
#[derive(Clone, Debug)]
pub struct Ask {
    pub key: String,
    pub now: u64,
    pub limit: NonZeroU32,
    pub cost: NonZeroU32,
}

pub fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

/// Chance that can be repeated (SplitMix64).
pub struct Chance(pub u64);

impl Chance {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// How an adversary spaces requests.
enum Manner {
    /// All at once.
    Burst,
    /// As often as the limit allows, or a little more often.
    Drip,
    /// At the very moment at which there is room again, a microsecond before, or a microsecond after.
    Edge,
    /// Around the full seconds and minutes of the clock, where fixed windows begin.
    Clock,
    /// Nothing for up to two windows.
    Pause,
}

/// Asks as an adversary would, and holds every decision against a list of what was accepted.
pub fn holds_against_adversaries(decide: &mut impl FnMut(Ask) -> Decision, limit: u32, decisions: u64, seed: u64) {
    let mut chance = Chance(seed);
    let key = format!("adversary-{limit}-{seed}");
    let mut now = 7 * WINDOW_MICROS + chance.below(WINDOW_MICROS);
    let mut accepted: VecDeque<u64> = VecDeque::new();
    let (mut wait, mut refused) = (0, 0_u64);
    let mut manner = Manner::Burst;
    for step in 0..decisions {
        // Long enough to use a limit up.
        if step % (2 * u64::from(limit)) == 0 {
            manner = match chance.below(8) {
                0 | 1 => Manner::Burst,
                2 | 3 => Manner::Drip,
                4 | 5 => Manner::Edge,
                6 => Manner::Clock,
                _ => Manner::Pause,
            };
        }
        now += match manner {
            Manner::Burst => chance.below(3),
            Manner::Drip => chance.below(2 * WINDOW_MICROS / u64::from(limit)),
            Manner::Edge => (wait + chance.below(3)).saturating_sub(1),
            Manner::Clock => SECOND - now % SECOND - chance.below(2).min(SECOND - now % SECOND - 1),
            Manner::Pause => chance.below(2 * WINDOW_MICROS) / 8,
        };
        let decision = decide(Ask { key: key.clone(), now, limit: number(limit), cost: number(1) });
        while accepted.front().is_some_and(|at| at + WINDOW_MICROS <= now) {
            accepted.pop_front();
        }
        // Fewer than the limit in the minute that ends now: the next one is accepted, be it the N-th. Else it is not.
        assert_eq!(decision.accepted, accepted.len() < limit as usize, "step {step} at {now}: {decision:?}");
        if decision.accepted {
            accepted.push_back(now);
        }
        refused += u64::from(!decision.accepted);
        assert_eq!(decision.remaining as usize, limit as usize - accepted.len(), "step {step}");
        assert_eq!(decision.wait_micros, accepted[0] + WINDOW_MICROS - now, "step {step}");
        wait = decision.wait_micros;
    }
    assert!(decisions < 10_000 || refused > decisions / 100, "{refused} of {decisions} were refused: no adversary");
}

/// Fills a window, and comes back when it was told to, or a second before.
pub fn accepts_at_retry_after(decide: &mut impl FnMut(Ask) -> Decision, limit: u32, times: u64, seed: u64) {
    let mut chance = Chance(seed);
    let mut now = WINDOW_MICROS;
    for time in 0..times {
        let cost = number(1 + u32::try_from(chance.below(3)).unwrap());
        let key = format!("retry-{limit}-{seed}-{time}");
        let mut ask = |now, cost| decide(Ask { key: key.clone(), now, limit: number(limit), cost });
        let mut left = limit;
        while left > 0 {
            now += chance.below(2 * WINDOW_MICROS / u64::from(limit) / 3);
            left = ask(now, number(1)).remaining;
        }
        let refused = ask(now, cost);
        let seconds = refused.retry_after_seconds().unwrap();
        assert!(!refused.accepted && seconds >= 1, "{refused:?}");
        if seconds > 1 {
            let early = ask(now + (seconds - 1) * SECOND, cost);
            assert!(!early.accepted, "a second before Retry-After: {refused:?}, {early:?}");
        }
        let right = ask(now + seconds * SECOND, cost);
        assert!(right.accepted, "at Retry-After: {refused:?}, {right:?}");
        now += 3 * WINDOW_MICROS;
    }
}

/// Limits and costs that change with every request, against the definition, counted anew each time.
pub fn holds_under_changing_limits(decide: &mut impl FnMut(Ask) -> Decision, decisions: u64, seed: u64) {
    let mut chance = Chance(seed);
    let mut now = WINDOW_MICROS;
    let mut accepted: Vec<u64> = Vec::new();
    for step in 0..decisions {
        now += chance.below(4 * SECOND);
        let limit = [3, 10, 100][usize::try_from(chance.below(3)).unwrap()];
        let wished = 1 + u32::try_from(chance.below(12)).unwrap();
        let cost = wished.min(limit) as usize;
        let key = format!("changing-{seed}");
        let decision = decide(Ask { key, now, limit: number(limit), cost: number(wished) });
        let counting = |moment: u64| accepted.iter().filter(move |at| **at + WINDOW_MICROS > moment).count();
        let fits = |moment: u64| counting(moment) + cost <= limit as usize;
        assert_eq!(decision.accepted, fits(now), "step {step}: {decision:?}");
        if decision.accepted {
            accepted.extend(std::iter::repeat_n(now, cost));
        } else {
            assert!(fits(now + decision.wait_micros), "step {step}: it is not accepted then: {decision:?}");
            assert!(!fits(now + decision.wait_micros - 1), "step {step}: it is accepted before: {decision:?}");
        }
        let used = accepted.iter().filter(|at| **at + WINDOW_MICROS > now).count();
        assert_eq!(decision.remaining as usize, (limit as usize).saturating_sub(used), "step {step}");
    }
}

/// The eleventh request of a minute, after an upgrade in the middle of it; and after a downgrade.
pub fn obeys_a_new_limit_at_once(decide: &mut impl FnMut(Ask) -> Decision) {
    let mut ask =
        |now, limit| decide(Ask { key: "upgrade".to_owned(), now, limit: number(limit), cost: number(1) }).accepted;
    assert!((0..10).all(|time| ask(WINDOW_MICROS + time, 10)));
    assert!(!ask(WINDOW_MICROS + 10, 10));
    assert!((11..101).all(|time| ask(WINDOW_MICROS + time, 100)), "an upgrade gives the rest at once");
    assert!(!ask(WINDOW_MICROS + 102, 100));
    assert!(!ask(2 * WINDOW_MICROS + 50, 10), "50 of the last minute are more than 10");
    assert!(ask(2 * WINDOW_MICROS + 95, 10), "5 of the last minute are not");
}

/// Ten clients of one account, each beginning its minute at another moment.
pub fn shares_one_window_between_clients(decide: &mut impl FnMut(Ask) -> Decision, limit: u32) {
    let mut moments: Vec<u64> = Vec::new();
    for client in 0..10_u64 {
        let offset = client * WINDOW_MICROS / 10;
        let bursts = (0..5_u64).flat_map(|minute| (0..u64::from(limit)).map(move |step| (minute, step)));
        moments.extend(bursts.map(|(minute, step)| WINDOW_MICROS * (minute + 1) + offset + step));
    }
    moments.sort_unstable();
    let mut accepted = Vec::new();
    for now in moments {
        let key = format!("clients-{limit}");
        if decide(Ask { key, now, limit: number(limit), cost: number(1) }).accepted {
            accepted.push(now);
        }
    }
    let most =
        accepted.iter().map(|from| accepted.iter().filter(|at| (*from..from + WINDOW_MICROS).contains(at)).count());
    assert_eq!(most.max(), Some(limit as usize));
}
