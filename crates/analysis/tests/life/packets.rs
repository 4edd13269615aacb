//! Ethernet frames around what is said, and the capture file of them.

use std::net::{IpAddr, SocketAddr};

use wirewitness_wire::file::{LinkType, Way, write};

/// A capture in the making.
pub(crate) struct Life {
    pub(crate) frames: Vec<(i64, Vec<u8>)>,
    pub(crate) now_ns: i64,
    pub(crate) hardware: [u8; 6],
    port: u16,
}

/// 1 June 2026, 08:00 UTC.
pub(crate) const MORNING_NS: i64 = 1_780_300_800_000_000_000;

impl Life {
    pub(crate) fn new() -> Self {
        Self { frames: Vec::new(), now_ns: MORNING_NS, hardware: [2, 0, 0, 0, 0, 1], port: 40_000 }
    }

    pub(crate) fn wait_minutes(&mut self, minutes: i64) {
        self.now_ns += minutes * 60_000_000_000;
    }

    pub(crate) fn port(&mut self) -> u16 {
        self.port += 1;
        self.port
    }

    fn frame(&mut self, ends: (SocketAddr, SocketAddr), protocol: u8, payload: &[u8]) {
        let mut frame = vec![2, 0, 0, 0, 0, 254];
        frame.extend(self.hardware);
        match (ends.0.ip(), ends.1.ip()) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                frame.extend([8, 0, 0x45, 0]);
                frame.extend((20 + payload.len() as u16).to_be_bytes());
                frame.extend([0, 1, 0x40, 0, 64, protocol, 0, 0]);
                frame.extend(source.octets());
                frame.extend(destination.octets());
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
                frame.extend((payload.len() as u16).to_be_bytes());
                frame.extend([protocol, 64]);
                frame.extend(source.octets());
                frame.extend(destination.octets());
            }
            _ => panic!("two families"),
        }
        frame.extend(payload);
        self.now_ns += 1_000_000;
        self.frames.push((self.now_ns, frame));
    }

    pub(crate) fn datagram(&mut self, source: SocketAddr, destination: SocketAddr, payload: &[u8]) {
        let mut bytes = source.port().to_be_bytes().to_vec();
        bytes.extend(destination.port().to_be_bytes());
        bytes.extend((8 + payload.len() as u16).to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(payload);
        self.frame((source, destination), 17, &bytes);
    }

    pub(crate) fn raw(
        &mut self,
        source: IpAddr,
        destination: IpAddr,
        protocol: u8,
        payload: &[u8],
    ) {
        self.frame(
            (SocketAddr::new(source, 0), SocketAddr::new(destination, 0)),
            protocol,
            payload,
        );
    }

    /// A whole TCP connection. `says`: what each side says in turn, the client first.
    pub(crate) fn stream(&mut self, client: SocketAddr, server: SocketAddr, says: &[&[u8]]) {
        let mut next = [1000_u32, 9000];
        let ends = [(client, server), (server, client)];
        self.segment(ends[0], (0x02, [next[0], 0]), &[]);
        self.segment(ends[1], (0x12, [next[1], next[0] + 1]), &[]);
        next = [next[0] + 1, next[1] + 1];
        for (turn, what) in says.iter().enumerate() {
            let side = turn % 2;
            for part in what.chunks(1200) {
                self.segment(ends[side], (0x18, [next[side], next[1 - side]]), part);
                next[side] += part.len() as u32;
            }
        }
        self.segment(ends[0], (0x11, next), &[]);
        self.segment(ends[1], (0x11, [next[1], next[0] + 1]), &[]);
    }

    fn segment(
        &mut self,
        ends: (SocketAddr, SocketAddr),
        (flags, [seq, ack]): (u8, [u32; 2]),
        payload: &[u8],
    ) {
        let mut bytes = ends.0.port().to_be_bytes().to_vec();
        bytes.extend(ends.1.port().to_be_bytes());
        bytes.extend(seq.to_be_bytes());
        bytes.extend(ack.to_be_bytes());
        bytes.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        bytes.extend(payload);
        self.frame(ends, 6, &bytes);
    }

    /// The capture as pcapng.
    pub(crate) fn file(&self) -> Vec<u8> {
        let mut file = Vec::new();
        write::section(&mut file, "a test of Wirewitness");
        write::interface(&mut file, LinkType::ETHERNET, "wlan0");
        for (at_ns, bytes) in &self.frames {
            let original_len = bytes.len() as u32;
            let (way, comment) = (Way::Unknown, "");
            let written =
                write::Written { interface: 0, at_ns: *at_ns, bytes, original_len, way, comment };
            write::packet(&mut file, &written);
        }
        file
    }
}
