//! Numbers out of bytes, in network order; none where the bytes end before. [`Reader`] also says what is missing, and where.

/// What is wrong with a message, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Malformed {
    /// It ends too early.
    #[error("{what} at byte {offset} needs {need} bytes and has {have}")]
    Short {
        /// What was being read.
        what: &'static str,
        /// Where it begins.
        offset: usize,
        /// Bytes that it needs.
        need: usize,
        /// Bytes that are there.
        have: usize,
    },
    /// It has a value that cannot be.
    #[error("{what} at byte {offset} cannot be {value}")]
    Value {
        /// What was being read.
        what: &'static str,
        /// Where it begins.
        offset: usize,
        /// The value.
        value: u64,
    },
}

impl Malformed {
    /// Where what is wrong begins.
    pub fn offset(&self) -> usize {
        match self {
            Self::Short { offset, .. } | Self::Value { offset, .. } => *offset,
        }
    }

    /// True if more bytes could help.
    pub fn is_short(&self) -> bool {
        matches!(self, Self::Short { .. })
    }
}

/// Reads a message from its beginning; each error names what was being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    /// Where `bytes` begin in the whole message.
    offset: usize,
}

impl<'a> Reader<'a> {
    /// A reader of a whole message.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// A reader of a whole message from `offset` on; of nothing, where that is outside.
    #[inline]
    pub fn at(message: &'a [u8], offset: usize) -> Self {
        Self { bytes: message.get(offset..).unwrap_or_default(), offset }
    }

    /// Where the next byte is in the whole message.
    #[inline]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// What has not been read.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// True if all has been read.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The next `len` bytes.
    ///
    /// # Errors
    /// There are fewer.
    #[inline]
    pub fn take(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], Malformed> {
        let Some((taken, rest)) = self.bytes.split_at_checked(len) else {
            let (offset, have) = (self.offset, self.bytes.len());
            return Err(Malformed::Short { what, offset, need: len, have });
        };
        self.bytes = rest;
        self.offset += len;
        Ok(taken)
    }

    /// The next `len` bytes as a message of their own, whose places are those of the whole.
    ///
    /// # Errors
    /// There are fewer.
    pub fn part(&mut self, len: usize, what: &'static str) -> Result<Self, Malformed> {
        let offset = self.offset;
        self.take(len, what).map(|bytes| Self { bytes, offset })
    }

    /// The next byte.
    ///
    /// # Errors
    /// There is none.
    #[inline]
    pub fn u8(&mut self, what: &'static str) -> Result<u8, Malformed> {
        self.array(what).map(|[byte]| byte)
    }

    /// The next two bytes.
    ///
    /// # Errors
    /// There are fewer.
    #[inline]
    pub fn u16(&mut self, what: &'static str) -> Result<u16, Malformed> {
        self.array(what).map(u16::from_be_bytes)
    }

    /// The next three bytes.
    ///
    /// # Errors
    /// There are fewer.
    pub fn u24(&mut self, what: &'static str) -> Result<u32, Malformed> {
        self.array(what).map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    /// The next four bytes.
    ///
    /// # Errors
    /// There are fewer.
    pub fn u32(&mut self, what: &'static str) -> Result<u32, Malformed> {
        self.array(what).map(u32::from_be_bytes)
    }

    /// A number of QUIC's, one to eight bytes long (RFC 9000 §16).
    ///
    /// # Errors
    /// There are fewer bytes than the first one says.
    pub fn varint(&mut self, what: &'static str) -> Result<u64, Malformed> {
        let len = 1_usize << (self.bytes.first().copied().unwrap_or(0) >> 6);
        let bytes = self.take(len, what)?;
        let number = bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        // The two bits that said the length.
        Ok(number & (u64::MAX >> (66 - 8 * len)))
    }

    #[inline]
    fn array<const LEN: usize>(&mut self, what: &'static str) -> Result<[u8; LEN], Malformed> {
        let taken = self.take(LEN, what)?;
        Ok(taken.try_into().unwrap_or([0; LEN]))
    }
}

/// Two bytes at `at`.
pub fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

/// Four bytes at `at`.
pub fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9000 §A.1.
    #[test]
    fn numbers_of_quic() {
        for (bytes, number) in [
            (&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c][..], 151_288_809_941_952_652),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
            (&[0x40, 0x25], 37),
        ] {
            let mut reader = Reader::new(bytes);
            assert_eq!(reader.varint("number"), Ok(number));
            assert!(reader.is_empty());
            let cut = Reader::new(&bytes[..bytes.len() - 1]).varint("number");
            assert!(cut.is_err_and(|error| error.is_short()));
        }
    }

    #[test]
    fn an_error_says_what_and_where() {
        let mut reader = Reader::new(&[0, 3, 1, 2]);
        let len = reader.u16("length").unwrap();
        let error = reader.take(usize::from(len), "name").unwrap_err();
        assert_eq!(error, Malformed::Short { what: "name", offset: 2, need: 3, have: 2 });
        assert_eq!(error.to_string(), "name at byte 2 needs 3 bytes and has 2");
        let mut part = reader.part(1, "part").unwrap();
        assert_eq!((part.u8("byte"), part.offset()), (Ok(1), 3));
    }
}
