//! What is sold and how: settings that become rules, read into the types of those rules.

use super::{Config, ConfigError, invalid};
use domain::gift::Catalogue;
use domain::money::Amount;
use domain::split::{Shares, Splits};
use domain::subscription::RenewalPolicy;
use domain::timestamp::Span;
use std::ops::RangeInclusive;

/// Shorter than any month, so that a grace ends before the next renewal is due.
const GRACE_DAYS: RangeInclusive<i64> = 0..=27;
const RETRY_HOURS: RangeInclusive<i64> = 1..=648;
const TRIES: RangeInclusive<i64> = 1..=100;
/// A token is not taken back when access ends early, so it must be short.
const TOKEN_SECONDS: RangeInclusive<i64> = 1..=86_400;

fn shares(key: &'static str, text: &str) -> Result<Shares, ConfigError> {
    Shares::parse(text).map_err(|problem| invalid(key, problem.to_string()))
}

fn amount(key: &'static str, cents: i64) -> Result<Amount, ConfigError> {
    Amount::new(cents).map_err(|problem| invalid(key, problem.to_string()))
}

pub(super) fn within(key: &'static str, number: i64, range: &RangeInclusive<i64>) -> Result<i64, ConfigError> {
    if range.contains(&number) {
        Ok(number)
    } else {
        Err(invalid(key, format!("must be from {} to {}", range.start(), range.end())))
    }
}

impl Config {
    /// How sales are divided.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] for shares that do not make the whole.
    pub fn splits(&self) -> Result<Splits, ConfigError> {
        Ok(Splits {
            premium_unlock: shares("splits.premium_unlock", &self.splits.premium_unlock)?,
            subscription: shares("splits.subscription", &self.splits.subscription)?,
            gift: shares("splits.gift", &self.splits.gift)?,
        })
    }

    /// What can be given.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] with the first gift that is wrong.
    pub fn gifts(&self) -> Result<Catalogue, ConfigError> {
        let price_max = amount("money.amount_cents_max", self.money.amount_cents_max)?;
        Catalogue::parse(&self.gifts.catalogue, price_max)
            .map_err(|problem| invalid("gifts.catalogue", problem.to_string()))
    }

    /// How renewals are charged.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] for numbers out of bounds.
    pub fn renewal_policy(&self) -> Result<RenewalPolicy, ConfigError> {
        let settings = &self.subscriptions;
        Ok(RenewalPolicy {
            grace: Span::days(within("subscriptions.grace_days", settings.grace_days, &GRACE_DAYS)?),
            retry_after: Span::hours(within("subscriptions.retry_hours", settings.retry_hours, &RETRY_HOURS)?),
            tries_max: within("subscriptions.tries_max", settings.tries_max, &TRIES)?,
        })
    }

    /// How long a token for media gateways is good for.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] for a number out of bounds.
    pub fn entitlement_length(&self) -> Result<Span, ConfigError> {
        let seconds = self.subscriptions.token_seconds;
        Ok(Span::seconds(within("subscriptions.token_seconds", seconds, &TOKEN_SECONDS)?))
    }

    /// The smallest payout.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] for a number that is no amount, or above the largest one.
    pub fn payout_min(&self) -> Result<Amount, ConfigError> {
        let key = "payouts.amount_cents_min";
        let min = amount(key, self.payouts.amount_cents_min)?;
        if min.credit().get() > self.money.amount_cents_max {
            return Err(invalid(key, "must be at most money.amount_cents_max"));
        }
        Ok(min)
    }

    /// Whether all of the above can be read.
    pub(super) fn check_sales(&self) -> Result<(), ConfigError> {
        self.splits()?;
        self.gifts()?;
        self.renewal_policy()?;
        self.entitlement_length()?;
        self.payout_min()?;
        Ok(())
    }
}
