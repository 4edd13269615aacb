//! The hello of Google's QUIC before TLS, in the clear ("QUIC Wire Layout Specification" and "QUIC Crypto", Chromium 2016).

/// A first datagram of version `Q0xx` that asks for `name`, and carries the mark as its nonce.
pub(super) fn datagram(version: u32, name: &str, mark: [u8; 32]) -> Vec<u8> {
    let label = format!("Q{version:03}");
    let mut bytes = head(version, &label, &mark);
    let (head_len, hello) = (bytes.len(), hello(name, &label, &mark));
    let mut frames = Vec::new();
    // STREAM frame: data length follows, no offset, stream id of one byte; the stream of the handshake.
    frames.extend([0xa0, 1]);
    let len = hello.len() as u16;
    // Numbers turned round with Q039.
    frames.extend(if version < 39 { len.to_le_bytes() } else { len.to_be_bytes() });
    frames.extend(hello);
    frames.resize(WHOLE.saturating_sub(head_len + HASH), 0);
    let hash = null_hash(&bytes, &frames);
    bytes.extend(hash);
    bytes.extend(frames);
    bytes
}

/// Up to Q043 the public header; from Q044 on a long one, with the fixed bit from Q046 on.
fn head(version: u32, label: &str, mark: &[u8; 32]) -> Vec<u8> {
    let id = mark.iter().copied().take(8);
    let mut bytes = Vec::with_capacity(WHOLE);
    match version {
        ..44 => {
            bytes.push(0x09);
            bytes.extend(id);
            bytes.extend(label.as_bytes());
            bytes.push(1);
        }
        _ => {
            bytes.push(if version < 46 { 0xff } else { 0xc3 });
            bytes.extend(label.as_bytes());
            bytes.push(0x50);
            bytes.extend(id);
            bytes.extend([0, 0, 0, 1]);
        }
    }
    bytes
}

/// `CHLO`: how many values, then tags in order, each with the end of its value, then the values.
fn hello(name: &str, label: &str, mark: &[u8; 32]) -> Vec<u8> {
    let padding = vec![b'-'; 900_usize.saturating_sub(name.len())];
    let values: [(&[u8; 4], &[u8]); 4] = [
        (b"PAD\0", &padding),
        (b"SNI\0", name.as_bytes()),
        (b"VER\0", label.as_bytes()),
        (b"NONC", mark),
    ];
    let mut bytes = b"CHLO".to_vec();
    bytes.extend((values.len() as u16).to_le_bytes());
    bytes.extend([0, 0]);
    let mut end = 0_u32;
    for (tag, value) in values {
        end += value.len() as u32;
        bytes.extend(tag);
        bytes.extend(end.to_le_bytes());
    }
    values.iter().for_each(|(_, value)| bytes.extend(*value));
    bytes
}

/// What stands where later versions have a seal: twelve bytes of FNV-1a of 128 bits over header, frames and whose they are.
fn null_hash(head: &[u8], frames: &[u8]) -> [u8; HASH] {
    let all = head.iter().chain(frames).chain(b"Client");
    let hash = all.fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128, |hash, byte| {
        (hash ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    });
    let mut bytes = [0; HASH];
    bytes.iter_mut().zip(hash.to_le_bytes()).for_each(|(to, from)| *to = from);
    bytes
}

const WHOLE: usize = 1_200;
const HASH: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;
    use wirewitness_wire::app::quic::google;

    #[test]
    fn a_reader_of_googles_quic_finds_version_and_name() {
        for version in [23, 39, 43, 44, 45, 46, 49] {
            let bytes = datagram(version, "blocked.example", [5; 32]);
            assert_eq!(bytes.len(), WHOLE);
            let read = google::version(&bytes).map(u32::to_be_bytes);
            assert_eq!(read, Some(*format!("Q{version:03}").as_bytes().first_chunk().unwrap()));
            assert_eq!(google::server_name(&bytes).as_deref(), Some(b"blocked.example".as_slice()));
        }
    }
}
