//! The calendar of the reference model, counted by hand: it must not learn from the ledger's.

/// In microseconds, as all moments and spans of the model.
pub const HOUR: i64 = 3_600_000_000;
pub const DAY: i64 = 24 * HOUR;

/// Year, month (from 0) and day of the month (from 0) of a day since 1970.
fn date(mut day: i64) -> (i64, i64, i64) {
    let mut year = 1970;
    while day >= days_of_year(year) {
        day -= days_of_year(year);
        year += 1;
    }
    let mut month = 0;
    while day >= days_of_month(year, month) {
        day -= days_of_month(year, month);
        month += 1;
    }
    (year, month, day)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of_year(year: i64) -> i64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        1 if is_leap(year) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

/// The days from 1970 to the first of a month.
fn days_before(year: i64, month: i64) -> i64 {
    (1970..year).map(days_of_year).sum::<i64>() + (0..month).map(|month| days_of_month(year, month)).sum::<i64>()
}

/// The same day and time some months later, or the last day of a month that has no such day.
pub fn add_months(at: i64, months: i64) -> i64 {
    let (year, month, day) = date(at / DAY);
    let (year, month) = (year + (month + months) / 12, (month + months) % 12);
    let day = day.min(days_of_month(year, month) - 1);
    (days_before(year, month) + day) * DAY + at % DAY
}

/// How many first days of a month lie between two moments.
pub fn months_between(from: i64, to: i64) -> i64 {
    let ((year, month, _), (to_year, to_month, _)) = (date(from / DAY), date(to / DAY));
    (to_year - year) * 12 + to_month - month
}

pub fn day_start(at: i64) -> i64 {
    at - at % DAY
}

/// A Monday: the first of January 1970 was a Thursday.
pub fn week_start(at: i64) -> i64 {
    (at / DAY - (at / DAY + 3) % 7) * DAY
}

pub fn month_start(at: i64) -> i64 {
    (at / DAY - date(at / DAY).2) * DAY
}
