//! The judge: a measurement in, a verdict out.
//!
//! [`judge`] gives two answers side by side: [`ooni`]'s own keys, exactly as its engine would set them, and our verdict
//! with mechanism, locus, rule, evidence and what it cannot tell apart. Neither reads the conclusions that the
//! probe wrote into the file. In reading order:
//!
//! - [`rule`]: what a rule is; [`rules`] lists all of them.
//! - `web`: the rules for web connectivity, of every age.
//! - `nettest`: the rules for OONI's other tests.
//! - [`planet`]: Censored Planet's scans, and their rules.
//! - [`captured`]: the rules for what is found in captures.
//! - [`handbook`]: the rules and words as Markdown, for `docs/`.
//! - [`ooni`]: OONI's fourteen keys.
//! - [`address`], [`title`]: bogons and networks; titles of pages.
//! - `body`: what is asked of a body, which may be a digest.

pub mod address;
pub(crate) mod body;
pub mod captured;
mod certificate;
pub mod handbook;
mod nettest;
pub mod ooni;
pub mod planet;
pub mod rule;
pub mod title;
mod url;
mod web;

use wirewitness_model::ooni::Measurement;
use wirewitness_model::verdict::{Confidence, Status, Verdict};

use crate::fingerprints::Fingerprints;
use address::{AsnTable, Asns, NoTable};
use ooni::OoniKeys;
use rule::Rule;

/// What the judge may look at beside the measurement.
pub struct Context<'c> {
    /// Networks of addresses, beyond those that the file itself gives.
    pub asns: &'c dyn AsnTable,
    /// Known block pages and injectors.
    pub fingerprints: &'c Fingerprints,
}

impl<'c> Context<'c> {
    /// A context with these fingerprints and no outside table of networks.
    pub fn new(fingerprints: &'c Fingerprints) -> Self {
        Self { asns: &NoTable, fingerprints }
    }
}

/// The two answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement<'m> {
    /// OONI's keys; none for tests other than web connectivity, and for one without test keys.
    pub ooni: Option<OoniKeys<'m>>,
    /// Our verdict.
    pub verdict: Verdict,
}

/// Judges one measurement.
pub fn judge<'m>(measurement: &'m Measurement<'_>, context: &Context<'m>) -> Judgement<'m> {
    let Some(keys) = &measurement.test_keys else {
        return Judgement { ooni: None, verdict: no_test_keys(measurement) };
    };
    if measurement.test_name.or_empty() != "web_connectivity" {
        return Judgement { ooni: None, verdict: nettest::judge(measurement, keys, context) };
    }
    let asns = Asns::of(keys, context.asns);
    let ooni = ooni::keys(keys, &asns);
    let verdict = web::judge(measurement, keys, &asns, context);
    Judgement { ooni: Some(ooni), verdict }
}

/// What is said of each function of an application, in the order of its description: name and verdict. None where the
/// measurement is of no application, or does not say what the application's functions are, as OONI's own do not.
pub fn functions(measurement: &Measurement<'_>) -> Vec<(String, Verdict)> {
    let keys = measurement.test_keys.as_ref();
    keys.map(|keys| nettest::functions(measurement, keys)).unwrap_or_default()
}

/// Every rule, in the order of the documentation.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    [&NO_TEST_KEYS]
        .into_iter()
        .chain(web::rules())
        .chain(nettest::rules())
        .chain(planet::rules())
        .chain(captured::RULES)
}

const NO_TEST_KEYS: Rule = Rule {
    id: "unsupported.empty",
    version: 1,
    says: "The record holds no observations, so there is nothing to judge.",
    stands_on: "`test_keys` is missing, null or not an object.",
    cannot_tell: &[
        "a probe that failed before it measured",
        "a record that lost its observations on the way",
    ],
    false_positives: &[],
};

fn no_test_keys(measurement: &Measurement<'_>) -> Verdict {
    let name = measurement.test_name.as_str().unwrap_or("no test name");
    NO_TEST_KEYS
        .verdict(Status::Insufficient, Confidence::Low)
        .cannot_tell(format!("what {name} would have found"))
        .done()
}
