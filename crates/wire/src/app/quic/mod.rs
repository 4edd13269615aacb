//! QUIC as somebody between the ends sees it: long headers, and Initial packets, whose keys everybody can derive.
//!
//! A client's Initial packets carry its TLS `ClientHello`, encrypted with keys made of the connection id in them (RFC 9001
//! §5.2, RFC 9369 §3.3). [`packets`] reads a datagram's long headers, [`Keys`] opens an Initial, [`frames`](fn@frames) finds
//! its CRYPTO frames, [`CryptoStream`] puts them in order. [`ClientFlight`] does all of that over the datagrams of one flow.

mod frames;
pub mod google;
mod keys;

use super::tls::ClientHello;
use crate::read::{Malformed, Reader};

pub use frames::{CryptoStream, Frame, Frames, frames};
pub use keys::{Keys, OpenError, Opened, Sender};

/// Versions of QUIC whose Initial packets can be opened here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// RFC 9000: 1. Also drafts 33 and 34, which differ in their number only.
    V1,
    /// RFC 9369: 0x6b3343cf.
    V2,
    /// Drafts 29 to 32.
    Draft29,
    /// Drafts 23 to 28, and Facebook's mvfst of draft 27.
    Draft23,
    /// Draft 22, and Facebook's mvfst of it.
    Draft22,
    /// Google's Q050: its Initial packets carry no TLS ([`google`]).
    Q050,
}

impl Version {
    /// The version that a number means; none for one that is not known.
    pub fn of(number: u32) -> Option<Self> {
        match number {
            1 | 0xff00_0021 | 0xff00_0022 => Some(Self::V1),
            0x6b33_43cf => Some(Self::V2),
            0xff00_001d..=0xff00_0020 => Some(Self::Draft29),
            0xff00_0017..=0xff00_001c | 0xface_b002 | 0xface_b00e => Some(Self::Draft23),
            0xff00_0016 | 0xface_b001 => Some(Self::Draft22),
            google::Q050 => Some(Self::Q050),
            _ => None,
        }
    }
}

/// What kind of long header a packet has (RFC 9000 §17.2, RFC 9369 §3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Initial.
    Initial,
    /// 0-RTT.
    ZeroRtt,
    /// Handshake.
    Handshake,
    /// Retry.
    Retry,
    /// Version negotiation: version 0.
    VersionNegotiation,
    /// Of a version that is not known: only the connection ids are sure (RFC 8999).
    Unknown,
}

/// A packet with a long header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The version's number.
    pub version: u32,
    /// Its kind.
    pub kind: Kind,
    /// Destination connection id.
    pub destination_id: &'a [u8],
    /// Source connection id.
    pub source_id: &'a [u8],
    /// The token of an Initial; empty in others.
    pub token: &'a [u8],
    /// The whole packet.
    pub bytes: &'a [u8],
    /// Where the packet number begins in it, still protected.
    number_at: usize,
}

/// The packets with long headers in a datagram (RFC 9000 §12.2), in order. An error is the last item; so is a packet that
/// says no length, and what follows a short header cannot be told apart from it.
pub fn packets(datagram: &[u8]) -> Packets<'_> {
    Packets { reader: Some(Reader::new(datagram)) }
}

/// The packets of a datagram.
#[derive(Debug, Clone)]
pub struct Packets<'a> {
    reader: Option<Reader<'a>>,
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut reader = self.reader.take()?;
        if reader.rest().first().is_none_or(|first| first & LONG_HEADER == 0) {
            return None;
        }
        let read = read_packet(&mut reader);
        if read.is_ok() {
            self.reader = Some(reader);
        }
        Some(read)
    }
}

fn read_packet<'a>(reader: &mut Reader<'a>) -> Result<Packet<'a>, Malformed> {
    let (start, whole) = (reader.offset(), reader.rest());
    let first = reader.u8("first byte")?;
    let version = reader.u32("version")?;
    let len = reader.u8("destination connection id length")?;
    let destination_id = reader.take(len.into(), "destination connection id")?;
    let len = reader.u8("source connection id length")?;
    let source_id = reader.take(len.into(), "source connection id")?;
    let kind = kind_of(first, version);
    let mut token: &[u8] = &[];
    if kind == Kind::Initial {
        let len = reader.varint("token length")?;
        token = reader.take(to_usize(len), "token")?;
    }
    let has_length = matches!(kind, Kind::Initial | Kind::ZeroRtt | Kind::Handshake);
    let rest = match has_length {
        true => to_usize(reader.varint("length")?),
        false => reader.rest().len(),
    };
    let number_at = reader.offset() - start;
    reader.take(rest, "packet number and payload")?;
    let bytes = whole.get(..reader.offset() - start).unwrap_or_default();
    Ok(Packet { version, kind, destination_id, source_id, token, bytes, number_at })
}

