//! A mixed capture out of a seed: conversations of many kinds, interleaved, of which two in a hundred are interfered with.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

use super::messages;
use super::packets::{Endpoint, Ends, Packet, Payload, Side, file_head, record};

/// What to make.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) bytes: u64,
    pub(crate) seed: u64,
}

/// What was made, and what was done to how many conversations.
#[derive(Debug, Default)]
pub(crate) struct Made {
    pub(crate) bytes: u64,
    pub(crate) packets: u64,
    /// Conversations by kind.
    pub(crate) conversations: BTreeMap<&'static str, u64>,
    /// Interference by kind: client, its port and what it asked for, of the first thousand.
    pub(crate) interfered: BTreeMap<&'static str, u64>,
    pub(crate) examples: Vec<(&'static str, std::net::SocketAddr)>,
}

impl Made {
    /// As one line of JSON.
    pub(crate) fn json(&self, plan: Plan) -> String {
        let map = |of: &BTreeMap<&str, u64>| {
            let rows: Vec<String> = of.iter().map(|(k, v)| format!("\"{k}\":{v}")).collect();
            rows.join(",")
        };
        format!(
            "{{\"seed\":{},\"bytes\":{},\"packets\":{},\"conversations\":{{{}}},\"interfered\":{{{}}}}}",
            plan.seed,
            self.bytes,
            self.packets,
            map(&self.conversations),
            map(&self.interfered)
        )
    }
}

/// Writes a capture of about so many bytes.
pub(crate) fn generate(plan: Plan, out: &mut dyn Write) -> io::Result<Made> {
    let mut maker = Maker::new(plan.seed);
    let mut due: BinaryHeap<Reverse<(u64, u64)>> = BinaryHeap::new();
    let mut open: BTreeMap<u64, (u64, Ends, VecDeque<Packet>)> = BTreeMap::new();
    let mut buffer = file_head();
    let (mut next_us, mut number, mut planned) = (EPOCH_US, 0, 0);
    loop {
        let is_new_due = due.peek().is_none_or(|Reverse((at, _))| *at >= next_us);
        if is_new_due && planned < plan.bytes {
            let (ends, packets) = maker.conversation();
            let first = packets.front().map_or(0, |p| p.at_us);
            due.push(Reverse((next_us + first, number)));
            planned += packets.iter().map(|p| HEADS + p.payload.len() as u64).sum::<u64>();
            open.insert(number, (next_us, ends, packets));
            number += 1;
            next_us += maker.below(2 * MEAN_GAP_US);
            continue;
        }
        let Some(Reverse((at_us, key))) = due.pop() else { break };
        let Some((began, ends, packets)) = open.get_mut(&key) else { continue };
        let Some(packet) = packets.pop_front() else { continue };
        let before = buffer.len();
        record(&mut buffer, at_us, ends, &packet, &maker.noise);
        maker.made.bytes += (buffer.len() - before) as u64;
        maker.made.packets += 1;
        if let Some(next) = packets.front() {
            due.push(Reverse(((*began + next.at_us).max(at_us), key)));
        } else {
            open.remove(&key);
        }
        if buffer.len() > 1 << 20 {
            out.write_all(&buffer)?;
            buffer.clear();
        }
    }
    out.write_all(&buffer)?;
    out.flush()?;
    maker.made.bytes += 24;
    Ok(maker.made)
}

/// What is done to a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    Nothing,
    Reset,
    Drop,
    Page,
    FalseAnswer,
}

struct Maker {
    state: u64,
    noise: Vec<u8>,
    initials: Vec<Rc<[u8]>>,
    made: Made,
}

impl Maker {
    fn new(seed: u64) -> Self {
        let state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let made = Made::default();
        let mut maker = Self { state, noise: Vec::new(), initials: Vec::new(), made };
        maker.noise = (0..80_000).map(|_| maker.next() as u8).collect();
        for n in 0..64 {
            let random = maker.random();
            maker.initials.push(messages::quic_initial(&name(n), random).into());
        }
        maker
    }

    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state >> 8
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    fn random(&mut self) -> [u8; 32] {
        std::array::from_fn(|_| self.next() as u8)
    }

