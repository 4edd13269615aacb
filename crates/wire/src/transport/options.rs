//! Options of TCP (RFC 9293 §3.2).

use super::Tcp;
use crate::read::{Malformed, Reader};

/// An option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opt<'a> {
    /// Its kind ([`kind`]; IANA).
    pub kind: u8,
    /// What follows its length.
    pub body: &'a [u8],
}

/// Kinds of options (IANA).
pub mod kind {
    /// Maximum segment size (RFC 9293 §3.7.1).
    pub const MSS: u8 = 2;
    /// Window scale (RFC 7323 §2.2).
    pub const WINDOW_SCALE: u8 = 3;
    /// Selective acknowledgements are understood (RFC 2018).
    pub const SACK_PERMITTED: u8 = 4;
    /// Selective acknowledgements (RFC 2018).
    pub const SACK: u8 = 5;
    /// Timestamps (RFC 7323 §3.2).
    pub const TIMESTAMPS: u8 = 8;
    /// A signature of MD5 (RFC 2385).
    pub const MD5: u8 = 19;
    /// Fast open (RFC 7413).
    pub const FAST_OPEN: u8 = 34;
}

/// The options of a segment, in order, without the padding. An error is the last item.
#[derive(Debug, Clone)]
pub struct Options<'a> {
    reader: Option<Reader<'a>>,
}

impl<'a> Tcp<'a> {
    /// The options, in order.
    pub fn options(&self) -> Options<'a> {
        Options::new(self.options)
    }

    /// The maximum segment size, bytes.
    pub fn mss(&self) -> Option<u16> {
        self.option(kind::MSS).map(u16::from_be_bytes)
    }

    /// By how many bits windows are to be shifted. More than 14 is as 14 (RFC 7323 §2.3).
    pub fn window_scale(&self) -> Option<u8> {
        self.option(kind::WINDOW_SCALE).map(|[shift]| shift.min(14))
    }

    /// The sender's timestamp, and the one that it echoes.
    pub fn timestamps(&self) -> Option<(u32, u32)> {
        // Alone, as it is in nearly all segments.
        let body = match self.options {
            [1, 1, kind::TIMESTAMPS, 10, body @ ..] if body.len() == 8 => *body.first_chunk()?,
            _ => self.option::<8>(kind::TIMESTAMPS)?,
        };
        let [a, b, c, d, echo @ ..] = body;
        Some((u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes(echo)))
    }

    /// Ranges of sequence numbers that the sender has, each with the number after its last.
    pub fn sack(&self) -> impl Iterator<Item = (u32, u32)> + 'a {
        let body = self.options().flatten().find(|it| it.kind == kind::SACK).map(|it| it.body);
        body.unwrap_or_default().chunks_exact(8).filter_map(|range| {
            let (start, end) = range.split_first_chunk()?;
            Some((u32::from_be_bytes(*start), u32::from_be_bytes(*end.first_chunk()?)))
        })
    }

    /// The body of the first option of a kind, where it is as long as it should be.
    fn option<const LEN: usize>(&self, kind: u8) -> Option<[u8; LEN]> {
        let option = self.options().flatten().find(|option| option.kind == kind)?;
        option.body.try_into().ok()
    }
}

impl<'a> Options<'a> {
    /// The options in a header's last part.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { reader: Some(Reader::new(bytes)) }
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = Result<Opt<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut reader = self.reader.take()?;
        while reader.rest().first() == Some(&NO_OPERATION) {
            reader.u8("no operation").ok()?;
        }
        if matches!(reader.rest().first(), None | Some(&END)) {
            return None;
        }
        let read = read(&mut reader);
        if read.is_ok() {
            self.reader = Some(reader);
        }
        Some(read)
    }
}

fn read<'a>(reader: &mut Reader<'a>) -> Result<Opt<'a>, Malformed> {
    let kind = reader.u8("option kind")?;
    let offset = reader.offset();
    let len = reader.u8("option length")?;
    let Some(body_len) = usize::from(len).checked_sub(2) else {
        return Err(Malformed::Value { what: "option length", offset, value: len.into() });
    };
    Ok(Opt { kind, body: reader.take(body_len, "option")? })
}

const END: u8 = 0;
const NO_OPERATION: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(options: &[u8]) -> Tcp<'_> {
        let (source_port, destination_port, seq, ack, flags, window) = (1, 2, 3, 4, 5, 6);
        let (payload, payload_len) = (&[][..], 0);
        Tcp {
            source_port,
            destination_port,
            seq,
            ack,
            flags,
            window,
            options,
            payload,
            payload_len,
        }
    }

    #[test]
    fn options_of_a_syn() {
        // As Linux sends them.
        let bytes = [2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9, 1, 3, 3, 7];
        let syn = segment(&bytes);
        assert_eq!((syn.mss(), syn.window_scale()), (Some(1460), Some(7)));
        assert_eq!(syn.timestamps(), Some((7, 9)));
        let kinds: Vec<u8> = syn.options().map(|it| it.unwrap().kind).collect();
        assert_eq!(kinds, [2, 4, 8, 3]);
        assert_eq!(syn.sack().count(), 0);
    }

    #[test]
    fn options_of_an_acknowledgement() {
        let mut bytes = vec![1, 1, 8, 10, 0, 0, 1, 0, 0, 0, 2, 0];
        assert_eq!(segment(&bytes).timestamps(), Some((256, 512)));
        bytes.extend([1, 1, 5, 18, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 6]);
        assert_eq!(segment(&bytes).timestamps(), Some((256, 512)));
        assert_eq!(segment(&bytes).sack().collect::<Vec<_>>(), [(1, 2), (5, 6)]);
    }

    #[test]
    fn odd_options() {
        for (bytes, wanted) in [
            (&[0, 2, 4, 0, 0][..], vec![]),
            (&[1, 1, 1], vec![]),
            (&[3, 0], vec![Err(1)]),
            (&[3, 1], vec![Err(1)]),
            (&[3], vec![Err(1)]),
            (&[4, 2, 2, 4, 0], vec![Ok(4), Err(4)]),
            (&[3, 4, 1, 1], vec![Ok(3)]),
        ] {
            let found: Vec<_> = Options::new(bytes)
                .map(|it| it.map(|it| it.kind).map_err(|error| error.offset()))
                .collect();
            assert_eq!(found, wanted, "{bytes:?}");
            assert_eq!(segment(bytes).window_scale(), None);
        }
        assert_eq!(segment(&[3, 3, 200]).window_scale(), Some(14));
    }
}
