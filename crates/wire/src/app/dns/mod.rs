//! The little of DNS (RFC 1035) that probers, resolvers, injectors and hosts speak.
//!
//! Names are lower-case strings without the last dot; a byte beyond ASCII is the character of that number. Reading is total and bounded; an error says what is missing, and where.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::read::{Malformed, Reader};

mod service;
pub mod shape;
pub mod tcp;

pub use service::{Service, parameter};

/// Record types (IANA).
pub mod kind {
    /// IPv4 address.
    pub const A: u16 = 1;
    /// Alias.
    pub const CNAME: u16 = 5;
    /// IPv6 address.
    pub const AAAA: u16 = 28;
    /// How to reach a service (RFC 9460).
    pub const SVCB: u16 = 64;
    /// How to reach a web server (RFC 9460 §9).
    pub const HTTPS: u16 = 65;
    /// Options of EDNS (RFC 6891).
    pub const OPT: u16 = 41;
}

/// Response codes (IANA).
pub mod rcode {
    /// Fine.
    pub const NO_ERROR: u8 = 0;
    /// The server failed.
    pub const SERVFAIL: u8 = 2;
    /// No such name.
    pub const NXDOMAIN: u8 = 3;
    /// The server refuses.
    pub const REFUSED: u8 = 5;
}

/// A DNS message with one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Identifier.
    pub id: u16,
    /// False for a question, true for an answer.
    pub response: bool,
    /// The answer was too long for its datagram.
    pub truncated: bool,
    /// Response code ([`rcode`]).
    pub rcode: u8,
    /// The name asked for.
    pub name: String,
    /// The type asked for ([`kind`]).
    pub kind: u16,
    /// The answers.
    pub answers: Vec<Answer>,
}

/// One record of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whose record it is.
    pub name: String,
    /// How long it may be kept, in seconds.
    pub ttl_secs: u32,
    /// What it says.
    pub value: Value,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// An address, of either family.
    Address(IpAddr),
    /// The name is another's alias.
    Alias(String),
    /// Any other, by type and bytes.
    Other(u16, Vec<u8>),
}

impl Message {
    /// A question.
    pub fn question(id: u16, name: &str, kind: u16) -> Self {
        Self {
            id,
            response: false,
            truncated: false,
            rcode: rcode::NO_ERROR,
            name: name.trim_end_matches('.').to_ascii_lowercase(),
            kind,
            answers: Vec::new(),
        }
    }

    /// An answer to this question.
    #[must_use]
    pub fn answer(&self, rcode: u8, answers: Vec<Answer>) -> Self {
        Self { response: true, rcode, answers, ..self.clone() }
    }

