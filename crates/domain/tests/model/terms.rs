//! What an operator can set and change: how sales are divided, what gifts cost, how renewals are charged.

use crate::months::{DAY, HOUR};
use domain::subscription::RenewalPolicy;
use domain::timestamp::Span;

/// Versions 1, 2, … of the splits: platform and processor, in ten-thousandths, of unlocks, of subscriptions
/// and of gifts. The first are those of the report; the others have every edge.
pub const TERMS: [[(u16, u16); 3]; 5] = [
    [(1_500, 500), (2_500, 500), (1_000, 500)],
    [(1_333, 667), (3_333, 3_334), (1, 9_998)],
    [(0, 0), (0, 0), (0, 0)],
    [(10_000, 0), (5_000, 5_000), (0, 10_000)],
    [(3_000, 0), (0, 3_000), (4_999, 1)],
];

/// The catalogue of gifts. What the last two cost depends on how rich people are.
pub const GIFTS: [&str; 4] = ["rose", "star", "castle", "moon"];

/// How renewals are charged: spans in microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policy {
    pub grace: i64,
    pub retry_after: i64,
    pub tries: i64,
}

pub const POLICIES: [Policy; 4] = [
    Policy { grace: 3 * DAY, retry_after: DAY, tries: 3 },
    Policy { grace: 0, retry_after: HOUR, tries: 2 },
    Policy { grace: 7 * DAY, retry_after: DAY, tries: 7 },
    Policy { grace: DAY, retry_after: 3 * DAY, tries: 1 },
];

impl Policy {
    pub fn policy(&self) -> RenewalPolicy {
        RenewalPolicy {
            grace: Span::hours(self.grace / HOUR),
            retry_after: Span::hours(self.retry_after / HOUR),
            tries_max: self.tries,
        }
    }
}
