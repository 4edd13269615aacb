//! Heads of responses: what the start of one says, the whole of it says too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewitness_wire::app::http::ResponseHead;

fuzz_target!(|bytes: &[u8]| {
    let whole = ResponseHead::parse(bytes);
    let half = ResponseHead::parse(&bytes[..bytes.len() / 2]);
    match (&whole, &half) {
        (Ok(whole), Ok(half)) => {
            assert_eq!((whole.version, whole.status), (half.version, half.status));
            assert!(half.end.is_none() || half.end == whole.end);
            assert!(half.fields().zip(whole.fields()).all(|(half, whole)| half == whole));
            assert!(half.fields().count() <= whole.fields().count());
            let server = half.field("SERVER");
            assert!(server.is_none() || server == whole.field("server"));
        }
        // The digit that makes a status one too long may be the first that is missing.
        (Err(error), Ok(_)) => assert!(!error.is_short(), "{error}"),
        (Ok(_), Err(error)) => assert!(error.is_short(), "{error}"),
        (Err(_), Err(_)) => {}
    }
    match whole {
        Ok(head) => {
            assert!((100..=999).contains(&head.status));
            assert!(head.end.is_none_or(|end| end <= bytes.len()));
            assert!(head.fields().count() <= bytes.len());
        }
        Err(error) => assert!(error.offset() <= bytes.len(), "{error}"),
    }
});
