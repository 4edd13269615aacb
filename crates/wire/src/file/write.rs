//! Writing pcapng (draft-ietf-opsawg-pcapng): one section, times in nanoseconds, comments on packets.

use super::{LinkType, Way};

/// Writes the head of a file: `application` says what wrote it.
pub fn section(file: &mut Vec<u8>, application: &str) {
    let mut body = Vec::new();
    body.extend(BYTE_ORDER_MAGIC.to_le_bytes());
    // Version 1.0, length of the section not said.
    body.extend(1_u16.to_le_bytes());
    body.extend(0_u16.to_le_bytes());
    body.extend(u64::MAX.to_le_bytes());
    option(&mut body, SHB_USERAPPL, application.as_bytes());
    option(&mut body, END, b"");
    block(file, SECTION_HEADER, &body);
}

/// Writes an interface; packets name it by how many came before it.
pub fn interface(file: &mut Vec<u8>, link: LinkType, name: &str) {
    let mut body = Vec::new();
    body.extend(link.0.to_le_bytes());
    body.extend([0; 2]);
    // No limit on the length of what is recorded.
    body.extend(0_u32.to_le_bytes());
    option(&mut body, IF_NAME, name.as_bytes());
    // 10 to the power of -9 seconds.
    option(&mut body, IF_TSRESOL, &[9]);
    option(&mut body, END, b"");
    block(file, INTERFACE_DESCRIPTION, &body);
}

/// A packet to write.
#[derive(Debug, Clone, Copy)]
pub struct Written<'a> {
    /// Number of its interface, from 0.
    pub interface: u32,
    /// Time, ns since 1970; what lies before is written as 0.
    pub at_ns: i64,
    /// What there is of it.
    pub bytes: &'a [u8],
    /// How long it was on the wire.
    pub original_len: u32,
    /// Which way it passed.
    pub way: Way,
    /// A comment, or nothing; cut at 1 KiB.
    pub comment: &'a str,
}

/// Writes a packet.
pub fn packet(file: &mut Vec<u8>, written: &Written<'_>) {
    let nanos = u64::try_from(written.at_ns).unwrap_or(0);
    let mut body = Vec::new();
    body.extend(written.interface.to_le_bytes());
    body.extend(((nanos >> 32) as u32).to_le_bytes());
    body.extend((nanos as u32).to_le_bytes());
    body.extend((written.bytes.len() as u32).to_le_bytes());
    body.extend(written.original_len.to_le_bytes());
    body.extend(written.bytes);
    pad(&mut body);
    if !written.comment.is_empty() {
        option(&mut body, COMMENT, written.comment.as_bytes());
    }
    let way: u32 = match written.way {
        Way::Unknown => 0,
        Way::In => 1,
        Way::Out => 2,
    };
    if way != 0 {
        option(&mut body, EPB_FLAGS, &way.to_le_bytes());
    }
    option(&mut body, END, b"");
    block(file, ENHANCED_PACKET, &body);
}

/// A block: type, total length, body, total length again.
fn block(file: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let len = (body.len() as u32 + 12).to_le_bytes();
    file.extend(kind.to_le_bytes());
    file.extend(len);
    file.extend(body);
    file.extend(len);
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = value.get(..value.len().min(1024)).unwrap_or_default();
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend(value);
    pad(body);
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const END: u16 = 0;
const COMMENT: u16 = 1;
const IF_NAME: u16 = 2;
const EPB_FLAGS: u16 = 2;
const SHB_USERAPPL: u16 = 4;
const IF_TSRESOL: u16 = 9;
