//! A simulated host: addresses, a TCP/IP stack, and the sockets of the programs that "run" on it.
//!
//! `tcp` is smoltcp with a socket interface's bookkeeping, `udp` is small enough to be our own, and ICMP errors
//! find their way to the socket that they are about. [`socket`] is what programs hold.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use wirewitness_net::Failure;

use crate::fabric::is_local;
use crate::frame::fragment::{Fragments, split};
use crate::frame::read::{protocol, quoted_endpoints};
use crate::frame::{Body, Frame, Icmp, IcmpKind, Packet, UdpSpec, build, flags};
use crate::rng::Rng;

pub mod raw;
pub mod resolve;
pub mod socket;
mod tcp;
mod udp;

pub(crate) use tcp::{Opened, Stack};
pub(crate) use udp::{Datagram, Ports};

/// Bytes of the largest packet.
pub(crate) const MTU: usize = 1500;
/// Linux's.
pub(crate) const DEFAULT_TTL: u8 = 64;

/// What a host does with what it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mood {
    /// Answers as a host does.
    #[default]
    Up,
    /// Takes everything in and says nothing: a server that is down behind a router that is not.
    Silent,
}

/// Whose words a host's resolver library uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum System {
    /// glibc's.
    #[default]
    Linux,
    /// Android's: one word for every failure.
    Android,
}

/// A simulated host.
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) resolvers: Vec<IpAddr>,
    pub(crate) system: System,
    pub(crate) mood: Mood,
    /// Bytes of the largest packet that leaves; larger ones are cut (IPv4).
    pub(crate) mtu: usize,
    pub(crate) tcp: Stack,
    pub(crate) udp: Ports,
    /// Whether its own resets have an identification too.
    pub(crate) numbers_resets: bool,
    identification: u16,
    outbox: Vec<Frame>,
    fragments: Fragments,
    /// Who looks at headers.
    looking: Option<raw::Looking>,
    /// Who looks at fragments.
    looking_at_pieces: Option<raw::Gathering>,
    /// Packets that go out as they are.
    cut_outbox: Vec<Frame>,
}

impl Host {
    pub(crate) fn new(name: &str, addresses: Vec<IpAddr>, rng: &mut Rng) -> Self {
        let seed = rng.next_u64();
        Self {
            name: name.to_owned(),
            tcp: Stack::new(seed),
            udp: Ports::new(seed),
            addresses,
            resolvers: Vec::new(),
            system: System::default(),
            mood: Mood::Up,
            mtu: MTU,
            numbers_resets: false,
            identification: rng.next_u16(),
            outbox: Vec::new(),
            fragments: Fragments::of_a_host(),
            looking: None,
            looking_at_pieces: None,
            cut_outbox: Vec::new(),
        }
    }

    /// Takes in one packet from the link.
    pub(crate) fn receive(&mut self, now: Duration, frame: Frame) {
        if self.mood == Mood::Silent {
            return;
        }
        let Some(packet) = frame.packet() else { return };
        if !self.addresses.contains(&packet.destination) {
            return;
        }
        if packet.fragment.is_some() {
            self.looking_at_pieces.iter_mut().for_each(|it| it.see(&frame));
            if let Some(whole) = self.fragments.put(now, &frame) {
                self.receive(now, whole);
            }
            return;
        }
        match packet.body {
            Body::Tcp(_) => {
                self.looking.iter_mut().for_each(|it| it.see(&frame));
                self.tcp.receive(now, frame);
            }
            Body::Udp(udp) => {
                let datagram = Datagram {
                    source: SocketAddr::new(packet.source, udp.source_port),
                    destination: packet.destination,
                    payload: udp.payload.to_vec(),
                };
                if !self.udp.receive(udp.destination_port, datagram) {
                    let kind = IcmpKind::PortUnreachable;
                    self.outbox.extend(build::icmp_error(kind, packet.destination, &frame));
                }
            }
            Body::Icmp(icmp) => self.receive_icmp(&packet, icmp),
            Body::Other(_) => {}
        }
    }

    fn receive_icmp(&mut self, packet: &Packet<'_>, icmp: Icmp<'_>) {
        if icmp.kind == IcmpKind::EchoRequest {
            let (from, to) = (packet.destination, packet.source);
            self.outbox.extend(build::icmp(IcmpKind::EchoReply, from, to, icmp.quoted));
            return;
        }
        let Some(failure) = failure_of(icmp.kind, packet.source) else { return };
        match quoted_endpoints(icmp.quoted) {
            Some((protocol::TCP, local, remote)) => self.tcp.icmp(local, remote, failure),
            Some((protocol::UDP, local, _)) => self.udp.fail(local.port(), failure),
            _ => {}
        }
    }

    /// Sends a datagram from `source`, one of the host's addresses.
    pub(crate) fn send_datagram(&mut self, mut spec: UdpSpec) -> Result<(), Failure> {
        // What IPv4 can carry in fragments, and IPv6 in one packet.
        let max = if spec.source.is_ipv4() { 65_507 } else { MTU - 48 };
        if spec.payload.len() > max {
            return Err(Failure::MessageSize);
        }
        spec.identification = 0;
        let frame = build::udp(&spec).ok_or(Failure::NetworkUnreachable)?;
        self.outbox.push(frame);
        Ok(())
    }

    /// The address that packets to `remote` are sent from.
    pub(crate) fn source_for(&self, remote: IpAddr) -> Option<IpAddr> {
        let usable = |address: &IpAddr| {
            address.is_ipv4() == remote.is_ipv4() && (!is_local(*address) || is_local(remote))
        };
        self.addresses.iter().copied().find(usable)
    }

    /// Everything the host wants sent, each packet with the next identification.
    pub(crate) fn take_sent(&mut self) -> Vec<Frame> {
        let mut sent = std::mem::take(&mut self.outbox);
        sent.extend(self.tcp.take_sent().into_iter().map(Frame::from_bytes));
        for frame in &mut sent {
            // Linux gives none to a reset that answers what no connection takes; others do.
            let is_reset = |packet: Packet<'_>| packet.tcp().is_some_and(|it| it.has(flags::RST));
            if !self.numbers_resets && frame.packet().is_some_and(is_reset) {
                frame.set_identification(0);
                continue;
            }
            frame.set_identification(self.identification);
            self.identification = self.identification.wrapping_add(1);
        }
        let sent = sent.into_iter().flat_map(|frame| split(frame, self.mtu));
        sent.chain(std::mem::take(&mut self.cut_outbox)).collect()
    }
}

/// What an ICMP error means to the socket that it is about.
fn failure_of(kind: IcmpKind, router: IpAddr) -> Option<Failure> {
    Some(match kind {
        IcmpKind::PortUnreachable => Failure::Refused,
        // Linux makes EHOSTUNREACH of a filter's ICMP.
        IcmpKind::HostUnreachable | IcmpKind::Prohibited => Failure::HostUnreachable,
        IcmpKind::NetworkUnreachable => Failure::NetworkUnreachable,
        IcmpKind::TimeExceeded => Failure::TtlExceeded { router },
        IcmpKind::EchoRequest | IcmpKind::EchoReply | IcmpKind::Other(..) => return None,
    })
}
