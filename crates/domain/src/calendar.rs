//! The calendar in UTC: where days, weeks and months begin, and the same day some months later.
//!
//! The arithmetic is jiff's, without its `std`: so it knows no clock and no time zone database.

use crate::timestamp::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use jiff::{Span, ToSpan};

/// The beginning of the day.
#[must_use]
pub fn day_start(at: Timestamp) -> Timestamp {
    begin(at, |date| date)
}

/// The beginning of the week, which is a Monday.
#[must_use]
pub fn week_start(at: Timestamp) -> Timestamp {
    begin(at, |date| {
        let days = date.weekday().to_monday_zero_offset();
        date.checked_sub(days.days()).unwrap_or(date)
    })
}

/// The beginning of the month.
#[must_use]
pub fn month_start(at: Timestamp) -> Timestamp {
    begin(at, Date::first_of_month)
}

/// The same day and time some months later. A month that is too short gives its last day, and because the
/// anchor stays the same, the day comes back in the next long one: 31 January, 28 February, 31 March.
///
/// The end of time where that does not fit.
#[must_use]
pub fn months_after(anchor: Timestamp, months: i32) -> Timestamp {
    let later = civil(anchor).and_then(|at| at.checked_add(Span::new().try_months(months).ok()?).ok());
    later.and_then(timestamp).unwrap_or(Timestamp::from_micros(i64::MAX))
}

fn begin(at: Timestamp, first: impl Fn(Date) -> Date) -> Timestamp {
    let midnight = civil(at).map(|at| first(at.date()).at(0, 0, 0, 0));
    midnight.and_then(timestamp).unwrap_or(at)
}

/// `None` beyond the years −9999 to 9999.
fn civil(at: Timestamp) -> Option<DateTime> {
    jiff::Timestamp::from_microsecond(at.as_micros()).ok().map(|at| Offset::UTC.to_datetime(at))
}

fn timestamp(at: DateTime) -> Option<Timestamp> {
    Offset::UTC.to_timestamp(at).ok().map(|at| Timestamp::from_micros(at.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::{day_start, month_start, months_after, week_start};
    use crate::timestamp::Timestamp;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_micros(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
    }

    #[test]
    fn days_weeks_and_months_begin_at_midnight_in_utc() {
        for (moment, day, week, month) in [
            ("2026-11-24T16:30:00.5Z", "2026-11-24T00:00:00Z", "2026-11-23T00:00:00Z", "2026-11-01T00:00:00Z"),
            ("2026-11-23T00:00:00Z", "2026-11-23T00:00:00Z", "2026-11-23T00:00:00Z", "2026-11-01T00:00:00Z"),
            ("2026-11-22T23:59:59.999999Z", "2026-11-22T00:00:00Z", "2026-11-16T00:00:00Z", "2026-11-01T00:00:00Z"),
            ("2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "2026-12-28T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("1969-12-31T23:59:59Z", "1969-12-31T00:00:00Z", "1969-12-29T00:00:00Z", "1969-12-01T00:00:00Z"),
        ] {
            assert_eq!(
                (day_start(at(moment)), week_start(at(moment)), month_start(at(moment))),
                (at(day), at(week), at(month)),
                "{moment}"
            );
        }
    }

    #[test]
    fn the_anchor_day_comes_back_after_a_short_month() {
        for (months, expected) in [
            (0, "2027-01-31T08:15:00.000001Z"),
            (1, "2027-02-28T08:15:00.000001Z"),
            (2, "2027-03-31T08:15:00.000001Z"),
            (3, "2027-04-30T08:15:00.000001Z"),
            (13, "2028-02-29T08:15:00.000001Z"),
            (14, "2028-03-31T08:15:00.000001Z"),
            (120, "2037-01-31T08:15:00.000001Z"),
        ] {
            assert_eq!(months_after(at("2027-01-31T08:15:00.000001Z"), months), at(expected), "{months}");
        }
        assert_eq!(months_after(at("2028-02-29T00:00:00Z"), 12), at("2029-02-28T00:00:00Z"));
        assert_eq!(months_after(at("2028-02-29T00:00:00Z"), 48), at("2032-02-29T00:00:00Z"));
    }

    #[test]
    fn what_no_calendar_has_does_not_panic() {
        for micros in [i64::MIN, i64::MAX] {
            let moment = Timestamp::from_micros(micros);
            let _ = (day_start(moment), week_start(moment), month_start(moment));
            assert_eq!(months_after(moment, 1), Timestamp::from_micros(i64::MAX));
        }
        assert_eq!(months_after(at("2027-01-31T00:00:00Z"), i32::MAX), Timestamp::from_micros(i64::MAX));
    }
}
