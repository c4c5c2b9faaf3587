//! Each row of the rule by itself, then what holds for every state and every request.

use super::{Family, Issue, NoToken, Shown, ends_at, judge};
use crate::id::{SubscriptionId, UserId};
use crate::money::Amount;
use crate::subscription::{Plan, PlanTier, RenewalPolicy, Subscription, SubscriptionStatus};
use crate::timestamp::{Span, Timestamp};
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};
use uuid::Uuid;

const START: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
const POLICY: RenewalPolicy = RenewalPolicy { grace: Span::days(3), retry_after: Span::days(1), tries_max: 3 };
const SHOWN: [Shown; 5] = [Shown::Nothing, Shown::Foreign, Shown::Newest, Shown::Predecessor, Shown::Older];

fn subscription() -> Subscription {
    let [ann, bob] = [1, 2].map(|number| UserId::new(Uuid::from_u128(number)));
    let price = Amount::new(100).unwrap();
    let plan = Plan { creator_id: bob, tier: PlanTier::Monthly, price, is_active: true };
    Subscription::begin(SubscriptionId::new(Uuid::from_u128(3)), ann, &plan, POLICY, START)
}

fn family() -> Family {
    Family { period: 0, rotated_at: START.plus(Span::hours(1)), is_first: false, is_closed: false }
}

/// By somebody who signed in before the family was touched.
fn ask(family: Option<Family>, shown: Shown, now: Timestamp) -> Result<Issue, NoToken> {
    judge(&subscription(), family.as_ref(), shown, Some(START), now)
}

#[test]
fn the_first_request_of_a_period_needs_no_token_and_takes_none() {
    let old = Family { period: -1, ..family() };
    for family in [None, Some(old)] {
        assert_eq!(ask(family, Shown::Nothing, START), Ok(Issue::Begin));
        for shown in [Shown::Foreign, Shown::Newest, Shown::Predecessor, Shown::Older] {
            assert_eq!(ask(family, shown, START), Err(NoToken::Foreign), "{shown:?}");
        }
    }
}

#[test]
fn afterwards_the_newest_token_is_required() {
    let later = family().rotated_at.plus(Span::hours(1));
    let expected =
        [Err(NoToken::Required), Err(NoToken::Foreign), Ok(Issue::Rotate), Err(NoToken::Reused), Err(NoToken::Reused)];
    assert_eq!(SHOWN.map(|shown| ask(Some(family()), shown, later)), expected);
}

#[test]
fn a_lost_answer_is_repeated_for_ten_seconds_and_not_a_microsecond_more() {
    let last = family().rotated_at.plus(Span::seconds(10));
    let first = Family { is_first: true, ..family() };
    assert_eq!(ask(Some(family()), Shown::Predecessor, last), Ok(Issue::Repeat));
    assert_eq!(ask(Some(first), Shown::Nothing, last), Ok(Issue::Repeat));
    let over = last.plus(Span::MICROSECOND);
    assert_eq!(ask(Some(family()), Shown::Predecessor, over), Err(NoToken::Reused));
    assert_eq!(ask(Some(first), Shown::Nothing, over), Err(NoToken::Required));
    // Only the first answer leaves a client with nothing to show.
    assert_eq!(ask(Some(family()), Shown::Nothing, last), Err(NoToken::Required));
    assert_eq!(ask(Some(family()), Shown::Older, family().rotated_at), Err(NoToken::Reused));
}

#[test]
fn a_closed_family_is_good_for_nothing_and_a_later_sign_in_begins_another() {
    let closed = Family { is_closed: true, ..family() };
    for now in [closed.rotated_at, closed.rotated_at.plus(Span::days(1))] {
        assert_eq!(ask(Some(closed), Shown::Nothing, now), Err(NoToken::Required));
        for shown in [Shown::Newest, Shown::Predecessor, Shown::Older] {
            assert_eq!(ask(Some(closed), shown, now), Err(NoToken::Reused), "{shown:?}");
        }
    }
    for family in [closed, family(), Family { is_first: true, ..family() }] {
        let signed_in_at = family.rotated_at.plus(Span::MICROSECOND);
        let begin = |at| judge(&subscription(), Some(&family), Shown::Nothing, at, signed_in_at.plus(Span::hours(1)));
        assert_eq!(begin(Some(signed_in_at)), Ok(Issue::Begin));
        assert_eq!(begin(Some(family.rotated_at)), Err(NoToken::Required));
        assert_eq!(begin(None), Err(NoToken::Required));
    }
}

#[test]
fn who_has_no_access_has_no_token() {
    let over = subscription().expires_at;
    let revoked = Subscription { status: SubscriptionStatus::Revoked, ..subscription() };
    let ended = Subscription { status: SubscriptionStatus::Ended, ..subscription() };
    for shown in SHOWN {
        for family in [None, Some(family())] {
            assert_eq!(ask(family, shown, over), Err(NoToken::NotEntitled));
            for subscription in [revoked, ended] {
                let verdict = judge(&subscription, family.as_ref(), shown, Some(START), START);
                assert_eq!(verdict, Err(NoToken::NotEntitled));
            }
        }
    }
}

