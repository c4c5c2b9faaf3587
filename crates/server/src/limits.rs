//! The limiter: who may ask how often, by settings, and the windows of those who asked.
//!
//! An account is counted by its id, whatever token it shows; whoever shows none, by the address. The rule itself is
//! `domain::rate_limit`.

pub mod address;
pub mod admission;
pub mod sign_in;
pub mod together;
pub mod windows;

use crate::clock::{Clock, Ticker};
use crate::config::Config;
use crate::gateway::redis::Redis;
use address::{Proxies, Source};
use domain::id::UserId;
use domain::rate_limit::{Class, Decision};
use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use together::Place;
use windows::Windows;

const ONE: NonZeroU32 = NonZeroU32::MIN;

/// What the limiter said about a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Quota {
    /// Whose limit it fell under.
    pub class: Class,
    /// `None`: there is no limit.
    pub decision: Option<Decision>,
}

impl Quota {
    /// How long to wait, if the request was refused.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.decision.and_then(|decision| decision.retry_after_seconds())
    }
}

/// The numbers of the settings.
#[derive(Debug)]
struct Numbers {
    free: NonZeroU32,
    premium: NonZeroU32,
    creator: NonZeroU32,
    anonymous: NonZeroU32,
}

/// Decides who is let through.
#[derive(Debug)]
pub struct Limiter {
    is_on: bool,
    numbers: Numbers,
    /// By path, then by method: `None` where a route is not limited.
    costs: HashMap<String, Vec<(String, Option<NonZeroU32>)>>,
    proxies: Proxies,
    spares_loopback: bool,
    accounts: Windows<UserId>,
    addresses: Windows<Source>,
    redis: Option<Redis>,
    ticker: Ticker,
}

impl Limiter {
    /// A limiter by the settings.
    ///
    /// # Errors
    /// If the settings are wrong, which their check has ruled out.
    pub fn new(config: &Config, clock: Clock, redis: Option<Redis>) -> anyhow::Result<Self> {
        let number = |class| config.limit(class).map(|limit| limit.unwrap_or(NonZeroU32::MAX));
        let mut costs: HashMap<String, Vec<_>> = HashMap::new();
        for cost in config.costs()? {
            costs.entry(cost.route).or_default().push((cost.method, cost.cost));
        }
        Ok(Self {
            is_on: config.rate_limits.enabled,
            numbers: Numbers {
                free: number(Class::Free)?,
                premium: number(Class::Premium)?,
                creator: number(Class::Creator)?,
                anonymous: number(Class::Anonymous)?,
            },
            costs,
            proxies: Proxies::new(config.trusted_proxies()?),
            spares_loopback: !config.is_production(),
            accounts: Windows::default(),
            addresses: Windows::default(),
            redis,
            ticker: Ticker::new(clock),
        })
    }

    /// Whether an address has as many connections as it likes: a proxy that is believed speaks for many, and outside of
    /// production the own machine is whoever tries things out.
    #[must_use]
    pub fn spares_connections_of(&self, address: IpAddr) -> bool {
        self.proxies.trusts(address) || (self.spares_loopback && address.to_canonical().is_loopback())
    }

    /// The proxies that are believed.
    #[must_use]
    pub const fn proxies(&self) -> &Proxies {
        &self.proxies
    }

    const fn limit(&self, class: Class) -> Option<NonZeroU32> {
        match class {
            Class::Anonymous => Some(self.numbers.anonymous),
            Class::Free => Some(self.numbers.free),
            Class::Premium => Some(self.numbers.premium),
            Class::Creator => Some(self.numbers.creator),
            Class::Admin => None,
        }
    }

    /// What a request costs; `None` if it is not limited. `HEAD` is a `GET` without its body.
    fn cost(&self, method: &str, route: Option<&str>) -> Option<NonZeroU32> {
        if !self.is_on {
            return None;
        }
        let method = if method == "HEAD" { "GET" } else { method };
        let of_route = route.and_then(|route| self.costs.get(route));
        let cost = of_route.and_then(|costs| costs.iter().find(|(named, _)| named == method));
        cost.map_or(Some(ONE), |(_, cost)| *cost)
    }

    /// Decides about a request of an account. `None`: the route is not limited.
    pub async fn account(&self, user: UserId, class: Class, method: &str, route: Option<&str>) -> Option<Quota> {
        let cost = self.cost(method, route)?;
        let Some(limit) = self.limit(class) else {
            return Some(count(Quota { class, decision: None }, Place::Process));
        };
        let (decision, place) = self.decide(&self.accounts, user, limit, cost).await;
        if !decision.accepted {
            self.accounts.refused(user, self.ticker.micros(), class, &decision);
        }
        Some(count(Quota { class, decision: Some(decision) }, place))
    }

    /// Refuses an account that floods the server, before anybody looks up who it is. `None`: look it up.
    pub fn flood(&self, user: UserId, method: &str, route: Option<&str>) -> Option<Quota> {
        self.cost(method, route)?;
        let (class, decision) = self.accounts.flood(user, self.ticker.micros())?;
        Some(count(Quota { class, decision: Some(decision) }, Place::Process))
    }

    /// Decides about a request from an address. `None`: the route or the address is not limited.
    pub async fn address(&self, address: IpAddr, method: &str, route: Option<&str>) -> Option<Quota> {
        let cost = self.cost(method, route)?;
        if self.spares_loopback && address.to_canonical().is_loopback() {
            return None;
        }
        let (class, limit) = (Class::Anonymous, self.numbers.anonymous);
        let (decision, place) = self.decide(&self.addresses, Source::from(address), limit, cost).await;
        Some(count(Quota { class, decision: Some(decision) }, place))
    }

    async fn decide<K: Copy + Eq + Hash + Display>(
        &self,
        windows: &Windows<K>,
        key: K,
        limit: NonZeroU32,
        cost: NonZeroU32,
    ) -> (Decision, Place) {
        let now = || self.ticker.micros();
        match &self.redis {
            Some(redis) => together::or_alone(redis, windows, key, now, (limit, cost)).await,
            None => (windows.decide(key, now(), limit, cost), Place::Process),
        }
    }

    /// How many accounts and addresses have a window.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.accounts.len() + self.addresses.len()
    }

    /// The routes that have a cost of their own, as they are written in the settings.
    pub fn priced(&self) -> impl Iterator<Item = (&str, &str)> {
        self.costs.iter().flat_map(|(route, costs)| costs.iter().map(|(method, _)| (method.as_str(), route.as_str())))
    }
}

fn count(quota: Quota, place: Place) -> Quota {
    let decision = match quota.decision {
        Some(Decision { accepted: false, .. }) => "rejected",
        _ => "accepted",
    };
    let labels = [("tier", quota.class.name()), ("decision", decision), ("place", place.name())];
    metrics::counter!("rate_limit_decisions_total", &labels).increment(1);
    quota
}