    fn conversation(&mut self) -> (Ends, VecDeque<Packet>) {
        let interfered = self.below(100) < 2;
        let (kind, port, done) = match self.below(1000) {
            0..450 => ("dns", 53, Done::FalseAnswer),
            450..570 => ("http", 80, Done::Page),
            570..700 => ("quic", 443, Done::Nothing),
            700 => ("long", 443, Done::Nothing),
            n if n % 2 == 0 => ("tls", 443, Done::Reset),
            _ => ("tls", 443, Done::Drop),
        };
        let done = if interfered { done } else { Done::Nothing };
        let server = self.below(SERVERS);
        let ends = self.ends(server, port);
        *self.made.conversations.entry(kind).or_default() += 1;
        let word = match done {
            Done::Nothing => None,
            Done::Reset => Some("reset"),
            Done::Drop => Some("client_hello_drop"),
            Done::Page => Some("blockpage"),
            Done::FalseAnswer => Some("dns_injection"),
        };
        if let Some(word) = word {
            *self.made.interfered.entry(word).or_default() += 1;
            if self.made.examples.len() < 1000 {
                let client = std::net::SocketAddr::new(ends.client.ip, ends.client.port);
                self.made.examples.push((word, client));
            }
        }
        let name = name(server);
        let packets = match kind {
            "dns" => self.dns(&name, done),
            "quic" => self.quic(),
            "http" => self.http(&name, done),
            "tls" => self.tls(&name, done),
            _ => self.long(&name),
        };
        (ends, packets)
    }

    fn ends(&mut self, server: u64, port: u16) -> Ends {
        let client_port = 1024 + self.below(64_000) as u16;
        let (client, vlan) = (self.below(1 << 20) as u32, self.below(10));
        let (client, server): (IpAddr, IpAddr) = if server.is_multiple_of(5) {
            let six = |net: u16, host: u32| {
                IpAddr::V6(Ipv6Addr::new(
                    0x2001,
                    0xdb8,
                    net,
                    0,
                    0,
                    0,
                    (host >> 16) as u16,
                    host as u16,
                ))
            };
            (six(1, client), six(2, server as u32))
        } else {
            let four = |net: u8, host: u32| {
                IpAddr::V4(Ipv4Addr::new(net, (host >> 16) as u8, (host >> 8) as u8, host as u8))
            };
            (four(10, client), four(198, (18 << 16) + server as u32))
        };
        Ends {
            client: Endpoint { ip: client, port: client_port },
            server: Endpoint { ip: server, port },
            vlan: (vlan == 0).then_some(100),
        }
    }

    fn dns(&mut self, name: &str, done: Done) -> VecDeque<Packet> {
        let (id, ip_id) = (self.next() as u16, self.next() as u16);
        let datagram = |at_us, from_client, ttl, bytes: Vec<u8>| Packet {
            at_us,
            from_client,
            ttl,
            id: ip_id,
            tcp: None,
            payload: Payload::Bytes(bytes.into()),
        };
        let address = [203, 0, 113, self.below(250) as u8 + 1];
        let after = 20_000 + self.below(60_000);
        let mut out =
            VecDeque::from([datagram(0, Side::Client, 63, messages::dns(id, name, None))]);
        if done == Done::FalseAnswer {
            let forged = [31, 13, 94, self.below(250) as u8];
            let at = 2_000 + self.below(1_000);
            out.push_back(datagram(at, Side::Server, 101, messages::dns(id, name, Some(forged))));
        }
        out.push_back(datagram(after, Side::Server, 57, messages::dns(id, name, Some(address))));
        out
    }

    fn quic(&mut self) -> VecDeque<Packet> {
        let chosen = self.below(64) as usize;
        let first = self.initials[chosen].clone();
        let mut out = VecDeque::new();
        let mut put = |at_us, from_client, payload, id| {
            let ttl = if from_client == Side::Client { 63 } else { 55 };
            out.push_back(Packet { at_us, from_client, ttl, id, tcp: None, payload });
        };
        let (round_trip, id) = (20_000 + self.below(60_000), self.next() as u16);
        put(0, Side::Client, Payload::Bytes(first), id);
        for n in 0..2 + self.below(8) {
            let id = id.wrapping_add(n as u16 * 7 + 1);
            // Long headers of the handshake first, then short ones: only the first byte is looked at by most.
            let len = 200 + self.below(1000) as usize;
            let server = self.sealed_quic(len);
            put(round_trip * (n + 1), Side::Server, server, id);
            let len = 40 + self.below(40) as usize;
            let client = self.sealed_quic(len);
            put(round_trip * (n + 1) + 500, Side::Client, client, id);
        }
        out
    }

    /// A packet with a short header.
    fn sealed_quic(&mut self, len: usize) -> Payload {
        let from = self.below(70_000) as usize;
        let mut bytes = self.noise[from..from + len].to_vec();
        bytes[0] = 0x40 | (bytes[0] & 0x3f);
        Payload::Bytes(bytes.into())
    }

    fn http(&mut self, name: &str, done: Done) -> VecDeque<Packet> {
        let mut talk = Talk::new(self);
        talk.handshake();
        talk.client(Payload::Bytes(messages::request(name).into()));
        let page = if done == Done::Page {
            messages::response("403 Forbidden", BLOCK_PAGE)
        } else {
            messages::response(
                "200 OK",
                &"<p>An ordinary page.</p>\n".repeat(10 + self.below(40) as usize),
            )
        };
        talk.wait(talk.round_trip);
        talk.server(Payload::Bytes(page.into()));
        talk.close();
        talk.out
    }

