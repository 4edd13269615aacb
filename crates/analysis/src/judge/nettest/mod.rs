//! Rules for OONI's tests other than web connectivity.
//!
//! Each test has a file with its rules and a `judge` function. A test that has none is `unsupported`: never a guess.

use wirewitness_model::ooni::{Measurement, TestKeys};
use wirewitness_model::verdict::{Confidence, Status, Verdict};

use super::Context;
use super::rule::Rule;

/// Judges a measurement of a test other than web connectivity.
pub(super) fn judge(
    measurement: &Measurement<'_>,
    _keys: &TestKeys<'_>,
    _context: &Context<'_>,
) -> Verdict {
    match measurement.test_name.or_empty() {
        other => unsupported(other),
    }
}

/// Every rule of this floor.
pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    [&UNSUPPORTED].into_iter()
}

const UNSUPPORTED: Rule = Rule {
    id: "unsupported",
    version: 1,
    says: "No rule exists for this test yet, so nothing is said of it.",
    stands_on: "The name of the test.",
    cannot_tell: &["blocked from working: nothing in the file was looked at"],
    false_positives: &[],
};

fn unsupported(test_name: &str) -> Verdict {
    let name = if test_name.is_empty() { "a record without a test name" } else { test_name };
    UNSUPPORTED
        .verdict(Status::Insufficient, Confidence::Low)
        .cannot_tell(format!("anything about {name}: no rule reads it"))
        .done()
}
