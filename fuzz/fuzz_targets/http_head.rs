//! Heads of requests: what the start of one says, the whole of it says too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewitness_wire::app::http::RequestHead;

fuzz_target!(|bytes: &[u8]| {
    let whole = RequestHead::parse(bytes);
    let half = RequestHead::parse(&bytes[..bytes.len() / 2]);
    match (&whole, &half) {
        (Ok(whole), Ok(half)) => {
            assert_eq!(whole.method, half.method);
            assert!(half.host().is_none() || half.host() == whole.host());
            assert!(half.end.is_none() || half.end == whole.end);
        }
        (Err(error), Ok(_)) => panic!("the start is one, and the whole not: {error}"),
        (Ok(_), Err(error)) => assert!(error.is_short(), "{error}"),
        (Err(_), Err(_)) => {}
    }
    if let Ok(head) = whole {
        assert!(head.end.is_none_or(|end| end <= bytes.len()));
        assert!(head.fields().count() <= bytes.len());
    }
});
