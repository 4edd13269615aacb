//! The beginnings of both ways of a TCP connection, joined, with copies that differ kept.

use super::Seen;
use crate::tamper::finding::{End, Trigger};

/// A segment with payload, and its place in the stream of its way.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    /// Its packet.
    pub seen: Seen,
    /// TCP's window, as on the wire.
    pub window: u16,
    /// Who sent it, or is said to.
    pub from: End,
    /// Place of its first byte in the stream, from 0: relative to the byte after the SYN, or to the first byte seen where
    /// the SYN was not.
    pub offset: u64,
    /// What was captured of its payload.
    pub payload: &'a [u8],
    /// Length of the payload on the wire.
    pub payload_len: usize,
}

/// Two copies of the same bytes that differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// Who is said to have sent both.
    pub from: End,
    /// Place of the first byte that differs.
    pub offset: u64,
    /// Packet of the copy that came first, and of the one that came later.
    pub packets: [u64; 2],
    /// The two copies from there on, at most 64 bytes each.
    pub copies: [Vec<u8>; 2],
}

/// The beginnings of both ways.
#[derive(Debug, Default)]
pub struct Heads {}

impl Heads {
    /// Takes in a segment. True as long as more segments can add something: once false, they need not be given.
    pub fn segment(&mut self, segment: &Segment<'_>) -> bool {
        let _ = segment;
        false
    }

    /// What the client asked for, as soon as it can be read.
    pub fn trigger(&self) -> Option<&Trigger> {
        None
    }

    /// Copies that differ.
    pub fn overlaps(&self) -> &[Overlap] {
        &[]
    }

    /// Bytes of memory held beside its own size.
    pub fn memory(&self) -> usize {
        0
    }
}
