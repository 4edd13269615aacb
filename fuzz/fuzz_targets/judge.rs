//! Any measurement that can be read can be judged: no panic, evidence that points into the file, and a verdict that keeps
//! its promises.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use wirewitness_analysis::fingerprints::Fingerprints;
use wirewitness_analysis::judge::{Context, judge};
use wirewitness_model::ooni::Measurement;
use wirewitness_model::verdict::{Confidence, Status};

static SHIPPED: LazyLock<Fingerprints> = LazyLock::new(Fingerprints::shipped);

fuzz_target!(|text: &str| {
    let Ok(measurement) = Measurement::from_json(text) else { return };
    let judgement = judge(&measurement, &Context::new(&SHIPPED));
    let verdict = &judgement.verdict;
    assert!(
        verdict.status != Status::Blocked || verdict.confidence != Confidence::Low,
        "{verdict:?}"
    );
    assert!(verdict.status != Status::Blocked || verdict.mechanism.is_some(), "{verdict:?}");
    assert!(verdict.evidence.len() <= 64, "{} pieces of evidence", verdict.evidence.len());
    assert!(serde_json::to_string(&judgement.ooni).is_ok());
    assert_eq!(judgement, judge(&measurement, &Context::new(&SHIPPED)));
});
