//! Google's QUIC: datagrams of any bytes, and the same behind a head of Q043 and of Q046.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewitness_wire::app::quic::google::{server_name, version};

fuzz_target!(|bytes: &[u8]| {
    look(bytes);
    // Flags, a connection id of eight bytes, the version; and a long header without ids.
    look(&[&[0x09, 1, 2, 3, 4, 5, 6, 7, 8][..], b"Q043", bytes].concat());
    look(&[&[0xc3][..], b"Q046", &[0], bytes].concat());
});

fn look(datagram: &[u8]) {
    let name = server_name(datagram);
    match version(datagram) {
        Some(version) => assert_eq!(version.to_be_bytes()[..2], *b"Q0"),
        None => assert_eq!(name, None),
    }
    let Some(name) = name else { return };
    assert!(name.len() <= datagram.len());
    if let std::borrow::Cow::Borrowed(name) = &name {
        assert!(name.is_empty() || datagram.windows(name.len()).any(|part| part == *name));
        // What comes behind the hello changes nothing.
        let longer = [datagram, b"more"].concat();
        assert_eq!(server_name(&longer).as_deref(), Some(*name));
    }
}
