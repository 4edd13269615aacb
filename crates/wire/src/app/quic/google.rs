//! Google's QUIC, before TLS: the client's hello (`CHLO`) is a list of tags, in the clear up to Q046, and in an Initial packet
//! of Q050. Described in "QUIC Wire Layout Specification" and "QUIC Crypto" (Chromium, 2016).

use std::borrow::Cow;

use super::{Keys, Kind, Sender, Version, packets};
use crate::read::be32;

/// The version Q050.
pub const Q050: u32 = 0x5130_3530;

/// The version of Google's that a client's datagram says, as it is written: `Q043`. None for any other datagram.
pub fn version(datagram: &[u8]) -> Option<u32> {
    let first = *datagram.first()?;
    let at = match first {
        // A long header; Q046 and later.
        0x80.. => 1,
        // Public flags: with a version, with a connection id of eight bytes or none.
        _ if first & PUBLIC_VERSION == 0 => return None,
        _ if first & PUBLIC_ID != 0 => 9,
        _ => 1,
    };
    let version = be32(datagram, at)?;
    let [q, zero, tens, ones] = version.to_be_bytes();
    let is_google = q == b'Q' && zero == b'0' && tens.is_ascii_digit() && ones.is_ascii_digit();
    is_google.then_some(version)
}

/// The server name that a client's datagram asks for. None where it is no client's hello of Google's, or has no name.
///
/// Needs the beginning of the hello: a long one has its name in the first of its datagrams.
pub fn server_name(datagram: &[u8]) -> Option<Cow<'_, [u8]>> {
    match version(datagram)? {
        Q050 => {
            let packet = packets(datagram).next()?.ok()?;
            if packet.kind != Kind::Initial {
                return None;
            }
            let keys = Keys::new(Version::Q050, packet.destination_id, Sender::Client)?;
            let opened = keys.open(&packet, 0).ok()?;
            name_of_hello(&opened.payload).map(|name| Cow::Owned(name.to_vec()))
        }
        _ => name_of_hello(datagram).map(Cow::Borrowed),
    }
}

/// The name in the hello that is somewhere in `bytes`. Frames differ from version to version; the hello does not.
fn name_of_hello(bytes: &[u8]) -> Option<&[u8]> {
    let head = bytes.get(..bytes.len().min(MAX_DATAGRAM))?;
    let at = head.windows(4).position(|tag| tag == b"CHLO")?;
    let hello = head.get(at + 4..)?;
    let (&[low, high, _, _], rest) = hello.split_first_chunk()?;
    let count = usize::from(u16::from_le_bytes([low, high]));
    let (entries, values) = rest.split_at_checked(count.checked_mul(ENTRY)?)?;
    let mut start = 0;
    for entry in entries.chunks_exact(ENTRY) {
        let (tag, end) = entry.split_first_chunk()?;
        let end = u32::from_le_bytes(*end.first_chunk()?) as usize;
        if tag == b"SNI\0" {
            return values.get(start..end);
        }
        // In order, so that ends only grow.
        start = start.max(end);
    }
    None
}

const PUBLIC_VERSION: u8 = 0x01;
const PUBLIC_ID: u8 = 0x08;
/// A tag, and where its value ends.
const ENTRY: usize = 8;
/// More than a datagram of QUIC has.
const MAX_DATAGRAM: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(name: &str) -> Vec<u8> {
        let mut bytes = b"CHLO".to_vec();
        bytes.extend([3, 0, 0, 0]);
        let end = 10 + name.len() as u8;
        for (tag, end) in [(b"PAD\0", 10), (b"SNI\0", end), (b"VER\0", end + 4)] {
            bytes.extend(tag);
            bytes.extend([end, 0, 0, 0]);
        }
        bytes.extend([b'-'; 10]);
        bytes.extend(name.as_bytes());
        bytes.extend(b"Q043");
        bytes
    }

    fn q043(name: &str) -> Vec<u8> {
        // Flags, connection id, version, packet number, hash, a stream frame's head.
        let head = [&[0x09, 1, 2, 3, 4, 5, 6, 7, 8][..], b"Q043", &[1], &[0; 12], &[0xa0, 1, 0, 4]];
        [head.concat(), hello(name)].concat()
    }

    #[test]
    fn names_in_the_clear() {
        let datagram = q043("www.example.com");
        assert_eq!(version(&datagram), Some(u32::from_be_bytes(*b"Q043")));
        assert_eq!(server_name(&datagram).as_deref(), Some(&b"www.example.com"[..]));
        let name_end = datagram.len() - 4;
        for len in 0..datagram.len() {
            assert_eq!(server_name(&datagram[..len]).is_some(), len >= name_end, "{len}");
        }
        let q046 = [&[0xc3][..], b"Q046", &[0x50], &[1; 8], &[0; 16], &hello("a.example")].concat();
        assert_eq!(server_name(&q046).as_deref(), Some(&b"a.example"[..]));
    }

    #[test]
    fn what_is_no_hello() {
        for datagram in [&b""[..], b"\x09", &[0x40; 50], &hello("a.example")] {
            assert_eq!(server_name(datagram), None);
        }
        let mut odd = q043("a.example");
        for at in 0..odd.len() {
            for value in [0, 0x7f, 0xff] {
                let before = std::mem::replace(&mut odd[at], value);
                let _ = server_name(&odd);
                odd[at] = before;
            }
        }
    }
}
