//! What a creator earned: by source, and day by day.

use super::extract::{Fields, Parameters};
use super::parameters::{Problems, moment, rfc3339};
use super::problem::Problem;
use super::roles::Creator;
use crate::app::App;
use crate::store::earnings::{self, Day, Sums};
use axum::Json;
use axum::extract::State;
use domain::calendar::day_start;
use domain::money::Cents;
use domain::sale::Source;
use domain::timestamp::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The most days of one series.
const DAYS_MAX: i64 = 366;
/// The days of a series that names none: today and the 29 before.
const DAYS_DEFAULT: i64 = 30;

/// Which days. Days are those of UTC and count whole.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Period {
    /// From the day on in which this time lies; from the beginning without it.
    #[param(format = DateTime, example = "2027-01-01T00:00:00Z")]
    from: Option<String>,
    /// Only days that begin before this time.
    #[param(format = DateTime, example = "2027-02-01T00:00:00Z")]
    to: Option<String>,
}

/// Which days, and in what steps. Days are those of UTC and count whole.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SeriesFilter {
    /// `day`, which is the default.
    #[param(example = "day")]
    interval: Option<String>,
    /// From the day on in which this time lies; from 29 days before the last one without it.
    #[param(format = DateTime, example = "2027-01-01T00:00:00Z")]
    from: Option<String>,
    /// Only days that begin before this time; now without it. At most 366 days.
    #[param(format = DateTime, example = "2027-02-01T00:00:00Z")]
    to: Option<String>,
}

/// What sales brought and refunds took. Only the creator's parts count.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct EarningSums {
    /// How many sales.
    #[schema(example = 3)]
    sales: i64,
    /// The creator's parts of them.
    #[schema(example = 24_000)]
    earned_cents: i64,
    /// The creator's parts of refunds.
    #[schema(example = 8000)]
    refunded_cents: i64,
    /// What is left: below zero where more was given back than earned.
    #[schema(example = 16_000)]
    net_cents: i64,
}

impl From<Sums> for EarningSums {
    fn from(Sums { sales, earned, refunded }: Sums) -> Self {
        let net_cents = earned.get().saturating_sub(refunded.get());
        Self { sales, earned_cents: earned.get(), refunded_cents: refunded.get(), net_cents }
    }
}

/// What one source brought.
#[derive(Debug, Serialize, ToSchema)]
pub struct SourceEarnings {
    /// `unlock`, `subscription` or `gift`.
    #[schema(example = "unlock")]
    source: &'static str,
    /// How many sales.
    #[schema(example = 3)]
    sales: i64,
    /// The creator's parts of them.
    #[schema(example = 24_000)]
    earned_cents: i64,
    /// The creator's parts of refunds.
    #[schema(example = 8000)]
    refunded_cents: i64,
    /// What is left.
    #[schema(example = 16_000)]
    net_cents: i64,
}

impl SourceEarnings {
    fn of(source: Source, sums: EarningSums) -> Self {
        let EarningSums { sales, earned_cents, refunded_cents, net_cents } = sums;
        Self { source: source.as_str(), sales, earned_cents, refunded_cents, net_cents }
    }
}

/// What a creator earned.
#[derive(Debug, Serialize, ToSchema)]
pub struct Earnings {
    /// A line for each source.
    data: Vec<SourceEarnings>,
    /// All of them together.
    total: EarningSums,
    /// What the creator owes now because of refunds. Later earnings repay it first.
    #[schema(example = 0)]
    debt_cents: i64,
}

/// What the caller earned, by source.
#[utoipa::path(get, path = "/api/creator/earnings", operation_id = "earnings", tag = "creators", security(("bearer" = [])), params(Period),
    responses((status = 200, description = "The earnings", body = Earnings), Problems))]
