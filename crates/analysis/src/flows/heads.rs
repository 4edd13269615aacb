//! The beginnings of both ways of a TCP connection, joined, with copies that differ kept.
//!
//! Of each way the first bytes are kept, at most [`CLIENT_LIMIT`] and [`SERVER_LIMIT`], in at most 64 pieces, and copies that
//! come later are compared with the first. What was not captured is not known and is never compared. The client's way ends
//! where its hello or request does, once that was read. [`HOLD_NS`] after both ways are whole nothing more is taken in: a
//! copy that differs and comes later than that, or lies behind the limits, is not seen.

mod stream;
mod trigger;

use stream::Stream;
use wirewitness_wire::app::tls_server::{Item, ServerHello, messages};

use super::Seen;
use crate::tamper::finding::{End, Trigger};

pub use stream::Piece;

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

impl Segment<'_> {
    /// True for six zero bytes: what fills a segment without options up to the least that Ethernet carries (IEEE 802.3 §3.2.8),
    /// where whoever sent or captured it counted that as IP's.
    fn is_padding(&self) -> bool {
        self.payload_len == PADDING && self.payload.iter().all(|byte| *byte == 0)
    }
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

/// A later copy of the server's first bytes that differs from the first one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherBeginning {
    /// Its packet.
    pub packet: u64,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// What was captured of it, at most [`OTHER_LIMIT`] bytes.
    pub bytes: Vec<u8>,
}

/// What adds nothing to beginnings that are whole: what lies behind these places of the ways, until a time.
#[derive(Debug, Clone, Copy)]
pub struct Settled {
    /// Place in the client's way.
    pub client: u64,
    /// Place in the server's way.
    pub server: u64,
    /// ns since 1970; the earliest time there is while they are not whole.
    pub until_ns: i64,
}

impl Default for Settled {
    fn default() -> Self {
        Self { client: 0, server: 0, until_ns: i64::MIN }
    }
}

/// The beginnings of both ways.
#[derive(Debug, Default)]
pub struct Heads {
    client: Stream,
    server: Stream,
    /// The client's first bytes as far as they say what it asks for.
    asked: trigger::Asked,
    overlaps: Vec<Overlap>,
    other: Option<Box<OtherBeginning>>,
    /// What is known of the server's answer to a hello.
    sealed: Sealed,
    /// When both ways were whole, ns since 1970.
    whole_ns: Option<i64>,
}

impl Heads {
    /// Takes in a segment. True as long as more segments can add something: once false, they need not be given.
    pub fn segment(&mut self, segment: &Segment<'_>) -> bool {
        if segment.is_padding() {
            return self.stays_open(segment.seen.at_ns);
        }
        let limit = self.limit(segment.from);
        if segment.offset < limit as u64 && !segment.payload.is_empty() {
            self.take_in(segment, limit);
        } else if segment.payload_len > 0 {
            // What lies behind the limit says that the head was passed.
            self.stream_mut(segment.from).passed(segment.offset, limit);
        }
        self.stays_open(segment.seen.at_ns)
    }

    /// What adds nothing any more, without being looked at.
    pub fn settled(&self) -> Settled {
        let Some(whole_ns) = self.whole_ns else { return Settled::default() };
        Settled {
            client: self.limit(End::Client) as u64,
            server: self.limit(End::Server) as u64,
            until_ns: whole_ns.saturating_add(HOLD_NS),
        }
    }

    /// A number of each cache line, as one that means nothing: reading it brings them all near.
    #[inline]
    pub(crate) fn fetch(&self) -> u64 {
        let [client, server] = [&self.client, &self.server].map(Stream::fetch);
        client ^ server ^ self.whole_ns.unwrap_or(0) as u64 ^ self.asked.end.unwrap_or(0) as u64
    }

    /// What the client asked for, as soon as it can be read.
    pub fn trigger(&self) -> Option<&Trigger> {
        self.asked.trigger.as_ref()
    }

    /// Takes out what the client asked for, and the copies that differ: all that is to stay.
    pub(crate) fn take(&mut self) -> (Option<Trigger>, Vec<Overlap>) {
        (self.asked.trigger.take(), std::mem::take(&mut self.overlaps))
    }

    /// What the client's first bytes are.
    pub fn protocol(&self) -> Protocol {
        self.asked.protocol
    }

    /// True if the client's hello has the extension of an encrypted one, which may be GREASE.
    pub fn has_encrypted_hello(&self) -> bool {
        self.asked.encrypted_hello
    }

    /// Copies that differ, at most [`MAX_OVERLAPS`].
    pub fn overlaps(&self) -> &[Overlap] {
        &self.overlaps
    }

    /// The first bytes that an end sent, up to the first hole; of two copies the first.
    pub fn bytes(&self, from: End) -> &[u8] {
        self.stream(from).beginning()
    }

    /// The pieces in which they came, in the order of the capture.
    pub fn pieces(&self, from: End) -> &[Piece] {
        self.stream(from).pieces()
    }

    /// A later copy of the server's first bytes that differs.
    pub fn other_beginning(&self) -> Option<&OtherBeginning> {
        self.other.as_deref()
    }

    /// Bytes of memory held beside its own size.
    pub fn memory(&self) -> usize {
        let overlaps = self.overlaps.capacity() * size_of::<Overlap>()
            + self.overlaps.iter().flat_map(|it| &it.copies).map(Vec::capacity).sum::<usize>();
        let other = self.other.as_ref().map_or(0, |it| it.bytes.capacity() + size_of_val(&**it));
        let name = self.asked.trigger.as_ref().map_or(0, |it| it.value.capacity());
        self.client.memory() + self.server.memory() + overlaps + other + name
    }

