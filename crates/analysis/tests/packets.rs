//! Hand-made packets: a script of segments between two ends, run through an inspection.

use std::net::Ipv4Addr;

use wirewitness_analysis::tamper::finding::{Drop, Flow, Grade, Injection};
use wirewitness_analysis::tamper::{Counters, Finding, Inspector, Limits};
use wirewitness_wire::file::{LinkType, Record, Way};
use wirewitness_wire::ip::IpPacket;

use crate::shared::fingerprints;

pub(crate) const FIN: u16 = 1;
pub(crate) const SYN: u16 = 2;
pub(crate) const RST: u16 = 4;
pub(crate) const PSH: u16 = 8;
pub(crate) const ACK: u16 = 16;

/// A segment; numbers are relative to each end's first one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seg {
    /// Milliseconds since the capture began.
    pub(crate) ms: f64,
    pub(crate) server: bool,
    pub(crate) flags: u16,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) len: usize,
    pub(crate) fill: u8,
    pub(crate) window: u16,
    pub(crate) ttl: u8,
    pub(crate) id: u16,
    pub(crate) df: bool,
    pub(crate) port: u16,
    /// First numbers of client and server.
    pub(crate) begin: [u32; 2],
}

/// From the client, here: time to live 64, counted identification.
pub(crate) fn client(ms: f64, flags: u16, seq: u32, ack: u32) -> Seg {
    let id = (0x3000 + (ms * 7.0) as u64) as u16;
    Seg {
        ms,
        server: false,
        flags,
        seq,
        ack,
        len: 0,
        fill: b'x',
        window: 502,
        ttl: 64,
        id,
        df: true,
        port: 40_000,
        begin: [1000, 900_000],
    }
}

/// From the server, fourteen hops away.
pub(crate) fn server(ms: f64, flags: u16, seq: u32, ack: u32) -> Seg {
    let id = (0x9000 + (ms * 3.0) as u64) as u16;
    Seg { server: true, ttl: 50, window: 65_160, id, ..client(ms, flags, seq, ack) }
}

impl Seg {
    pub(crate) fn data(self, len: usize) -> Self {
        Self { len, ..self }
    }
    pub(crate) fn ttl(self, ttl: u8) -> Self {
        Self { ttl, ..self }
    }
    pub(crate) fn window(self, window: u16) -> Self {
        Self { window, ..self }
    }
    pub(crate) fn id(self, id: u16) -> Self {
        Self { id, ..self }
    }
    pub(crate) fn no_df(self) -> Self {
        Self { df: false, ..self }
    }
    pub(crate) fn begin(self, begin: [u32; 2]) -> Self {
        Self { begin, ..self }
    }

    fn tcp(&self) -> Vec<u8> {
        let [client, server] = self.begin;
        let (own, other) = if self.server { (server, client) } else { (client, server) };
        let ports = if self.server { [443, self.port] } else { [self.port, 443] };
        let ack =
            if self.flags & ACK == 0 && self.ack == 0 { 0 } else { other.wrapping_add(self.ack) };
        let mut bytes = Vec::new();
        ports.iter().for_each(|port| bytes.extend(port.to_be_bytes()));
        bytes.extend(own.wrapping_add(self.seq).to_be_bytes());
        bytes.extend(ack.to_be_bytes());
        bytes.extend((0x5000 | self.flags).to_be_bytes());
        bytes.extend(self.window.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(vec![self.fill; self.len]);
        bytes
    }

    fn ip(&self, version: u8) -> Vec<u8> {
        let tcp = self.tcp();
        let ends = [Ipv4Addr::new(192, 0, 2, 10), Ipv4Addr::new(198, 51, 100, 20)];
        let [from, to] = if self.server { [ends[1], ends[0]] } else { ends };
        let mut bytes = Vec::new();
        if version == 6 {
            bytes.extend([0x60, 0, 0, 0]);
            bytes.extend((tcp.len() as u16).to_be_bytes());
            bytes.extend([6, self.ttl]);
            for end in [from, to] {
                bytes.extend(end.to_ipv6_mapped().octets().map(|byte| byte ^ 0x20));
            }
        } else {
            bytes.extend([0x45, 0]);
            bytes.extend((20 + tcp.len() as u16).to_be_bytes());
            bytes.extend(self.id.to_be_bytes());
            bytes.extend(if self.df { [0x40, 0] } else { [0, 0] });
            bytes.extend([self.ttl, 6, 0, 0]);
            bytes.extend(from.octets());
            bytes.extend(to.octets());
        }
        bytes.extend(tcp);
        bytes
    }
}

/// What an inspection of segments found.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) flows: Vec<Flow>,
    pub(crate) injections: Vec<Injection>,
    pub(crate) drops: Vec<Drop>,
    pub(crate) counters: Counters,
}

