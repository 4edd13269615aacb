//! Which length of a `ClientHello` lies, and how: the message is walked once as it stands and, where that fails, with each
//! length in turn taken from what stands around it. The one that makes everything else fit is the liar.

use wirewitness_model::battery::lengths::Field;
use wirewitness_model::battery::rows::row_of;
use wirewitness_wire::app::tls::{ClientHello, handshake_message};
use wirewitness_wire::read::{Malformed, Reader};

use crate::middlebox::parse::LIMIT;

/// What a message turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// More bytes are needed, or nothing explains it.
    More,
    /// No hello.
    Not,
    /// A hello.
    Hello {
        /// The name in it, lower case; none if it has none.
        name: Option<String>,
        /// How it departs from the usual.
        departs: Departure,
    },
}

/// How a hello departs from the usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// It does not.
    None,
    /// In a row of the published tables.
    Row(&'static str),
    /// In a way that they do not have: another lie, or a message spread over TLS records.
    Other,
}

/// What a hello is wrapped in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wrap {
    /// TLS records.
    Record,
    /// CRYPTO frames of QUIC.
    Quic,
}

/// Those that follow from what stands around them come before those that have to be tried.
const FIELDS: [Field; 9] = [
    Field::Record,
    Field::Message,
    Field::Extensions,
    Field::SniExtension,
    Field::SniList,
    Field::SniName,
    Field::SessionId,
    Field::Compression,
    Field::CipherSuites,
];

/// Reads what a client has sent so far.
pub fn read(bytes: &[u8], wrap: Wrap) -> Read {
    let (first, at) = match wrap {
        Wrap::Record => (RECORD_OF_HANDSHAKE, 0),
        Wrap::Quic => (CLIENT_HELLO, 0),
    };
    match bytes.get(at) {
        None => return Read::More,
        Some(byte) if *byte != first => return Read::Not,
        Some(_) => {}
    }
    if let Ok(walk) = Walk::of(bytes, wrap, None) {
        return Read::Hello { name: walk.name, departs: Departure::None };
    }
    for field in FIELDS {
        for guess in guesses(field, bytes.len()) {
            if let Ok(walk) = Walk::of(bytes, wrap, Some((field, guess)))
                && let Some((said, truth)) = walk.lie
            {
                let departs = named(field, (said, truth), walk.last_extension);
                return Read::Hello { name: walk.name, departs };
            }
        }
    }
    match wrap {
        Wrap::Record => in_records(bytes),
        Wrap::Quic => Read::More,
    }
}

/// A hello that is spread over records, each honest.
fn in_records(bytes: &[u8]) -> Read {
    match handshake_message(bytes, LIMIT) {
        Ok(Some(message)) => match ClientHello::parse(&message) {
            Ok(hello) => {
                Read::Hello { name: hello.server_name().map(text), departs: Departure::Other }
            }
            Err(_) => Read::More,
        },
        _ if bytes.len() >= LIMIT => Read::Not,
        _ => Read::More,
    }
}

fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).to_ascii_lowercase()
}

/// What a length might truly be. 0 stands for what the surroundings say.
fn guesses(field: Field, len: usize) -> Box<dyn Iterator<Item = usize>> {
    match field {
        Field::SessionId => Box::new([0, 32].into_iter().chain(1..32)),
        Field::Compression => Box::new(1..=8),
        Field::CipherSuites => Box::new((2..=len.min(MOST_CIPHERS)).step_by(2)),
        _ => Box::new([0].into_iter()),
    }
}

/// The lie's name in the tables.
fn named(field: Field, (said, truth): (u32, u32), last_extension: u32) -> Departure {
    let lies = field.lies(truth, last_extension);
    let found = lies.iter().rev().find(|(_, lie)| *lie == said);
    let row = found.and_then(|(name, _)| row_of("tls", name));
    row.map_or(Departure::Other, Departure::Row)
}

