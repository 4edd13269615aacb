//! A mixed capture out of a seed: conversations of many kinds, interleaved, of which two in a hundred are interfered with.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

use super::messages;
use super::packets::{Endpoint, Ends, Packet, file_head, record};

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
            let (gap_us, ends, packets) = maker.conversation();
            let first = packets.front().map_or(0, |p| p.at_us);
            due.push(Reverse((next_us + first, number)));
            planned += packets.iter().map(|p| HEADS + p.payload.len() as u64).sum::<u64>();
            open.insert(number, (next_us, ends, packets));
            number += 1;
            next_us += gap_us;
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
pub(super) enum Done {
    Nothing,
    Reset,
    Drop,
    Page,
    FalseAnswer,
}

pub(super) struct Maker {
    state: u64,
    pub(super) noise: Vec<u8>,
    pub(super) initials: Vec<Rc<[u8]>>,
    visit: Visit,
    ports: u64,
    made: Made,
}

/// What one person does at one server.
#[derive(Debug, Clone, Copy)]
struct Visit {
    client: u64,
    server: u64,
    kind: &'static str,
    /// Conversations to come.
    left: u64,
    begun: bool,
    interfered: bool,
}

impl Maker {
    fn new(seed: u64) -> Self {
        let state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let made = Made::default();
        let visit =
            Visit { client: 0, server: 0, kind: "tls", left: 0, begun: false, interfered: false };
        let mut maker =
            Self { state, noise: Vec::new(), initials: Vec::new(), visit, ports: 0, made };
        maker.noise = (0..80_000).map(|_| maker.next() as u8).collect();
        for n in 0..64 {
            let random = maker.random();
            maker.initials.push(messages::quic_initial(&name(n), random).into());
        }
        maker
    }

    pub(super) fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state >> 8
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    pub(super) fn random(&mut self) -> [u8; 32] {
        std::array::from_fn(|_| self.next() as u8)
    }

    /// The next conversation, and how long after the one before it begins, microseconds. People visit servers: they ask for the
    /// address, then open some connections at once; in between there is mail, time and talk.
    fn conversation(&mut self) -> (u64, Ends, VecDeque<Packet>) {
        if self.visit.left == 0 {
            self.visit = self.next_visit();
        }
        self.visit.left -= 1;
        let Visit { client, server, kind, begun, interfered, .. } = self.visit;
        self.visit.begun = true;
        let asks = !begun && !matches!(kind, "time" | "call");
        let kind = if asks { "dns" } else { kind };
        let (port, done) = match kind {
            "dns" => (53, Done::FalseAnswer),
            "http" => (80, Done::Page),
            "tls" if server % 2 == 0 => (443, Done::Reset),
            "tls" => (443, Done::Drop),
            "mail" => (25, Done::Nothing),
            "time" => (123, Done::Nothing),
            "call" => (3478, Done::Nothing),
            _ => (443, Done::Nothing),
        };
        let done = if interfered { done } else { Done::Nothing };
        let asked = if kind == "dns" { RESOLVERS + client % 8 } else { server };
        let ends = self.ends(client, (asked, port), server);
        self.count(kind, done, ends);
        let name = name(server);
        let packets = match kind {
            "dns" => self.dns(&name, done),
            "quic" => self.quic(),
            "http" => self.http(&name, done),
            "tls" => self.tls(&name, done),
            "mail" => self.mail(&name),
            "time" => self.time(),
            "call" => self.call(),
            _ => self.long(&name),
        };
        let gap = if begun { self.below(MEAN_GAP_US) } else { self.below(2 * MEAN_GAP_US) };
        (gap, ends, packets)
    }

    fn next_visit(&mut self) -> Visit {
        let (client, server) = (self.below(CLIENTS), self.below(SERVERS));
        let kind = match self.below(100) {
            0..15 => "http",
            15..40 => "quic",
            40..42 => "mail",
            42..46 => "time",
            46 => "call",
            47 => "long",
            _ => "tls",
        };
        let many = matches!(kind, "http" | "quic" | "tls");
        let left = match kind {
            "time" | "call" => 1,
            _ if many => 2 + self.below(6),
            _ => 2,
        };
        // A filter does the same to all connections of a visit.
        let interfered = self.below(100) < 3;
        Visit { client, server, kind, left, begun: false, interfered }
    }

    fn count(&mut self, kind: &'static str, done: Done, ends: Ends) {
        *self.made.conversations.entry(kind).or_default() += 1;
        let word = match done {
            Done::Nothing => return,
            Done::Reset => "reset",
            Done::Drop => "client_hello_drop",
            Done::Page => "blockpage",
            Done::FalseAnswer => "dns_injection",
        };
        *self.made.interfered.entry(word).or_default() += 1;
        if self.made.examples.len() < 1000 {
            let client = std::net::SocketAddr::new(ends.client.ip, ends.client.port);
            self.made.examples.push((word, client));
        }
    }

    fn ends(&mut self, client: u64, (server, port): (u64, u16), visited: u64) -> Ends {
        // One after the other, so that no two conversations at the same time have the same ends.
        self.ports = self.ports.wrapping_add(1);
        let client_port = 1024 + (self.ports % 64_000) as u16;
        let (client, vlan) = (client as u32, client % 10);
        let (client, server): (IpAddr, IpAddr) = if visited.is_multiple_of(5) {
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
}

fn name(server: u64) -> String {
    let tops = ["example", "test", "invalid"];
    format!("www{server}.site{}.{}", server % 97, tops[(server % 3) as usize])
}

/// 14 November 2023.
pub(crate) const EPOCH_US: u64 = 1_700_000_000_000_000;
/// Mean time from one visit's beginning to the next one's, were it not for the connections of a visit.
const MEAN_GAP_US: u64 = 600;
/// Bytes of a record's and a packet's heads, about.
const HEADS: u64 = 70;
/// How many servers there are.
const SERVERS: u64 = 2_000;
/// How many people there are.
const CLIENTS: u64 = 8_192;
/// The first of the eight resolvers.
const RESOLVERS: u64 = 60_000;
