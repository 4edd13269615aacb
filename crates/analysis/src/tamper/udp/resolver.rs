//! What the answers of one resolver have in common.

use std::collections::HashMap;
use std::net::IpAddr;

use super::dns::Question;
use crate::flows::quick::Quick;

/// Resolvers, at most [`MAX_RESOLVERS`]; more are not compared.
#[derive(Debug, Default)]
pub(super) struct Resolvers {
    all: HashMap<IpAddr, Resolver, Quick>,
}

/// Counts of a resolver's answers.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Resolver {
    /// Answers.
    pub(super) answers: u32,
    /// Answers to questions with the extensions of RFC 6891, and those of them that had them too.
    pub(super) edns: [u32; 2],
    /// Answers that claim to be authoritative.
    pub(super) authoritative: u32,
    /// How often each hop count was seen; the first few. 0 times: the place is free.
    ttls: [(u8, u32); MAX_TTLS],
    /// The shortest times to an answer, ns, as far as there were so many.
    fastest_ns: [i64; 3],
    timed: u32,
}

impl Resolvers {
    pub(super) fn learn(&mut self, question: &Question) {
        let address = question.connection.server.ip();
        if self.all.len() >= MAX_RESOLVERS && !self.all.contains_key(&address) {
            return;
        }
        self.all.entry(address).or_default().learn(question);
    }

    pub(super) fn of(&self, address: &IpAddr) -> Option<&Resolver> {
        self.all.get(address)
    }

    pub(super) fn memory(&self) -> usize {
        self.all.len() * (size_of::<(IpAddr, Resolver)>() + 64)
    }
}

impl Resolver {
    fn learn(&mut self, question: &Question) {
        for answer in &question.answers {
            self.answers += 1;
            self.authoritative += u32::from(answer.flags & AUTHORITATIVE != 0);
            if question.edns && matches!(answer.rcode, 0 | 3) {
                let [asked, given] = &mut self.edns;
                *asked += 1;
                *given += u32::from(answer.additional);
            }
            let its = |(ttl, count): &&mut (u8, u32)| *count == 0 || *ttl == answer.ttl;
            if let Some((ttl, count)) = self.ttls.iter_mut().find(its) {
                *ttl = answer.ttl;
                *count += 1;
            }
            if let Some(after_ns) = answer.after_ns.filter(|after_ns| *after_ns >= 0) {
                self.time(after_ns);
            }
        }
    }

    fn time(&mut self, mut after_ns: i64) {
        let known = self.fastest().len();
        for (at, fastest) in self.fastest_ns.iter_mut().enumerate() {
            if at >= known || after_ns < *fastest {
                std::mem::swap(fastest, &mut after_ns);
            }
        }
        self.timed += 1;
    }

    /// The shortest times, in order.
    fn fastest(&self) -> &[i64] {
        let known = self.fastest_ns.len().min(self.timed as usize);
        self.fastest_ns.get(..known).unwrap_or_default()
    }

    /// The hop count of all its answers but at most `but`, within one, where there are five and more of them.
    pub(super) fn usual_ttl(&self, but: u32) -> Option<u8> {
        let (ttl, _) = self.ttls.iter().max_by_key(|(_, count)| *count)?;
        let near = self.ttls.iter().filter(|(other, _)| other.abs_diff(*ttl) <= 1);
        let near: u32 = near.map(|(_, count)| count).sum();
        (near >= MIN_OTHERS && near + but >= self.answers).then_some(*ttl)
    }

    /// The shortest time to any answer but the one that took `after_ns`, where there are many.
    pub(super) fn fastest_but(&self, after_ns: i64) -> Option<i64> {
        // In order: where its own time comes first, the next is another's.
        let own = usize::from(self.fastest().first() == Some(&after_ns));
        self.fastest().get(own).copied().filter(|_| self.timed > MIN_TIMED)
    }
}

/// The flag `AA` (RFC 1035 §4.1.1).
pub(super) const AUTHORITATIVE: u16 = 0x0400;
/// Answers that must be there to say what is usual.
pub(super) const MIN_OTHERS: u32 = 5;
const MIN_TIMED: u32 = 10;
const MAX_TTLS: usize = 8;
const MAX_RESOLVERS: usize = 4096;
