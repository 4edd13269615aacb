//! The shape of a DNS message: how it was written rather than what it says. Those who forge answers write them in their own way.

use super::kind;
use crate::read::{Malformed, Reader};

/// How a message was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shape {
    /// Transaction number.
    pub id: u16,
    /// The flags word: QR, opcode, AA, TC, RD, RA, Z, AD, CD, response code (RFC 1035 §4.1.1, RFC 4035 §3).
    pub flags: u16,
    /// What the head says there is: questions, answers, authorities, additional records.
    pub counts: [u16; 4],
    /// What can be read of them.
    pub read: [u16; 4],
    /// Type of the first question.
    pub question_kind: Option<u16>,
    /// Answers whose name is one pointer (RFC 1035 §4.1.4).
    pub pointers: u16,
    /// Answers whose name is spelled, wholly or at its beginning.
    pub spelled: u16,
    /// Time to live of the first answer, seconds.
    pub first_ttl_secs: Option<u32>,
    /// True with EDNS (RFC 6891).
    pub has_edns: bool,
    /// Pointers that lead forwards, to themselves, or outside.
    pub odd_pointers: u16,
    /// Bytes after the last record.
    pub after_end: usize,
    /// Where reading ended before all records were read, and why.
    pub error: Option<Malformed>,
}

impl Shape {
    /// Reads a message, as far as it can be read.
    ///
    /// # Errors
    /// There is not even a head.
    pub fn read(message: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(message);
        let mut shape = Self {
            id: reader.u16("transaction number")?,
            flags: reader.u16("flags")?,
            ..Self::default()
        };
        for count in &mut shape.counts {
            *count = reader.u16("count")?;
        }
        match shape.sections(&mut reader) {
            Ok(()) => shape.after_end = reader.rest().len(),
            Err(error) => shape.error = Some(error),
        }
        Ok(shape)
    }

    fn sections(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        let [questions, answers, authorities, additional] = self.counts;
        for _ in 0..questions {
            self.name(reader)?;
            let kind = reader.u16("question type")?;
            reader.u16("question class")?;
            self.question_kind.get_or_insert(kind);
            self.read[0] += 1;
        }
        for _ in 0..answers {
            let (name, _, ttl_secs) = self.record(reader)?;
            match name {
                Name::Pointer => self.pointers += 1,
                Name::Spelled => self.spelled += 1,
            }
            self.first_ttl_secs.get_or_insert(ttl_secs);
            self.read[1] += 1;
        }
        for _ in 0..authorities {
            self.record(reader)?;
            self.read[2] += 1;
        }
        for _ in 0..additional {
            let (_, kind, _) = self.record(reader)?;
            self.has_edns |= kind == kind::OPT;
            self.read[3] += 1;
        }
        Ok(())
    }

    /// Name, type and time to live of a record. Each takes eleven bytes at least, so that the counts are bounded by what is there.
    fn record(&mut self, reader: &mut Reader<'_>) -> Result<(Name, u16, u32), Malformed> {
        let name = self.name(reader)?;
        let kind = reader.u16("record type")?;
        reader.u16("record class")?;
        let ttl_secs = reader.u32("record TTL")?;
        let len = reader.u16("record length")?;
        reader.take(len.into(), "record")?;
        Ok((name, kind, ttl_secs))
    }

    /// Passes over a name; pointers are looked at, not followed.
    fn name(&mut self, reader: &mut Reader<'_>) -> Result<Name, Malformed> {
        let start = reader.offset();
        loop {
            let offset = reader.offset();
            let len = reader.u8("label length")?;
            match len {
                0 => return Ok(Name::Spelled),
                1..=63 => {
                    reader.take(len.into(), "label")?;
                }
                0xc0.. => {
                    let target = usize::from(len & 0x3f) << 8 | usize::from(reader.u8("pointer")?);
                    if target >= start || target < HEAD {
                        self.odd_pointers = self.odd_pointers.saturating_add(1);
                    }
                    return Ok(if offset == start { Name::Pointer } else { Name::Spelled });
                }
                _ => {
                    let (what, value) = ("label length", len.into());
                    return Err(Malformed::Value { what, offset, value });
                }
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Pointer,
    Spelled,
}

/// Bytes of a message's head, where no name can be.
const HEAD: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    /// A question for `a.b`, and answers.
    fn answer(answers: &[&[u8]]) -> Vec<u8> {
        let mut bytes = vec![0, 7, 0x85, 0x80, 0, 1, 0, answers.len() as u8, 0, 0, 0, 0];
        bytes.extend(b"\x01a\x01b\0\0\x01\0\x01");
        bytes.extend(answers.concat());
        bytes
    }

    const POINTED: &[u8] = &[0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 162, 0, 4, 10, 10, 34, 36];
    const SPELLED: &[u8] = b"\x01a\x01b\0\0\x01\0\x01\0\0\0\x05\0\x04\x01\x02\x03\x04";
    const EDNS: &[u8] = &[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];

    #[test]
    fn how_answers_are_written() {
        let mut message = answer(&[POINTED, SPELLED]);
        let shape = Shape::read(&message).unwrap();
        assert_eq!((shape.id, shape.flags, shape.counts), (7, 0x8580, [1, 2, 0, 0]));
        assert_eq!((shape.read, shape.question_kind), ([1, 2, 0, 0], Some(1)));
        assert_eq!((shape.pointers, shape.spelled), (1, 1));
        assert_eq!((shape.first_ttl_secs, shape.odd_pointers), (Some(418), 0));
        assert_eq!((shape.has_edns, shape.after_end, shape.error), (false, 0, None));
        message[11] = 1;
        message.extend(EDNS);
        message.extend([1, 2, 3]);
        let shape = Shape::read(&message).unwrap();
        assert_eq!((shape.has_edns, shape.after_end, shape.read[3]), (true, 3, 1));
    }

    #[test]
    fn odd_pointers_are_counted_and_not_followed() {
        for (target, odd) in [(12, 0), (0, 1), (21, 1), (200, 1), (14, 0)] {
            let mut pointed = POINTED.to_vec();
            pointed[1] = target;
            let shape = Shape::read(&answer(&[&pointed])).unwrap();
            assert_eq!((shape.odd_pointers, shape.error), (odd, None), "{target}");
        }
    }

    #[test]
    fn cut_short_at_every_byte() {
        let message = answer(&[POINTED, SPELLED]);
        for len in 0..message.len() {
            match Shape::read(&message[..len]) {
                Err(error) => assert!(len < 12 && error.is_short()),
                Ok(shape) => {
                    let error = shape.error.unwrap();
                    assert!(error.is_short() && error.offset() <= len, "{error}");
                    assert_eq!(shape.read[1], u16::from(len >= 21 + POINTED.len()), "{len}");
                }
            }
        }
    }
}
