//! NTP (RFC 5905): what the head of a packet says.

use crate::read::{Malformed, Reader};

/// The head of an NTP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    /// Version, 1 to 4.
    pub version: u8,
    /// Mode: 3 asks, 4 answers.
    pub mode: u8,
    /// Stratum; 0 in most questions.
    pub stratum: u8,
    /// When it was sent, as NTP counts; in questions of careful clients a random number (RFC 9769).
    pub transmit: u64,
}

impl Packet {
    /// Reads a datagram.
    ///
    /// # Errors
    /// Fewer than 48 bytes, or a version that is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let first = reader.u8("first byte")?;
        let (version, mode) = (first >> 3 & 7, first & 7);
        if !(1..=4).contains(&version) || mode == 0 {
            return Err(Malformed::Value {
                what: "version and mode",
                offset: 0,
                value: first.into(),
            });
        }
        let stratum = reader.u8("stratum")?;
        reader.take(38, "head")?;
        let transmit =
            u64::from(reader.u32("transmit time")?) << 32 | u64::from(reader.u32("fraction")?);
        Ok(Self { version, mode, stratum, transmit })
    }

    /// True for a question whose time is one of the years 2000 to 2036: then the device tells its clock.
    pub fn tells_clock(&self) -> bool {
        self.mode == 3
            && (YEAR_2000..).contains(&(self.transmit >> 32))
            && self.transmit & 0xffff_ffff != 0
    }
}

/// Seconds from 1900 to 2000.
const YEAR_2000: u64 = 3_155_673_600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_read() {
        let mut bytes = [0_u8; 48];
        bytes[0] = 0x23;
        bytes[40..44].copy_from_slice(&0xe900_0000_u32.to_be_bytes());
        bytes[47] = 1;
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!((packet.version, packet.mode, packet.stratum), (4, 3, 0));
        assert!(packet.tells_clock());
        bytes[40] = 0x12;
        assert!(!Packet::parse(&bytes).unwrap().tells_clock());
        for len in 0..48 {
            assert!(Packet::parse(&bytes[..len]).unwrap_err().is_short());
        }
        assert!(Packet::parse(&[0xff; 48]).is_err_and(|error| !error.is_short()));
    }
}
