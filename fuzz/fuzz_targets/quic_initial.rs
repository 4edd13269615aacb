//! QUIC: datagrams of any bytes; and what would be in an Initial packet, as frames and as parts of a stream.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewitness_wire::app::quic::{ClientFlight, CryptoStream, Frame, frames, packets};

fuzz_target!(|bytes: &[u8]| {
    let mut len = 0;
    for packet in packets(bytes) {
        match packet {
            Ok(packet) => len += packet.bytes.len(),
            Err(error) => assert!(error.offset() <= bytes.len(), "{error}"),
        }
    }
    assert!(len <= bytes.len());
    let mut flight = ClientFlight::default();
    flight.take_in(bytes);
    flight.take_in(bytes);
    let _ = flight.client_hello().map(|hello| hello.server_name());

    let mut stream = CryptoStream::default();
    for frame in frames(bytes) {
        match frame {
            Ok(Frame::Crypto { offset, data }) => {
                let before = stream.bytes().to_vec();
                stream.put(offset, data);
                assert!(stream.bytes().starts_with(&before), "what came first stays");
            }
            Ok(_) => {}
            Err(error) => assert!(error.offset() <= bytes.len(), "{error}"),
        }
    }
    assert!(stream.bytes().len() <= CryptoStream::LIMIT);
});