    fn limit(&self, from: End) -> usize {
        match (from, self.asked.protocol) {
            (End::Client, _) => self.asked.end.unwrap_or(CLIENT_LIMIT),
            (End::Server, Protocol::Other) => OTHER_LIMIT,
            (End::Server, Protocol::Tls) if self.sealed == Sealed::Yes => OTHER_LIMIT,
            (End::Server, _) => SERVER_LIMIT,
        }
    }

    fn stream(&self, from: End) -> &Stream {
        match from {
            End::Client => &self.client,
            End::Server => &self.server,
        }
    }

    fn stream_mut(&mut self, from: End) -> &mut Stream {
        match from {
            End::Client => &mut self.client,
            End::Server => &mut self.server,
        }
    }

    fn take_in(&mut self, segment: &Segment<'_>, limit: usize) {
        // A keep-alive probe repeats the last byte that was acknowledged, with any value (RFC 9293 §3.8.4).
        let is_probe = segment.payload_len == 1;
        let stream = self.stream_mut(segment.from);
        if let Some(differs) = stream.compare(segment)
            && !is_probe
        {
            self.differs(segment, differs);
        }
        if segment.from == End::Client && !self.asked.is_read() {
            // The whole of most hellos and requests is in the first segment, and is read where it is.
            if segment.offset == 0 && self.client.beginning().is_empty() {
                self.asked.read(segment.payload, |_| segment.seen.packet);
            }
            let limit = self.limit(End::Client);
            self.client.put(segment, limit, limit);
            if !self.asked.is_read() {
                let Self { client, asked, .. } = self;
                asked.read_more(client.beginning(), client.is_full(CLIENT_LIMIT), || {
                    client.packet_of(0)
                });
            }
        } else {
            let mut expected = limit;
            // The whole hello is in the first segment, mostly, and says how much of what follows is kept.
            if segment.from == End::Server
                && segment.offset == 0
                && self.sealed == Sealed::Unknown
                && self.server.pieces().is_empty()
            {
                let bytes = segment.payload.get(..limit).unwrap_or(segment.payload);
                self.sealed = sealed(self.asked.protocol, bytes);
                expected = self.limit(End::Server);
            }
            self.stream_mut(segment.from).put(segment, limit, expected);
            if segment.from == End::Server && self.sealed == Sealed::Unknown {
                self.sealed = sealed(self.asked.protocol, self.server.beginning());
            }
        }
    }

    fn differs(&mut self, segment: &Segment<'_>, differs: stream::Differs) {
        if segment.from == End::Server && segment.offset == 0 && self.other.is_none() {
            let bytes = segment.payload.get(..segment.payload.len().min(OTHER_LIMIT));
            let (packet, ttl) = (segment.seen.packet, segment.seen.ttl);
            let bytes = bytes.unwrap_or_default().to_vec();
            self.other = Some(Box::new(OtherBeginning { packet, ttl, bytes }));
        }
        // The same copy again, as it is repeated when it is not acknowledged.
        let is_same = |it: &Overlap| {
            (it.from, it.offset) == (segment.from, differs.offset) && it.copies == differs.copies
        };
        if self.overlaps.len() < MAX_OVERLAPS && !self.overlaps.iter().any(is_same) {
            let (from, offset) = (segment.from, differs.offset);
            let packets = [differs.packet, segment.seen.packet];
            self.overlaps.push(Overlap { from, offset, packets, copies: differs.copies });
        }
    }

    fn stays_open(&mut self, at_ns: i64) -> bool {
        match self.whole_ns {
            Some(whole_ns) => at_ns.saturating_sub(whole_ns) < HOLD_NS,
            None => {
                let (client, server) = (self.limit(End::Client), self.limit(End::Server));
                if self.client.is_full(client) && self.server.is_full(server) {
                    self.whole_ns = Some(at_ns);
                }
                true
            }
        }
    }
}

/// From TLS 1.3 on, nothing behind the server's hello can be read: there is no need to keep it.
fn sealed(protocol: Protocol, server: &[u8]) -> Sealed {
    if protocol != Protocol::Tls {
        return Sealed::Unknown;
    }
    match messages(server).next() {
        Some(Ok(Item::Message { bytes, .. })) => match ServerHello::parse(&bytes) {
            Ok(hello) if hello.is_retry() => Sealed::No,
            Ok(hello) if hello.version() >= TLS_1_3 => Sealed::Yes,
            _ => Sealed::No,
        },
        Some(_) => Sealed::No,
        None => Sealed::Unknown,
    }
}

/// Whether the server's certificates are encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Sealed {
    #[default]
    Unknown,
    No,
    Yes,
}

/// What a client's first bytes are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Protocol {
    /// Not known yet.
    #[default]
    Unread,
    /// A TLS hello.
    Tls,
    /// A request of HTTP/1.
    Http,
    /// A DNS message after its length (RFC 7766 §8).
    Dns,
    /// None of those.
    Other,
}

/// Bytes kept of a client's way before its hello or request has ended.
pub const CLIENT_LIMIT: usize = 16 * 1024;
/// Bytes kept of a server's way: a certificate chain or a block page.
pub const SERVER_LIMIT: usize = 8 * 1024;
/// Bytes kept of a server's way that speaks TLS 1.3, or whose client speaks neither TLS, HTTP nor DNS; and of a second beginning.
pub const OTHER_LIMIT: usize = 2 * 1024;
/// Copies that differ and are kept.
pub const MAX_OVERLAPS: usize = 16;
/// RFC 8446 §4.1.3.
const TLS_1_3: u16 = 0x0304;
/// A frame of 60 bytes less the least headers of Ethernet, IPv4 and TCP.
const PADDING: usize = 6;
/// How long copies are compared after both ways are whole, ns.
pub const HOLD_NS: i64 = 10_000_000_000;

#[cfg(test)]
mod tests;
