//! Packets some at a time: what is held of their connections is looked up for all of them before the first is taken in.
//!
//! The connections of a busy line do not fit a core's caches, so that every packet waits for memory, more than once. Looked up
//! together, packets wait together: a core goes on to the next while the memory of the one before is on its way.

use std::hint::black_box;
use std::net::SocketAddr;

use wirewitness_wire::file::Record;
use wirewitness_wire::ip::{IpPacket, protocol};

use super::{Finding, Inspector};
use crate::flows::table::Sought;

/// A packet, and which of several inspectors it is for.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// Number of the inspector.
    pub lane: usize,
    /// As it was captured.
    pub record: &'a Record<'a>,
    /// The innermost IP packet.
    pub ip: IpPacket<'a>,
}

/// Takes in packets, in their order, each by its inspector. What is found is told with the packet's number.
///
/// The same is found as by [`Inspector::packet`] for each, sooner. Some 32 packets at a time do.
pub fn batch<'a>(
    inspectors: &mut [Inspector<'_>],
    packets: impl Iterator<Item = Packet<'a>>,
    out: &mut dyn FnMut(u64, Finding),
) {
    let mut waiting = Vec::with_capacity(BATCH);
    for Packet { lane, record, ip } in packets {
        let Some(inspector) = inspectors.get(lane) else { continue };
        waiting.push((lane, record, inspector.ahead(ip)));
    }
    for (lane, _, ahead) in &mut waiting {
        if let Some(inspector) = inspectors.get(*lane) {
            inspector.look_for(&mut ahead.of);
        }
    }
    // Each step asks for what the one before has found out the place of.
    for far in [Far::Connection, Far::Talk] {
        let read = waiting.iter().fold(0, |read, (lane, _, ahead)| {
            read ^ inspectors.get(*lane).map_or(0, |inspector| inspector.fetch(&ahead.of, far))
        });
        black_box(read);
    }
    for (lane, record, ahead) in &waiting {
        if let Some(inspector) = inspectors.get_mut(*lane) {
            inspector.take(record, ahead, &mut |finding| out(record.number, finding));
        }
    }
}

/// A packet that is still to be taken in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ahead<'a> {
    pub(super) packet: IpPacket<'a>,
    pub(super) of: Of,
}

/// The connection of a packet.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of {
    /// Of TCP.
    Segment(Sought),
    /// Of UDP.
    Datagram(Sought),
    /// It is neither, a fragment, or damaged; or nothing is held of its kind.
    Unknown,
}

/// How far what is to be fetched lies.
#[derive(Debug, Clone, Copy)]
enum Far {
    Connection,
    Talk,
}

impl Inspector<'_> {
    /// Says which connection a packet is of.
    #[inline(always)]
    pub(super) fn ahead<'a>(&self, packet: IpPacket<'a>) -> Ahead<'a> {
        let ports = match (packet.protocol, packet.fragment) {
            (protocol::TCP | protocol::UDP, None) => packet.payload.first_chunk::<4>(),
            _ => None,
        };
        let Some(&[a, b, c, d]) = ports else { return Ahead { packet, of: Of::Unknown } };
        let source = SocketAddr::new(packet.source, u16::from_be_bytes([a, b]));
        let destination = SocketAddr::new(packet.destination, u16::from_be_bytes([c, d]));
        let of = match packet.protocol {
            protocol::TCP => Of::Segment(self.tcp.table().sought(source, destination)),
            _ => Of::Datagram(self.udp.sought(source, destination)),
        };
        Ahead { packet, of }
    }

    #[inline(always)]
    fn look_for(&self, of: &mut Of) {
        match of {
            Of::Segment(sought) => self.tcp.table().look_for(sought),
            Of::Datagram(sought) => self.udp.look_for(sought),
            Of::Unknown => {}
        }
    }

    /// Reads something of each cache line that taking in the packet will read, so that these are near by then. The number that
    /// comes of it means nothing.
    #[inline(always)]
    fn fetch(&self, of: &Of, far: Far) -> u64 {
        match (of, far) {
            (Of::Segment(sought), Far::Connection) => self.tcp.fetch(sought),
            (Of::Segment(sought), Far::Talk) => self.tcp.fetch_talk(sought),
            (Of::Datagram(sought), Far::Connection) => self.udp.fetch(sought),
            _ => 0,
        }
    }
}

/// Packets for which there is room at first.
const BATCH: usize = 32;

#[cfg(test)]
mod tests {
    use wirewitness_wire::file::{LinkType, Way};

    use super::*;
    use crate::fingerprints::Fingerprints;
    use crate::tamper::Limits;

    /// A segment from one of eight ports to a server, or back.
    fn segment(n: u64, flags: u8) -> Vec<u8> {
        let port = 4000 + (n % 8) as u16;
        let [seq, ack] = [(n / 3 * 100) as u32, (n * 40) as u32].map(u32::to_be_bytes);
        let (client, server) = ([10, 0, 0, 1], [198, 51, 100, 2]);
        let (from, to, ports) = match n % 3 {
            0 => (server, client, [443, port]),
            _ => (client, server, [port, 443]),
        };
        let ports = ports.map(u16::to_be_bytes).concat();
        let tail = [0x50, flags, 1, 0, 0, 0, 0, 0, 22, 3, 1, 0];
        let head = [0x45, 0, 0, 44, n as u8, 1, 0x40, 0, 60, 6, 0, 0];
        [&head[..], &from, &to, &ports, &seq, &ack, &tail].concat()
    }

    /// Connections that begin, end, and begin again on the same ports, within one batch and beyond it.
    #[test]
    fn a_batch_finds_what_its_packets_find_one_by_one() {
        let flags = [0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x02, 0x14];
        let bytes: Vec<Vec<u8>> =
            (1..400_u64).map(|n| segment(n, flags[(n * n / 7) as usize % flags.len()])).collect();
        let records: Vec<Record<'_>> = (1..)
            .zip(&bytes)
            .map(|(number, bytes)| Record {
                number,
                at_ns: number as i64 * 170_000_000,
                link: LinkType::RAW,
                bytes,
                original_len: bytes.len() as u32,
                interface: 0,
                way: Way::Unknown,
                offset: 0,
                comment: None,
            })
            .collect();
        let (fingerprints, _) = Fingerprints::compile(Vec::new());
        let new = || Inspector::new(Limits { flows: 6, ..Limits::default() }, &fingerprints);
        let ip = |record: &Record<'_>| IpPacket::read(&bytes[record.number as usize - 1]).unwrap();

        let (mut alone, mut found) = (new(), Vec::new());
        for record in &records {
            alone.packet(record, &ip(record), &mut |it| found.push(format!("{it:?}")));
        }
        let counters = alone.finish(&mut |it| found.push(format!("{it:?}")));
        assert!(found.len() > 20 && counters.evicted > 5 && counters.resets > 20);
        for size in [2, 32, 400] {
            let (mut together, mut same) = ([new()], Vec::new());
            for records in records.chunks(size) {
                let packets =
                    records.iter().map(|record| Packet { lane: 0, record, ip: ip(record) });
                batch(&mut together, packets, &mut |_, it| same.push(format!("{it:?}")));
            }
            let [together] = together;
            assert_eq!(together.finish(&mut |it| same.push(format!("{it:?}"))), counters);
            assert_eq!(same, found, "{size}");
        }
    }
}
