//! Packets in, findings out: what was done to each connection of a capture, and on what evidence.

mod ahead;
mod apps;
pub mod content;
pub mod drop;
pub mod finding;
pub mod grade;
pub mod lane;
pub mod tcp;
pub mod throttle;
pub mod udp;

use std::net::SocketAddr;

use wirewitness_wire::file::{Record, Way};
use wirewitness_wire::ip::IpPacket;
use wirewitness_wire::transport::{Tcp, Transport, Udp, transport};

pub use ahead::{Packet, batch};
pub use finding::Finding;
pub use lane::lane;

use self::ahead::{Ahead, Of};
use self::apps::Apps;
use self::tcp::{Arrived, Ledgers, TcpWatch};
use self::udp::UdpWatch;
use crate::fingerprints::Fingerprints;
use crate::flows::Seen;
use crate::flows::fragments::Fragments;
use crate::flows::header::Header;
use crate::flows::table::Sought;

/// Limits of an inspection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// TCP connections held at once; the one that was quiet longest goes first.
    pub flows: usize,
    /// Seconds without a packet after which a connection is over.
    pub idle_secs: u32,
    /// Bytes of the beginnings of streams, fragments and transfers held at once.
    pub memory: usize,
    /// Keeps those who choose addresses from making the table of connections slow. It changes nothing that is found.
    pub seed: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { flows: 2_000_000, idle_secs: 600, memory: 256 << 20, seed: 0x5eed }
    }
}

/// What an inspection tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wants {
    /// All findings.
    #[default]
    Everything,
    /// What was done, and the connections that did not end well. Questions, QUIC connections and those that went well are only
    /// counted.
    Done,
}

/// What an inspection has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counters {
    /// IP packets.
    pub packets: u64,
    /// TCP connections.
    pub tcp_flows: u64,
    /// Questions over DNS.
    pub dns_questions: u64,
    /// QUIC connection attempts.
    pub quic_flows: u64,
    /// Resets.
    pub resets: u64,
    /// Packets whose transport header could not be read.
    pub malformed: u64,
    /// Fragments.
    pub fragments: u64,
    /// Connections told before they were over, for want of room.
    pub evicted: u64,
    /// Connections of whose data nothing was read, for want of memory.
    pub unread: u64,
    /// Packets whose time lies before that of the packet before them.
    pub backwards: u64,
    /// Packets that were not captured whole.
    pub cut: u64,
}

impl std::ops::AddAssign for Counters {
    fn add_assign(&mut self, more: Self) {
        // Each by name, so that none is forgotten.
        *self = Self {
            packets: self.packets + more.packets,
            tcp_flows: self.tcp_flows + more.tcp_flows,
            dns_questions: self.dns_questions + more.dns_questions,
            quic_flows: self.quic_flows + more.quic_flows,
            resets: self.resets + more.resets,
            malformed: self.malformed + more.malformed,
            fragments: self.fragments + more.fragments,
            evicted: self.evicted + more.evicted,
            unread: self.unread + more.unread,
            backwards: self.backwards + more.backwards,
            cut: self.cut + more.cut,
        };
    }
}

/// Inspects the packets of one capture, or of one lane of it.
pub struct Inspector<'f> {
    counters: Counters,
    tcp: TcpWatch<'f>,
    udp: UdpWatch,
    fragments: Fragments,
    apps: Apps,
    ledgers: Ledgers,
    last_ns: i64,
    /// Latest time, and when what is over was last looked for.
    now_ns: i64,
    passed_ns: i64,
}

/// How often what is over is looked for, in the capture's time.
const PASS_NS: i64 = 500_000_000;

impl<'f> Inspector<'f> {
    /// Begins.
    pub fn new(limits: Limits, fingerprints: &'f Fingerprints) -> Self {
        Self {
            counters: Counters::default(),
            tcp: TcpWatch::new(limits, fingerprints),
            udp: UdpWatch::new(limits.memory),
            fragments: Fragments::default(),
            apps: Apps::default(),
            ledgers: Ledgers::default(),
            last_ns: i64::MIN,
            now_ns: i64::MIN,
            passed_ns: i64::MIN,
        }
    }

