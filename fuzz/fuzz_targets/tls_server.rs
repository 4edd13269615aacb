//! A server's TLS stream and certificates: total; a longer stream only adds items.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewitness_wire::app::tls_server::{Item, ServerHello, certificates, kind, messages};
use wirewitness_wire::app::x509::Certificate;

fuzz_target!(|bytes: &[u8]| {
    let items: Vec<_> = messages(bytes).collect();
    assert!(items.len() <= bytes.len() / 2 + 1);
    let cut: Vec<_> = messages(&bytes[..bytes.len() / 2]).collect();
    assert!(items.starts_with(&cut));
    for item in items {
        match item {
            Ok(Item::Message { kind: kind::SERVER_HELLO, bytes }) => look(&bytes),
            Ok(Item::Message { bytes, .. }) => {
                for certificate in certificates(&bytes).flatten() {
                    let _ = Certificate::read(certificate).map(|it| it.dns_names().count());
                }
            }
            Ok(_) => {}
            Err(error) => assert!(error.offset() <= bytes.len(), "{error}"),
        }
    }
    look(bytes);
    let _ = Certificate::read(bytes).map(|it| it.dns_names().count());
});

fn look(message: &[u8]) {
    match ServerHello::parse(message) {
        Ok(hello) => {
            let _ = (hello.version(), hello.alpn(), hello.is_retry(), hello.extensions().count());
        }
        Err(error) => assert!(error.offset() <= message.len(), "{error}"),
    }
}
