//! Rules for web connectivity.

use wirewitness_model::ooni::{Measurement, TestKeys};
use wirewitness_model::verdict::{Confidence, Status, Verdict};

use super::Context;
use super::address::Asns;
use super::rule::Rule;

/// Judges a web connectivity measurement.
pub(super) fn judge<'m>(
    _measurement: &'m Measurement<'_>,
    _keys: &'m TestKeys<'_>,
    _asns: &Asns<'m>,
    _context: &Context<'m>,
) -> Verdict {
    NOTHING.verdict(Status::Insufficient, Confidence::Low).done()
}

/// Every rule of this floor, in the order in which they are tried.
pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    [&NOTHING].into_iter()
}

const NOTHING: Rule = Rule {
    id: "web.nothing",
    version: 1,
    says: "No step of the measurement allows a conclusion.",
    stands_on: "Every step, and that no other rule applied.",
    cannot_tell: &["blocked, down and ok"],
    false_positives: &[],
};