    fn tls(&mut self, name: &str, done: Done) -> VecDeque<Packet> {
        let mut talk = Talk::new(self);
        talk.handshake();
        let hello: Payload = Payload::Bytes(messages::client_hello(name, self.random()).into());
        if done == Done::Drop {
            talk.dropped(&hello);
            return talk.out;
        }
        talk.client(hello);
        if done == Done::Reset {
            let (ttl, id) = (90 + self.below(60) as u8, self.next() as u16);
            talk.forged_resets(ttl, id);
        }
        let answer = messages::server_hello(self.random(), &self.noise);
        talk.wait(talk.round_trip);
        talk.server(Payload::Bytes(answer.into()));
        if done == Done::Reset {
            return talk.out;
        }
        talk.client(Payload::Bytes(messages::sealed(&self.noise, 80).into()));
        for _ in 0..1 + self.below(3) {
            let len = 100 + self.below(300) as u16;
            talk.client(Payload::Bytes(messages::sealed(&self.noise, len).into()));
            talk.wait(talk.round_trip);
            for _ in 0..1 + self.below(3) {
                let len = 300 + self.below(1100) as u16;
                talk.server(Payload::Bytes(messages::sealed(&self.noise, len).into()));
            }
        }
        talk.close();
        talk.out
    }

    fn long(&mut self, name: &str) -> VecDeque<Packet> {
        let mut talk = Talk::new(self);
        talk.handshake();
        talk.client(Payload::Bytes(messages::client_hello(name, self.random()).into()));
        talk.wait(talk.round_trip);
        talk.server(Payload::Bytes(messages::server_hello(self.random(), &self.noise).into()));
        for _ in 0..20 + self.below(40) {
            talk.wait(talk.round_trip);
            for _ in 0..20 {
                talk.server(Payload::Noise(1400));
            }
        }
        talk.close();
        talk.out
    }
}

/// A TCP connection as it goes.
struct Talk {
    at_us: u64,
    round_trip: u64,
    seqs: [u32; 2],
    ids: [u16; 2],
    ttls: [u8; 2],
    out: VecDeque<Packet>,
}

impl Talk {
    fn new(maker: &mut Maker) -> Self {
        Self {
            at_us: 0,
            round_trip: 20_000 + maker.below(100_000),
            seqs: [maker.next() as u32, maker.next() as u32],
            ids: [maker.next() as u16, maker.next() as u16],
            ttls: [63, 48 + maker.below(10) as u8],
            out: VecDeque::new(),
        }
    }

    fn wait(&mut self, us: u64) {
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

    fn handshake(&mut self) {
        self.put(Side::Client, SYN, Payload::Empty);
        self.wait(self.round_trip);
        self.put(Side::Server, SYN | ACK, Payload::Empty);
        self.put(Side::Client, ACK, Payload::Empty);
    }

    fn client(&mut self, payload: Payload) {
        self.put(Side::Client, PSH | ACK, payload);
    }

    fn server(&mut self, payload: Payload) {
        self.put(Side::Server, PSH | ACK, payload);
        self.put(Side::Client, ACK, Payload::Empty);
    }

    fn close(&mut self) {
        self.put(Side::Server, FIN | ACK, Payload::Empty);
        self.put(Side::Client, FIN | ACK, Payload::Empty);
        self.wait(self.round_trip);
        self.put(Side::Server, ACK, Payload::Empty);
    }

    /// Three alike from neither end, as if from the server, long before its answer.
    fn forged_resets(&mut self, ttl: u8, id: u16) {
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
    fn dropped(&mut self, hello: &Payload) {
        let seq = self.seqs[0];
        for wait in [0, 300_000, 600_000, 1_200_000, 2_400_000, 4_800_000] {
            self.wait(wait);
            self.seqs[0] = seq;
            self.client(hello.clone());
        }
    }
}

fn name(server: u64) -> String {
    let tops = ["example", "test", "invalid"];
    format!("www{server}.site{}.{}", server % 97, tops[(server % 3) as usize])
}

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const PSH: u8 = 8;
const ACK: u8 = 16;

/// 14 November 2023.
const EPOCH_US: u64 = 1_700_000_000_000_000;
/// Mean time from one conversation's beginning to the next one's.
const MEAN_GAP_US: u64 = 500;
/// Bytes of a record's and a packet's heads, about.
const HEADS: u64 = 70;
/// How many servers there are.
const SERVERS: u64 = 2_000;
/// Words of a fingerprint that comes with the program.
const BLOCK_PAGE: &str = "<html><head><title>Blocked</title></head><body>This page has content that is prohibited for viewership from within the country.</body></html>";
