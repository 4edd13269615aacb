//! Headers of links, tags and labels, one after the other.

use super::{Carried, Frame, LinkType, Next, tunnel};
use crate::file::Way;
use crate::ip::IpPacket;
use crate::read::{Malformed, Reader};

impl<'a> Frame<'a> {
    /// Takes off headers until there is an IP packet, and looks for others in it.
    pub(super) fn descend(mut self) -> Result<Carried<'a>, Malformed> {
        Ok(match self.outermost()? {
            Carried::Ip(packet) if tunnel::may_be(&packet) => Carried::Ip(tunnel::inner(packet)),
            carried => carried,
        })
    }

    /// Takes off headers until there is an IP packet.
    pub(super) fn outermost(&mut self) -> Result<Carried<'a>, Malformed> {
        // No more headers than there are bytes: each takes some.
        loop {
            self.next = match self.next {
                Next::Ip => return self.ip().map(Carried::Ip),
                Next::Ethernet => {
                    self.reader.take(12, "Ethernet addresses")?;
                    Next::EtherType(self.reader.u16("EtherType")?)
                }
                Next::Other(kind) => return Ok(Carried::Other(kind)),
                Next::Ppp => self.ppp()?,
                Next::Pppoe => self.pppoe()?,
                Next::EtherType(kind) => match kind {
                    IPV4 | IPV6 => Next::Ip,
                    VLAN | SERVICE_VLAN | OLD_VLAN | OLD_VLAN_2 if self.tunnels.vlan < MAX_TAGS => {
                        self.reader.take(2, "VLAN tag")?;
                        self.tunnels.vlan += 1;
                        Next::EtherType(self.reader.u16("EtherType")?)
                    }
                    MPLS | MPLS_MULTICAST => match self.mpls()? {
                        Some(next) => next,
                        None => return Ok(Carried::Other(kind)),
                    },
                    PPPOE_SESSION => Next::Pppoe,
                    0..=0x05dc => match self.llc() {
                        Some(next) => next,
                        None => return Ok(Carried::Other(0)),
                    },
                    _ => return Ok(Carried::Other(kind)),
                },
            }
        }
    }

    fn ip(&self) -> Result<IpPacket<'a>, Malformed> {
        let mut packet = IpPacket::at(self.reader)?;
        packet.tunnels = self.tunnels;
        packet.way = self.way;
        Ok(packet)
    }

    /// Family of BSD's loopback. Of [`LinkType::NULL`] in the order of a machine that is not known: all families are small.
    pub(super) fn null(&mut self, link: LinkType) -> Result<(), Malformed> {
        let family = self.reader.u32("address family")?;
        let family =
            if link == LinkType::NULL && family > 0xffff { family.swap_bytes() } else { family };
        self.next = match family {
            // IPv4; IPv6 of Linux, Windows, NetBSD, FreeBSD and Darwin.
            2 | 10 | 23 | 24 | 28 | 30 => Next::Ip,
            _ => Next::Other(0),
        };
        Ok(())
    }

    /// Linux "cooked", version 1.
    pub(super) fn cooked(&mut self) -> Result<(), Malformed> {
        let kind = self.reader.u16("kind of packet")?;
        self.reader.take(12, "cooked header")?;
        self.way = way_of(kind);
        self.next = Next::EtherType(self.reader.u16("protocol")?);
        Ok(())
    }

    /// Linux "cooked", version 2.
    pub(super) fn cooked_2(&mut self) -> Result<(), Malformed> {
        self.next = Next::EtherType(self.reader.u16("protocol")?);
        self.reader.take(8, "cooked header")?;
        self.way = way_of(self.reader.u8("kind of packet")?.into());
        self.reader.take(9, "cooked header")?;
        Ok(())
    }

    /// Cisco's HDLC: address, control, and an `EtherType`.
    pub(super) fn cisco(&mut self) -> Result<(), Malformed> {
        self.reader.take(2, "HDLC header")?;
        self.next = Next::EtherType(self.reader.u16("EtherType")?);
        Ok(())
    }

    /// PPP (RFC 1661), also with HDLC's address and control (RFC 1662), and with a protocol in one byte.
    fn ppp(&mut self) -> Result<Next, Malformed> {
        match self.reader.rest() {
            [0xff, 0x03, ..] => {
                self.reader.take(2, "HDLC header")?;
            }
            // Cisco's, unicast and multicast.
            [0x0f | 0x8f, 0x00, ..] => {
                self.cisco()?;
                return Ok(self.next);
            }
            _ => {}
        }
        let first = u16::from(self.reader.u8("PPP protocol")?);
        let protocol = if first & 1 == 1 {
            first
        } else {
            first << 8 | u16::from(self.reader.u8("PPP protocol")?)
        };
        Ok(match protocol {
            0x0021 | 0x0057 => Next::Ip,
            0x0281 => Next::EtherType(MPLS),
            _ => Next::Other(0),
        })
    }

    /// A session's header (RFC 2516 §4). What follows its payload is left to what follows the packet.
    fn pppoe(&mut self) -> Result<Next, Malformed> {
        let offset = self.reader.offset();
        let version = self.reader.u8("PPPoE version")?;
        if version != 0x11 {
            return Err(Malformed::Value { what: "PPPoE version", offset, value: version.into() });
        }
        let code = self.reader.u8("PPPoE code")?;
        self.reader.take(4, "PPPoE header")?;
        if code != 0 {
            return Ok(Next::Other(PPPOE_DISCOVERY));
        }
        self.tunnels.pppoe = true;
        let protocol = self.reader.u16("PPP protocol")?;
        Ok(match protocol {
            0x0021 | 0x0057 => Next::Ip,
            0x0281 => Next::EtherType(MPLS),
            _ => Next::Other(PPPOE_SESSION),
        })
    }

    /// Labels (RFC 3032), up to the last of the stack. What follows is guessed (RFC 4928): none where it is neither IP nor Ethernet.
    fn mpls(&mut self) -> Result<Option<Next>, Malformed> {
        loop {
            let label = self.reader.u32("MPLS label")?;
            self.tunnels.mpls = self.tunnels.mpls.saturating_add(1);
            if label & 0x100 != 0 {
                break;
            }
        }
        let rest = self.reader.rest();
        Ok(match rest.first().map(|first| first >> 4) {
            Some(4 | 6) => Some(Next::Ip),
            // A pseudowire's control word (RFC 4385).
            Some(0) if is_ethernet(rest.get(4..)) => {
                self.reader.take(4, "control word")?;
                Some(Next::Ethernet)
            }
            _ if is_ethernet(Some(rest)) => Some(Next::Ethernet),
            _ => None,
        })
    }

    /// IEEE 802.2, where it says an `EtherType` (RFC 1042); none for others.
    fn llc(&mut self) -> Option<Next> {
        let mut reader = self.reader;
        let head = reader.take(6, "SNAP header").ok()?;
        let (&[0xaa, 0xaa, 0x03, 0, 0, 0] | &[0xaa, 0xaa, 0x03, 0, 0, 0xf8]) =
            head.first_chunk()?
        else {
            return None;
        };
        let kind = reader.u16("EtherType").ok().filter(|kind| *kind > 0x05dc)?;
        self.reader = reader;
        Some(Next::EtherType(kind))
    }
}

