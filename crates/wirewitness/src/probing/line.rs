//! What this machine's line is: its addresses, to keep them out of every file, and its country.
//!
//! A page may tell a visitor's address, so whoever writes pages down must know it. It is asked of a public service, and
//! used for nothing else; `--public-address` says it instead, and then nobody is asked.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;
use std::time::Duration;

use url::Url;
use wirewitness_net::{Clock, Net};
use wirewitness_probe::clock::within;
use wirewitness_probe::http::Asking;
use wirewitness_probe::service::Services;

use crate::command_error::CommandError;

/// What `--public-address` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PublicAddress {
    /// This one.
    Known(IpAddr),
    /// No page can know one: there is no way out, or it does not matter who reads the file.
    NotNeeded,
}

impl FromStr for PublicAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::NotNeeded),
            _ => text.parse().map(Self::Known).map_err(|_| "an address, or none".to_owned()),
        }
    }
}

/// What is known of the line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Line {
    /// Addresses that the world sees.
    pub(crate) public: Vec<IpAddr>,
    /// The country that the service takes the first of them for.
    pub(crate) country: Option<String>,
}

/// Finds the line's public addresses.
///
/// # Errors
/// Nobody tells, and the person did not.
pub(crate) async fn find<N: Net>(
    services: &Services<N>,
    net: &N,
    said: Option<PublicAddress>,
) -> Result<Line, CommandError> {
    match said {
        Some(PublicAddress::Known(address)) => Ok(Line { public: vec![address], country: None }),
        Some(PublicAddress::NotNeeded) => Ok(Line::default()),
        None => ask(services, net).await,
    }
}

async fn ask<N: Net>(services: &Services<N>, net: &N) -> Result<Line, CommandError> {
    let mut line = Line::default();
    for url in ADDRESS_SERVICES {
        let Some(told) = ask_one(services, net, url).await else { continue };
        line.country = line.country.or(told.country);
        line.public.extend(told.public);
    }
    if line.public.is_empty() {
        return Err(CommandError::Measuring {
            message:
                "this line's public address cannot be learnt, and so not be kept out of the file"
                    .to_owned(),
            hint:
                "give it with --public-address ADDRESS; or say --public-address none if the file \
                   may tell it"
                    .to_owned(),
        });
    }
    Ok(line)
}

async fn ask_one<N: Net>(services: &Services<N>, clock: &impl Clock, url: &str) -> Option<Line> {
    let asking = Asking::get(Url::parse(url).ok()?, Vec::new(), LONGEST_ANSWER_BYTES);
    let came = within(clock, PATIENCE, services.ask(&asking)).await?.ok()?;
    (came.status == 200).then(|| read(&String::from_utf8_lossy(&came.body)))
}

/// Reads lines of `key=value`.
fn read(text: &str) -> Line {
    let value = |key: &str| {
        text.lines().find_map(|line| line.split_once('=').filter(|(k, _)| *k == key)).map(|it| it.1)
    };
    let is_country = |it: &&str| it.len() == 2 && it.bytes().all(|it| it.is_ascii_uppercase());
    Line {
        public: value("ip").and_then(|it| it.trim().parse().ok()).into_iter().collect(),
        country: value("loc").map(str::trim).filter(is_country).map(str::to_owned),
    }
}

/// The resolvers that this system asks, where it says so in a file.
pub(crate) fn system_resolvers() -> Vec<IpAddr> {
    resolvers(&std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default())
}

/// The addresses of this machine's interfaces, where the system says so in files (Linux).
pub(crate) fn own_addresses() -> Vec<IpAddr> {
    let text = |path| std::fs::read_to_string(path).unwrap_or_default();
    let mut addresses = interfaces_v6(&text("/proc/net/if_inet6"));
    addresses.extend(interfaces_v4(&text("/proc/net/fib_trie")));
    addresses
}

fn resolvers(text: &str) -> Vec<IpAddr> {
    let address = |line: &str| {
        let mut words = line.split_whitespace();
        let address = words.next().filter(|it| *it == "nameserver").and(words.next())?;
        // A link-local one has the interface behind it.
        address.split('%').next()?.parse().ok()
    };
    text.lines().filter_map(address).take(MOST_RESOLVERS).collect()
}

/// Lines of an address in hexadecimal and its interface.
fn interfaces_v6(text: &str) -> Vec<IpAddr> {
    let address = |line: &str| {
        let bits = u128::from_str_radix(line.split_whitespace().next()?, 16).ok()?;
        Some(IpAddr::V6(Ipv6Addr::from_bits(bits)))
    };
    text.lines().filter_map(address).take(MOST_INTERFACES).collect()
}

/// A tree of routes: an address, and on the line below that it is this host's.
fn interfaces_v4(text: &str) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    for (above, line) in text.lines().zip(text.lines().skip(1)) {
        let address = above.trim_start_matches([' ', '|', '-', '+']).parse();
        if let (true, Ok(address)) = (line.trim() == "/32 host LOCAL", address)
            && !addresses.contains(&address)
            && addresses.len() < MOST_INTERFACES
        {
            addresses.push(address);
        }
    }
    addresses
}

/// Cloudflare's resolver, over IPv4 and over IPv6, tells each visitor what it sees of it. By address, so that no
/// resolver has a say.
const ADDRESS_SERVICES: [&str; 2] =
    ["https://1.1.1.1/cdn-cgi/trace", "https://[2606:4700:4700::1111]/cdn-cgi/trace"];
const PATIENCE: Duration = Duration::from_secs(10);
const LONGEST_ANSWER_BYTES: usize = 4_096;
const MOST_RESOLVERS: usize = 16;
const MOST_INTERFACES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_service_tells() {
        let line = read("fl=1\nh=1.1.1.1\nip=198.51.100.7\nts=1.5\nloc=PK\nwarp=off\n");
        assert_eq!(line.public, ["198.51.100.7".parse::<IpAddr>().unwrap()]);
        assert_eq!(line.country.as_deref(), Some("PK"));
        for nothing in ["", "ip=\nloc=\n", "ip=<html>\nloc=<b>", "loc=pk"] {
            assert_eq!(read(nothing), Line::default(), "{nothing}");
        }
    }

    #[test]
    fn what_the_system_tells() {
        let text = "# local\nnameserver 192.0.2.53\nsearch example\n nameserver  fe80::1%eth0 \n\
                    nameserver\nnameserver nonsense\noptions edns0\n";
        let expected: Vec<IpAddr> = ["192.0.2.53", "fe80::1"].map(|it| it.parse().unwrap()).into();
        assert_eq!(resolvers(text), expected);
        let text = "20010db8000a000b0000000000000001 02 40 00 80     eth0\nzz\n\n";
        assert_eq!(interfaces_v6(text), ["2001:db8:a:b::1".parse::<IpAddr>().unwrap()]);
        let text = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n\
                    \x20    +-- 192.0.2.0/24 2 0 2\n        |-- 192.0.2.7\n           /32 host LOCAL\n\
                    \x20       |-- 192.0.2.255\n           /32 link BROADCAST\n\
                    Local:\n        |-- 192.0.2.7\n           /32 host LOCAL\n";
        assert_eq!(interfaces_v4(text), ["192.0.2.7".parse::<IpAddr>().unwrap()]);
    }

    #[test]
    fn a_person_may_say_it() {
        assert_eq!("none".parse(), Ok(PublicAddress::NotNeeded));
        let address = "192.0.2.1".parse().unwrap();
        assert_eq!("192.0.2.1".parse(), Ok(PublicAddress::Known(address)));
        assert!("home".parse::<PublicAddress>().is_err());
    }
}
