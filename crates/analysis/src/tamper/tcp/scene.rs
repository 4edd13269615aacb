//! A packet that may be injected, with how things stood before it and what came after.

use crate::flows::connection::Connection;
use crate::flows::header::Header;
use crate::flows::key::Key;
use crate::flows::side::Side;
use crate::tamper::finding::Evidence;
use crate::tamper::grade::{Family, Weighed};

use super::suspicion::Suspect;

/// A packet that may be injected, and what is around it.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The packet.
    pub header: &'a Header,
    /// What it may be.
    pub suspect: Suspect,
    /// The connection before it.
    pub before: &'a Connection,
    /// The packets after it, as far as they were kept.
    pub later: &'a [Header],
    /// The connection at its end.
    pub whole: &'a Connection,
    /// Its ends.
    pub key: &'a Key,
}

impl Scene<'_> {
    /// The end that is said to have sent it, before it.
    pub fn own(&self) -> &Side {
        self.before.side(self.header.from())
    }

    /// The other end, before it.
    pub fn other(&self) -> &Side {
        self.before.side(self.header.from().other())
    }

    /// The end that is said to have sent it, over the whole connection.
    pub fn own_whole(&self) -> &Side {
        self.whole.side(self.header.from())
    }

    /// The other end, over the whole connection.
    pub fn other_whole(&self) -> &Side {
        self.whole.side(self.header.from().other())
    }

    /// An observation about this packet.
    pub fn says(&self, family: Family, weight: u8, words: (&'static str, String)) -> Weighed {
        let (kind, says) = words;
        let evidence = Evidence { kind, says, packets: vec![self.header.packet] };
        Weighed { family, weight, evidence }
    }

    /// An observation about this packet and another.
    pub fn says_with(
        &self,
        other: u64,
        (family, weight): (Family, u8),
        words: (&'static str, String),
    ) -> Weighed {
        let mut weighed = self.says(family, weight, words);
        weighed.evidence.packets.push(other);
        weighed
    }
}

/// Nanoseconds as milliseconds, in words.
pub fn ms(ns: i64) -> String {
    format!("{:.1} ms", ns as f64 / 1e6)
}
