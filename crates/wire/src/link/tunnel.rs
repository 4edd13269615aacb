//! Tunnels in IP packets.

use super::frame::frame;
use super::{Carried, Next};
use crate::ip::{IpPacket, protocol};
use crate::read::Reader;

/// True for a packet that may have another in it.
#[inline]
pub(super) fn may_be(packet: &IpPacket<'_>) -> bool {
    matches!(packet.protocol, protocol::IPV4 | protocol::IPV6)
}

/// The innermost packet in a packet, which is itself where there is none that can be read.
#[cold]
pub(super) fn inner(packet: IpPacket<'_>) -> IpPacket<'_> {
    let mut innermost = packet;
    for _ in 0..MAX_DEPTH {
        let Some(next) = step(&innermost) else { break };
        innermost = next;
        if !may_be(&innermost) {
            break;
        }
    }
    innermost
}

fn step<'a>(packet: &IpPacket<'a>) -> Option<IpPacket<'a>> {
    if packet.fragment.is_some() {
        return None;
    }
    let Ok(Carried::Ip(mut inner)) = frame(Next::Ip, Reader::new(packet.payload)).outermost()
    else {
        return None;
    };
    inner.way = packet.way;
    inner.trailer = packet.trailer;
    inner.tunnels = packet.tunnels;
    inner.tunnels.outer_ip += 1;
    Some(inner)
}

const MAX_DEPTH: usize = 8;
