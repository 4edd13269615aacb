//! Packets without what betrays a person's address: the client's address becomes its network's, and forged packets lose their IP
//! identification and window, from which some devices' addresses of others can be computed. What packets carry is not touched.

use std::net::IpAddr;

use wirewitness_analysis::tamper::finding::Network;
use wirewitness_wire::ip::IpPacket;

/// What to hide in a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hide {
    /// Whose address becomes its network's.
    pub(crate) client: IpAddr,
    /// Whether identification and window go.
    pub(crate) headers: Headers,
}

/// IP's identification and TCP's window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Headers {
    /// They stay.
    Stay,
    /// They become 0: the packet is forged.
    Go,
}

/// The packet from its IP header on, with checksums that are as right or wrong as they were.
pub(crate) fn redacted(packet: &IpPacket<'_>, hide: Hide) -> Vec<u8> {
    let mut bytes = [packet.header, packet.payload].concat();
    let at = packet.header.len();
    let mut change = Change::default();
    hide_addresses(&mut bytes, 0, hide.client, &mut change);
    let is_first = packet.fragment.is_none_or(|fragment| fragment.offset == 0);
    match packet.protocol {
        TCP if is_first => {
            if hide.headers == Headers::Go {
                zero(&mut bytes, at + 14, &mut change);
            }
            change.apply(&mut bytes, at + 16);
        }
        // No checksum stays none.
        UDP if is_first && bytes.get(at + 6..at + 8) != Some(&[0, 0]) => {
            change.apply(&mut bytes, at + 6)
        }
        ICMP | ICMP_6 if is_first => {
            if packet.protocol == ICMP {
                // Its checksum does not cover addresses of the header.
                change = Change::default();
            }
            hide_addresses(&mut bytes, at + 8, hide.client, &mut change);
            change.apply(&mut bytes, at + 2);
        }
        _ => {}
    }
    if hide.headers == Headers::Go && packet.source.is_ipv4() {
        let mut header = Change::default();
        zero(&mut bytes, 4, &mut header);
        header.apply(&mut bytes, 10);
    }
    bytes
}

/// Hides the client's address in the IP header at `at`, and mends that header's checksum.
fn hide_addresses(bytes: &mut [u8], at: usize, client: IpAddr, change: &mut Change) {
    let (network, places) = match (client, Network::of(client).address()) {
        (IpAddr::V4(client), IpAddr::V4(network)) => {
            ((client.octets().to_vec(), network.octets().to_vec()), [12, 16])
        }
        (IpAddr::V6(client), IpAddr::V6(network)) => {
            ((client.octets().to_vec(), network.octets().to_vec()), [8, 24])
        }
        _ => return,
    };
    let (client_bytes, network_bytes) = network;
    let version = if client.is_ipv4() { 4 } else { 6 };
    if bytes.get(at).is_none_or(|first| first >> 4 != version) {
        return;
    }
    let mut header = Change::default();
    for place in places {
        let Some(field) = bytes.get_mut(at + place..at + place + client_bytes.len()) else {
            continue;
        };
        if field == client_bytes {
            header.replaced(&client_bytes, &network_bytes);
            field.copy_from_slice(&network_bytes);
        }
    }
    change.more(header);
    if version == 4 {
        let before = bytes.get(at + 10..at + 12).map(<[u8]>::to_vec).unwrap_or_default();
        header.apply(bytes, at + 10);
        let after = bytes.get(at + 10..at + 12).map(<[u8]>::to_vec).unwrap_or_default();
        if at > 0 {
            // A quoted header's checksum is data of the message around it.
            change.replaced(&before, &after);
        }
    }
}

fn zero(bytes: &mut [u8], at: usize, change: &mut Change) {
    if let Some(field) = bytes.get_mut(at..at + 2) {
        change.replaced(field, &[0, 0]);
        field.fill(0);
    }
}

/// What a change of data does to a checksum of the Internet's (RFC 1624).
#[derive(Debug, Clone, Copy, Default)]
struct Change(u64);

