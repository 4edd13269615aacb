//! Any measurement that can be read can be condensed, is judged as before, and is left alone the second time.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use wirewitness_analysis::condense::{Unread, condense, scrub};
use wirewitness_analysis::fingerprints::Fingerprints;
use wirewitness_analysis::judge::{Context, judge};
use wirewitness_model::document::has_lone_surrogate;
use wirewitness_model::ooni::Measurement;

static SHIPPED: LazyLock<Fingerprints> = LazyLock::new(Fingerprints::shipped);

fuzz_target!(|text: &str| {
    // Whoever reads files mends these first.
    if has_lone_surrogate(text) {
        return;
    }
    let context = Context::new(&SHIPPED);
    let unread = Unread::condense(text, &context);
    let unread = unread.as_ref().and_then(Unread::read);
    let Ok(measurement) = Measurement::from_json(text) else { return };
    if let Some((short, kept)) = &unread {
        assert_eq!(judge(&measurement, &context), judge(kept, &context), "{short}");
    }
    let scrubbed = scrub(text, &measurement);
    let text = scrubbed.as_deref().unwrap_or(text);
    let measurement = Measurement::from_json(text).expect("scrubbing leaves JSON");
    let short = condense(text, &measurement, &context).expect("a measurement is JSON");
    let kept = Measurement::from_json(&short).expect("condensing leaves JSON");
    assert_eq!(judge(&measurement, &context), judge(&kept, &context), "{short}");
    assert_eq!(condense(&short, &kept, &context).expect("JSON again"), short);
});
