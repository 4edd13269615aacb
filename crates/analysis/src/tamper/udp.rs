//! DNS and QUIC over UDP: answers that differ, that come too soon or are odd; Initials that have no answer.
//!
//! In reading order: `dns` (questions and their answers), `resolver` (what a resolver's answers have in common), `forged`
//! (what speaks for an answer being another's), `quic` (connection attempts), `residual` (silence that follows a name).

mod dns;
mod forged;
mod quic;
mod residual;
mod resolver;

use std::net::SocketAddr;

use wirewitness_wire::file::Way;
use wirewitness_wire::transport::{Icmp, Udp};

use super::Wants;
use super::drop::Drops;
use super::finding::{Connection, Finding, Protocol, SeenFrom};
use crate::flows::Seen;
use crate::flows::table::Sought;

/// Watches datagrams.
#[derive(Debug)]
pub struct UdpWatch {
    dns: dns::Questions,
    quic: quic::Attempts,
}

impl Default for UdpWatch {
    fn default() -> Self {
        Self::new(super::Limits::default().memory)
    }
}

impl UdpWatch {
    /// Begins; with so much memory, bytes.
    pub fn new(memory: usize) -> Self {
        Self { dns: dns::Questions::new(memory), quic: quic::Attempts::default() }
    }

    /// Says what is to be told.
    pub fn set_wants(&mut self, wants: Wants) {
        self.dns.set_wants(wants);
        self.quic.set_wants(wants);
    }

    /// The connection of a datagram, to look for.
    #[inline(always)]
    pub(super) fn sought(&self, source: SocketAddr, destination: SocketAddr) -> Sought {
        self.quic.table().sought(source, destination)
    }

    /// Looks for the connection attempt over QUIC that a datagram is of.
    #[inline]
    pub(super) fn look_for(&self, of: &mut Sought) {
        self.quic.table().look_for(of);
    }

    /// Reads something of each cache line of that attempt. The number that comes of it means nothing.
    #[inline]
    pub(super) fn fetch(&self, of: &Sought) -> u64 {
        self.quic.table().glance(of).map_or(0, quic::Attempt::fetch)
    }

    /// Takes in a datagram.
    pub fn datagram(
        &mut self,
        seen: &Seen,
        udp: &Udp<'_>,
        drops: &mut Drops,
        out: &mut dyn FnMut(Finding),
    ) {
        let of = self.sought(seen.source, seen.destination);
        self.datagram_of(&of, (seen, udp), drops, out);
    }

    /// [`Self::datagram`], of an attempt that was looked for.
    pub(super) fn datagram_of(
        &mut self,
        of: &Sought,
        (seen, udp): (&Seen, &Udp<'_>),
        drops: &mut Drops,
        out: &mut dyn FnMut(Finding),
    ) {
        let is_dns = udp.source_port == DNS || udp.destination_port == DNS;
        if is_dns && self.dns.datagram(seen, udp, out) {
            return;
        }
        self.quic.datagram(of, (seen, udp), drops, out);
    }

    /// Takes in an ICMP error. One that quotes a packet says that the packet did not arrive, so that the silence after it is
    /// no evidence: [`Drops::unreachable`] is told, for UDP and TCP. An error about a connection attempt over QUIC, or about a
    /// question, is the answer to it.
    pub fn icmp(&mut self, seen: &Seen, icmp: &Icmp<'_>, drops: &mut Drops) {
        let is_error = match icmp.version_6 {
            false => matches!(icmp.kind, 3 | 11),
            true => matches!(icmp.kind, 1 | 3),
        };
        // "Fragmentation needed" reports no packet of a size that fits.
        if !is_error || (!icmp.version_6 && icmp.kind == 3 && icmp.code == 4) {
            return;
        }
        if let Some(connection) = quoted(icmp) {
            drops.unreachable(connection, seen.at_ns);
            if connection.protocol == Protocol::Udp {
                self.quic.refused(connection);
            }
        }
    }

    /// What is over, since nothing came of it for long, is told and forgotten. Called now and then with the capture's time.
    pub fn pass_time(&mut self, now_ns: i64, drops: &mut Drops, out: &mut dyn FnMut(Finding)) {
        self.dns.pass_time(now_ns, out);
        self.quic.pass_time(now_ns, drops, out);
    }

    /// The capture has ended.
    pub fn finish(&mut self, last_ns: i64, drops: &mut Drops, out: &mut dyn FnMut(Finding)) {
        let _ = last_ns;
        self.dns.finish(out);
        self.quic.finish(drops, out);
    }

    /// Questions over DNS, and QUIC connection attempts, told so far.
    pub fn counts(&self) -> (u64, u64) {
        (self.dns.told(), self.quic.told())
    }

    /// Bytes of memory held, roughly.
    pub fn memory(&self) -> usize {
        self.dns.memory() + self.quic.memory()
    }
}

/// The connection of the packet that an ICMP error quotes, from whom it came as the client.
fn quoted(icmp: &Icmp<'_>) -> Option<Connection> {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    let ip = icmp.quoted;
    let address = |at: usize, len: usize| -> Option<IpAddr> {
        let bytes = ip.get(at..at + len)?;
        match <[u8; 4]>::try_from(bytes) {
            Ok(octets) => Some(Ipv4Addr::from(octets).into()),
            Err(_) => Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into()),
        }
    };
    let (head, protocol, source, destination) = match ip.first()? >> 4 {
        4 => (usize::from(ip.first()? & 15) * 4, *ip.get(9)?, address(12, 4)?, address(16, 4)?),
        6 => (40, *ip.get(6)?, address(8, 16)?, address(24, 16)?),
        _ => return None,
    };
    let protocol = match protocol {
        6 => Protocol::Tcp,
        17 => Protocol::Udp,
        _ => return None,
    };
    let port = |at| wirewitness_wire::read::be16(ip, head + at);
    let client = SocketAddr::new(source, port(0)?);
    Some(Connection { protocol, client, server: SocketAddr::new(destination, port(2)?) })
}

/// Where a capture was taken, by a packet of the client's: systems begin with 64, 128 or 255 hops.
fn seen_from(client: &Seen) -> SeenFrom {
    match (client.way, client.ttl) {
        (Way::Out, _) => SeenFrom::Client,
        (Way::In, _) => SeenFrom::Server,
        (Way::Unknown, 64 | 128 | 255) => SeenFrom::Client,
        (Way::Unknown, _) => SeenFrom::Unknown,
    }
}

const DNS: u16 = 53;

#[cfg(test)]
mod tests;