    /// The addresses in the answers, aliases aside.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.answers.iter().filter_map(|answer| match answer.value {
            Value::Address(address) => Some(address),
            _ => None,
        })
    }

    /// The services in the answers ([`kind::SVCB`], [`kind::HTTPS`]) that can be read.
    pub fn services(&self) -> impl Iterator<Item = Service> {
        self.answers.iter().filter_map(|answer| answer.value.service())
    }

    /// As [`Self::read`], without word of what is wrong.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        Self::read(bytes).ok()
    }

    /// Reads a message with one question and its answers. What comes after the answers is not looked at, nor are more than
    /// 256 of them.
    ///
    /// # Errors
    /// It is cut off, has not exactly one question, or a name that is none.
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut header = Reader::new(bytes);
        let (id, flags) = (header.u16("identifier")?, header.u16("flags")?);
        let (questions, answers) = (header.u16("question count")?, header.u16("answer count")?);
        header.take(4, "other counts")?;
        if questions != 1 {
            let (what, value) = ("question count", questions.into());
            return Err(Malformed::Value { what, offset: 4, value });
        }
        let (name, at) = parse_name(bytes, header.offset())?;
        let mut question = Reader::at(bytes, at);
        let mut message = Self {
            id,
            response: flags & 0x8000 != 0,
            truncated: flags & 0x0200 != 0,
            rcode: (flags & 0xf) as u8,
            name,
            kind: question.u16("question type")?,
            answers: Vec::new(),
        };
        question.u16("question class")?;
        let mut at = question.offset();
        for _ in 0..answers.min(MAX_ANSWERS) {
            let (answer, next) = parse_answer(bytes, at)?;
            message.answers.push(answer);
            at = next;
        }
        Ok(message)
    }

    /// Writes the message. None for a name that DNS cannot carry.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend(self.id.to_be_bytes());
        bytes.extend(self.flags().to_be_bytes());
        for count in [1, u16::try_from(self.answers.len()).ok()?, 0, 0] {
            bytes.extend(count.to_be_bytes());
        }
        write_name(&mut bytes, &self.name)?;
        bytes.extend(self.kind.to_be_bytes());
        bytes.extend(CLASS_IN.to_be_bytes());
        for answer in &self.answers {
            self.write_answer(&mut bytes, answer)?;
        }
        Some(bytes)
    }

    /// Recursion is asked for and, in an answer, given.
    fn flags(&self) -> u16 {
        let response = if self.response { 0x8080 } else { 0 };
        let truncated = if self.truncated { 0x0200 } else { 0 };
        0x0100 | response | truncated | u16::from(self.rcode & 0xf)
    }

    fn write_answer(&self, bytes: &mut Vec<u8>, answer: &Answer) -> Option<()> {
        if answer.name == self.name {
            bytes.extend(POINTER_TO_QUESTION.to_be_bytes());
        } else {
            write_name(bytes, &answer.name)?;
        }
        let (kind, value) = answer.value.to_bytes()?;
        bytes.extend(kind.to_be_bytes());
        bytes.extend(CLASS_IN.to_be_bytes());
        bytes.extend(answer.ttl_secs.to_be_bytes());
        bytes.extend(u16::try_from(value.len()).ok()?.to_be_bytes());
        bytes.extend(value);
        Some(())
    }
}

impl Answer {
    /// An address of `name`, to be kept for five minutes.
    pub fn address(name: &str, address: IpAddr) -> Self {
        Self { name: name.to_owned(), ttl_secs: 300, value: Value::Address(address) }
    }
}

impl Value {
    /// The service that a record of [`kind::SVCB`] or [`kind::HTTPS`] describes, if it can be read.
    pub fn service(&self) -> Option<Service> {
        match self {
            Self::Other(kind::SVCB | kind::HTTPS, bytes) => Service::read(bytes).ok(),
            _ => None,
        }
    }

    fn to_bytes(&self) -> Option<(u16, Vec<u8>)> {
        Some(match self {
            Self::Address(IpAddr::V4(address)) => (kind::A, address.octets().to_vec()),
            Self::Address(IpAddr::V6(address)) => (kind::AAAA, address.octets().to_vec()),
            Self::Alias(name) => {
                let mut bytes = Vec::new();
                write_name(&mut bytes, name)?;
                (kind::CNAME, bytes)
            }
            Self::Other(kind, bytes) => (*kind, bytes.clone()),
        })
    }
}

fn parse_answer(bytes: &[u8], at: usize) -> Result<(Answer, usize), Malformed> {
    let (name, at) = parse_name(bytes, at)?;
    let mut reader = Reader::at(bytes, at);
    let kind = reader.u16("record type")?;
    reader.u16("record class")?;
    let ttl_secs = reader.u32("record TTL")?;
    let len = reader.u16("record length")?;
    let start = reader.offset();
    let mut data = reader.part(len.into(), "record")?;
    let value = match kind {
        kind::A => Value::Address(Ipv4Addr::from(octets(&mut data)?).into()),
        kind::AAAA => Value::Address(Ipv6Addr::from(octets(&mut data)?).into()),
        kind::CNAME => Value::Alias(parse_name(bytes, start)?.0),
        other => Value::Other(other, data.rest().to_vec()),
    };
    Ok((Answer { name, ttl_secs, value }, reader.offset()))
}

