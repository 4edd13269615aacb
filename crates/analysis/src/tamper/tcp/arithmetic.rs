//! An injector whose packets give it away by arithmetic: identification, window and time to live are made from one counter
//! and the addresses (Geedge "TSG", as published and measured; also the second and third injectors of the GFW).
//!
//! With `k = 13` and `M = 65535`, addresses as little-endian numbers: `window = v + destination mod k`,
//! `identification = M - k v + source mod window`, and `time to live = v mod 200 + 48` where it begins. One packet fits by
//! chance once in 65,536, times the 41 hop counts of 200 that can be.

use std::net::{IpAddr, SocketAddr};

use crate::flows::header::Header;

const K: i64 = 13;
const M: i64 = 65_535;
/// More hops than this are not on any path.
const HOPS: i64 = 40;

/// Hops from the injector to the capture, if a packet fits. Which address is which is tried both ways.
pub fn hops(header: &Header, source: SocketAddr, destination: SocketAddr) -> Option<u8> {
    let (IpAddr::V4(source), IpAddr::V4(destination)) = (source.ip(), destination.ip()) else {
        return None;
    };
    if !header.version_4() || header.window == 0 || header.identification == 0 {
        return None;
    }
    let [source, destination] =
        [source, destination].map(|it| i64::from(u32::from_le_bytes(it.octets())));
    fits(header, source, destination).or_else(|| fits(header, destination, source))
}

fn fits(header: &Header, source: i64, destination: i64) -> Option<u8> {
    let window = i64::from(header.window);
    let v = window - destination % K;
    if v <= 0 {
        return None;
    }
    let identification = (M - K * v + source % window) & 0xffff;
    let hops = v % 200 + 48 - i64::from(header.ttl);
    (identification == i64::from(header.identification) && (0..=HOPS).contains(&hops))
        .then_some(hops as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(v: i64, hops: u8, (source, destination): ([u8; 4], [u8; 4])) -> Header {
        let [source, destination] =
            [source, destination].map(|it| i64::from(u32::from_le_bytes(it)));
        let window = v + destination % 13;
        let identification = (65_535 - 13 * v + source % window).rem_euclid(65_536);
        let mut header = Header {
            window: window as u16,
            identification: identification as u16,
            ttl: (v % 200 + 48) as u8 - hops,
            ..tests_header()
        };
        header.packet = 1;
        header
    }

    fn tests_header() -> Header {
        use crate::flows::{Seen, key::Place};
        let seen = Seen {
            packet: 1,
            at_ns: 0,
            source: "192.0.2.1:1".parse().unwrap(),
            destination: "192.0.2.2:2".parse().unwrap(),
            ttl: 64,
            identification: Some(1),
            dont_fragment: true,
            way: wirewitness_wire::file::Way::Unknown,
        };
        let tcp = wirewitness_wire::transport::Tcp {
            source_port: 1,
            destination_port: 2,
            seq: 0,
            ack: 0,
            flags: 4,
            window: 0,
            options: &[],
            payload: &[],
            payload_len: 0,
        };
        Header::of(&seen, &tcp, Place::Low)
    }

    #[test]
    fn a_made_packet_fits_both_ways_and_others_do_not() {
        let (a, b) = ([192, 0, 2, 9], [198, 51, 100, 77]);
        let (from, to) = (SocketAddr::from((a, 80)), SocketAddr::from((b, 9)));
        for v in [128, 500, 1_800, 4_900] {
            let made = header(v, 7, (a, b));
            assert_eq!(hops(&made, from, to), Some(7));
            assert_eq!(hops(&made, to, from), Some(7));
            // No other identification fits, but the one of the other orientation.
            let other = |off: u16| {
                let header =
                    Header { identification: made.identification.wrapping_add(off), ..made };
                hops(&header, from, to).is_some()
            };
            assert!((1..=u16::MAX).filter(|off| other(*off)).count() <= 1);
            assert_eq!(hops(&Header { ttl: 255, ..made }, from, to), None);
        }
        let elsewhere = SocketAddr::from(([203, 0, 113, 51], 9));
        assert_eq!(hops(&header(500, 7, (a, b)), from, elsewhere), None);
    }
}