/// A frame of which only the end is there.
pub(super) fn frame(next: Next, reader: Reader<'_>) -> Frame<'_> {
    Frame { next, reader, tunnels: crate::ip::Tunnels::default(), way: Way::Unknown }
}

/// True for an Ethernet header that leads to something that is read here.
fn is_ethernet(bytes: Option<&[u8]>) -> bool {
    let kind = bytes.and_then(|bytes| crate::read::be16(bytes, 12));
    matches!(kind, Some(IPV4 | IPV6 | VLAN | SERVICE_VLAN | MPLS | PPPOE_SESSION | 0x0806))
}

fn way_of(kind: u16) -> Way {
    match kind {
        // To us, to all, to some.
        0..=2 => Way::In,
        4 => Way::Out,
        _ => Way::Unknown,
    }
}

pub(super) const IPV4: u16 = 0x0800;
pub(super) const IPV6: u16 = 0x86dd;
const VLAN: u16 = 0x8100;
const SERVICE_VLAN: u16 = 0x88a8;
const OLD_VLAN: u16 = 0x9100;
const OLD_VLAN_2: u16 = 0x9200;
pub(super) const MPLS: u16 = 0x8847;
pub(super) const MPLS_MULTICAST: u16 = 0x8848;
const PPPOE_DISCOVERY: u16 = 0x8863;
const PPPOE_SESSION: u16 = 0x8864;
const MAX_TAGS: u8 = 8;