/// All of an address record.
fn octets<const LEN: usize>(data: &mut Reader<'_>) -> Result<[u8; LEN], Malformed> {
    let offset = data.offset();
    let octets = data.take(LEN, "address")?;
    if !data.is_empty() {
        let value = (LEN + data.rest().len()) as u64;
        return Err(Malformed::Value { what: "length of an address", offset, value });
    }
    Ok(octets.try_into().unwrap_or([0; LEN]))
}

/// Reads a name and says where it ends. A pointer must lead backwards, so that following them ends.
fn parse_name(bytes: &[u8], start: usize) -> Result<(String, usize), Malformed> {
    let (mut name, mut end, mut floor) = (Name::default(), None, start);
    let mut reader = Reader::at(bytes, start);
    loop {
        let offset = reader.offset();
        let len = reader.u8("label length")?;
        let odd = |what, value| Malformed::Value { what, offset, value };
        match len {
            0 => return Ok((name.text(), end.unwrap_or(reader.offset()))),
            1..=63 => {
                let label = reader.take(len.into(), "label")?;
                if !name.push(label) {
                    let length = name.len + 1 + label.len();
                    return Err(odd("length of a name", length as u64));
                }
            }
            0xc0.. => {
                let low = reader.u8("pointer")?;
                let target = usize::from(len & 0x3f) << 8 | usize::from(low);
                if target >= floor {
                    return Err(odd("pointer of a name", target as u64));
                }
                end.get_or_insert(reader.offset());
                floor = target;
                reader = Reader::at(bytes, target);
            }
            _ => return Err(odd("label length", len.into())),
        }
    }
}

/// A name that is being read.
struct Name {
    bytes: [u8; MAX_NAME],
    len: usize,
}

impl Default for Name {
    fn default() -> Self {
        Self { bytes: [0; MAX_NAME], len: 0 }
    }
}

impl Name {
    /// Adds a label, in lower case. False where there is no room.
    fn push(&mut self, label: &[u8]) -> bool {
        let dot = usize::from(self.len > 0);
        let Some(room) = self.bytes.get_mut(self.len..self.len + dot + label.len()) else {
            return false;
        };
        if let Some(first) = room.first_mut() {
            *first = b'.';
        }
        for (to, from) in room.iter_mut().skip(dot).zip(label) {
            *to = from.to_ascii_lowercase();
        }
        self.len += room.len();
        true
    }

    fn text(&self) -> String {
        let bytes = self.bytes.get(..self.len).unwrap_or_default();
        match std::str::from_utf8(bytes) {
            Ok(text) if bytes.is_ascii() => text.to_owned(),
            _ => bytes.iter().map(|byte| char::from(*byte)).collect(),
        }
    }
}

fn write_name(bytes: &mut Vec<u8>, name: &str) -> Option<()> {
    if name.chars().count() > MAX_NAME {
        return None;
    }
    for label in name.split('.').filter(|_| !name.is_empty()) {
        let label: Vec<u8> = label.chars().map(u8::try_from).collect::<Result<_, _>>().ok()?;
        let len = u8::try_from(label.len()).ok().filter(|len| (1..=63).contains(len))?;
        bytes.push(len);
        bytes.extend(label);
    }
    bytes.push(0);
    Some(())
}

