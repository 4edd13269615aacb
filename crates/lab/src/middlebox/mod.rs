//! Middleboxes: what stands on a hop between simulated hosts and interferes.
//!
//! A [`Middlebox`] is shown every packet that reaches its router, before the router looks at the TTL. One that stands
//! in the path ([`Placement::InPath`]) decides what becomes of it; one beside the path ([`Placement::OnPath`]) has
//! only a copy and whatever it injects in time. Both make packets through the [`Hop`] they stand on, in no other way.
//!
//! One technique, one file:
//!
//! - [`dns_injection`]: forged answers that race the true one or replace it.
//! - [`mod@drop`]: silence, resets and ICMP by address and port.
//! - [`tls_sni`], [`quic_sni`], [`http_host`]: what the first message of a connection asks for decides.
//! - [`throttle`]: policer, shaper, delay and loss.
//! - [`residual`]: a block that outlives its trigger.
//! - [`payload`]: a text anywhere in a packet decides.
//! - [`device`]: known devices, each made from its profile.
//! - [`nat`]: a carrier's address translation.
//! - [`divert`]: connections are led to another host, which answers in the server's place.
//!
//! [`defragment`] puts IP fragments together before any of them. And what they share: [`names`] (which names), [`parse`]
//! (where a message says its name), [`watch`] (a bounded table of flows, with reassembly), [`forge`] (the shape of
//! injected segments), [`endpoint`] (which addresses and ports).

use std::net::IpAddr;
use std::time::Duration;

use crate::frame::{Frame, TcpSpec, UdpSpec, build};
use crate::rng::Rng;

pub mod defragment;
pub mod device;
pub mod divert;
pub mod dns_injection;
pub mod drop;
pub mod endpoint;
pub mod forge;
pub mod http_host;
pub mod names;
pub mod nat;
pub mod parse;
pub mod payload;
pub mod quic_sni;
pub mod residual;
pub mod throttle;
pub mod tls_sni;
pub mod watch;

/// Something on a hop that interferes with what passes.
pub trait Middlebox: Send {
    /// Looks at a packet, injects what it likes, and says what becomes of the packet.
    fn see(&mut self, frame: &Frame, hop: &mut Hop<'_>) -> Fate;
}

impl<M: Middlebox + ?Sized> Middlebox for Box<M> {
    fn see(&mut self, frame: &Frame, hop: &mut Hop<'_>) -> Fate {
        self.as_mut().see(frame, hop)
    }
}

/// Where a middlebox stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// Beside the path: sees copies, cannot hold anything back. Its [`Fate`] is not asked.
    OnPath,
    /// In the path: what it does not let through does not pass.
    InPath,
}

/// Which way a packet passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From a subscriber to the world.
    Outbound,
    /// From the world to a subscriber.
    Inbound,
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It passes.
    Forward,
    /// It does not.
    Drop,
    /// It passes later.
    Delay(Duration),
}

/// The hop that a middlebox stands on: the time, chance, and the only way to make packets.
pub struct Hop<'a> {
    now: Duration,
    direction: Direction,
    addresses: &'a [IpAddr],
    rng: &'a mut Rng,
    emitted: Vec<(Duration, Frame)>,
}

impl<'a> Hop<'a> {
    pub(crate) fn new(
        now: Duration,
        direction: Direction,
        addresses: &'a [IpAddr],
        rng: &'a mut Rng,
    ) -> Self {
        Self { now, direction, addresses, rng, emitted: Vec::new() }
    }

    /// Time since the lab began.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// Which way the packet at hand passes.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// Chance, from the lab's seed.
    pub fn rng(&mut self) -> &mut Rng {
        self.rng
    }

    /// Sends a TCP segment towards its destination, `after` from now.
    pub fn inject_tcp(&mut self, spec: &TcpSpec, after: Duration) {
        self.emitted.extend(build::tcp(spec).map(|frame| (after, frame)));
    }

    /// Sends a UDP datagram towards its destination, `after` from now.
    pub fn inject_udp(&mut self, spec: &UdpSpec, after: Duration) {
        self.emitted.extend(build::udp(spec).map(|frame| (after, frame)));
    }

    /// Sends an ICMP error about a packet to its sender, from this hop's router.
    pub fn inject_icmp(&mut self, kind: crate::frame::IcmpKind, about: &Frame) {
        let Some(source) = about.packet().map(|packet| packet.source) else { return };
        let own = self.addresses.iter().find(|own| own.is_ipv4() == source.is_ipv4());
        let error = own.and_then(|own| build::icmp_error(kind, *own, about));
        self.emitted.extend(error.map(|frame| (Duration::ZERO, frame)));
    }

    /// Sends on a packet in the place of the one at hand.
    pub(crate) fn pass_on(&mut self, frame: Frame) {
        self.emitted.push((Duration::ZERO, frame));
    }

    pub(crate) fn into_emitted(self) -> Vec<(Duration, Frame)> {
        self.emitted
    }
}
