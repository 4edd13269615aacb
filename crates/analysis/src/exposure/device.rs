//! Which addresses of a capture are the person's device, and how many devices there are.
//!
//! A device is what opens connections to the outside from a private address; where no address is private, what has a part in
//! all connections. Neighbours that are only heard (multicast) are none, and nothing of them is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

/// A hardware address.
pub(super) type Hardware = [u8; 6];

/// Who opened a connection, to whom, and what the frame says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opened {
    pub(super) client: IpAddr,
    pub(super) server: IpAddr,
    /// Of the client, where the link has one and the frame is the client's.
    pub(super) hardware: Option<Hardware>,
    /// To whom the client's frame went: mostly the router.
    pub(super) towards: Option<Hardware>,
    /// True if the file names the app.
    pub(super) has_app: bool,
    /// True for TCP with a SYN.
    pub(super) surely: bool,
}

#[derive(Debug, Default)]
struct Address {
    opened_outside: u64,
    opened: u64,
    /// A part in so many connections.
    parts: u64,
    asked_by: BTreeSet<IpAddr>,
    hardware: Option<Hardware>,
    towards: Option<Hardware>,
    has_app: bool,
}

/// All addresses that opened connections or were asked.
#[derive(Debug, Default)]
pub(super) struct Devices {
    addresses: BTreeMap<IpAddr, Address>,
    connections: u64,
    /// Of these, over IPv6.
    over_v6: u64,
    /// Addresses that there was no room for.
    left_out: u64,
}

/// What was decided.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Local {
    pub(super) addresses: BTreeSet<IpAddr>,
    pub(super) hardware: BTreeSet<Hardware>,
    pub(super) devices: usize,
    /// True if it is asked by many and asks less itself.
    pub(super) is_server: bool,
}

impl Devices {
    /// A connection was opened.
    pub(super) fn opened(&mut self, opened: &Opened) {
        self.connections += 1;
        self.over_v6 += u64::from(opened.client.is_ipv6());
        let outside = !is_private(opened.server);
        if let Some(client) = self.address(opened.client) {
            client.parts += 1;
            client.opened += 1;
            client.opened_outside += u64::from(outside);
            client.has_app |= opened.has_app;
            client.hardware = client.hardware.or(opened.hardware);
            client.towards = client.towards.or(opened.towards.filter(|_| outside));
        }
        if let Some(server) = self.address(opened.server) {
            server.parts += 1;
            if opened.surely && !is_private(opened.client) && server.asked_by.len() < MANY {
                server.asked_by.insert(opened.client);
            }
        }
    }

    fn address(&mut self, address: IpAddr) -> Option<&mut Address> {
        if self.addresses.len() >= MOST_ADDRESSES && !self.addresses.contains_key(&address) {
            self.left_out += 1;
            return None;
        }
        Some(self.addresses.entry(address).or_default())
    }

    /// Decides. What the person names is local, beside what shows itself to be.
    pub(super) fn decide(&self, named: &[IpAddr]) -> Local {
        let mut chosen: BTreeMap<IpAddr, &Address> = self
            .addresses
            .iter()
            .filter(|(address, it)| named.contains(address) || is_device(**address, it))
            .map(|(address, it)| (*address, it))
            .collect();
        if chosen.is_empty() {
            chosen = self.without_private();
        } else {
            let more = self.public(&chosen);
            chosen.extend(more);
        }
        let is_server =
            chosen.values().any(|it| it.asked_by.len() >= MANY && it.opened < it.parts / 2);
        let devices = count(&chosen);
        let hardware = chosen.values().filter_map(|it| it.hardware).collect();
        Local { addresses: chosen.into_keys().collect(), hardware, devices, is_server }
    }