    /// Says what is to be told, before the first packet.
    #[must_use]
    pub fn telling(mut self, wants: Wants) -> Self {
        self.tcp.set_wants(wants);
        self.udp.set_wants(wants);
        self
    }

    /// Takes in a packet. Findings are told as soon as they are certain; those of a connection at its end.
    pub fn packet(
        &mut self,
        record: &Record<'_>,
        packet: &IpPacket<'_>,
        out: &mut dyn FnMut(Finding),
    ) {
        self.take(record, &self.ahead(*packet), out);
    }

    /// Takes in a packet that was looked up.
    #[inline(always)]
    fn take(&mut self, record: &Record<'_>, ahead: &Ahead<'_>, out: &mut dyn FnMut(Finding)) {
        self.count(record);
        self.pass_time(record.at_ns, out);
        let Ahead { packet, of } = ahead;
        // Most packets.
        if !Apps::may_name(record, packet) {
            match of {
                Of::Segment(of) => {
                    if let Ok(segment) = Tcp::read(packet) {
                        return self.segment(Place::of(record), (packet, of, segment), out);
                    }
                }
                Of::Datagram(of) => {
                    if let Ok(datagram) = Udp::read(packet) {
                        return self.datagram(Place::of(record), (packet, of, datagram), out);
                    }
                }
                Of::Unknown => {}
            }
        }
        self.any(record, packet, out);
    }

    /// Takes in a segment of TCP. What is given is of a packet that is no fragment.
    #[inline(always)]
    fn segment(
        &mut self,
        place: Place,
        (packet, of, segment): (&IpPacket<'_>, &Sought, Tcp<'_>),
        out: &mut dyn FnMut(Finding),
    ) {
        let Self { tcp, ledgers, apps, .. } = self;
        let seen = place.seen(packet, [segment.source_port, segment.destination_port]);
        let header = Header::of(&seen, &segment, of.from);
        let arrived = Arrived { of, header, way: seen.way, tcp: segment };
        tcp.segment(&arrived, ledgers, &mut |finding: Finding| told(finding, apps, out));
    }

    /// Takes in a datagram of UDP.
    #[inline]
    fn datagram(
        &mut self,
        place: Place,
        (packet, of, datagram): (&IpPacket<'_>, &Sought, Udp<'_>),
        out: &mut dyn FnMut(Finding),
    ) {
        let Self { udp, ledgers, apps, .. } = self;
        let seen = place.seen(packet, [datagram.source_port, datagram.destination_port]);
        udp.datagram_of(of, (&seen, &datagram), &mut ledgers.drops, &mut |it| told(it, apps, out));
    }

    /// Takes in any packet, fragments too.
    #[inline(never)]
    fn any(&mut self, record: &Record<'_>, packet: &IpPacket<'_>, out: &mut dyn FnMut(Finding)) {
        if packet.fragment.is_some() {
            self.counters.fragments += 1;
            if let Some(payload) = self.fragments.put(packet, record.at_ns) {
                self.of_app(record, &packet.joined(&payload), out);
            }
            return;
        }
        self.of_app(record, packet, out);
    }

    /// Takes in a packet with its app, where the capture says that.
    #[inline]
    fn of_app(&mut self, record: &Record<'_>, packet: &IpPacket<'_>, out: &mut dyn FnMut(Finding)) {
        let place = Place::of(record);
        let Some(name) = Apps::name(record, packet) else { return self.whole(place, packet, out) };
        let Some(ends) = apps::ends_of(packet) else { return self.whole(place, packet, out) };
        if !self.apps.knows(&ends) {
            self.apps.put(ends, name.clone());
        }
        self.whole(place, packet, out);
        // Only now: this packet may have ended the connection that used the ports before.
        self.apps.put(ends, name);
    }

