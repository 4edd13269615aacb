//! DNS over TCP: every byte of a stream is in a message, a length or the rest; a longer stream only adds messages.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewitness_wire::app::dns::Message;
use wirewitness_wire::app::dns::tcp::messages;

fuzz_target!(|bytes: &[u8]| {
    let mut read = messages(bytes);
    let whole: Vec<&[u8]> = read.by_ref().collect();
    let mut again = Vec::new();
    for message in &whole {
        again.extend(u16::try_from(message.len()).expect("a length of two bytes").to_be_bytes());
        again.extend(*message);
        if let Err(error) = Message::read(message) {
            assert!(error.offset() <= message.len(), "{error}");
        }
    }
    again.extend(read.rest());
    assert_eq!(again, bytes);
    assert_eq!(messages(read.rest()).next(), None);
    let half: Vec<&[u8]> = messages(&bytes[..bytes.len() / 2]).collect();
    assert!(whole.starts_with(&half));
});
