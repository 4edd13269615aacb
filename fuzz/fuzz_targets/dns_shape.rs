//! How a DNS message was written: what the start of one says, the whole of it says too, and no more is read than is there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewitness_wire::app::dns::Message;
use wirewitness_wire::app::dns::shape::Shape;

fuzz_target!(|bytes: &[u8]| {
    let shape = match Shape::read(bytes) {
        Ok(shape) => shape,
        Err(error) => return assert!(error.is_short() && bytes.len() < 12, "{error}"),
    };
    assert!(shape.read.iter().zip(shape.counts).all(|(read, count)| *read <= count));
    assert_eq!(shape.pointers + shape.spelled, shape.read[1]);
    match shape.error {
        Some(error) => assert!(error.offset() <= bytes.len(), "{error}"),
        None => assert_eq!(shape.read, shape.counts),
    }
    // A question takes five bytes at least, a record eleven.
    let [questions, records @ ..] = shape.read.map(usize::from);
    assert!(
        12 + questions * 5 + records.iter().sum::<usize>() * 11 + shape.after_end <= bytes.len()
    );
    if let Ok(half) = Shape::read(&bytes[..bytes.len() / 2]) {
        assert_eq!((half.id, half.flags, half.counts), (shape.id, shape.flags, shape.counts));
        assert!(half.read.iter().zip(shape.read).all(|(half, whole)| *half <= whole));
        assert!(half.first_ttl_secs.is_none() || half.first_ttl_secs == shape.first_ttl_secs);
    }
    if let Ok(message) = Message::read(bytes) {
        assert_eq!((message.id, Some(message.kind)), (shape.id, shape.question_kind));
    }
});
