//! The model test: random commands, answered by the ledger's rules and by a tiny reference model, which
//! must agree on every answer, balance and record, whatever happens to keys, clocks and commits.
//!
//! `MODEL_SEED` repeats a run, `MODEL_COMMANDS` makes it longer.

#![expect(clippy::arithmetic_side_effects, reason = "numbers of a test are small, and overflow checks are on")]
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "model/ask.rs"]
mod ask;
#[path = "model/chance.rs"]
mod chance;
#[path = "model/months.rs"]
mod months;
#[path = "model/reference.rs"]
mod reference;
#[path = "model/store.rs"]
mod store;
#[path = "model/terms.rs"]
mod terms;
#[path = "model/told.rs"]
mod told;
#[path = "model/world.rs"]
mod world;

use std::hash::{BuildHasher, RandomState};
use world::{Tally, World};

/// An episode starts with empty wallets; longer ones would only be rich people refused for the limit.
const COMMANDS_PER_EPISODE: u64 = 2_500;

const COMMANDS_MIN: u64 = 1_000_000;

/// Everything that must have happened, or the run has shown nothing of it.
const KINDS: &[&str] = &[
    "deposit",
    "pending deposit completed",
    "transfer",
    "unlock",
    "unlocked again after a full refund",
    "subscription",
    "subscription after one that had lapsed",
    "renewal",
    "renewal after missed periods",
    "renewal within the grace",
    "renewal put off",
    "gift",
    "gift off its boards",
    "sale of which the creator gets nothing",
    "debt made",
    "debt repaid",
    "refund in part",
    "refund in full",
    "refund that revokes a subscription",
    "refund of a period that ends nothing",
    "the last of several refunds",
    "payout held",
    "payout paid",
    "payout rejected",
    "payout rejected that repaid a debt",
    "payout rejected that repaid a debt and left something",
    // Refusals.
    "insufficient_funds",
    "recipient_not_found",
    "self_transfer",
    "wallet_frozen",
    "account_suspended",
    "balance_limit_exceeded",
    "content_not_found",
    "content_inactive",
    "own_content",
    "content_is_free",
    "subscriber_only",
    "already_unlocked",
    "price_changed",
    "plan_not_found",
    "plan_inactive",
    "already_subscribed",
    "self_subscription",
    "renewal_not_due",
    "self_gift",
    "transaction_not_found",
    "refund_exceeds_original",
    "payout_pending",
    "debt_outstanding",
    "payout_not_found",
    "payout_decided",
    "deposit_not_found",
    "deposit_mismatch",
    "payment_known",
    // Races within a batch.
    "unlocked twice in a batch",
    "subscribed twice in a batch",
    "renewed twice in a batch",
    "refunded twice in a batch",
    "two payouts asked for in a batch",
    "payout decided twice in a batch",
    "deposit completed twice in a batch",
    // Keys and commits.
    "replayed",
    "replayed in the last microsecond",
    "replayed within its batch",
    "reused",
    "expired and executed again",
    "executed again in the first free microsecond",
    "own work known again",
    "commit unheard",
    "commit lost",
];

#[test]
fn a_million_random_commands_agree_with_the_model() {
    // A seeded hasher is the one source of chance in the standard library.
    let seed = setting("MODEL_SEED").unwrap_or_else(|| RandomState::new().hash_one(0));
    let wanted = setting("MODEL_COMMANDS").unwrap_or(0).max(COMMANDS_MIN);
    println!("MODEL_SEED={seed} repeats this run");
    let mut tally = Tally::new();
    let (mut commands, mut episode) = (0, 0);
    while commands < wanted {
        let mut world = World::new(seed, episode);
        let end = commands + COMMANDS_PER_EPISODE;
        while commands < end {
            commands += world.step(&mut tally);
        }
        world.reconcile_rows();
        episode += 1;
    }
    println!("{commands} commands in {episode} episodes");
    for (kind, times) in &tally {
        println!("{times:>9} {kind}");
    }
    for kind in KINDS {
        assert!(tally.contains_key(kind), "{kind} never happened (MODEL_SEED={seed})");
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap())
}
