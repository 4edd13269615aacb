//! DNS messages: what can be read can be written, and reads the same; an error is at a place of the message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewitness_wire::app::dns::{Message, Service};

fuzz_target!(|bytes: &[u8]| {
    match Message::read(bytes) {
        Ok(message) => {
            for service in message.services() {
                round_trip(&service);
            }
            // A label may hold a dot, which a name cannot say.
            if let Some(written) = message.to_bytes() {
                assert_eq!(Message::read(&written), Ok(message));
            }
        }
        Err(error) => assert!(error.offset() <= bytes.len(), "{error}"),
    }
    if let Ok(service) = Service::read(bytes) {
        round_trip(&service);
    }
});

fn round_trip(service: &Service) {
    let _ = (service.alpn().count(), service.hints().count(), service.port(), service.ech());
    let Some(written) = service.to_bytes() else { return };
    let mut sorted = service.clone();
    sorted.parameters.sort_by_key(|(key, _)| *key);
    assert_eq!(Service::read(&written), Ok(sorted));
}
