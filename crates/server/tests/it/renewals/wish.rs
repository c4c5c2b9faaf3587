//! What fans sign up for, what becomes of it, and when its periods begin by a calendar that is not the server's.

use domain::subscription::PlanTier;
use jiff::civil::Date;
use jiff::tz::Offset;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// In microseconds, as all moments and spans here.
pub const MINUTE: i64 = 60_000_000;
pub const DAY: i64 = 24 * 60 * MINUTE;
/// When the server looks for the last time on a day; and when once more, if it died then. Nobody does anything in
/// between.
pub const LATE: i64 = 23 * 60 * MINUTE + 30 * MINUTE;
pub const LATER: i64 = LATE + 15 * MINUTE;
/// 1 January 2027.
pub const START: i64 = 1_798_761_600_000_000;
pub const CREATORS: usize = 7;
/// Signing up takes so many months: the last day of February 2028 is among the anchors.
pub const MONTHS_OF_SIGNING_UP: i64 = 14;

/// What a fan does later on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Later {
    /// Pays for ever.
    Stays,
    /// Cancels in a period, counted from 0.
    Cancels(i64),
    /// Cancels in a period, and resumes some days later.
    Wavers(i64),
    /// Has money for so many periods.
    RunsDry(i64),
}

/// A fan and what they sign up for.
#[derive(Clone, Debug)]
pub struct Wish {
    pub creator: usize,
    pub tier: PlanTier,
    pub price: i64,
    pub anchor: i64,
    pub later: Later,
}

impl Wish {
    /// Where a period starts.
    pub fn start_of(&self, period: i64) -> i64 {
        months_after(self.anchor, period * i64::from(self.tier.months()))
    }

    /// When a fan cancels: days after the period has begun and been paid for, and days before it ends.
    pub fn cancels_at(&self) -> Option<i64> {
        match self.later {
            Later::Cancels(period) | Later::Wavers(period) => Some(self.start_of(period) + 10 * DAY),
            Later::Stays | Later::RunsDry(_) => None,
        }
    }

    /// When a fan changes their mind.
    pub fn resumes_at(&self) -> Option<i64> {
        self.cancels_at().filter(|_| matches!(self.later, Later::Wavers(_))).map(|at| at + 5 * DAY)
    }

    /// How many periods are paid for at most.
    pub fn periods_max(&self) -> Option<i64> {
        match self.later {
            Later::Stays | Later::Wavers(_) => None,
            Later::Cancels(period) => Some(period + 1),
            Later::RunsDry(periods) => Some(periods),
        }
    }

    /// When access is over for good, if it ever is.
    pub fn ends_at(&self, grace: i64) -> Option<i64> {
        let end = self.start_of(self.periods_max()?);
        Some(if matches!(self.later, Later::RunsDry(_)) { end + grace } else { end })
    }
}

/// The price of a plan.
pub fn price(creator: usize, tier: PlanTier) -> i64 {
    let tier = PlanTier::ALL.iter().position(|other| *other == tier).unwrap();
    [1, 3, 19, 500, 99_999][(creator * 3 + tier) % 5]
}

/// The same day and time some months later, or the last day of a month that has no such day: by the lengths of the
/// months alone.
pub fn months_after(anchor: i64, months: i64) -> i64 {
    let at = Offset::UTC.to_datetime(jiff::Timestamp::from_microsecond(anchor).unwrap());
    let month = i64::from(at.year()) * 12 + i64::from(at.month()) - 1 + months;
    let first = Date::new((month / 12).try_into().unwrap(), (month % 12 + 1).try_into().unwrap(), 1).unwrap();
    let day = at.day().min(first.days_in_month());
    let first = Offset::UTC.to_timestamp(first.at(0, 0, 0, 0)).unwrap().as_microsecond();
    first + i64::from(day - 1) * DAY + anchor.rem_euclid(DAY)
}

/// Every day of the month as an anchor, at every hour, with every tier.
pub fn wishes(count: usize, seed: u64) -> Vec<Wish> {
    let mut random = StdRng::seed_from_u64(seed);
    (0..count).map(|index| wish(index, &mut random)).collect()
}

fn wish(index: usize, random: &mut StdRng) -> Wish {
    // Of the months with 31 days one after the other; and now and then the 29th of February 2028.
    let month = if index % 62 == 28 { 13 } else { [0, 2, 4, 6, 7, 9, 11][index / 31 % 7] };
    let day = i64::try_from(index % 31).unwrap();
    let time = if index.is_multiple_of(11) { i64::try_from(index).unwrap() } else { random.random_range(0..DAY) };
    let time = if (LATE..=LATER).contains(&time) { time - 16 * MINUTE } else { time };
    let (creator, tier) = (index % CREATORS, PlanTier::ALL[index % 3]);
    let period = if tier == PlanTier::Monthly { random.random_range(0..3) } else { 0 };
    let later = match index % 16 {
        3 => Later::Cancels(period),
        7 => Later::Wavers(period),
        11 => Later::RunsDry(period + 1),
        _ => Later::Stays,
    };
    let anchor = months_after(START, month) + day * DAY + time;
    Wish { creator, tier, price: price(creator, tier), anchor, later }
}

#[test]
fn the_calendar_of_the_test_knows_short_months_and_leap_years() {
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_microsecond();
    for (anchor, months, expected) in [
        ("2027-01-31T08:15:00.000001Z", 1, "2027-02-28T08:15:00.000001Z"),
        ("2027-01-31T08:15:00.000001Z", 13, "2028-02-29T08:15:00.000001Z"),
        ("2027-12-31T23:59:59.999999Z", 2, "2028-02-29T23:59:59.999999Z"),
        ("2028-02-29T00:00:00Z", 12, "2029-02-28T00:00:00Z"),
        ("2028-02-29T00:00:00Z", 48, "2032-02-29T00:00:00Z"),
    ] {
        assert_eq!(months_after(at(anchor), months), at(expected), "{anchor} {months}");
    }
}
