//! Real captures, replayed through the parts that read contents, with the least keying of connections that they need.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use wirewitness_analysis::fingerprints::{Fingerprints, parse};
use wirewitness_analysis::flows::Seen;
use wirewitness_analysis::flows::heads::{Heads, Segment};
use wirewitness_analysis::tamper::Finding;
use wirewitness_analysis::tamper::content;
use wirewitness_analysis::tamper::drop::{Drops, Ended};
use wirewitness_analysis::tamper::finding::{Connection, End, Evidence, Protocol, SeenFrom};
use wirewitness_analysis::tamper::udp::UdpWatch;
use wirewitness_wire::file::{Record, Step, Walk};
use wirewitness_wire::ip::IpPacket;
use wirewitness_wire::link::{Carried, innermost};
use wirewitness_wire::transport::{Tcp, Transport, flag, transport};

/// What came of a capture.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Findings.
    pub findings: Vec<Finding>,
    /// Evidence of injected data, by connection.
    pub evidence: Vec<(Connection, Evidence)>,
    /// Names asked for.
    pub names: BTreeMap<String, u32>,
}

/// The folder of captures, if it is there.
pub(crate) fn captures() -> Option<PathBuf> {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/captures"));
    if root.join("index.tsv").exists() {
        return Some(root);
    }
    eprintln!("SKIPPED: no captures at {}", root.display());
    None
}

/// The public lists of fingerprints, if they are there, beside the short one.
pub(crate) fn all_fingerprints() -> Fingerprints {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/fingerprints");
    let mut rows = Fingerprints::shipped_rows();
    for file in ["fingerprints_http.csv", "censoredplanet-blockpage_signatures.json"] {
        if let Ok(bytes) = std::fs::read(Path::new(root).join(file)) {
            rows.extend(parse(file, &bytes).rows);
        }
    }
    Fingerprints::compile(rows).0
}

/// Replays a file; nothing for one that is compressed.
pub(crate) fn replay(path: &Path, fingerprints: &Fingerprints) -> Found {
    let mut replay = Replay::default();
    let bytes = std::fs::read(path).unwrap();
    let (mut walk, mut rest) = (Walk::default(), &bytes[..]);
    loop {
        let (used, step) = walk.step(rest);
        rest = &rest[used..];
        match step {
            Step::Packet(record) => replay.record(&record),
            Step::Passed | Step::Damage(_) => {}
            Step::More(_) => break,
        }
    }
    replay.finish(fingerprints)
}

#[derive(Default)]
struct Replay {
    flows: BTreeMap<(SocketAddr, SocketAddr), Vec<Flow>>,
    udp: UdpWatch,
    drops: Drops,
    last_ns: i64,
    found: Found,
}

struct Flow {
    heads: Heads,
    bases: [Option<u32>; 2],
    next: [u32; 2],
    closed: bool,
    open: bool,
    ended: Ended,
}

impl Replay {
    fn record(&mut self, record: &Record<'_>) {
        let Ok(Carried::Ip(packet)) = innermost(record.link, record.bytes) else { return };
        self.last_ns = self.last_ns.max(record.at_ns);
        let (drops, out) = (&mut self.drops, &mut |it| self.found.findings.push(it));
        self.udp.pass_time(record.at_ns, drops, out);
        match transport(&packet) {
            Ok(Transport::Tcp(tcp)) => {
                self.tcp(&seen(record, &packet, (tcp.source_port, tcp.destination_port)), &tcp);
            }
            Ok(Transport::Udp(udp)) => {
                let seen = seen(record, &packet, (udp.source_port, udp.destination_port));
                self.udp.datagram(&seen, &udp, drops, out);
            }
            Ok(Transport::Icmp(icmp)) => {
                self.udp.icmp(&seen(record, &packet, (0, 0)), &icmp, drops);
            }
            _ => {}
        }
    }

    fn tcp(&mut self, seen: &Seen, tcp: &Tcp<'_>) {
        let (one, other) = (seen.source, seen.destination);
        let flows = self.flows.entry((one.min(other), one.max(other))).or_default();
        let is_syn = tcp.flags & (flag::SYN | flag::ACK) == flag::SYN;
        let is_new = flows.last().is_none_or(|flow| {
            is_syn && (flow.bases[0] != Some(tcp.seq.wrapping_add(1)) || flow.closed)
        });
        if is_new {
            let is_servers = tcp.flags & (flag::SYN | flag::ACK) == flag::SYN | flag::ACK
                || (!is_syn && tcp.source_port < tcp.destination_port);
            let (client, server) = if is_servers { (other, one) } else { (one, other) };
            flows.push(Flow::new(Connection { protocol: Protocol::Tcp, client, server }, seen));
        }
        flows.last_mut().unwrap().packet(seen, tcp);
    }

