//! Whose request it is when nobody is signed in: the peer, or the client of a proxy that is believed.

use crate::config::Network;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// Whom an address is counted as: itself, or its /64 in IPv6, where everybody has at least one of those.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Source {
    /// One address.
    V4(u32),
    /// The first half of an address.
    V6(u64),
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(address) => write!(formatter, "4-{address:08x}"),
            Self::V6(half) => write!(formatter, "6-{half:016x}"),
        }
    }
}

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.to_bits()),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self::V6([a, b, c, d].into_iter().fold(0, |half, part| half << 16 | u64::from(part)))
            }
        }
    }
}

/// The proxies that are believed.
#[derive(Clone, Debug)]
pub struct Proxies(Vec<Network>);

impl Proxies {
    /// Believes these.
    #[must_use]
    pub const fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// Whether an address is one of theirs.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// The client's address, if `peer` is a proxy that is believed and says one. `forwarded` is every line of
    /// `X-Forwarded-For`, in order. It is read from the right, where the proxies write: what stands to the left of
    /// the first stranger may be invented. What cannot be read ends the search, and the peer counts.
    #[must_use]
    pub fn client<'line>(
        &self,
        peer: IpAddr,
        forwarded: impl DoubleEndedIterator<Item = &'line [u8]>,
    ) -> Option<IpAddr> {
        if !self.trusts(peer) {
            return None;
        }
        let mut client = None;
        for part in forwarded.rev().flat_map(|line| line.rsplit(|byte| *byte == b',')) {
            let address = read(part)?;
            client = Some(address);
            if !self.trusts(address) {
                break;
            }
        }
        client
    }
}

/// An address, with or without a port behind it.
fn read(part: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(part).ok()?.trim();
    let address = text.parse().or_else(|_| text.parse().map(|address: SocketAddr| address.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::{Proxies, Source};
    use crate::config::{Network, Sources};
    use std::collections::BTreeMap;
    use std::net::IpAddr;

    fn networks(text: &str) -> Vec<Network> {
        let environment = BTreeMap::from([("SUPERAPP_SERVER__TRUSTED_PROXIES".to_owned(), text.to_owned())]);
        Sources { file: None, environment }.load().unwrap().trusted_proxies().unwrap()
    }

    fn client(trusted: &str, peer: &str, lines: &[&str]) -> Option<String> {
        let proxies = Proxies::new(networks(trusted));
        let lines = lines.iter().map(|line| line.as_bytes());
        proxies.client(peer.parse().unwrap(), lines).map(|address| address.to_string())
    }

    fn source(address: &str) -> Source {
        address.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_and_every_address_of_ipv4_as_itself() {
        assert_eq!(source("2001:db8:0:1::1"), source("2001:db8:0:1:ffff::2"));
        assert_ne!(source("2001:db8:0:1::1"), source("2001:db8:0:2::1"));
        assert_ne!(source("192.0.2.1"), source("192.0.2.2"));
        assert_eq!(source("192.0.2.1"), source("::ffff:192.0.2.1"));
    }

    #[test]
    fn a_stranger_is_believed_nothing() {
        assert_eq!(client("", "10.0.0.1", &["1.2.3.4"]), None);
        assert_eq!(client("10.0.0.0/8", "11.0.0.1", &["1.2.3.4"]), None);
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &[]), None);
    }

    #[test]
    fn what_the_trusted_proxies_wrote_is_read_from_the_right() {
        for (lines, found) in [
            (&["1.2.3.4"][..], "1.2.3.4"),
            (&["6.6.6.6, 1.2.3.4"], "1.2.3.4"),
            (&["6.6.6.6", "1.2.3.4, 10.0.0.7"], "1.2.3.4"),
            (&["6.6.6.6, 1.2.3.4", "10.0.0.7"], "1.2.3.4"),
            (&["10.0.0.8,10.0.0.7"], "10.0.0.8"),
            (&["[2001:db8::1]:443"], "2001:db8::1"),
            (&["1.2.3.4:5678"], "1.2.3.4"),
            (&["::ffff:1.2.3.4"], "1.2.3.4"),
            (&["nonsense, 1.2.3.4"], "1.2.3.4"),
        ] {
            assert_eq!(client("10.0.0.0/8", "10.0.0.1", lines).as_deref(), Some(found), "{lines:?}");
        }
        for lines in [&["nonsense"][..], &["1.2.3.4, nonsense"], &["1.2.3.4,"], &["unknown, 10.0.0.7"], &["_hidden"]] {
            assert_eq!(client("10.0.0.0/8", "10.0.0.1", lines), None, "{lines:?}");
        }
    }
}