impl Told {
    pub(crate) fn best(&self) -> Option<Grade> {
        self.injections.iter().map(|it| it.grade).max()
    }

    pub(crate) fn kinds(&self) -> Vec<&'static str> {
        self.injections.iter().flat_map(|it| &it.evidence).map(|it| it.kind).collect()
    }

    /// The signature of the only connection.
    pub(crate) fn signature(&self) -> Option<&'static str> {
        self.flows.last().and_then(|it| it.signature.as_ref()).map(|it| it.name)
    }
}

/// Inspects segments of IPv4.
pub(crate) fn run(segments: &[Seg]) -> Told {
    run_as(4, segments)
}

/// Inspects segments of either version.
pub(crate) fn run_as(version: u8, segments: &[Seg]) -> Told {
    let packets: Vec<_> = segments.iter().map(|it| (*it, it.ip(version))).collect();
    run_bytes(&packets, &[])
}

/// Inspects segments of IPv4 of which no more than `snap` bytes were captured.
pub(crate) fn run_cut(snap: usize, segments: &[Seg]) -> Told {
    let cut = |it: &Seg| (*it, it.ip(4).into_iter().take(snap).collect());
    run_bytes(&segments.iter().map(cut).collect::<Vec<_>>(), &[])
}

/// Inspects segments of IPv4 that each have `trailer` behind them.
pub(crate) fn run_with_trailer(trailer: &[u8], segments: &[Seg]) -> Told {
    let packets: Vec<_> = segments.iter().map(|it| (*it, it.ip(4))).collect();
    run_bytes(&packets, trailer)
}

fn run_bytes(packets: &[(Seg, Vec<u8>)], trailer: &[u8]) -> Told {
    let mut told = Told::default();
    let mut inspector = Inspector::new(Limits::default(), fingerprints());
    let mut out = |finding| match finding {
        Finding::Flow(flow) => told.flows.push(*flow),
        Finding::Injection(injection) => told.injections.push(*injection),
        Finding::Drop(drop) => told.drops.push(*drop),
        _ => {}
    };
    for (at, (segment, bytes)) in packets.iter().enumerate() {
        let original_len = segment.ip(4).len() as u32;
        let bytes = [bytes, trailer].concat();
        let packet = IpPacket::read(&bytes).unwrap();
        let record = Record {
            number: at as u64 + 1,
            at_ns: 1_700_000_000_000_000_000 + (segment.ms * 1e6) as i64,
            link: LinkType(101),
            bytes: &bytes,
            original_len: original_len.max(bytes.len() as u32),
            interface: 0,
            way: Way::Unknown,
            offset: 0,
            comment: None,
        };
        inspector.packet(&record, &packet, &mut out);
    }
    told.counters = inspector.finish(&mut out);
    told
}

/// A handshake that took `round_trip` milliseconds, the client's request after it, seen at the client.
pub(crate) fn opened(round_trip: f64) -> Vec<Seg> {
    vec![
        client(0.0, SYN, 0, 0),
        server(round_trip, SYN | ACK, 0, 1),
        client(round_trip + 0.1, ACK, 1, 1),
        client(round_trip + 1.0, PSH | ACK, 1, 1).data(300),
    ]
}
