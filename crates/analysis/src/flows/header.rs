//! What is kept of a TCP packet: 40 bytes, no payload.

use wirewitness_wire::transport::{Tcp, flag};

use super::Seen;
use super::key::Place;

/// A TCP packet's headers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Header {
    /// Number in the capture, from 1; 0 where there is no packet.
    pub packet: u64,
    /// Time, ns since 1970.
    pub at_ns: i64,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number.
    pub ack: u32,
    /// Length of the payload on the wire.
    pub len: u32,
    /// TCP's twelve bits.
    pub flags: u16,
    /// Window, not scaled.
    pub window: u16,
    /// IPv4's identification, or 0.
    pub identification: u16,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// See [`mark`]; the upper four bits are the length of the options in words.
    pub(crate) marks: u8,
}

mod mark {
    pub(super) const HIGH: u8 = 1;
    pub(super) const DONT_FRAGMENT: u8 = 2;
    pub(super) const VERSION_4: u8 = 4;
    pub(super) const ZEROS: u8 = 8;
}

impl Header {
    /// Of a packet.
    #[inline(always)]
    pub fn of(seen: &Seen, tcp: &Tcp<'_>, from: Place) -> Self {
        let mut marks = ((tcp.options.len() / 4).min(15) as u8) << 4;
        if from == Place::High {
            marks |= mark::HIGH;
        }
        if seen.dont_fragment {
            marks |= mark::DONT_FRAGMENT;
        }
        if seen.identification.is_some() {
            marks |= mark::VERSION_4;
        }
        if tcp.flags & (flag::RST | flag::FIN) != 0 && zeros(tcp.payload) {
            marks |= mark::ZEROS;
        }
        Self {
            packet: seen.packet,
            at_ns: seen.at_ns,
            seq: tcp.seq,
            ack: tcp.ack,
            len: tcp.payload_len.min(u32::MAX as usize) as u32,
            flags: tcp.flags,
            window: tcp.window,
            identification: seen.identification.unwrap_or(0),
            ttl: seen.ttl,
            marks,
        }
    }

    /// Which end it is from, or said to be.
    #[inline]
    pub fn from(&self) -> Place {
        if self.marks & mark::HIGH == 0 { Place::Low } else { Place::High }
    }

    /// True for all of `flags`.
    #[inline]
    pub fn has(&self, flags: u16) -> bool {
        self.flags & flags == flags
    }

    /// A reset.
    #[inline]
    pub fn is_reset(&self) -> bool {
        self.has(flag::RST)
    }

    /// True if IPv4's flag is set, or the packet is of IPv6.
    #[inline]
    pub fn dont_fragment(&self) -> bool {
        self.marks & mark::DONT_FRAGMENT != 0
    }

    /// True for IPv4, where there is an identification.
    #[inline]
    pub fn version_4(&self) -> bool {
        self.marks & mark::VERSION_4 != 0
    }

    /// True if all of its payload, eight bytes at most, is zeros: padding of the link that was counted as the packet's.
    #[inline]
    pub fn zeros(&self) -> bool {
        self.marks & mark::ZEROS != 0
    }

    /// Length of the options, bytes.
    #[inline]
    pub fn options(&self) -> u8 {
        self.marks >> 4 << 2
    }

    /// The number behind all that it fills in the stream.
    #[inline]
    pub fn end(&self) -> u32 {
        let length = if self.zeros() || self.is_reset() { 0 } else { self.len };
        let extra = u32::from(self.has(flag::SYN)) + u32::from(self.has(flag::FIN));
        self.seq.wrapping_add(length).wrapping_add(extra)
    }

    /// True for a copy of the same packet, as a capture on two interfaces holds it (a hop may lie between).
    #[inline]
    pub fn copy_of(&self, other: &Self) -> bool {
        let same = self.seq == other.seq
            && self.ack == other.ack
            && self.len == other.len
            && self.flags == other.flags
            && self.window == other.window
            && self.marks == other.marks
            && self.identification == other.identification
            && self.ttl.abs_diff(other.ttl) <= 2;
        // Without an identification, only what comes at once is a copy; the rest was sent again.
        same && (self.identification != 0 || self.at_ns.abs_diff(other.at_ns) < 2_000_000)
    }
}

/// How far `to` lies ahead of `from` in a stream; negative where it lies behind (RFC 9293 §3.4).
#[inline]
pub fn ahead(to: u32, from: u32) -> i32 {
    to.wrapping_sub(from) as i32
}

fn zeros(payload: &[u8]) -> bool {
    (1..=8).contains(&payload.len()) && payload.iter().all(|byte| *byte == 0)
}
