//! The little of DNS (RFC 1035) that probers, resolvers, injectors and hosts speak.
//!
//! Names are lower-case strings without the last dot. Reading is total and bounded; what cannot be read is none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::read::{be16, be32};

/// Record types (IANA).
pub mod kind {
    /// IPv4 address.
    pub const A: u16 = 1;
    /// Alias.
    pub const CNAME: u16 = 5;
    /// IPv6 address.
    pub const AAAA: u16 = 28;
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

    /// Reads a message; none if it is not one, or has not exactly one question.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let flags = be16(bytes, 2)?;
        if be16(bytes, 4)? != 1 {
            return None;
        }
        let (name, at) = parse_name(bytes, 12)?;
        let mut message = Self {
            id: be16(bytes, 0)?,
            response: flags & 0x8000 != 0,
            truncated: flags & 0x0200 != 0,
            rcode: (flags & 0xf) as u8,
            name,
            kind: be16(bytes, at)?,
            answers: Vec::new(),
        };
        let mut at = at + 4;
        for _ in 0..be16(bytes, 6)?.min(MAX_ANSWERS) {
            let (answer, next) = parse_answer(bytes, at)?;
            message.answers.push(answer);
            at = next;
        }
        Some(message)
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

fn parse_answer(bytes: &[u8], at: usize) -> Option<(Answer, usize)> {
    let (name, at) = parse_name(bytes, at)?;
    let len = usize::from(be16(bytes, at + 8)?);
    let start = at + 10;
    let data = bytes.get(start..start + len)?;
    let value = match be16(bytes, at)? {
        kind::A => Value::Address(Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).into()),
        kind::AAAA => Value::Address(Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).into()),
        kind::CNAME => Value::Alias(parse_name(bytes, start)?.0),
        other => Value::Other(other, data.to_vec()),
    };
    Some((Answer { name, ttl_secs: be32(bytes, at + 4)?, value }, start + len))
}

/// Reads a name and says where it ends. A pointer must lead backwards, so that following them ends.
fn parse_name(bytes: &[u8], start: usize) -> Option<(String, usize)> {
    let (mut name, mut at, mut end, mut floor) = (String::new(), start, None, start);
    loop {
        let len = *bytes.get(at)?;
        match len {
            0 => return Some((name, end.unwrap_or(at + 1))),
            1..=63 => {
                let label = bytes.get(at + 1..at + 1 + usize::from(len))?;
                if !name.is_empty() {
                    name.push('.');
                }
                name.extend(label.iter().map(|byte| char::from(byte.to_ascii_lowercase())));
                if name.len() > MAX_NAME {
                    return None;
                }
                at += 1 + usize::from(len);
            }
            0xc0.. => {
                let target = usize::from(be16(bytes, at)? & 0x3fff);
                if target >= floor {
                    return None;
                }
                end.get_or_insert(at + 2);
                (at, floor) = (target, target);
            }
            _ => return None,
        }
    }
}

fn write_name(bytes: &mut Vec<u8>, name: &str) -> Option<()> {
    if name.len() > MAX_NAME {
        return None;
    }
    for label in name.split('.').filter(|_| !name.is_empty()) {
        let len = u8::try_from(label.len()).ok().filter(|len| (1..=63).contains(len))?;
        bytes.push(len);
        bytes.extend(label.bytes());
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
    fn cut_short_at_every_byte_is_none() {
        let bytes = full().to_bytes().unwrap();
        for len in 0..bytes.len() {
            assert_eq!(Message::parse(&bytes[..len]), None, "{len}");
        }
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
    fn names_that_dns_cannot_carry() {
        for name in ["a..b", &"x".repeat(64), &"abcdefgh.".repeat(40)] {
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
