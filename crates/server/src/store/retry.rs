//! How long and how often what was in somebody's way is tried again.

use std::time::Duration;
use tokio::time::Instant;

/// How often a unit of work that lost a race is tried again before its caller is told to come back later.
pub(super) const TRIES_MAX: u32 = 5;

/// Waits before the next try, unless there is no time for one: with full jitter, over a range that grows.
pub(super) async fn pause(tries: u32, deadline: Instant) -> bool {
    let longest = 10_u64.saturating_mul(1 << tries.min(5)).min(200);
    let pause = Duration::from_millis(rand::random_range(1..=longest));
    let is_time = Instant::now() + pause < deadline;
    if is_time {
        tokio::time::sleep(pause).await;
    }
    is_time
}
