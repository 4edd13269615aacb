//! TLS hellos: an error is at a place of the message, and a stream that is cut is waited for or gives the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewitness_wire::app::tls::{ClientHello, handshake_message};

const LIMIT: usize = 16 * 1024;

fuzz_target!(|bytes: &[u8]| {
    look(bytes);
    let whole = handshake_message(bytes, LIMIT);
    if let Ok(Some(message)) = &whole {
        look(message);
    }
    let half = handshake_message(&bytes[..bytes.len() / 2], LIMIT);
    if let Ok(Some(message)) = half {
        assert_eq!(whole, Ok(Some(message)));
    }
});

fn look(message: &[u8]) {
    match ClientHello::parse(message) {
        Ok(hello) => {
            let _ = (hello.server_name(), hello.has_encrypted_hello());
            let _ = (hello.cipher_suites().count(), hello.supported_versions().count());
            assert!(hello.alpn().count() <= message.len());
            for extension in hello.extensions() {
                if let Err(error) = extension {
                    assert!(error.offset() <= message.len(), "{error}");
                }
            }
        }
        Err(error) => assert!(error.offset() <= message.len(), "{error}"),
    }
}
