//! MQTT (3.1 to 5.0) and the opening of AMQP: who connects, and what about.

use crate::read::{Malformed, Reader};

/// A CONNECT packet of MQTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connect<'a> {
    /// Protocol level: 3, 4 or 5.
    pub level: u8,
    /// Client identifier.
    pub client: &'a [u8],
    /// User name, where there is one.
    pub user: Option<&'a [u8]>,
    /// True if a password follows.
    pub has_password: bool,
}

/// A packet of MQTT that says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet<'a> {
    /// CONNECT.
    Connect(Connect<'a>),
    /// PUBLISH or the first topic of SUBSCRIBE.
    Topic(&'a [u8]),
    /// Another.
    Other,
}

/// Packets of a stream, in order; what is cut or odd ends them.
pub fn packets(stream: &[u8]) -> impl Iterator<Item = Packet<'_>> {
    let mut reader = Reader::new(stream);
    std::iter::from_fn(move || packet(&mut reader).ok())
}

/// Reads one packet.
///
/// # Errors
/// It is cut, its length takes more than four bytes, or a CONNECT is none.
pub fn packet<'a>(reader: &mut Reader<'a>) -> Result<Packet<'a>, Malformed> {
    let first = reader.u8("packet type")?;
    let len = remaining(reader)?;
    let mut body = reader.part(len, "packet")?;
    match first >> 4 {
        1 => connect(&mut body).map(Packet::Connect),
        3 => text(&mut body, "topic").map(Packet::Topic),
        8 => {
            body.u16("packet id")?;
            text(&mut body, "topic").map(Packet::Topic)
        }
        _ => Ok(Packet::Other),
    }
}

fn connect<'a>(body: &mut Reader<'a>) -> Result<Connect<'a>, Malformed> {
    let offset = body.offset();
    let protocol = text(body, "protocol name")?;
    if protocol != b"MQTT" && protocol != b"MQIsdp" {
        let value = protocol.len() as u64;
        return Err(Malformed::Value { what: "protocol name", offset, value });
    }
    let level = body.u8("protocol level")?;
    let flags = body.u8("flags")?;
    body.u16("keep alive")?;
    if level == 5 {
        properties(body)?;
    }
    let client = text(body, "client identifier")?;
    if flags & 4 != 0 {
        if level == 5 {
            properties(body)?;
        }
        text(body, "will topic")?;
        text(body, "will message")?;
    }
    let user = if flags & 0x80 != 0 { Some(text(body, "user name")?) } else { None };
    Ok(Connect { level, client, user, has_password: flags & 0x40 != 0 })
}

fn properties(body: &mut Reader<'_>) -> Result<(), Malformed> {
    let len = remaining(body)?;
    body.take(len, "properties").map(drop)
}

fn text<'a>(body: &mut Reader<'a>, what: &'static str) -> Result<&'a [u8], Malformed> {
    let len = body.u16(what)?;
    body.take(len.into(), what)
}

/// A length of up to four bytes, seven bits each.
fn remaining(reader: &mut Reader<'_>) -> Result<usize, Malformed> {
    let (offset, mut len) = (reader.offset(), 0_usize);
    for shift in [0, 7, 14, 21] {
        let byte = reader.u8("length")?;
        len |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(len);
        }
    }
    Err(Malformed::Value { what: "length", offset, value: len as u64 })
}

/// True for the first bytes of AMQP 0-9-1 or 1.0: the letters, then the protocol's version.
pub fn opens_amqp(stream: &[u8]) -> bool {
    matches!(stream, [b'A', b'M', b'Q', b'P', 0..=3, 0 | 1, ..])
}

/// True if an AMQP client's stream holds SASL's PLAIN, which is user name and password in the clear.
pub fn has_amqp_plain(stream: &[u8]) -> bool {
    let window = stream.get(..stream.len().min(2048)).unwrap_or(stream);
    opens_amqp(stream) && window.windows(6).any(|part| part == b"\x05PLAIN")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Vec<u8> {
        let connect = b"\x00\x04MQTT\x04\xc2\x00\x3c\x00\x05phone\x00\x05alice\x00\x06secret";
        let topic = b"\x00\x0ahome/alarmON";
        [&[0x10, connect.len() as u8][..], connect, &[0x30, topic.len() as u8], topic].concat()
    }

    #[test]
    fn who_connects_and_what_about() {
        let stream = stream();
        let read: Vec<Packet<'_>> = packets(&stream).collect();
        let connect =
            Connect { level: 4, client: b"phone", user: Some(b"alice"), has_password: true };
        assert_eq!(read, [Packet::Connect(connect), Packet::Topic(b"home/alarm")]);
        for len in 0..stream.len() {
            assert!(packets(&stream[..len]).count() <= 1);
        }
    }

    #[test]
    fn odd_ones() {
        let five = b"\x10\x12\x00\x04MQTT\x05\x02\x00\x3c\x03\x21\x00\x14\x00\x02id";
        assert!(matches!(packets(five).next(), Some(Packet::Connect(it)) if it.client == b"id"));
        assert_eq!(packets(b"\x10\xff\xff\xff\xff\x01").count(), 0);
        assert_eq!(packets(b"\x10\x06\x00\x04HTTP").count(), 0);
        let stream = stream();
        for at in 0..stream.len() {
            let mut odd = stream.clone();
            odd[at] ^= 0xff;
            let _ = packets(&odd).count();
        }
        assert!(opens_amqp(b"AMQP\x00\x00\x09\x01") && !opens_amqp(b"AMQPX"));
        assert!(
            has_amqp_plain(b"AMQP\x00\x00\x09\x01...\x05PLAIN") && !has_amqp_plain(b"AMQP\x00\x00")
        );
    }
}