fn kind_of(first: u8, version: u32) -> Kind {
    let bits = (first >> 4) & 3;
    let rotated = match Version::of(version) {
        _ if version == 0 => return Kind::VersionNegotiation,
        None => return Kind::Unknown,
        // RFC 9369 §3.2 counts from Retry.
        Some(Version::V2) => (bits + 3) & 3,
        Some(_) => bits,
    };
    match rotated {
        0 => Kind::Initial,
        1 => Kind::ZeroRtt,
        2 => Kind::Handshake,
        _ => Kind::Retry,
    }
}

/// The Initial packets of one client, over its datagrams. Allocates no more than [`CryptoStream`] and what is opened at once.
#[derive(Default)]
pub struct ClientFlight {
    keys: Option<Keys>,
    expected: u64,
    stream: CryptoStream,
}

impl ClientFlight {
    /// Takes a datagram of the client's in. Says whether it held an Initial packet that could be opened.
    ///
    /// Keys come from the first packet that opens; after a Retry the client begins anew with another id (RFC 9001 §5.2), and
    /// so do the keys.
    pub fn take_in(&mut self, datagram: &[u8]) -> bool {
        let mut any = false;
        for packet in packets(datagram).flatten() {
            if packet.kind == Kind::Initial
                && let Some(opened) = self.open(&packet)
            {
                any = true;
                self.expected = self.expected.max(opened.number + 1);
                for frame in frames(&opened.payload).flatten() {
                    if let Frame::Crypto { offset, data } = frame {
                        self.stream.put(offset, data);
                    }
                }
            }
        }
        any
    }

    fn open(&mut self, packet: &Packet<'_>) -> Option<Opened> {
        if let Some(keys) = &self.keys
            && let Ok(opened) = keys.open(packet, self.expected)
        {
            return Some(opened);
        }
        let version = Version::of(packet.version)?;
        let keys = Keys::new(version, packet.destination_id, Sender::Client)?;
        let opened = keys.open(packet, self.expected).ok()?;
        self.keys = Some(keys);
        Some(opened)
    }

    /// The CRYPTO bytes so far.
    pub fn bytes(&self) -> &[u8] {
        self.stream.bytes()
    }

    /// The hello, when all of it is there.
    ///
    /// # Errors
    /// [`Malformed::Short`] before that; [`Malformed::Value`] where this is none.
    pub fn client_hello(&self) -> Result<ClientHello<'_>, Malformed> {
        ClientHello::parse(self.stream.bytes())
    }
}

impl std::fmt::Debug for ClientFlight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClientFlight({} bytes)", self.stream.bytes().len())
    }
}

/// A length that no slice has is as good as any other that none has.
fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

const LONG_HEADER: u8 = 0x80;

#[cfg(test)]
pub(crate) mod tests {
    use super::super::tls::tests::published;
    use super::keys::{Material, full_number};
    use super::*;

    pub(crate) fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.chars().filter_map(|it| Some(it.to_digit(16)? as u8)).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    /// RFC 9001 §A.1.
    const ID: &str = "8394c8f03e515708";
    const SERVER_V1: &str = "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a\
        5816b6394100f37a1c69797554780bb38cc5a99f5ede4cf73c3ec2493a1839b3dbcba3f6ea46c5b7684df354\
        8e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d\
        20398c276456cbc42158407dd074ee";
    const SERVER_V2: &str = "dc6b3343cf0008f067a5502a4262b5004075d92faaf16f05d8a4398c47089698\
        baeea26b91eb761d9b89237bbf87263017915358230035f7fd3945d88965cf17f9af6e16886c61bfc703106f\
        baf3cb4cfa52382dd16a393e42757507698075b2c984c707f0a0812d8cd5a6881eaf21ceda98f4bd23f6fe1a\
        3e2c43edd9ce7ca84bed8521e2e140";

    /// Protects a packet.
    fn seal(version: Version, id: &[u8], header: &[u8], payload: &[u8], number: u64) -> Vec<u8> {
        Keys::new(version, id, Sender::Client).unwrap().seal(header, number, payload).unwrap()
    }

