//! RTP (RFC 3550): the head of a packet of sound or pictures. In SRTP the head is the same and in the clear.

use crate::read::{Malformed, Reader};

/// The head of an RTP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Payload type, 7 bits (RFC 3551).
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp, in units of the payload type's clock.
    pub timestamp: u32,
    /// Synchronisation source.
    pub source: u32,
    /// What follows the fixed head and the contributing sources.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a datagram. Two bits say that it is RTP, so a single packet proves nothing: look for a run of one source.
    ///
    /// # Errors
    /// Another version; a payload type that is RTCP's (RFC 5761 §4); or it is cut.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let first = reader.u8("first byte")?;
        if first >> 6 != 2 {
            return Err(Malformed::Value {
                what: "version",
                offset: 0,
                value: (first >> 6).into(),
            });
        }
        let payload_type = reader.u8("payload type")? & 0x7f;
        if (64..96).contains(&payload_type) {
            let value = payload_type.into();
            return Err(Malformed::Value { what: "payload type", offset: 1, value });
        }
        let sequence = reader.u16("sequence number")?;
        let timestamp = reader.u32("timestamp")?;
        let source = reader.u32("source")?;
        reader.take(usize::from(first & 0xf) * 4, "contributing sources")?;
        Ok(Self { payload_type, sequence, timestamp, source, payload: reader.rest() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_read_and_others_are_not() {
        let bytes = [0x81, 0x80, 1, 2, 0, 0, 0, 160, 9, 9, 9, 9, 1, 1, 1, 1, 0xd5, 0xd5];
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!((packet.payload_type, packet.sequence, packet.timestamp), (0, 0x0102, 160));
        assert_eq!((packet.source, packet.payload), (0x0909_0909, &[0xd5, 0xd5][..]));
        for len in 0..16 {
            assert!(Packet::parse(&bytes[..len]).unwrap_err().is_short());
        }
        // RTCP, and a datagram of STUN.
        assert!(Packet::parse(&[0x80, 200, 0, 1]).is_err_and(|error| !error.is_short()));
        assert!(Packet::parse(&[0x00, 0x01, 0, 0]).is_err_and(|error| !error.is_short()));
    }
}
