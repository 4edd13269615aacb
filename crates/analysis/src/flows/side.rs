//! What one end of a TCP connection has been seen to send: counts, numbers and habits, in constant space.

use wirewitness_wire::transport::flag;

use super::header::{Header, ahead};

/// One end's packets. What is said of habits leaves resets out, which stacks send in other ways.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Side {
    /// Its last packet that is no reset.
    pub last: Header,
    /// Its last packet that needs an answer (SYN, FIN, new payload).
    pub asked: Header,
    /// Packets.
    pub packets: u32,
    /// Bytes of payload.
    pub bytes: u64,
    /// The number of its SYN, or of its first packet.
    pub begin: u32,
    /// The number behind all that it has sent.
    pub next: u32,
    /// The highest number that it has acknowledged.
    pub acked: u32,
    /// Shortest time from a packet of the other end to this end's answer, ns; 0 where there is none.
    pub answer_ns: u32,
    /// Resets.
    pub resets: u16,
    /// Segments with new payload, and those of them after the first that says PSH.
    pub segments: u16,
    /// See above.
    pub after_push: u16,
    /// Times to live, those that came first.
    ttls: [u8; 4],
    /// How many of those are used.
    ttl_count: u8,
    /// True if what needs an answer was sent again: then nobody knows which one is answered (Karn and Partridge 1987).
    asked_again: bool,
    /// Copies of packets: the capture holds them twice.
    pub copies: u8,
    /// See `Seen`.
    seen: u16,
}

/// What has been seen of an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Habit {
    /// A SYN or SYN-ACK.
    Syn = 1,
    /// A FIN.
    Fin = 2,
    /// An acknowledgement, SYN-ACK aside.
    Ack = 4,
    /// A segment with PSH.
    Push = 8,
    /// The flag against fragments.
    DontFragment = 16,
    /// A packet without it.
    Fragments = 32,
    /// Options in a packet other than SYN.
    Options = 64,
    /// No options in such a packet.
    NoOptions = 128,
    /// Identifications that differ.
    Identifies = 256,
    /// Reserved bits, or AE.
    OddFlags = 512,
    /// A packet is missing in the capture.
    Gap = 1024,
    /// More times to live than are kept.
    ManyTtls = 2048,
    /// Any acknowledgement number has been seen.
    Acked = 4096,
}

impl Side {
    /// True if it has been seen.
    #[inline]
    pub fn has(&self, habit: Habit) -> bool {
        self.seen & habit as u16 != 0
    }

    /// The times to live of its packets, resets aside.
    #[inline]
    pub fn ttls(&self) -> &[u8] {
        self.ttls.get(..usize::from(self.ttl_count)).unwrap_or_default()
    }

    /// The time to live of its first packet.
    #[inline]
    pub fn first_ttl(&self) -> Option<u8> {
        self.ttls().first().copied()
    }

    /// True if anything but resets is there.
    #[inline]
    pub fn is_known(&self) -> bool {
        self.ttl_count > 0
    }

    /// A number of each cache line, as one that means nothing.
    #[inline]
    pub(super) fn fetch(&self) -> u64 {
        self.last.packet ^ self.asked.packet ^ self.bytes ^ u64::from(self.next)
    }

    /// Takes in a packet of this end.
    #[inline(always)]
    pub fn take(&mut self, header: &Header) {
        self.packets = self.packets.saturating_add(1);
        if header.is_reset() {
            self.resets = self.resets.saturating_add(1);
            return;
        }
        if self.is_known() && header.copy_of(&self.last) {
            self.copies = self.copies.saturating_add(1);
            self.learn_ttl(header.ttl);
            return;
        }
        if !header.zeros() {
            self.bytes += u64::from(header.len);
        }
        self.learn(header);
        self.number(header);
        self.last = *header;
    }

    /// Takes in the time that an answer of this end to the other one took.
    #[inline(always)]
    pub fn answered(&mut self, header: &Header, other: &Self) {
        let asked = &other.asked;
        if asked.packet == 0 || other.asked_again {
            return;
        }
        let took = header.at_ns.saturating_sub(asked.at_ns);
        let new = ahead(header.ack, asked.end()) >= 0;
        let usual = self.first_ttl().is_none_or(|ttl| ttl.abs_diff(header.ttl) < 3);
        if new && usual && (1..i64::from(u32::MAX)).contains(&took) {
            let took = took as u32;
            self.answer_ns = if self.answer_ns == 0 { took } else { self.answer_ns.min(took) };
        }
    }

    #[inline(always)]
    fn learn(&mut self, header: &Header) {
        let mut set = |habit: Habit, is: bool| self.seen |= if is { habit as u16 } else { 0 };
        let syn = header.has(flag::SYN);
        set(Habit::Syn, syn);
        set(Habit::Fin, header.has(flag::FIN));
        set(Habit::Ack, header.has(flag::ACK) && !syn);
        set(Habit::DontFragment, header.dont_fragment());
        set(Habit::Fragments, !header.dont_fragment());
        set(Habit::Options, !syn && header.options() > 0);
        set(Habit::NoOptions, !syn && header.options() == 0);
        set(Habit::OddFlags, header.flags & ODD_FLAGS != 0);
        let differs = self.last.packet != 0 && self.last.identification != header.identification;
        set(Habit::Identifies, differs);
        self.learn_ttl(header.ttl);
        if header.has(flag::ACK) {
            if !self.has(Habit::Acked) || ahead(header.ack, self.acked) > 0 {
                self.acked = header.ack;
            }
            self.seen |= Habit::Acked as u16;
        }
    }

    #[inline]
    fn learn_ttl(&mut self, ttl: u8) {
        if self.ttls().contains(&ttl) {
            return;
        }
        match self.ttls.get_mut(usize::from(self.ttl_count)) {
            Some(slot) => {
                *slot = ttl;
                self.ttl_count += 1;
            }
            None => self.seen |= Habit::ManyTtls as u16,
        }
    }

    #[inline(always)]
    fn number(&mut self, header: &Header) {
        let (seq, end) = (header.seq, header.end());
        if self.last.packet == 0 {
            (self.begin, self.next) = (seq, seq);
        }
        if ahead(seq, self.next) > 0 {
            self.seen |= Habit::Gap as u16;
        }
        if ahead(end, self.next) <= 0 {
            self.asked_again |= end == self.asked.end() && end != seq;
            return;
        }
        self.next = end;
        self.asked = *header;
        self.asked_again = false;
        if header.len > 0 && !header.zeros() {
            self.segments = self.segments.saturating_add(1);
            if self.has(Habit::Push) {
                self.after_push = self.after_push.saturating_add(1);
            }
            if header.has(flag::PSH) {
                self.seen |= Habit::Push as u16;
            }
        }
    }
}

/// Bits that no stack in wide use sets, ECN's negotiation in a SYN aside (RFC 9293 §3.1).
pub const ODD_FLAGS: u16 = flag::RESERVED | flag::AE;
