//! What may happen next: drawn at random, and small enough that a sequence which fails can be made shorter. People,
//! contents and earlier requests are told by numbers that find somebody or something whatever is left out before.

use crate::chance::{CREATORS, NOBODY, PEOPLE};
use proptest::prelude::*;
use proptest::sample::Index;

pub const CONTENTS: u64 = 5;

/// What somebody asks for.
#[derive(Clone, Debug)]
pub enum Wish {
    Deposit(i64),
    Transfer(u64, i64),
    /// With the price that is asked, with another one, or with none.
    Unlock(u64, Option<bool>),
    Subscribe(u64, Option<bool>),
    Gift(u64, i64),
    /// An earlier transaction, and how much of it.
    Refund(Index, Option<i64>),
    Payout(i64),
    Decide(Index, bool),
}

/// What happens next.
#[derive(Clone, Debug)]
pub enum Step {
    /// Somebody asks, with a new key.
    Ask(u64, Wish),
    /// An earlier request comes again.
    Again(Index),
    /// The key of an earlier request comes with another wish of the same person.
    Reuse(Index, i64),
    /// Somebody looks at a content.
    Look(u64, u64),
    Freeze(u64, bool),
    /// A creator changes a price, and whether it is on offer.
    Offer(u64, i64, bool),
    /// Hours pass.
    Wait(i64),
}

fn price() -> impl Strategy<Value = i64> {
    prop_oneof![1 => Just(0), 8 => 1_i64..300_000]
}

fn wish() -> impl Strategy<Value = Wish> {
    let anybody = 1..=NOBODY;
    prop_oneof![
        4 => (1_i64..1_000_000).prop_map(Wish::Deposit),
        5 => (anybody.clone(), 1_i64..600_000).prop_map(|(to, cents)| Wish::Transfer(to, cents)),
        5 => (1..=CONTENTS + 1, any::<Option<bool>>()).prop_map(|(content, price)| Wish::Unlock(content, price)),
        3 => (1..=CREATORS + 1, any::<Option<bool>>()).prop_map(|(creator, price)| Wish::Subscribe(creator, price)),
        3 => (1..=PEOPLE, 1_i64..5).prop_map(|(to, quantity)| Wish::Gift(to, quantity)),
        4 => (any::<Index>(), proptest::option::of(1_i64..300_000)).prop_map(|(sale, cents)| Wish::Refund(sale, cents)),
        2 => (100_000_i64..500_000).prop_map(Wish::Payout),
        2 => (any::<Index>(), any::<bool>()).prop_map(|(payout, is_paid)| Wish::Decide(payout, is_paid)),
    ]
}

pub fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (1..=PEOPLE, wish()).prop_map(|(who, wish)| Step::Ask(who, wish)),
        3 => any::<Index>().prop_map(Step::Again),
        1 => (any::<Index>(), 1_i64..600_000).prop_map(|(which, cents)| Step::Reuse(which, cents)),
        2 => (1..=PEOPLE, 1..=CONTENTS).prop_map(|(who, content)| Step::Look(who, content)),
        1 => (1..=PEOPLE, proptest::bool::weighted(0.3)).prop_map(|(who, frozen)| Step::Freeze(who, frozen)),
        1 => (1..=CONTENTS, price(), proptest::bool::weighted(0.8)).prop_map(|(content, price, on)| Step::Offer(content, price, on)),
        1 => prop_oneof![4 => 1_i64..30, 1 => 24_i64 * 28..24 * 40].prop_map(Step::Wait),
    ]
}