impl Change {
    /// So many bytes became others, at an even place.
    fn replaced(&mut self, old: &[u8], new: &[u8]) {
        for (bytes, mask) in [(old, u16::MAX), (new, 0)] {
            for pair in bytes.chunks(2) {
                let word = u16::from_be_bytes([
                    pair.first().copied().unwrap_or(0),
                    pair.get(1).copied().unwrap_or(0),
                ]);
                self.0 += u64::from(word ^ mask);
            }
        }
    }

    fn more(&mut self, other: Self) {
        self.0 += other.0;
    }

    /// HC' = ~(~HC + ~m + m').
    fn apply(self, bytes: &mut [u8], at: usize) {
        let Some([high, low]) = bytes.get_mut(at..at + 2) else { return };
        if self.0 == 0 {
            return;
        }
        let mut sum = u64::from(!u16::from_be_bytes([*high, *low])) + self.0;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        [*high, *low] = (!(sum as u16)).to_be_bytes();
    }
}

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP_6: u8 = 58;

#[cfg(test)]
mod tests {
    use wirewitness_wire::file::LinkType;
    use wirewitness_wire::link::{Carried, innermost};

    use super::*;

    fn sum(parts: &[&[u8]]) -> u16 {
        let mut sum = 0_u32;
        for part in parts {
            for pair in part.chunks(2) {
                sum += u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
            }
        }
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }

    fn segment() -> Vec<u8> {
        let mut ip = vec![
            0x45, 0, 0, 43, 0xab, 0xcd, 0x40, 0, 57, TCP, 0, 0, 192, 0, 2, 77, 198, 51, 100, 9,
        ];
        let tcp_head =
            [0x1f, 0x90, 0, 80, 1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x14, 0x12, 0x34, 0, 0, 0, 0];
        let mut tcp = [&tcp_head[..], b"odd"].concat();
        let check = sum(&[&ip]).to_be_bytes();
        ip[10..12].copy_from_slice(&check);
        let check = sum(&[&ip[12..20], &[0, TCP, 0, 23], &tcp]).to_be_bytes();
        tcp[16..18].copy_from_slice(&check);
        [ip, tcp].concat()
    }

    #[test]
    fn addresses_and_headers_go_and_checksums_hold() {
        let bytes = segment();
        let Ok(Carried::Ip(packet)) = innermost(LinkType(101), &bytes) else { panic!("no packet") };
        let hide = Hide { client: "192.0.2.77".parse().unwrap(), headers: Headers::Go };
        let redacted = redacted(&packet, hide);
        assert_eq!(&redacted[12..20], &[192, 0, 2, 0, 198, 51, 100, 9]);
        assert_eq!((&redacted[4..6], &redacted[34..36]), (&[0, 0][..], &[0, 0][..]));
        assert_eq!(&redacted[40..], b"odd");
        assert_eq!(sum(&[&redacted[..20]]), 0);
        assert_eq!(sum(&[&redacted[12..20], &[0, TCP, 0, 23], &redacted[20..]]), 0);
    }

    #[test]
    fn an_address_in_a_quoted_packet_goes_too() {
        let quoted = &segment()[..28];
        let mut icmp = [&[11, 0, 0, 0, 0, 0, 0, 0][..], quoted].concat();
        let check = sum(&[&icmp]).to_be_bytes();
        icmp[2..4].copy_from_slice(&check);
        let mut ip = vec![0x45, 0, 0, 56, 0, 1, 0, 0, 64, ICMP, 0, 0, 10, 0, 0, 1, 192, 0, 2, 77];
        let check = sum(&[&ip]).to_be_bytes();
        ip[10..12].copy_from_slice(&check);
        let bytes = [ip, icmp].concat();
        let Ok(Carried::Ip(packet)) = innermost(LinkType(101), &bytes) else { panic!("no packet") };
        let hide = Hide { client: "192.0.2.77".parse().unwrap(), headers: Headers::Stay };
        let redacted = redacted(&packet, hide);
        assert!(!redacted.windows(4).any(|it| it == [192, 0, 2, 77]));
        assert_eq!(
            (sum(&[&redacted[..20]]), sum(&[&redacted[20..]]), sum(&[&redacted[28..48]])),
            (0, 0, 0)
        );
    }
}