fn families() -> impl Strategy<Value = Option<Family>> {
    let row = (-1_i64..2, 0_i64..60, any::<bool>(), any::<bool>());
    proptest::option::of(row.prop_map(|(period, second, is_first, is_closed)| Family {
        period,
        rotated_at: START.plus(Span::seconds(second)),
        is_first,
        is_closed,
    }))
}

proptest! {
    #[test]
    fn a_token_never_outlives_the_access_that_it_tells_of(after in 0_i64..4_000_000, length in 1_i64..1_000_000) {
        let (row, now) = (subscription(), START.plus(Span::seconds(after)));
        let end = ends_at(&row, Span::seconds(length), now);
        prop_assert!(end <= row.expires_at && end <= now.plus(Span::seconds(length)));
        prop_assert!(!row.is_entitled(end) || end == now.plus(Span::seconds(length)));
    }

    #[test]
    fn nothing_but_the_newest_token_rotates_and_nothing_foreign_or_closed_is_answered(
        family in families(), shown in 0_usize..5, session in proptest::option::of(-30_i64..90), now in 0_i64..90,
    ) {
        let shown = SHOWN[shown];
        let signed_in_at = session.map(|seconds| START.plus(Span::seconds(seconds)));
        let now = START.plus(Span::seconds(now));
        let verdict = judge(&subscription(), family.as_ref(), shown, signed_in_at, now);
        let own = family.filter(|family| family.period == 0);
        if verdict == Ok(Issue::Rotate) {
            prop_assert!(shown == Shown::Newest && own.is_some_and(|family| !family.is_closed));
        }
        if verdict == Ok(Issue::Begin) {
            let fresh = |family: Family| signed_in_at.is_some_and(|at| at > family.rotated_at);
            prop_assert!(shown == Shown::Nothing && own.is_none_or(fresh));
        }
        if verdict == Ok(Issue::Repeat) {
            let family = own.unwrap();
            prop_assert!(!family.is_closed && now <= family.rotated_at.plus(Span::seconds(10)));
        }
        // What closes a family is a token of that very family, so nobody else can close it.
        if verdict == Err(NoToken::Reused) {
            prop_assert!(own.is_some() && !matches!(shown, Shown::Nothing | Shown::Foreign));
        }
        if own.is_none() {
            prop_assert_eq!(verdict.is_ok(), shown == Shown::Nothing);
        }
    }

    #[test]
    fn a_thief_and_a_victim_with_one_token_do_not_both_go_on(
        steps in proptest::collection::vec((any::<bool>(), any::<bool>(), 0_i64..20), 1..60),
    ) {
        // Each holds the newest token that it heard of, as the number of its generation.
        let (mut held, mut row) = ([0_u32, 0], Row { newest: 0, family: Family { is_first: true, ..family() } });
        let (mut now, mut spent) = (row.family.rotated_at, None::<(u32, usize, Timestamp)>);
        for (by_thief, is_lost, seconds) in steps {
            now = now.plus(Span::seconds(seconds));
            let who = usize::from(by_thief);
            let shown = held[who];
            let verdict = row.present(shown, now);
            if let Some((token, other, at)) = spent
                && token == shown && other != who && now > at.plus(Span::seconds(10))
            {
                prop_assert_eq!(verdict, Err(NoToken::Reused), "one token was used by both");
            }
            match verdict {
                Ok(_) => {
                    spent = Some((shown, who, row.family.rotated_at));
                    held[who] = if is_lost { shown } else { row.newest };
                }
                Err(reason) => {
                    prop_assert_eq!(reason, NoToken::Reused);
                    prop_assert!(row.family.is_closed);
                    for token in 0..=row.newest {
                        prop_assert_eq!(row.present(token, now), Err(NoToken::Reused), "all of them are dead");
                    }
                    return Ok(());
                }
            }
        }
    }

    #[test]
    fn whoever_repeats_a_lost_request_in_time_is_never_taken_for_a_thief(
        steps in proptest::collection::vec((any::<bool>(), 0_i64..=10, 0_i64..600), 1..60),
    ) {
        let (mut held, mut row) = (0, Row { newest: 0, family: Family { is_first: true, ..family() } });
        let mut now = row.family.rotated_at;
        for (is_lost, wait, pause) in steps {
            now = now.plus(Span::seconds(pause));
            prop_assert_eq!(row.present(held, now), Ok(Issue::Rotate));
            if is_lost {
                now = now.plus(Span::seconds(wait));
                prop_assert_eq!(row.present(held, now), Ok(Issue::Repeat));
            }
            held = row.newest;
        }
    }
}

/// A family whose tokens are the numbers of their generations.
struct Row {
    newest: u32,
    family: Family,
}

impl Row {
    fn present(&mut self, token: u32, now: Timestamp) -> Result<Issue, NoToken> {
        let shown = match self.newest.checked_sub(token) {
            Some(0) => Shown::Newest,
            Some(1) => Shown::Predecessor,
            _ => Shown::Older,
        };
        let verdict = judge(&subscription(), Some(&self.family), shown, Some(START), now);
        match verdict {
            Ok(Issue::Rotate) => {
                self.newest = self.newest.checked_add(1).unwrap();
                self.family = Family { is_first: false, rotated_at: now, ..self.family };
            }
            Err(NoToken::Reused) => self.family.is_closed = true,
            _ => {}
        }
        verdict
    }
}
