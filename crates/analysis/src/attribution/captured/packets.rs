//! Forged packets of a capture as the tests of a battery: what kind each is, what was set off together, and whether its ends are public.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::{BURST_NS, Copies, Pair, Segment, Sent};
use crate::attribution::arithmetic::seed::{Alone, By, Fields, SeedKey, alone};
use crate::attribution::battery::{Behaviour, Controls, End, EndsSeen, Packet, ResetTest};
use crate::attribution::evidence::{Evidence, Value, What};
use crate::tamper::finding::Forged;
use wirewitness_wire::transport::flag;

/// What a forged segment is, in the words of the schema.
pub(super) fn kind(forged: &Forged) -> (Segment, &'static str) {
    let has = |flags: u16| forged.flags & flags == flags;
    let beyond = forged.flags & !0xff != 0;
    if has(flag::SYN | flag::ACK) {
        return (Segment::SynAck, "other");
    }
    let flags = match (has(flag::RST), has(flag::FIN), has(flag::ACK)) {
        (true, _, _) if beyond => "rst_ae_reserved",
        (true, _, true) => "rst_ack",
        (true, _, false) => "rst",
        (false, true, _) => "fin",
        (false, false, _) if forged.payload_len > 0 => "data",
        _ => "other",
    };
    (Segment::Reset, flags)
}

/// Whether others like it came at once.
pub(super) fn copies(forged: &Forged, all: &[Forged]) -> Copies {
    let made = |it: &Forged| (it.identification, it.window, it.flags, it.ttl);
    let is_copy = |other: &&Forged| {
        made(other) == made(forged) && other.at_ns.abs_diff(forged.at_ns) < BURST_NS as u64
    };
    if all.iter().filter(is_copy).count() > 1 { Copies::Several } else { Copies::One }
}

pub(super) fn packet(forged: &Forged, to: End, (flags, ipid): (&str, u16)) -> Packet {
    // Of what it carries only the length is kept.
    let payload = match forged.payload_len {
        0 => String::new(),
        length if length <= SHORT => SHORT_PAYLOAD.to_owned(),
        length => format!("{length} bytes"),
    };
    Packet {
        to,
        flags: flags.to_owned(),
        ttl: forged.ttl,
        df: forged.dont_fragment,
        ipid,
        window: forged.window,
        payload,
    }
}

/// Bytes up to which a payload may be one that a profile has: of these nothing is said.
const SHORT: u32 = 64;
const SHORT_PAYLOAD: &str = "short";

/// The packets between two addresses, by what set them off.
pub(super) fn test((client, server): Pair, sent: &[Sent]) -> ResetTest {
    let mut sent: Vec<&Sent> = sent.iter().collect();
    sent.sort_by_key(|it| (it.ports, it.at_ns));
    let mut events: Vec<Vec<Packet>> = Vec::new();
    let mut before: Option<&Sent> = None;
    for it in sent {
        let is_near = before.is_some_and(|before| {
            before.ports == it.ports && it.at_ns.saturating_sub(before.at_ns) < BURST_NS
        });
        match events.last_mut() {
            Some(event) if is_near => event.push(it.packet.clone()),
            _ => events.push(vec![it.packet.clone()]),
        }
        before = Some(it);
    }
    ResetTest {
        behaviour: Behaviour::Rst,
        controls: Controls::default(),
        ends: Some(EndsSeen { client, server }),
        captured: Vec::new(),
        events,
    }
}

/// A capture loses packets, and sees some twice: of what packets have together, what is usual counts. What a packet carries beside
/// its headers was not kept, so of one with a payload nothing is said.
pub(super) fn usual(headers: &mut Evidence, whole: &ResetTest) {
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    let (mut several, mut alike) = (0, 0);
    for event in &whole.events {
        for end in [End::Client, End::Server] {
            let group: Vec<&Packet> = event.iter().filter(|it| it.to == end).collect();
            if group.is_empty() {
                continue;
            }
            *counts.entry(group.len() as u64).or_default() += 1;
            several += usize::from(group.len() > 1);
            let same = group.windows(2).all(|pair| pair.first() == pair.last());
            alike += usize::from(group.len() > 1 && same);
        }
    }
    let most = counts.iter().max_by_key(|(number, times)| (**times, std::cmp::Reverse(**number)));
    let carries = whole.events.iter().flatten().any(|it| it.payload == SHORT_PAYLOAD);
    headers.seen.retain(|it| it.key != "payload" || !carries);
    for seen in &mut headers.seen {
        match (seen.key, &mut seen.what) {
            ("count_per_side", What::Value(value)) => {
                *value = Value::Numbers(most.iter().map(|(number, _)| **number).collect());
            }
            ("identical", What::Value(value)) => *value = Value::Flag(alike * 2 > several),
            _ => {}
        }
    }
}

pub(super) fn alone_of(test: &ResetTest) -> Option<Alone> {
    let ends = test.ends?;
    let of = |end: End| {
        let fields: Vec<Fields> = test
            .events
            .iter()
            .flatten()
            .filter(|it| it.to == end)
            .map(|it| Fields { window: it.window, identification: it.ipid, ttl: it.ttl })
            .collect();
        let (source, destination) = match end {
            End::Client => (ends.server, ends.client),
            End::Server => (ends.client, ends.server),
        };
        alone(&fields, source, destination)
    };
    [End::Client, End::Server].into_iter().filter_map(of).max_by_key(|it| it.fits)
}

pub(super) fn is_by_addresses(key: &SeedKey) -> bool {
    matches!(key, SeedKey::Stable(it) if matches!(it.by, By::Addresses(_)))
}

/// True where both ends have addresses that routers between networks carry.
pub(super) fn are_public(ends: EndsSeen) -> bool {
    let is_public = |it: Ipv4Addr| {
        let [first, second, third, _] = it.octets();
        let shared = first == 100 && (64..128).contains(&second);
        let benchmark = first == 198 && (18..20).contains(&second);
        let of_ietf = [first, second, third] == [192, 0, 0];
        !(it.is_private()
            || it.is_loopback()
            || it.is_link_local()
            || it.is_documentation()
            || it.is_unspecified()
            || it.is_broadcast()
            || it.is_multicast()
            || first == 0
            || first >= 240
            || shared
            || benchmark
            || of_ietf)
    };
    is_public(ends.client) && is_public(ends.server)
}
