//! Frames of Initial packets (RFC 9000 §19), and the stream that CRYPTO frames are parts of.

use std::collections::BTreeMap;

use super::to_usize;
use crate::read::{Malformed, Reader};

/// What there is in an Initial packet (RFC 9000 §12.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A part of the TLS handshake.
    Crypto {
        /// Where it belongs.
        offset: u64,
        /// The bytes.
        data: &'a [u8],
    },
    /// PING.
    Ping,
    /// ACK, of either type.
    Ack,
    /// `CONNECTION_CLOSE`.
    Close {
        /// The error code.
        code: u64,
    },
}

/// The frames of an Initial packet's payload, in order, without padding. An error is the last item.
pub fn frames(payload: &[u8]) -> Frames<'_> {
    Frames { reader: Some(Reader::new(payload)) }
}

/// The frames of a payload.
#[derive(Debug, Clone)]
pub struct Frames<'a> {
    reader: Option<Reader<'a>>,
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut reader = self.reader.take()?;
        reader.take(padding(reader.rest()), "padding").ok()?;
        if reader.is_empty() {
            return None;
        }
        let read = read_frame(&mut reader);
        if read.is_ok() {
            self.reader = Some(reader);
        }
        Some(read)
    }
}

/// How many bytes of padding there are: eight at a time, since most of an Initial is padding.
fn padding(bytes: &[u8]) -> usize {
    let (words, _) = bytes.as_chunks::<8>();
    let whole = 8 * words.iter().take_while(|word| **word == [PADDING; 8]).count();
    let rest = bytes.get(whole..).unwrap_or_default();
    whole + rest.iter().take_while(|byte| **byte == PADDING).count()
}

fn read_frame<'a>(reader: &mut Reader<'a>) -> Result<Frame<'a>, Malformed> {
    let offset = reader.offset();
    match reader.varint("frame type")? {
        1 => Ok(Frame::Ping),
        kind @ (2 | 3) => read_ack(reader, kind).map(|()| Frame::Ack),
        6 => {
            let offset = reader.varint("CRYPTO offset")?;
            let len = reader.varint("CRYPTO length")?;
            Ok(Frame::Crypto { offset, data: reader.take(to_usize(len), "CRYPTO data")? })
        }
        0x1c => {
            let code = reader.varint("error code")?;
            reader.varint("frame type of the error")?;
            let len = reader.varint("reason length")?;
            reader.take(to_usize(len), "reason")?;
            Ok(Frame::Close { code })
        }
        value => Err(Malformed::Value { what: "frame type", offset, value }),
    }
}

/// RFC 9000 §19.3. Each range takes two bytes at least, so that the count is bounded by what is there.
fn read_ack(reader: &mut Reader<'_>, kind: u64) -> Result<(), Malformed> {
    reader.varint("largest acknowledged")?;
    reader.varint("acknowledgement delay")?;
    let ranges = reader.varint("acknowledged ranges")?;
    reader.varint("first range")?;
    for _ in 0..ranges {
        reader.varint("gap")?;
        reader.varint("range")?;
    }
    if kind == 3 {
        for _ in 0..3 {
            reader.varint("ECN count")?;
        }
    }
    Ok(())
}

/// CRYPTO frames put in order. What came first stays; no more than [`CryptoStream::LIMIT`] bytes and few parts are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CryptoStream {
    bytes: Vec<u8>,
    early: BTreeMap<usize, Vec<u8>>,
}

impl CryptoStream {
    /// More than any client's first flight.
    pub const LIMIT: usize = 16 * 1024;

    /// Puts a part where it belongs.
    pub fn put(&mut self, offset: u64, data: &[u8]) {
        let offset = to_usize(offset);
        if offset >= Self::LIMIT || data.is_empty() {
            return;
        }
        let data = data.get(..data.len().min(Self::LIMIT - offset)).unwrap_or_default();
        let known = self.early.get(&offset).is_some_and(|early| early.len() >= data.len());
        if offset > self.bytes.len() {
            if !known && (self.early.len() < EARLY_PARTS || self.early.contains_key(&offset)) {
                self.early.insert(offset, data.to_vec());
            }
            return;
        }
        self.bytes.extend(data.iter().skip(self.bytes.len() - offset));
        while let Some(entry) = self.early.first_entry() {
            let offset = *entry.key();
            if offset > self.bytes.len() {
                break;
            }
            let part = entry.remove();
            self.bytes.extend(part.iter().skip(self.bytes.len() - offset));
        }
    }

    /// What there is from the start without a gap.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

const PADDING: u8 = 0;
const EARLY_PARTS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_keeps_its_bounds() {
        let mut stream = CryptoStream::default();
        stream.put(u64::MAX, b"x");
        for at in 0..1000 {
            stream.put(2 + 100 * at, &[1; 400]);
        }
        assert!(stream.bytes().is_empty() && stream.early.len() <= EARLY_PARTS);
        stream.put(0, b"abc");
        stream.put(1, b"XY");
        assert_eq!(stream.bytes()[..3], *b"abc");
        stream.put(0, &vec![1; 100_000]);
        assert_eq!(stream.bytes().len(), CryptoStream::LIMIT);
    }
}
