//! A TCP connection, packet by packet.

use std::collections::VecDeque;

use super::generate::Maker;
use super::packets::{Packet, Payload, Side};

/// A TCP connection as it goes.
pub(crate) struct Talk {
    at_us: u64,
    pub(crate) round_trip: u64,
    seqs: [u32; 2],
    ids: [u16; 2],
    ttls: [u8; 2],
    /// Segments of the server's that were not acknowledged yet.
    waiting: u32,
    pub(crate) out: VecDeque<Packet>,
}

impl Talk {
    pub(crate) fn new(maker: &mut Maker) -> Self {
        Self {
            at_us: 0,
            round_trip: 20_000 + maker.below(100_000),
            seqs: [maker.next() as u32, maker.next() as u32],
            ids: [maker.next() as u16, maker.next() as u16],
            ttls: [63, 48 + maker.below(10) as u8],
            waiting: 0,
            out: VecDeque::new(),
        }
    }

    pub(crate) fn wait(&mut self, us: u64) {
        self.at_us += us;
    }

    fn put(&mut self, from_client: Side, flags: u8, payload: Payload) {
        let way = usize::from(from_client == Side::Server);
        let (seq, ack) = (self.seqs[way], self.seqs[1 - way]);
        let ack = if flags & ACK != 0 { ack } else { 0 };
        let len = payload.len() as u32;
        self.ids[way] = self.ids[way].wrapping_add(1);
        self.at_us += 100;
        self.out.push_back(Packet {
            at_us: self.at_us,
            from_client,
            ttl: self.ttls[way],
            id: self.ids[way],
            tcp: Some((seq, ack, flags, 29_200)),
            payload,
        });
        let counts = u32::from(flags & (SYN | FIN) != 0);
        self.seqs[way] = seq.wrapping_add(len + counts);
    }

    pub(crate) fn handshake(&mut self) {
        self.put(Side::Client, SYN, Payload::Empty);
        self.wait(self.round_trip);
        self.put(Side::Server, SYN | ACK, Payload::Empty);
        self.put(Side::Client, ACK, Payload::Empty);
    }

    pub(crate) fn client(&mut self, payload: Payload) {
        self.put(Side::Client, PSH | ACK, payload);
    }

    /// A segment of the server; every second one is acknowledged at once (RFC 9293 §3.8.6.3).
    pub(crate) fn server(&mut self, payload: Payload) {
        self.put(Side::Server, PSH | ACK, payload);
        self.waiting += 1;
        if self.waiting == 2 {
            self.waiting = 0;
            self.put(Side::Client, ACK, Payload::Empty);
        }
    }

    /// Bytes of the server in segments, a round trip after each so many.
    pub(crate) fn stream(&mut self, bytes: &[u8]) {
        for (number, part) in bytes.chunks(SEGMENT).enumerate() {
            if number % 32 == 31 {
                self.wait(self.round_trip);
            }
            self.server(Payload::Bytes(part.into()));
        }
    }

    /// So many bytes of ciphertext of the server, in records of TLS.
    pub(crate) fn sealed_stream(&mut self, len: usize) {
        for number in 0..len.div_ceil(SEGMENT) {
            if number % 32 == 31 {
                self.wait(self.round_trip);
            }
            let left = len - number * SEGMENT;
            self.server(Payload::Sealed(left.clamp(40, SEGMENT) as u16));
        }
    }

    pub(crate) fn close(&mut self) {
        self.put(Side::Server, FIN | ACK, Payload::Empty);
        self.put(Side::Client, FIN | ACK, Payload::Empty);
        self.wait(self.round_trip);
        self.put(Side::Server, ACK, Payload::Empty);
    }

    /// Three alike from neither end, as if from the server, long before its answer.
    pub(crate) fn forged_resets(&mut self, ttl: u8, id: u16) {
        for n in 0..3 {
            self.out.push_back(Packet {
                at_us: self.at_us + 3_000 + n * 50,
                from_client: Side::Server,
                ttl,
                id,
                tcp: Some((self.seqs[1], self.seqs[0], RST | ACK, 1_000 + id % 500)),
                payload: Payload::Empty,
            });
        }
    }

    /// The hello and what is sent again of it; nothing comes back.
    pub(crate) fn dropped(&mut self, hello: &Payload) {
        let seq = self.seqs[0];
        for wait in [0, 300_000, 600_000, 1_200_000, 2_400_000, 4_800_000] {
            self.wait(wait);
            self.seqs[0] = seq;
            self.client(hello.clone());
        }
    }
}

/// Bytes of a full segment with time stamps.
const SEGMENT: usize = 1400;
const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const PSH: u8 = 8;
const ACK: u8 = 16;