    fn finish(mut self, fingerprints: &Fingerprints) -> Found {
        let out = &mut |it| self.found.findings.push(it);
        for flow in self.flows.into_values().flatten() {
            let mut ended = flow.ended;
            ended.trigger = flow.heads.trigger().cloned();
            if let Some(trigger) = &ended.trigger {
                *self.found.names.entry(trigger.value.clone()).or_default() += 1;
            }
            let content = content::read(ended.connection, &flow.heads, fingerprints);
            content.findings.into_iter().for_each(&mut *out);
            let evidence = content.evidence.into_iter();
            self.found.evidence.extend(evidence.map(|it| (ended.connection, it)));
            self.drops.ended(ended);
        }
        self.udp.finish(self.last_ns, &mut self.drops, out);
        self.drops.finish(self.last_ns, out);
        self.found
    }
}

impl Flow {
    fn new(connection: Connection, seen: &Seen) -> Self {
        let ended = Ended {
            connection,
            seen_from: SeenFrom::Unknown,
            first: (seen.packet, seen.at_ns),
            last_ns: seen.at_ns,
            trigger: None,
            handshake: false,
            round_trip_ns: None,
            unanswered: Vec::new(),
            unanswered_since_ns: 0,
            repeated: 0,
            server_payload: 0,
            reset: false,
            server_fin: false,
            injected_reset: false,
            app: None,
        };
        let (heads, bases, next) = (Heads::default(), [None; 2], [0; 2]);
        Self { heads, bases, next, closed: false, open: true, ended }
    }

    fn packet(&mut self, seen: &Seen, tcp: &Tcp<'_>) {
        self.ended.last_ns = seen.at_ns;
        let is_client = seen.source == self.ended.connection.client;
        let (side, from) = if is_client { (0, End::Client) } else { (1, End::Server) };
        if tcp.flags & flag::SYN != 0 {
            self.bases[side].get_or_insert(tcp.seq.wrapping_add(1));
            self.ended.handshake |= !is_client;
            if is_client {
                self.ask(seen, self.ended.unanswered.len() as u32);
            } else {
                self.ended.unanswered.clear();
                self.ended.repeated = 0;
            }
        }
        self.ended.reset |= tcp.flags & flag::RST != 0;
        self.ended.server_fin |= tcp.flags & flag::FIN != 0 && !is_client;
        self.closed |= tcp.flags & (flag::RST | flag::FIN) != 0;
        if tcp.payload_len == 0 || tcp.flags & flag::RST != 0 {
            return;
        }
        let base = *self.bases[side].get_or_insert(tcp.seq);
        let offset = tcp.seq.wrapping_sub(base);
        if offset > 1 << 30 {
            return;
        }
        let is_iranian_padding = tcp.payload_len == 6 && tcp.payload.iter().all(|it| *it == 0);
        if is_client {
            let end = offset + tcp.payload_len as u32;
            if end > self.next[0] {
                self.next[0] = end;
                self.ask(seen, 0);
            } else {
                self.ask(seen, 1);
            }
        } else if !is_iranian_padding {
            self.ended.server_payload += tcp.payload_len as u64;
            self.ended.unanswered.clear();
            self.ended.repeated = 0;
        }
        if self.open {
            let (window, payload) = (tcp.window, tcp.payload);
            let (seen, offset, payload_len) = (*seen, offset.into(), tcp.payload_len);
            let segment = Segment { seen, window, from, offset, payload, payload_len };
            self.open = self.heads.segment(&segment);
        }
    }

    fn ask(&mut self, seen: &Seen, repeats: u32) {
        if self.ended.unanswered.is_empty() {
            self.ended.unanswered_since_ns = seen.at_ns;
        }
        self.ended.unanswered.push(seen.packet);
        self.ended.repeated += repeats.min(1);
    }
}

fn seen(record: &Record<'_>, packet: &IpPacket<'_>, ports: (u16, u16)) -> Seen {
    Seen {
        packet: record.number,
        at_ns: record.at_ns,
        source: SocketAddr::new(packet.source, ports.0),
        destination: SocketAddr::new(packet.destination, ports.1),
        ttl: packet.ttl,
        identification: packet.identification,
        dont_fragment: packet.dont_fragment,
        way: record.way,
    }
}
