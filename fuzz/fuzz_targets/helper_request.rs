//! What strangers ask a test helper: never a panic, never more than is bargained for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewitness_probe::helper::protocol::ControlRequest;

fuzz_target!(|bytes: &[u8]| {
    let Ok(request) = ControlRequest::parse(bytes) else { return };
    assert!(matches!(request.url.scheme(), "http" | "https") && request.url.has_host());
    // Nothing comes out that did not go in.
    assert!(request.addresses.len() * "[::]:1".len() <= bytes.len().max(64 * 8));
    for (at, address) in request.addresses.iter().enumerate() {
        assert!(!request.addresses[..at].contains(address));
    }
    let headers: usize = request.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    assert!(headers <= bytes.len());
});
