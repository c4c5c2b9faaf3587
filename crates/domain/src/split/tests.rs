//! Splits: every division of small amounts, and any division of large ones.

#![expect(clippy::arithmetic_side_effects, reason = "numbers of a test are small, and overflow checks are on")]

use super::{InvalidShares, InvalidSharesText, Shares, Split, SplitTable, Splits, Terms};
use crate::money::{Amount, Cents};
use proptest::prelude::{any, prop_assert, prop_assert_eq, prop_assume, proptest};

fn terms(creator: u16, platform: u16, processor: u16) -> Terms {
    Terms { version: 1, shares: Shares::new(creator, platform, processor).unwrap() }
}

fn parts(split: &Split) -> (i64, i64, i64) {
    (split.creator.get(), split.platform.get(), split.processor.get())
}

fn amount(cents: i64) -> Amount {
    Amount::new(cents).unwrap()
}

#[test]
fn the_defaults_are_those_of_the_report() {
    for (shares, total, expected) in [
        ((8_000, 1_500, 500), 10_000, (8_000, 1_500, 500)),
        ((7_000, 2_500, 500), 99_999, (70_001, 24_999, 4_999)),
        ((8_500, 1_000, 500), 1, (1, 0, 0)),
        ((8_500, 1_000, 500), 19, (18, 1, 0)),
        ((0, 10_000, 0), 7, (0, 7, 0)),
        ((10_000, 0, 0), i64::MAX, (i64::MAX, 0, 0)),
    ] {
        let split = terms(shares.0, shares.1, shares.2).split(Cents::new(total)).unwrap();
        assert_eq!(parts(&split), expected, "{shares:?} of {total}");
    }
}

#[test]
fn shares_are_read_from_a_text_and_nothing_else_is() {
    assert_eq!(Shares::parse("8000/1500/500"), Ok(Shares::new(8_000, 1_500, 500).unwrap()));
    assert_eq!(Shares::parse(" 10000 / 0 / 0 "), Ok(Shares::new(10_000, 0, 0).unwrap()));
    for text in ["", "8000", "8000/2000", "8000/1500/500/0", "80%/15%/5%", "-1/10001/0", "65536/0/0", "8000/1500/"] {
        assert_eq!(Shares::parse(text), Err(InvalidSharesText::Form), "{text}");
    }
    assert_eq!(Shares::parse("8000/1500/501"), Err(InvalidShares { total: 10_001 }.into()));
}

#[test]
fn a_table_gives_each_kind_of_sale_its_own_terms() {
    let shares = |platform| Shares::new(10_000 - platform, platform, 0).unwrap();
    let splits = Splits { premium_unlock: shares(1), subscription: shares(2), gift: shares(3) };
    let table = SplitTable { version: 7, splits };
    let terms = [table.premium_unlock(), table.subscription(), table.gift()];
    assert_eq!(terms.map(|terms| (terms.version, terms.shares.platform().get())), [(7, 1), (7, 2), (7, 3)]);
}

#[test]
fn shares_make_the_whole_or_do_not_exist() {
    for (creator, platform, processor, total) in
        [(8_000, 1_500, 499, 9_999), (8_000, 1_500, 501, 10_001), (0, 0, 0, 0), (65_535, 65_535, 65_535, 196_605)]
    {
        assert_eq!(Shares::new(creator, platform, processor).unwrap_err().total, total);
    }
}

/// Every way to divide the whole into three shares of a percent, over every small amount.
#[test]
fn every_division_of_a_small_amount_rounds_down_and_gives_the_rest_to_the_creator() {
    let mut divisions = 0;
    for platform in 0..=100_u16 {
        for processor in 0..=100 - platform {
            let terms = terms((100 - platform - processor) * 100, platform * 100, processor * 100);
            for total in 0..60_i64 {
                let split = terms.split(Cents::new(total)).unwrap();
                let floor = |percent: u16| total * i64::from(percent) / 100;
                let (by_platform, by_processor) = (floor(platform), floor(processor));
                assert_eq!(parts(&split), (total - by_platform - by_processor, by_platform, by_processor));
                divisions += 1;
            }
        }
    }
    assert_eq!(divisions, 5_151 * 60);
}

/// Every refund of every rest of three small parts.
#[test]
fn every_refund_of_small_parts_is_fair_and_exact() {
    for creator in 0..14_i64 {
        for platform in 0..14_i64 {
            for processor in 0..14_i64 {
                let left = Split {
                    version: 1,
                    creator: Cents::new(creator),
                    platform: Cents::new(platform),
                    processor: Cents::new(processor),
                };
                let total = creator + platform + processor;
                for cents in 1..=total {
                    let share = left.share_refund(amount(cents)).unwrap();
                    for (part, had) in
                        [(share.creator, creator), (share.platform, platform), (share.processor, processor)]
                    {
                        let floor = cents * had / total;
                        let exact = cents * had % total == 0;
                        let part = part.get();
                        assert!(part == floor || (!exact && part == floor + 1), "{left:?} {cents}");
                    }
                    assert_eq!(share.total(), Some(Cents::new(cents)));
                    assert!(left.minus(&share).is_some());
                }
                assert_eq!(left.share_refund(amount(total + 1)), None);
            }
        }
    }
}

proptest! {
    #[test]
    fn a_split_never_makes_or_loses_a_cent(total in 0..=i64::MAX, platform in 0..=10_000_u16, rest in 0..=10_000_u16) {
        prop_assume!(platform + rest <= 10_000);
        let split = terms(10_000 - platform - rest, platform, rest).split(Cents::new(total)).unwrap();
        prop_assert_eq!(split.total(), Some(Cents::new(total)));
        let exact = |part: i64, share: u16| {
            let product = i128::from(total) * i128::from(share);
            i128::from(part) * 10_000 <= product && product < (i128::from(part) + 1) * 10_000
        };
        prop_assert!(exact(split.platform.get(), platform) && exact(split.processor.get(), rest));
    }

    #[test]
    fn nothing_below_zero_is_divided(total in i64::MIN..0) {
        prop_assert_eq!(terms(8_000, 1_500, 500).split(Cents::new(total)), None);
    }

    /// However a sale is refunded, piece by piece, no part gives back more than it had, and the last piece
    /// gives back exactly what is left.
    #[test]
    fn refunds_in_pieces_give_back_every_cent_of_every_part(
        total in 1..=Amount::MAX.get(),
        platform in 0..=5_000_u16,
        processor in 0..=5_000_u16,
        pieces in proptest::collection::vec(any::<u64>(), 0..12),
    ) {
        let whole = terms(10_000 - platform - processor, platform, processor).split(Cents::new(total)).unwrap();
        let mut left = whole;
        let mut back = Split::nothing(1);
        for piece in pieces {
            let rest = left.total().unwrap().get();
            if rest == 0 { break; }
            let cents = i64::try_from(piece % u64::try_from(rest).unwrap()).unwrap() + 1;
            let share = left.share_refund(amount(cents)).unwrap();
            left = left.minus(&share).unwrap();
            back = back.plus(&share).unwrap();
        }
        if let Ok(rest) = Amount::new(left.total().unwrap().get()) {
            back = back.plus(&left.share_refund(rest).unwrap()).unwrap();
        }
        prop_assert_eq!(parts(&back), parts(&whole));
    }
}