    /// Public addresses beside private ones, as most have of IPv6: those whose frames are neither a router's nor a stranger's; without
    /// hardware addresses, those of the one network that has a part in all of IPv6.
    fn public(&self, chosen: &BTreeMap<IpAddr, &Address>) -> Vec<(IpAddr, &Address)> {
        let routers: BTreeSet<Hardware> = chosen.values().filter_map(|it| it.towards).collect();
        let mut parts: BTreeMap<u64, u64> = BTreeMap::new();
        for (address, it) in &self.addresses {
            if let IpAddr::V6(v6) = address {
                *parts.entry(network(*v6)).or_default() += it.parts;
            }
        }
        let is_ours = |address: &IpAddr, it: &Address| match (it.hardware, address) {
            (Some(hardware), _) => !routers.contains(&hardware),
            (None, IpAddr::V6(v6)) => {
                parts.get(&network(*v6)).is_some_and(|it| *it >= self.over_v6)
            }
            (None, IpAddr::V4(_)) => false,
        };
        let open =
            self.addresses.iter().filter(|(address, it)| it.opened > 0 && !is_private(**address));
        open.filter(|(address, it)| is_ours(address, it))
            .map(|(address, it)| (*address, it))
            .collect()
    }

    /// The end of all connections; else all who opened one.
    fn without_private(&self) -> BTreeMap<IpAddr, &Address> {
        let is_hub = |it: &Address| {
            it.parts == self.connections && (it.opened * 2 >= it.parts || self.connections > 2)
        };
        let hubs: Vec<_> = self.addresses.iter().filter(|(_, it)| is_hub(it)).collect();
        match hubs.as_slice() {
            // Both ends of every connection: who opened more.
            [a, b] => {
                let (address, it) = if a.1.opened >= b.1.opened { a } else { b };
                BTreeMap::from([(**address, *it)])
            }
            [(address, it)] => BTreeMap::from([(**address, *it)]),
            _ => {
                let opened = self.addresses.iter().filter(|(_, it)| it.opened > 0);
                opened.map(|(address, it)| (*address, it)).collect()
            }
        }
    }
}

fn is_device(address: IpAddr, it: &Address) -> bool {
    it.opened > 0 && (it.has_app || it.opened_outside > 0 && is_private(address))
}

/// Addresses that belong together: those of an app's export; an IPv4 and IPv6 address of the same hardware; without hardware, one
/// IPv4 address and the IPv6 addresses of one network. Two IPv4 addresses are two devices even behind the same hardware, which may be a
/// router's. Addresses of the link alone are those of another.
fn count(chosen: &BTreeMap<IpAddr, &Address>) -> usize {
    let exported = chosen.values().any(|it| it.has_app);
    let rest = || chosen.iter().filter(|(_, it)| !it.has_app);
    let v4: Vec<_> = rest().filter(|(address, _)| address.is_ipv4()).collect();
    let mut networks: BTreeMap<(u64, Option<Hardware>), usize> = BTreeMap::new();
    for (address, it) in rest() {
        if let IpAddr::V6(v6) = address
            && !v6.is_unicast_link_local()
        {
            *networks.entry((network(*v6), it.hardware)).or_default() += 1;
        }
    }
    let alone = networks
        .iter()
        .filter(|((_, hardware), _)| {
            let same_hardware = hardware.is_some()
                && v4.iter().filter(|(_, it)| it.hardware == *hardware).count() == 1;
            let same_export =
                hardware.is_none() && (v4.len() == 1 || exported) && networks.len() == 1;
            !(same_hardware || same_export)
        })
        .count();
    let crowded: usize = networks.values().filter(|addresses| **addresses > MOST_OF_ONE).count();
    let only_link = v4.is_empty() && networks.is_empty() && !exported && !chosen.is_empty();
    v4.len() + alone + crowded * MANY + usize::from(exported) + usize::from(only_link)
}

/// The first 64 bits.
fn network(address: Ipv6Addr) -> u64 {
    (u128::from(address) >> 64) as u64
}

/// True for addresses that are not of the internet: private (also those of operators' NAT), of the link, of the machine, multicast.
pub(super) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private()
                || v4.is_link_local()
                || v4.is_loopback()
                || v4.is_unspecified()
                || is_multicast(address)
                || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(v6) => {
            v6.is_unique_local()
                || v6.is_unicast_link_local()
                || v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
        }
    }
}

/// True for multicast and broadcast.
pub(super) fn is_multicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.is_multicast()
                || v4.is_broadcast()
                || v4.octets()[3] == 255 && is_private_net(v4.octets())
        }
        IpAddr::V6(v6) => v6.is_multicast(),
    }
}

/// Broadcast addresses of home networks end in 255.
fn is_private_net([a, b, ..]: [u8; 4]) -> bool {
    a == 10 || a == 192 && b == 168 || a == 172 && (16..32).contains(&b)
}