/// A hello in which everything fits.
#[derive(Debug, Default)]
struct Walk {
    name: Option<String>,
    /// What the liar says, and what is true.
    lie: Option<(u32, u32)>,
    /// Length of the last extension with its head.
    last_extension: u32,
    liar: Option<(Field, usize)>,
}

impl Walk {
    fn of(bytes: &[u8], wrap: Wrap, liar: Option<(Field, usize)>) -> Result<Self, Malformed> {
        let mut walk = Self { liar, ..Self::default() };
        let mut reader = Reader::new(bytes);
        if wrap == Wrap::Record {
            exactly(reader.u8("record type")?.into(), RECORD_OF_HANDSHAKE.into(), &reader)?;
            exactly(usize::from(reader.u16("record version")? >> 8), 3, &reader)?;
            let said = reader.u16("record length")?;
            let left = reader.rest().len();
            exactly(walk.length(Field::Record, said.into(), left), left, &reader)?;
        }
        exactly(reader.u8("message type")?.into(), CLIENT_HELLO.into(), &reader)?;
        let said = reader.u24("message length")? as usize;
        let left = reader.rest().len();
        exactly(walk.length(Field::Message, said, left), left, &reader)?;
        walk.body(&mut reader)?;
        Ok(walk)
    }

    fn body(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.take(2 + 32, "version and random")?;
        let len = reader.u8("session id length")?;
        let len = self.length(Field::SessionId, len.into(), 0);
        reader.take(len, "session id")?;
        let len = reader.u16("cipher suites length")?;
        let len = self.length(Field::CipherSuites, len.into(), 0);
        exactly(len % 2, 0, reader)?;
        exactly(usize::from(len == 0), 0, reader)?;
        reader.take(len, "cipher suites")?;
        let len = reader.u8("compression methods length")?;
        let len = self.length(Field::Compression, len.into(), 0);
        // One of them is always "none" (RFC 8446 section 4.1.2).
        let methods = reader.take(len, "compression methods")?;
        exactly(usize::from(methods.contains(&0)), 1, reader)?;
        let len = reader.u16("extensions length")?;
        let left = reader.rest().len();
        exactly(self.length(Field::Extensions, len.into(), left), left, reader)?;
        while !reader.is_empty() {
            let before = reader.offset();
            self.extension(reader)?;
            self.last_extension = (reader.offset() - before) as u32;
        }
        Ok(())
    }

    fn extension(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        let kind = reader.u16("extension type")?;
        let len = reader.u16("extension length")?;
        if kind != SERVER_NAME {
            reader.take(len.into(), "extension")?;
            return Ok(());
        }
        let mut ahead = *reader;
        let list = ahead.u16("list length")?;
        let len = self.length(Field::SniExtension, len.into(), usize::from(list) + 2);
        let mut inner = reader.part(len, "server name extension")?;
        let said = inner.u16("list length")?;
        let left = inner.rest().len();
        let list = self.length(Field::SniList, said.into(), left);
        exactly(list, left, &inner)?;
        exactly(inner.u8("name type")?.into(), 0, &inner)?;
        let said = inner.u16("name length")?;
        let left = inner.rest().len();
        exactly(self.length(Field::SniName, said.into(), left), left, &inner)?;
        self.name = Some(text(inner.rest()));
        Ok(())
    }

    /// A length as it says itself or, of the liar, as the surroundings or the guess say.
    fn length(&mut self, field: Field, said: usize, around: usize) -> usize {
        match self.liar {
            Some((liar, guess)) if liar == field => {
                let truth = if guess == 0 && field != Field::SessionId { around } else { guess };
                self.lie = Some((said as u32, truth as u32)).filter(|(said, truth)| said != truth);
                truth
            }
            _ => said,
        }
    }
}

fn exactly(value: usize, expected: usize, reader: &Reader<'_>) -> Result<(), Malformed> {
    if value == expected {
        return Ok(());
    }
    Err(Malformed::Value { what: "length", offset: reader.offset(), value: value as u64 })
}

const RECORD_OF_HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
/// More cipher suites than anybody offers, in bytes.
const MOST_CIPHERS: usize = 1024;