pub async fn totals(
    State(app): State<App>,
    Creator(caller): Creator,
    Parameters(period): Parameters<Period>,
) -> Result<Json<Earnings>, Problem> {
    let (from, to) = bounds(period.from.as_deref(), period.to.as_deref())?;
    let from = from.unwrap_or(Timestamp::from_micros(i64::MIN));
    let to = to.unwrap_or(Timestamp::from_micros(i64::MAX));
    let creator = caller.id();
    let read = move |view: &crate::store::View<'_>| {
        Ok((earnings::totals(view, creator, from, to)?, earnings::debt(view, creator)?))
    };
    let (found, debt) = app.database.read(read).await?;
    let nothing = Sums { sales: 0, earned: Cents::ZERO, refunded: Cents::ZERO };
    let of = |source| found.iter().find(|(found, _)| *found == source).map_or(nothing, |(_, sums)| *sums);
    let line = |source: &Source| SourceEarnings::of(*source, of(*source).into());
    let total = found.iter().fold(nothing, |sum, (_, sums)| Sums {
        sales: sum.sales.saturating_add(sums.sales),
        earned: sum.earned.saturating_add(sums.earned),
        refunded: sum.refunded.saturating_add(sums.refunded),
    });
    let data = Source::ALL.iter().map(line).collect();
    Ok(Json(Earnings { data, total: total.into(), debt_cents: debt.get() }))
}

/// What one source brought on one day.
#[derive(Debug, Serialize, ToSchema)]
pub struct EarningDay {
    /// Where the day begins, in UTC.
    #[schema(example = "2027-01-15T00:00:00Z")]
    day_start: String,
    /// `unlock`, `subscription` or `gift`.
    #[schema(example = "unlock")]
    source: &'static str,
    /// How many sales.
    #[schema(example = 3)]
    sales: i64,
    /// The creator's parts of them.
    #[schema(example = 24_000)]
    earned_cents: i64,
    /// The creator's parts of refunds.
    #[schema(example = 8000)]
    refunded_cents: i64,
    /// What is left.
    #[schema(example = 16_000)]
    net_cents: i64,
}

impl From<Day> for EarningDay {
    fn from(day: Day) -> Self {
        let EarningSums { sales, earned_cents, refunded_cents, net_cents } = day.sums.into();
        let (day_start, source) = (rfc3339(day.start), day.source.as_str());
        Self { day_start, source, sales, earned_cents, refunded_cents, net_cents }
    }
}

/// What a creator earned, day by day.
#[derive(Debug, Serialize, ToSchema)]
pub struct EarningSeries {
    /// A line for each day and source, oldest first. A day on which nothing moved has none.
    data: Vec<EarningDay>,
}

/// What the caller earned, day by day.
#[utoipa::path(get, path = "/api/creator/earnings/series", operation_id = "earnings_series", tag = "creators", security(("bearer" = [])),
    params(SeriesFilter), responses((status = 200, description = "The days", body = EarningSeries), Problems))]
pub async fn series(
    State(app): State<App>,
    Creator(caller): Creator,
    Parameters(filter): Parameters<SeriesFilter>,
) -> Result<Json<EarningSeries>, Problem> {
    if filter.interval.is_some_and(|interval| interval != "day") {
        return Err(Problem::field("interval", "must be `day`"));
    }
    let (from, to) = bounds(filter.from.as_deref(), filter.to.as_deref())?;
    let to = to.unwrap_or_else(|| app.clock.now().plus(Span::MICROSECOND));
    let newest = day_start(to.minus(Span::MICROSECOND));
    let from = from.unwrap_or_else(|| newest.minus(Span::days(DAYS_DEFAULT - 1)));
    if newest.minus(Span::days(DAYS_MAX - 1)) > from {
        return Err(Problem::field("from", format!("must be at most {DAYS_MAX} days before `to`, or before now")));
    }
    let creator = caller.id();
    let days = app.database.read(move |view| earnings::days(view, creator, from, to)).await?;
    Ok(Json(EarningSeries { data: days.into_iter().map(EarningDay::from).collect() }))
}

/// The two ends of a period: the beginning of the first day, and the moment before which the last one begins.
fn bounds(from: Option<&str>, to: Option<&str>) -> Result<(Option<Timestamp>, Option<Timestamp>), Problem> {
    let mut fields = Fields::default();
    let from = from.map(|text| fields.check("from", moment(text)));
    let to = to.map(|text| fields.check("to", moment(text)));
    fields.finish(Some(()))?;
    let (from, to) = (from.flatten(), to.flatten());
    if from.zip(to).is_some_and(|(from, to)| from >= to) {
        return Err(Problem::field("to", "must be later than `from`"));
    }
    Ok((from.map(day_start), to))
}
