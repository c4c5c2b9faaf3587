//! Who may ask how often: settings of the limiter, read into numbers, networks and costs.

use super::sales::within;
use super::{Config, ConfigError, invalid};
use domain::rate_limit::Class;
use secrecy::ExposeSecret;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;

/// Each unit of a limit is eight bytes for everybody who uses it up.
const LIMITS: RangeInclusive<i64> = 1..=100_000;

/// What one request of a route uses of a limit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cost {
    /// The method, in capitals.
    pub method: String,
    /// The path as the API's document has it.
    pub route: String,
    /// `None`: the route is not limited.
    pub cost: Option<NonZeroU32>,
}

/// Addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Network {
    bits: u128,
    length: u32,
    is_v4: bool,
}

/// An address as bits on the left.
fn bits(address: IpAddr) -> (u128, bool) {
    match address.to_canonical() {
        IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, true),
        IpAddr::V6(address) => (address.to_bits(), false),
    }
}

const fn first(bits: u128, length: u32) -> u128 {
    if length == 0 { 0 } else { bits & (u128::MAX << (128 - length)) }
}

impl Network {
    /// Reads an address, or an address with the length of what counts: `10.0.0.0/8`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let (bits, is_v4) = bits(address.parse().ok()?);
        let most = if is_v4 { 32 } else { 128 };
        let length = length.map_or(Some(most), |length| length.parse().ok()).filter(|length| *length <= most)?;
        Some(Self { bits: first(bits, length), length, is_v4 })
    }

    /// Whether an address is one of it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let (bits, is_v4) = bits(address);
        is_v4 == self.is_v4 && first(bits, self.length) == self.bits
    }
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn limit(key: &'static str, number: u32) -> Result<NonZeroU32, ConfigError> {
    within(key, number.into(), &LIMITS)?;
    NonZeroU32::new(number).ok_or_else(|| invalid(key, "must be at least 1"))
}

impl Config {
    /// How much somebody may ask in any minute; `None` without a limit.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] for a number out of bounds.
    pub fn limit(&self, class: Class) -> Result<Option<NonZeroU32>, ConfigError> {
        let limits = &self.rate_limits;
        match class {
            Class::Anonymous => limit("rate_limits.anonymous", limits.anonymous),
            Class::Free => limit("rate_limits.free", limits.free),
            Class::Premium => limit("rate_limits.premium", limits.premium),
            Class::Creator => limit("rate_limits.creator", limits.creator),
            Class::Admin => return Ok(None),
        }
        .map(Some)
    }

    /// The routes whose requests do not cost one.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] with the first part that is no method, path and cost.
    pub fn costs(&self) -> Result<Vec<Cost>, ConfigError> {
        let read = |part: &str| {
            let (named, cost) = part.split_once('=')?;
            let (method, route) = named.trim().split_once(' ')?;
            let is_method = !method.is_empty() && method.bytes().all(|letter| letter.is_ascii_uppercase());
            let (route, cost) = (route.trim(), cost.trim().parse().ok()?);
            let is_cost = is_method && route.starts_with('/');
            is_cost.then(|| Cost { method: method.to_owned(), route: route.to_owned(), cost: NonZeroU32::new(cost) })
        };
        let wrong = |part: &str| {
            invalid("rate_limits.costs", format!("must be like `GET /api/content = 2`, not like `{part}`"))
        };
        parts(&self.rate_limits.costs).map(|part| read(part).ok_or_else(|| wrong(part))).collect()
    }

    /// The proxies that are believed about whom they speak for.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] with the first part that is no network.
    pub fn trusted_proxies(&self) -> Result<Vec<Network>, ConfigError> {
        let wrong = |part: &str| {
            invalid("server.trusted_proxies", format!("must be addresses or networks such as 10.0.0.0/8, not `{part}`"))
        };
        parts(&self.server.trusted_proxies).map(|part| Network::parse(part).ok_or_else(|| wrong(part))).collect()
    }

