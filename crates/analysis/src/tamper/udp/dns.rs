//! Questions to resolvers, and their answers.
//!
//! A question waits [`WAIT_NS`] for an answer, and one that was answered [`WAIT_MORE_NS`] for another: injectors' come within a
//! second, and so does the true one. At most [`MAX_OPEN`] wait at once; the oldest goes first. Only port 53 is looked at: those who ask their neighbours (mDNS, LLMNR,
//! NetBIOS) have no resolver.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use wirewitness_wire::app::dns::{Message, Value};
use wirewitness_wire::read::be16;
use wirewitness_wire::transport::Udp;

use super::{DNS, forged, resolver::Resolvers, seen_from};
use crate::flows::Seen;
use crate::flows::quick::Quick;
use crate::tamper::Wants;
use crate::tamper::finding::{Connection, Dns, DnsAnswer, Finding, Protocol, SeenFrom};

/// A question and what came of it.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) connection: Connection,
    pub(super) packet: u64,
    pub(super) name: String,
    pub(super) kind: u16,
    /// How often it was asked; 0 where only answers are there.
    pub(super) asked: u32,
    first_ns: i64,
    asked_ns: i64,
    /// True if it offers the extensions of RFC 6891.
    pub(super) edns: bool,
    /// True if recursion is desired.
    pub(super) recursion: bool,
    pub(super) seen_from: SeenFrom,
    pub(super) answers: Vec<Given>,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) packet: u64,
    pub(super) at_ns: i64,
    /// Time since it was last asked for, ns.
    pub(super) after_ns: Option<i64>,
    pub(super) flags: u16,
    pub(super) rcode: u8,
    pub(super) ttl: u8,
    pub(super) identification: Option<u16>,
    pub(super) dont_fragment: bool,
    /// Whether the first answer's name points back; none where there is no answer.
    pub(super) name_compressed: Option<bool>,
    /// True if it has a record behind the answers and authorities, such as RFC 6891's.
    pub(super) additional: bool,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) values: Vec<String>,
}

/// A message, as it came.
struct Heard<'a> {
    seen: &'a Seen,
    message: Message,
    flags: u16,
    /// True if it has records behind answers and authorities.
    additional: bool,
    bytes: &'a [u8],
}

type Key = (SocketAddr, SocketAddr, u16);

/// The questions that wait for answers, and those that were answered and are still to be judged.
#[derive(Debug)]
pub(super) struct Questions {
    open: HashMap<Key, Question, Quick>,
    /// When each was first asked.
    order: VecDeque<(i64, Key)>,
    /// Those of them that go on waiting.
    waiting: VecDeque<(i64, Key)>,
    answered: VecDeque<Question>,
    /// Answered questions that are judged beside all that comes after them.
    keeps: usize,
    resolvers: Resolvers,
    told: u64,
    wants: Wants,
}

impl Questions {
    /// With so much memory, bytes, of which answered questions may have a part.
    pub(super) fn new(memory: usize) -> Self {
        Self {
            open: HashMap::default(),
            order: VecDeque::new(),
            waiting: VecDeque::new(),
            answered: VecDeque::new(),
            keeps: (memory / MEMORY_PER_ANSWERED).clamp(MIN_ANSWERED, MAX_ANSWERED),
            resolvers: Resolvers::default(),
            told: 0,
            wants: Wants::default(),
        }
    }

    /// Takes in a datagram. False if it is no message of DNS.
    pub(super) fn datagram(
        &mut self,
        seen: &Seen,
        udp: &Udp<'_>,
        out: &mut dyn FnMut(Finding),
    ) -> bool {
        let Some(flags) = be16(udp.payload, 2) else { return false };
        // Updates and the like (RFC 2136) are no questions.
        if flags & OPCODE != 0 {
            return false;
        }
        let Ok(message) = Message::read(udp.payload) else { return false };
        let additional = be16(udp.payload, 10).is_some_and(|count| count > 0);
        let heard = Heard { seen, message, flags, additional, bytes: udp.payload };
        if heard.message.response && udp.source_port == DNS {
            self.answer(&heard, out);
        } else if !heard.message.response && udp.destination_port == DNS {
            self.ask(heard, out);
        }
        true
    }

