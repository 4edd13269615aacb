//! Connections that stay open, for measuring what one costs.

use std::io::{self, Write};
use std::net::Ipv4Addr;

use super::generate::EPOCH_US;
use super::packets::{Endpoint, Ends, Packet, Payload, Side, file_head, record};

/// Writes so many connections that are opened and never closed, all within a minute.
pub(crate) fn open_connections(count: u64, out: &mut dyn Write) -> io::Result<()> {
    let mut buffer = file_head();
    for number in 0..count {
        let client = Ipv4Addr::from(0x0a00_0000 + (number % (1 << 24)) as u32);
        let ends = Ends {
            client: Endpoint { ip: client.into(), port: 1024 + (number % 60_000) as u16 },
            server: Endpoint { ip: Ipv4Addr::new(198, 18, 0, 1).into(), port: 443 },
            vlan: None,
        };
        let (at_us, seq) = (EPOCH_US + number * 60_000_000 / count, number as u32);
        let shake = [
            (Side::Client, (seq, 0, 2, 64_240)),
            (Side::Server, (!seq, seq.wrapping_add(1), 18, 65_160)),
            (Side::Client, (seq.wrapping_add(1), (!seq).wrapping_add(1), 16, 502)),
        ];
        for (from_client, tcp) in shake {
            let (id, payload) = (number as u16, Payload::Empty);
            let packet = Packet { at_us, from_client, ttl: 63, id, tcp: Some(tcp), payload };
            record(&mut buffer, at_us, &ends, &packet, &[]);
        }
        if buffer.len() > 1 << 20 {
            out.write_all(&buffer)?;
            buffer.clear();
        }
    }
    out.write_all(&buffer)?;
    out.flush()
}