    /// The packet of the two Appendices A.2: one CRYPTO frame with the hello, padded to 1162 bytes.
    fn published_packet(version: Version) -> Vec<u8> {
        let header = match version {
            Version::V2 => "d36b3343cf088394c8f03e5157080000449e00000002",
            _ => "c300000001088394c8f03e5157080000449e00000002",
        };
        let mut payload = [hex("060040f1"), published()].concat();
        payload.resize(1162, 0);
        seal(version, &hex(ID), &hex(header), &payload, 2)
    }

    /// A hello in Initial packets of version 1, cut at each of `cuts`, one datagram each.
    fn datagrams(cuts: &[usize]) -> Vec<Vec<u8>> {
        let hello = published();
        let ends = cuts.iter().copied().chain([hello.len()]);
        let mut start = 0;
        let mut made = Vec::new();
        for (number, end) in ends.enumerate() {
            let mut payload = vec![6, 0x40 | (start >> 8) as u8, start as u8];
            let len = end - start;
            payload.extend([0x40 | (len >> 8) as u8, len as u8]);
            payload.extend(&hello[start..end]);
            payload.resize(1162, 0);
            let header = hex(&format!("c300000001088394c8f03e5157080000449e{number:08x}"));
            made.push(seal(Version::V1, &hex(ID), &header, &payload, number as u64));
            start = end;
        }
        made
    }

    /// RFC 9001 §A.1, RFC 9369 §A.1, draft-ietf-quic-tls-29 §A.1.
    #[test]
    fn keys_are_those_published() {
        for (version, sender, key, iv, header) in [
            (
                Version::V1,
                Sender::Client,
                "1f369613dd76d5467730efcbe3b1a22d",
                "fa044b2f42a3fd3b46fb255c",
                "9f50449e04a0e810283a1e9933adedd2",
            ),
            (
                Version::V1,
                Sender::Server,
                "cf3a5331653c364c88f0f379b6067e37",
                "0ac1493ca1905853b0bba03e",
                "c206b8d9b9f0f37644430b490eeaa314",
            ),
            (
                Version::V2,
                Sender::Client,
                "8b1a0bc121284290a29e0971b5cd045d",
                "91f73e2351d8fa91660e909f",
                "45b95e15235d6f45a6b19cbcb0294ba9",
            ),
            (
                Version::V2,
                Sender::Server,
                "82db637861d55e1d011f19ea71d5d2a7",
                "dd13c276499c0249d3310652",
                "edf6d05c83121201b436e16877593c3a",
            ),
            (
                Version::Draft29,
                Sender::Client,
                "175257a31eb09dea9366d8bb79ad80ba",
                "6b26114b9cba2b63a9e8dd4f",
                "9ddd12c994c0698b89374a9c077a3077",
            ),
        ] {
            let material = Material::new(version, &hex(ID), sender).unwrap();
            assert_eq!(material.key[..], hex(key), "{version:?} {sender:?}");
            assert_eq!(material.iv[..], hex(iv), "{version:?} {sender:?}");
            assert_eq!(material.header[..], hex(header), "{version:?} {sender:?}");
        }
    }

    /// The published packets begin and end so; the end authenticates all that is before it.
    #[test]
    fn the_published_client_initials_open() {
        for (version, start, end) in [
            (
                Version::V1,
                "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11",
                "e221af44860018ab0856972e194cd934",
            ),
            (
                Version::V2,
                "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485",
                "a18b2faa745b6fe189cf772a9f84cbfc",
            ),
        ] {
            let datagram = published_packet(version);
            assert_eq!(datagram.len(), 1200);
            assert!(datagram.starts_with(&hex(start)) && datagram.ends_with(&hex(end)));
            let packet = packets(&datagram).next().unwrap().unwrap();
            assert_eq!((packet.kind, packet.destination_id), (Kind::Initial, &hex(ID)[..]));
            assert_eq!((packet.source_id, packet.token), (&[][..], &[][..]));
            let keys = Keys::new(version, packet.destination_id, Sender::Client).unwrap();
            let opened = keys.open(&packet, 0).unwrap();
            assert_eq!((opened.number, opened.payload.len()), (2, 1162));
            let mut flight = ClientFlight::default();
            assert!(flight.take_in(&datagram));
            let hello = flight.client_hello().unwrap();
            assert_eq!(hello.server_name(), Some(&b"example.com"[..]));
            // The other side's keys, and any change, do not fit.
            let other = Keys::new(version, packet.destination_id, Sender::Server).unwrap();
            assert_eq!(other.open(&packet, 0), Err(OpenError::Key));
            let mut odd = datagram.clone();
            odd[700] ^= 1;
            assert!(!ClientFlight::default().take_in(&odd));
        }
    }