    pub(super) fn pass_time(&mut self, now_ns: i64, out: &mut dyn FnMut(Finding)) {
        while let Some((first_ns, key)) = self.order.front().copied()
            && now_ns.saturating_sub(first_ns) > WAIT_MORE_NS
        {
            self.order.pop_front();
            let Some(question) = self.open.get(&key) else { continue };
            let last_ns = question.answers.last().map_or(now_ns, |given| given.at_ns);
            if now_ns.saturating_sub(last_ns) > WAIT_MORE_NS / 2 {
                self.close(first_ns, &key, out);
            } else {
                self.waiting.push_back((first_ns, key));
            }
        }
        while let Some((first_ns, key)) = self.waiting.front().copied()
            && now_ns.saturating_sub(first_ns) > WAIT_NS
        {
            self.waiting.pop_front();
            self.close(first_ns, &key, out);
        }
    }

    pub(super) fn finish(&mut self, out: &mut dyn FnMut(Finding)) {
        while let Some((first_ns, key)) = self.oldest() {
            self.close(first_ns, &key, out);
        }
        while let Some(question) = self.answered.pop_front() {
            self.judge(&question, out);
        }
    }

    /// Takes out what has waited longest.
    fn oldest(&mut self) -> Option<(i64, Key)> {
        self.waiting.pop_front().or_else(|| self.order.pop_front())
    }

    pub(super) fn set_wants(&mut self, wants: Wants) {
        self.wants = wants;
    }

    pub(super) fn told(&self) -> u64 {
        self.told
    }

    pub(super) fn memory(&self) -> usize {
        // Names and answers are some 250 bytes a question.
        (self.open.len() + self.answered.len()) * (size_of::<(Key, Question)>() + 250)
            + (self.order.capacity() + self.waiting.capacity()) * size_of::<(i64, Key)>()
            + self.resolvers.memory()
    }

    fn ask(&mut self, heard: Heard<'_>, out: &mut dyn FnMut(Finding)) {
        let Heard { seen, message, flags, additional: edns, .. } = heard;
        let key = (seen.source, seen.destination, message.id);
        if let Some(question) = self.open.get_mut(&key)
            && question.name == message.name
            && question.kind == message.kind
        {
            question.asked += 1;
            question.asked_ns = seen.at_ns;
            return;
        }
        let question = Question {
            connection: connection(seen.source, seen.destination),
            packet: seen.packet,
            name: message.name,
            kind: message.kind,
            asked: 1,
            first_ns: seen.at_ns,
            asked_ns: seen.at_ns,
            edns,
            recursion: flags & RECURSION_DESIRED != 0,
            seen_from: seen_from(seen),
            answers: Vec::new(),
        };
        self.open(key, question, out);
    }

    fn answer(&mut self, heard: &Heard<'_>, out: &mut dyn FnMut(Finding)) {
        let Heard { seen, message, flags, additional, bytes } = heard;
        let key = (seen.destination, seen.source, message.id);
        let is_its = |it: &Question| it.name == message.name && it.kind == message.kind;
        if !self.open.get(&key).is_some_and(is_its) {
            self.open(key, Question::unasked(seen, message), out);
        }
        let Some(question) = self.open.get_mut(&key) else { return };
        if question.answers.len() >= MAX_ANSWERS {
            return;
        }
        let after_ns = (question.asked > 0).then(|| seen.at_ns.saturating_sub(question.asked_ns));
        let mut addresses: Vec<IpAddr> = message.addresses().take(MAX_VALUES).collect();
        addresses.sort_unstable();
        let (rcode, ttl) = (message.rcode, seen.ttl);
        // Values are for the caller alone, and most questions have one answer.
        let told = if self.wants == Wants::Everything { MAX_VALUES } else { 0 };
        question.answers.reserve_exact(1);
        question.answers.push(Given {
            packet: seen.packet,
            at_ns: seen.at_ns,
            after_ns,
            flags: *flags,
            rcode,
            ttl,
            identification: seen.identification,
            dont_fragment: seen.dont_fragment,
            name_compressed: name_compressed(bytes),
            additional: *additional,
            addresses,
            values: message.answers.iter().take(told).map(|it| words(&it.value)).collect(),
        });
    }

