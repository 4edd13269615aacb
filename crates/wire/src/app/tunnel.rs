//! The first packets of tunnels, by their shape: `WireGuard`, `OpenVPN`, IKE, L2TP and PPTP.

use crate::read::be32;

/// A tunnel's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tunnel {
    /// `WireGuard`: an initiation of 148 bytes (whitepaper §5.4.2).
    WireGuard,
    /// `OpenVPN`: a hard reset of the client.
    OpenVpn,
    /// IKE, version 1 or 2 (RFC 7296 §3.1), which opens IPsec.
    Ike,
    /// L2TP over UDP (RFC 2661 §3.1).
    L2tp,
    /// PPTP's control connection (RFC 2637 §1.4), whose key can be broken.
    Pptp,
}

impl Tunnel {
    /// By a client's first datagram.
    pub fn of_datagram(bytes: &[u8], port: u16) -> Option<Self> {
        if is_wireguard(bytes) {
            return Some(Self::WireGuard);
        }
        // Behind a NAT, IKE comes after four zero bytes on port 4500 (RFC 3948 §2.2).
        let inner = match (port, bytes) {
            (4500, [0, 0, 0, 0, rest @ ..]) => rest,
            _ => bytes,
        };
        if is_ike(inner) {
            return Some(Self::Ike);
        }
        if is_openvpn(bytes) {
            return Some(Self::OpenVpn);
        }
        (port == 1701 && is_l2tp(bytes)).then_some(Self::L2tp)
    }

    /// By the beginning of a client's TCP stream.
    pub fn of_stream(bytes: &[u8]) -> Option<Self> {
        if let [high, low, rest @ ..] = bytes {
            let len = usize::from(*high) << 8 | usize::from(*low);
            // Each packet of OpenVPN follows its length.
            if rest.get(..len).is_some_and(is_openvpn) {
                return Some(Self::OpenVpn);
            }
        }
        let is_start = bytes.get(2..4) == Some(&[0, 1]) && be32(bytes, 4) == Some(PPTP_COOKIE);
        is_start.then_some(Self::Pptp)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::WireGuard => "WireGuard",
            Self::OpenVpn => "OpenVPN",
            Self::Ike => "IKE/IPsec",
            Self::L2tp => "L2TP",
            Self::Pptp => "PPTP",
        }
    }
}

fn is_wireguard(bytes: &[u8]) -> bool {
    // Type 1, and three bytes that are reserved.
    bytes.len() == 148 && matches!(bytes, [1, 0, 0, 0, ..])
}

/// Opcode 7 or 10, key 0, a session id that is not zero, and an array of acknowledgements or, with tls-auth, a digest.
fn is_openvpn(bytes: &[u8]) -> bool {
    let [0x38 | 0x50, rest @ ..] = bytes else { return false };
    let Some((session, rest)) = rest.split_at_checked(8) else { return false };
    if session.iter().all(|byte| *byte == 0) {
        return false;
    }
    match rest {
        // No acknowledgement, and packet 0.
        [0, 0, 0, 0, 0] => true,
        // tls-auth and tls-crypt: 20 to 64 bytes of digest, packet id, time.
        _ => (28..=400).contains(&rest.len()),
    }
}

fn is_ike(bytes: &[u8]) -> bool {
    let Some(head) = bytes.get(..28) else { return false };
    let is_zero = |range: std::ops::Range<usize>| {
        head.get(range).is_some_and(|part| part.iter().all(|byte| *byte == 0))
    };
    let version = head.get(17).copied();
    let exchange = head.get(18).copied();
    let right = matches!((version, exchange), (Some(0x10), Some(2 | 4)) | (Some(0x20), Some(34)));
    let len = be32(head, 24).and_then(|len| usize::try_from(len).ok());
    right
        && !is_zero(0..8)
        && is_zero(8..16)
        && len.is_some_and(|len| (28..=65_535).contains(&len) && len >= bytes.len())
}

/// Control bit, length bit, sequence bit, version 2.
fn is_l2tp(bytes: &[u8]) -> bool {
    matches!(bytes, [0xc8, 2, ..]) && bytes.len() >= 12
}

const PPTP_COOKIE: u32 = 0x1a2b_3c4d;

#[cfg(test)]
mod tests {
    use super::*;

    fn ike() -> Vec<u8> {
        let mut bytes = vec![7; 8];
        bytes.extend([0; 8]);
        bytes.extend([33, 0x20, 34, 8, 0, 0, 0, 0, 0, 0, 0, 60]);
        bytes.resize(60, 9);
        bytes
    }

    #[test]
    fn shapes_and_their_truncations() {
        let mut wireguard = vec![5; 148];
        wireguard[..4].copy_from_slice(&[1, 0, 0, 0]);
        let openvpn = [&[0x38][..], &[9; 8], &[0; 5]].concat();
        let behind_nat = [&[0; 4][..], &ike()].concat();
        let l2tp = [&[0xc8, 2, 0, 20][..], &[0; 16]].concat();
        for (bytes, port, tunnel) in [
            (wireguard, 51820, Tunnel::WireGuard),
            (openvpn, 1194, Tunnel::OpenVpn),
            (ike(), 500, Tunnel::Ike),
            (behind_nat, 4500, Tunnel::Ike),
            (l2tp, 1701, Tunnel::L2tp),
        ] {
            assert_eq!(Tunnel::of_datagram(&bytes, port), Some(tunnel));
            for len in 0..bytes.len() {
                let cut = Tunnel::of_datagram(&bytes[..len], port);
                assert!(cut.is_none() || cut == Some(tunnel));
            }
        }
    }

    #[test]
    fn streams_and_what_is_none() {
        let openvpn = [&[0, 14, 0x38][..], &[9; 8], &[0; 5]].concat();
        assert_eq!(Tunnel::of_stream(&openvpn), Some(Tunnel::OpenVpn));
        assert_eq!(Tunnel::of_stream(&openvpn[..15]), None);
        assert_eq!(Tunnel::of_stream(b"\x00\x9c\x00\x01\x1a\x2b\x3c\x4d"), Some(Tunnel::Pptp));
        for other in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"", b"8", &[0; 148]] {
            assert_eq!((Tunnel::of_stream(other), Tunnel::of_datagram(other, 443)), (None, None));
        }
    }
}