    /// The capture has ended.
    pub fn finish(mut self, out: &mut dyn FnMut(Finding)) -> Counters {
        let last_ns = self.now_ns;
        let Self { tcp, udp, ledgers, apps, .. } = &mut self;
        let mut out = |finding: Finding| told(finding, apps, out);
        tcp.finish(ledgers, &mut out);
        udp.finish(last_ns, &mut ledgers.drops, &mut out);
        ledgers.drops.finish(last_ns, &mut out);
        ledgers.throttling.finish(&mut out);
        let counts = self.tcp.counts();
        let (dns_questions, quic_flows) = self.udp.counts();
        Counters {
            dns_questions,
            quic_flows,
            tcp_flows: counts.flows,
            resets: counts.resets,
            evicted: counts.evicted,
            unread: counts.unread,
            ..self.counters
        }
    }

    #[inline]
    fn count(&mut self, record: &Record<'_>) {
        self.counters.packets += 1;
        self.counters.backwards += u64::from(record.at_ns < self.last_ns);
        self.counters.cut += u64::from(record.bytes.len() < record.original_len as usize);
        self.last_ns = record.at_ns;
    }

    #[inline]
    fn pass_time(&mut self, at_ns: i64, out: &mut dyn FnMut(Finding)) {
        self.now_ns = self.now_ns.max(at_ns);
        if self.now_ns.saturating_sub(self.passed_ns) < PASS_NS {
            return;
        }
        self.pass(out);
    }

    #[inline(never)]
    fn pass(&mut self, out: &mut dyn FnMut(Finding)) {
        self.passed_ns = self.now_ns;
        let Self { tcp, udp, ledgers, apps, .. } = self;
        let mut out = |finding: Finding| told(finding, apps, out);
        tcp.pass_time(ledgers, &mut out);
        udp.pass_time(self.now_ns, &mut ledgers.drops, &mut out);
    }

    /// Takes in a packet that is no fragment, or is joined.
    fn whole(&mut self, place: Place, packet: &IpPacket<'_>, out: &mut dyn FnMut(Finding)) {
        let Ok(carried) = transport(packet) else {
            self.counters.malformed += 1;
            return;
        };
        match &carried {
            Transport::Tcp(segment) => {
                let seen = place.seen(packet, [segment.source_port, segment.destination_port]);
                let of = self.tcp.table().sought(seen.source, seen.destination);
                self.segment(place, (packet, &of, *segment), out);
            }
            Transport::Udp(datagram) => {
                let seen = place.seen(packet, [datagram.source_port, datagram.destination_port]);
                let of = self.udp.sought(seen.source, seen.destination);
                self.datagram(place, (packet, &of, *datagram), out);
            }
            Transport::Icmp(icmp) => {
                let seen = place.seen(packet, [0, 0]);
                let Self { tcp, udp, ledgers, apps, .. } = self;
                tcp.quoted(&seen, icmp, &mut |it| told(it, apps, out));
                udp.icmp(&seen, icmp, &mut ledgers.drops);
            }
            Transport::Other => {}
        }
    }
}

/// Tells a finding with its app.
fn told(mut finding: Finding, apps: &Apps, out: &mut dyn FnMut(Finding)) {
    apps.give(&mut finding);
    out(finding);
}

/// What a record says of its packet.
#[derive(Debug, Clone, Copy)]
struct Place {
    number: u64,
    at_ns: i64,
    way: Way,
}

impl Place {
    #[inline]
    fn of(record: &Record<'_>) -> Self {
        Self { number: record.number, at_ns: record.at_ns, way: record.way }
    }

    #[inline(always)]
    fn seen(self, packet: &IpPacket<'_>, [source, destination]: [u16; 2]) -> Seen {
        Seen {
            packet: self.number,
            at_ns: self.at_ns,
            source: SocketAddr::new(packet.source, source),
            destination: SocketAddr::new(packet.destination, destination),
            ttl: packet.ttl,
            identification: packet.identification,
            dont_fragment: packet.dont_fragment,
            way: if self.way == Way::Unknown { packet.way } else { self.way },
        }
    }
}