const CLASS_IN: u16 = 1;
/// The question's name always begins at byte 12.
const POINTER_TO_QUESTION: u16 = 0xc00c;
/// RFC 1035 §2.3.4, less the length bytes.
const MAX_NAME: usize = 253;
const MAX_ANSWERS: u16 = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Message {
        let question = Message::question(7, "WWW.Example.com.", kind::A);
        let alias = Answer {
            name: "www.example.com".to_owned(),
            ttl_secs: 60,
            value: Value::Alias("edge.example.net".to_owned()),
        };
        let answers = vec![
            alias,
            Answer::address("edge.example.net", [192, 0, 2, 1].into()),
            Answer::address("edge.example.net", Ipv6Addr::LOCALHOST.into()),
            Answer {
                name: "x.example".to_owned(),
                ttl_secs: 1,
                value: Value::Other(65, vec![0, 1, 0]),
            },
        ];
        question.answer(rcode::NO_ERROR, answers)
    }

    #[test]
    fn round_trip() {
        for message in [full(), Message::question(1, "a.b", kind::AAAA)] {
            assert_eq!(Message::parse(&message.to_bytes().unwrap()), Some(message));
        }
        assert_eq!(full().name, "www.example.com");
        assert_eq!(full().addresses().count(), 2);
    }

    #[test]
    fn cut_short_at_every_byte_is_an_error_with_its_place() {
        let bytes = full().to_bytes().unwrap();
        for len in 0..bytes.len() {
            assert_eq!(Message::parse(&bytes[..len]), None, "{len}");
            let error = Message::read(&bytes[..len]).unwrap_err();
            assert!(error.is_short() && error.offset() <= len, "{error}");
        }
        let error = Message::read(&bytes[..20]).unwrap_err();
        assert_eq!(error, Malformed::Short { what: "label", offset: 17, need: 7, have: 3 });
    }

    #[test]
    fn a_service_goes_round_in_a_message() {
        let service = Service { priority: 1, ..Service::default() }
            .with(parameter::ECH, vec![0xfe, 0x0d, 1])
            .with_alpn(&[b"h3", b"h2"])
            .with(parameter::PORT, vec![0x20, 0xfb])
            .with_hints(&[[192, 0, 2, 1].into()]);
        let bytes = service.to_bytes().unwrap();
        let question = Message::question(1, "a.example", kind::HTTPS);
        let value = Value::Other(kind::HTTPS, bytes.clone());
        let answer = Answer { name: "a.example".to_owned(), ttl_secs: 60, value };
        let message = question.answer(rcode::NO_ERROR, vec![answer]);
        let read = Message::read(&message.to_bytes().unwrap()).unwrap();
        let found: Vec<Service> = read.services().collect();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].alpn().collect::<Vec<_>>(), [b"h3", b"h2"]);
        assert_eq!(found[0].ech(), Some(&[0xfe, 0x0d, 1][..]));
        assert_eq!((found[0].port(), found[0].hints().count()), (Some(8443), 1));
        // Keys come in order, whatever the order they were set in.
        assert!(found[0].parameters.is_sorted());
        // Cut within a parameter: an error; between two of them: fewer.
        let whole = (0..bytes.len()).filter(|len| Service::read(&bytes[..*len]).is_ok()).count();
        assert_eq!(whole, 4);
    }

    #[test]
    fn pointers_in_a_circle_end() {
        let mut bytes = Message::question(1, "a", kind::A).to_bytes().unwrap();
        bytes[7] = 1;
        let at = bytes.len() as u8;
        // A name that points at itself, then one that points forward.
        for target in [at, at + 2] {
            let mut message = bytes.clone();
            message.extend([0xc0, target, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4]);
            assert_eq!(Message::parse(&message), None);
        }
    }

    #[test]
    fn bytes_beyond_ascii_survive() {
        let mut bytes = Message::question(1, "xy.z", kind::A).to_bytes().unwrap();
        bytes[13] = 0xe9;
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.name, "\u{e9}y.z");
        assert_eq!(message.to_bytes(), Some(bytes));
    }

    #[test]
    fn names_that_dns_cannot_carry() {
        for name in ["a..b", "\u{100}", &"x".repeat(64), &"abcdefgh.".repeat(40)] {
            assert_eq!(Message::question(1, name, kind::A).to_bytes(), None);
        }
    }

    #[test]
    fn flipping_any_byte_never_panics() {
        let bytes = full().to_bytes().unwrap();
        for at in 0..bytes.len() {
            for value in [0, 1, 63, 64, 0xc0, 0xff] {
                let mut odd = bytes.clone();
                odd[at] = value;
                let _ = Message::parse(&odd);
            }
        }
    }
}