    /// The origins whose pages may call the API, each exactly as a browser writes it.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] with the first part that is none.
    pub fn cors_origins(&self) -> Result<Vec<String>, ConfigError> {
        let wrong = |part: &str| {
            let problem = format!("must be origins such as https://app.example.com with commas between, not `{part}`");
            invalid("server.cors_origins", problem)
        };
        let is_origin = |part: &str| {
            let host = part.strip_prefix("https://").or_else(|| part.strip_prefix("http://")).unwrap_or_default();
            let is_sane = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b':' | b'[' | b']');
            !host.is_empty() && host.bytes().all(is_sane)
        };
        let read = |part: &str| is_origin(part).then(|| part.to_owned()).ok_or_else(|| wrong(part));
        parts(&self.server.cors_origins).map(read).collect()
    }

    /// Whether all of the above can be read, and Redis can be asked about it.
    pub(super) fn check_limits(&self) -> Result<(), ConfigError> {
        // The value may hold a password, so it is not repeated.
        if !parts(self.redis.url.expose_secret()).all(|url| url.starts_with("redis://")) {
            let right = "redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], or several with commas between for a cluster";
            return Err(invalid("redis.url", format!("must be {right}; TLS is not possible yet")));
        }
        for class in [Class::Anonymous, Class::Free, Class::Premium, Class::Creator] {
            self.limit(class)?;
        }
        self.costs()?;
        self.trusted_proxies()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Cost, Network};
    use crate::config::{Config, Sources};
    use std::collections::BTreeMap;
    use std::num::NonZeroU32;

    fn load(name: &str, value: &str) -> Result<Config, String> {
        let environment = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        Sources { file: None, environment }.load().map_err(|error| error.to_string())
    }

    #[test]
    fn a_network_contains_the_addresses_that_begin_like_it() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.1.2", "11.0.0.1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("0.0.0.0/0", "203.0.113.9", "::1"),
            ("2001:db8::/32", "2001:db8:1::9", "2001:db9::1"),
            ("::1", "::1", "::2"),
            ("10.1.2.3/8", "::ffff:10.9.9.9", "10.0.0.0.0"),
        ] {
            let network = Network::parse(network).unwrap();
            assert!(network.contains(inside.parse().unwrap()), "{network:?} {inside}");
            assert!(outside.parse().map_or(true, |outside| !network.contains(outside)), "{network:?} {outside}");
        }
        for wrong in ["", "10.0.0.0/33", "::/129", "localhost", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0.0/-1"] {
            assert_eq!(Network::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn costs_name_a_method_a_path_and_a_number() {
        let costs = "GET /api/content = 2, POST /api/content/{id}/unlock=0,";
        let cost = |method: &str, route: &str, cost| Cost {
            method: method.to_owned(),
            route: route.to_owned(),
            cost: NonZeroU32::new(cost),
        };
        let read = load("SUPERAPP_RATE_LIMITS__COSTS", costs).unwrap().costs().unwrap();
        assert_eq!(read, [cost("GET", "/api/content", 2), cost("POST", "/api/content/{id}/unlock", 0)]);
        assert_eq!(load("SUPERAPP_RATE_LIMITS__COSTS", "").unwrap().costs().unwrap(), []);
        for wrong in ["GET", "get /api = 1", "GET /api", "GET api = 1", "GET /api = -1", "GET /api = many"] {
            let error = load("SUPERAPP_RATE_LIMITS__COSTS", wrong).unwrap_err();
            assert!(error.contains("`rate_limits.costs`") && error.contains(wrong), "{error}");
        }
    }

    #[test]
    fn limits_out_of_bounds_and_proxies_that_are_none_name_their_setting() {
        for (name, value, key) in [
            ("SUPERAPP_RATE_LIMITS__FREE", "0", "rate_limits.free"),
            ("SUPERAPP_RATE_LIMITS__ANONYMOUS", "0", "rate_limits.anonymous"),
            ("SUPERAPP_RATE_LIMITS__CREATOR", "100001", "rate_limits.creator"),
            ("REDIS_URL", "rediss://127.0.0.1", "redis.url"),
            ("REDIS_URL", "127.0.0.1:6379", "redis.url"),
            ("SUPERAPP_SERVER__TRUSTED_PROXIES", "10.0.0.0/8, proxy", "server.trusted_proxies"),
        ] {
            let error = load(name, value).unwrap_err();
            assert!(error.contains(key), "{error}");
        }
    }
}