    /// RFC 9001 §A.3, RFC 9369 §A.3: an ACK, and a ServerHello of 90 bytes.
    #[test]
    fn the_published_server_initials_open() {
        for (version, datagram) in [(Version::V1, SERVER_V1), (Version::V2, SERVER_V2)] {
            let datagram = hex(datagram);
            let packet = packets(&datagram).next().unwrap().unwrap();
            let keys = Keys::new(version, &hex(ID), Sender::Server).unwrap();
            let opened = keys.open(&packet, 0).unwrap();
            assert_eq!(opened.number, 1);
            let all: Vec<_> = frames(&opened.payload).map(Result::unwrap).collect();
            assert_eq!(all[0], Frame::Ack);
            let Frame::Crypto { offset: 0, data } = all[1] else { panic!("{:?}", all[1]) };
            assert_eq!((all.len(), data.len(), data[0]), (2, 90, 2));
        }
    }

    #[test]
    fn a_hello_over_many_datagrams_in_any_order() {
        let parts = datagrams(&[20, 70, 150]);
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
            let mut flight = ClientFlight::default();
            for (count, part) in order.into_iter().enumerate() {
                assert!(flight.client_hello().is_err_and(|error| error.is_short()), "{count}");
                assert!(flight.take_in(&parts[part]));
                // A copy changes nothing.
                flight.take_in(&parts[part]);
            }
            let hello = flight.client_hello().unwrap();
            assert_eq!(hello.server_name(), Some(&b"example.com"[..]));
        }
        // Both in one datagram.
        let mut flight = ClientFlight::default();
        assert!(flight.take_in(&datagrams(&[70]).concat()));
        assert!(flight.client_hello().is_ok());
    }

    #[test]
    fn cut_short_at_every_byte_is_an_error_with_its_place() {
        let datagram = published_packet(Version::V1);
        for len in 1..datagram.len() {
            let error = packets(&datagram[..len]).last().unwrap().unwrap_err();
            assert!(error.is_short() && error.offset() <= len, "{len}: {error}");
        }
        assert!(packets(&[]).next().is_none());
        assert!(packets(&[0x40, 1, 2, 3]).next().is_none(), "a short header");
        // Whole, but too short to sample.
        let tiny = hex("c300000001088394c8f03e5157080000 03 000000");
        let packet = packets(&tiny).next().unwrap().unwrap();
        let keys = Keys::new(Version::V1, packet.destination_id, Sender::Client).unwrap();
        assert!(matches!(keys.open(&packet, 0), Err(OpenError::Malformed(_))));
    }

    #[test]
    fn other_kinds_of_packets() {
        let start = |first: u8, version: u32| {
            let mut bytes = vec![first];
            bytes.extend(version.to_be_bytes());
            bytes.extend([1, 7, 0, 0, 0, 0]);
            packets(&bytes).next().unwrap().map(|packet| packet.kind)
        };
        for (first, version, kind) in [
            (0xc0, 1, Kind::Initial),
            (0xd0, 1, Kind::ZeroRtt),
            (0xe0, 1, Kind::Handshake),
            (0xf0, 1, Kind::Retry),
            (0xd0, 0x6b33_43cf, Kind::Initial),
            (0xe0, 0x6b33_43cf, Kind::ZeroRtt),
            (0xf0, 0x6b33_43cf, Kind::Handshake),
            (0xc0, 0x6b33_43cf, Kind::Retry),
            (0x80, 0, Kind::VersionNegotiation),
            (0xc0, 0x1a2a_3a4a, Kind::Unknown),
        ] {
            assert_eq!(start(first, version), Ok(kind), "{first:x} {version:x}");
        }
    }

    /// RFC 9000 §A.3.
    #[test]
    fn packet_numbers() {
        assert_eq!(full_number(0x9b32, 2, 0xa82f_30ea + 1), 0xa82f_9b32);
        assert_eq!(full_number(2, 1, 0), 2);
        assert_eq!(full_number(0xff, 1, 0x101), 0xff);
    }

    #[test]
    fn odd_frames_never_panic() {
        let mut flight = published();
        flight.splice(0..0, hex("060040f1"));
        for at in 0..8 {
            for value in 0..=255 {
                let mut odd = flight.clone();
                odd[at] = value;
                assert!(frames(&odd).count() <= odd.len());
            }
        }
        let endless_ack = hex("02 00 00 bfffffff 00 00");
        assert!(frames(&endless_ack).last().unwrap().is_err());
    }
}