    fn open(&mut self, key: Key, question: Question, out: &mut dyn FnMut(Finding)) {
        if let Some(first_ns) = self.open.get(&key).map(|question| question.first_ns) {
            self.close(first_ns, &key, out);
        }
        // An entry of `order` whose question was closed before is passed over when its turn comes.
        while self.open.len() >= MAX_OPEN || self.order.len() + self.waiting.len() >= 2 * MAX_OPEN {
            let Some((first_ns, oldest)) = self.oldest() else { break };
            self.close(first_ns, &oldest, out);
        }
        self.order.push_back((question.first_ns, key));
        self.open.insert(key, question);
    }

    fn close(&mut self, first_ns: i64, key: &Key, out: &mut dyn FnMut(Finding)) {
        if self.open.get(key).is_none_or(|question| question.first_ns != first_ns) {
            return;
        }
        let Some(question) = self.open.remove(key) else { return };
        self.told += 1;
        if self.wants == Wants::Everything {
            out(Finding::Dns(Box::new(question.told())));
        }
        if question.answers.is_empty() {
            return;
        }
        self.resolvers.learn(&question);
        self.answered.push_back(question);
        if self.answered.len() > self.keeps
            && let Some(question) = self.answered.pop_front()
        {
            self.judge(&question, out);
        }
    }

    fn judge(&self, question: &Question, out: &mut dyn FnMut(Finding)) {
        let others = self.resolvers.of(&question.connection.server.ip());
        if let Some(injection) = forged::judge(question, others) {
            out(Finding::Injection(Box::new(injection)));
        }
    }
}

impl Question {
    /// Of which only an answer is there.
    fn unasked(seen: &Seen, message: &Message) -> Self {
        Self {
            connection: connection(seen.destination, seen.source),
            packet: seen.packet,
            name: message.name.clone(),
            kind: message.kind,
            asked: 0,
            first_ns: seen.at_ns,
            asked_ns: seen.at_ns,
            edns: false,
            recursion: false,
            seen_from: SeenFrom::Unknown,
            answers: Vec::new(),
        }
    }

    fn told(&self) -> Dns {
        let answer = |given: &Given| DnsAnswer {
            packet: given.packet,
            after_ms: given.after_ns.map(|ns| ns as f64 / 1e6),
            rcode: given.rcode,
            values: given.values.clone(),
        };
        Dns {
            connection: self.connection,
            packet: self.packet,
            name: self.name.clone(),
            kind: self.kind,
            answers: self.answers.iter().map(answer).collect(),
            app: None,
        }
    }
}

fn connection(client: SocketAddr, server: SocketAddr) -> Connection {
    Connection { protocol: Protocol::Udp, client, server }
}

/// Whether the name of the first answer is a pointer. None where there is no answer, or it cannot be found.
fn name_compressed(bytes: &[u8]) -> Option<bool> {
    let [questions, answers] = [be16(bytes, 4)?, be16(bytes, 6)?];
    let mut at = 12_usize;
    for _ in 0..questions {
        // Labels up to the root, or up to a pointer.
        loop {
            match *bytes.get(at)? {
                0 => break at += 1,
                length if length >= 0xc0 => break at += 2,
                length => at += 1 + usize::from(length),
            }
        }
        at += 4;
    }
    let first = *bytes.get(at)?;
    (answers > 0).then_some(first >= 0xc0)
}

/// A record's value in words: an address or name as it is, others by type and length.
fn words(value: &Value) -> String {
    match value {
        Value::Address(address) => address.to_string(),
        Value::Alias(name) => name.clone(),
        Value::Other(kind, bytes) => format!("type {kind}, {} bytes", bytes.len()),
    }
}

const OPCODE: u16 = 0x7800;
const RECURSION_DESIRED: u16 = 0x0100;
/// How long a question waits for an answer, ns.
const WAIT_NS: i64 = 15_000_000_000;
/// How long a question that was answered waits for more answers, ns.
const WAIT_MORE_NS: i64 = 5_000_000_000;
const MAX_OPEN: usize = 65_536;
/// Of 256 MiB of memory, [`MAX_ANSWERED`]: some 1 MiB.
const MEMORY_PER_ANSWERED: usize = 128 << 10;
const MIN_ANSWERED: usize = 64;
const MAX_ANSWERED: usize = 2_048;
const MAX_ANSWERS: usize = 8;
const MAX_VALUES: usize = 32;
