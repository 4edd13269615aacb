//! Fragments: what is joined is, byte for byte, what came first at each place.
#![no_main]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use libfuzzer_sys::fuzz_target;
use wirewitness_analysis::flows::fragments::Fragments;
use wirewitness_wire::file::Way;
use wirewitness_wire::ip::{Fragment, IpPacket, Tunnels};

fuzz_target!(|bytes: &[u8]| {
    let mut fragments = Fragments::default();
    let mut first: BTreeMap<u32, BTreeMap<usize, u8>> = BTreeMap::new();
    let mut rest = bytes;
    while let Some((&[head, place, len], after)) = rest.split_first_chunk() {
        let (payload, after) = after.split_at(after.len().min(usize::from(len)));
        rest = after;
        let (identification, more) = (u32::from(head & 3), head & 4 != 0);
        let offset = u16::from(place) * 8;
        let packet = IpPacket {
            source: Ipv4Addr::LOCALHOST.into(),
            destination: Ipv4Addr::LOCALHOST.into(),
            ttl: 64,
            identification: Some(identification as u16),
            dont_fragment: false,
            traffic_class: 0,
            fragment: Some(Fragment { identification, offset, more }),
            protocol: 17,
            header: &[],
            payload,
            payload_len: payload.len(),
            trailer: &[],
            tunnels: Tunnels::default(),
            way: Way::Unknown,
        };
        let odd = fragments.counts().odd;
        let joined = fragments.put(&packet, 0);
        if fragments.counts().odd == odd {
            let places = first.entry(identification).or_default();
            for (at, byte) in payload.iter().enumerate() {
                places.entry(usize::from(offset) + at).or_insert(*byte);
            }
        }
        if let Some(joined) = joined {
            let places = first.remove(&identification).expect("it had begun");
            let wanted: Vec<u8> = places.range(..joined.len()).map(|(_, byte)| *byte).collect();
            assert_eq!(joined, wanted);
        }
    }
});