/// The hardware's number in an address made from it (RFC 4291 appendix A): `ff:fe` in the middle.
pub(super) fn hardware_in(address: IpAddr) -> Option<Hardware> {
    let IpAddr::V6(v6) = address else { return None };
    match v6.octets() {
        [.., a, b, c, 0xff, 0xfe, d, e, f] if !v6.is_unicast_link_local() => {
            Some([a ^ 2, b, c, d, e, f])
        }
        _ => None,
    }
}

/// Asked by so many, it is a server's capture.
const MANY: usize = 16;
const MOST_ADDRESSES: usize = 4096;
/// Temporary addresses of one device in one network.
const MOST_OF_ONE: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    fn devices(opened: &[(&str, &str, u8)]) -> Devices {
        let mut devices = Devices::default();
        for (client, server, hardware) in opened {
            devices.opened(&Opened {
                client: client.parse().unwrap(),
                server: server.parse().unwrap(),
                hardware: (*hardware > 0).then_some([*hardware; 6]),
                towards: (*hardware > 0).then_some([0xee; 6]),
                has_app: false,
                surely: true,
            });
        }
        devices
    }

    #[test]
    fn how_many_devices() {
        for (what, opened, expected) in [
            (
                "one",
                &[("192.168.1.2", "198.51.100.1", 1), ("192.168.1.2", "192.168.1.1", 1)][..],
                1,
            ),
            (
                "both families",
                &[("192.168.1.2", "198.51.100.1", 1), ("fd00::2", "2001:db8::1", 1)],
                1,
            ),
            (
                "both, no hardware",
                &[("10.0.0.2", "198.51.100.1", 0), ("fd00::2", "2001:db8::1", 0)],
                1,
            ),
            ("two", &[("192.168.1.2", "198.51.100.1", 1), ("192.168.1.3", "198.51.100.1", 2)], 2),
            (
                "two behind a router",
                &[("10.0.0.2", "198.51.100.1", 9), ("10.0.1.2", "198.51.100.1", 9)],
                2,
            ),
            (
                "a neighbour of the network",
                &[("192.168.1.2", "198.51.100.1", 1), ("192.168.1.7", "192.168.1.2", 2)],
                1,
            ),
            (
                "public",
                &[
                    ("203.0.113.5", "198.51.100.1", 0),
                    ("203.0.113.5", "198.51.100.2", 0),
                    ("198.51.100.9", "203.0.113.5", 0),
                ],
                1,
            ),
            (
                "a transit link",
                &[
                    ("203.0.113.5", "198.51.100.1", 0),
                    ("203.0.113.6", "198.51.100.2", 0),
                    ("203.0.113.7", "198.51.100.3", 0),
                ],
                3,
            ),
            (
                "networks of customers",
                &[("fd00:0:0:1::2", "2001:db8::1", 9), ("fd00:0:0:2::2", "2001:db8::1", 9)],
                2,
            ),
        ] {
            assert_eq!(devices(opened).decide(&[]).devices, expected, "{what}");
        }
        assert_eq!(Devices::default().decide(&[]).devices, 0);
    }

    #[test]
    fn a_server_is_no_device_and_floods_are_bounded() {
        let mut many = Devices::default();
        for number in 0..20_000_u32 {
            many.opened(&Opened {
                client: IpAddr::from((0xc633_6400 + number).to_be_bytes()),
                server: "203.0.113.5".parse().unwrap(),
                hardware: None,
                towards: None,
                has_app: false,
                surely: true,
            });
        }
        assert!(many.addresses.len() <= MOST_ADDRESSES && many.left_out > 0);
        let local = many.decide(&["203.0.113.5".parse().unwrap()]);
        assert!(local.is_server);
    }

    #[test]
    fn hardware_in_addresses() {
        let v6: IpAddr = "2001:db8::211:22ff:fe33:4455".parse().unwrap();
        assert_eq!(hardware_in(v6), Some([0x00, 0x11, 0x22, 0x33, 0x44, 0x55]));
        assert_eq!(hardware_in("2001:db8::1:2:3:4".parse().unwrap()), None);
        assert_eq!(hardware_in("fe80::211:22ff:fe33:4455".parse().unwrap()), None);
    }
}
