//! Censored Planet's scans: measurements made from afar, through public servers and resolvers.
//!
//! [`judge`] takes a row of `wirewitness_model::planet` and gives a [`Remote`]: what an archive keeps of it, and the
//! verdict. The conclusions in the files (`anomaly`, `Blocked`, `passed`) are not read. In reading order:
//!
//! - [`remote`]: what comes out.
//! - `hyperquack`: a keyword sent to a server that answers predictably.
//! - [`companions`]: the side files of a satellite scan, read first.
//! - `satellite`: a name asked of an open resolver.
//! - `fault`, `look`, `country`, `habits`: Go's errors, pages, names of countries, how a resolver answers in general.
//!
//! ```text
//! source     = Source::of(path)
//! companions = Companions::new(&fingerprints), then .feed(&row) for each row of each side file of the folder and,
//!              in a pass of its own, of the results
//! each row   -> judge(&row, &Scene { source, companions, context }) -> Option<Remote>
//! ```

pub mod companions;
mod country;
mod fault;
mod habits;
mod hyperquack;
mod look;
pub mod remote;
mod satellite;

use wirewitness_model::planet::Row;
use wirewitness_model::planet::hyperquack::Location;
use wirewitness_model::planet::source::Source;
use wirewitness_model::verdict::{Confidence, Status, Verdict};

use super::Context;
use super::rule::Rule;
use super::url::hostname;
use companions::Companions;
use remote::{Remote, cut, vantage_id};

/// What a row is judged with.
#[derive(Clone, Copy)]
pub struct Scene<'s> {
    /// What the path of its file tells.
    pub source: &'s Source,
    /// The side files of its scan.
    pub companions: &'s Companions<'s>,
    /// Fingerprints and networks.
    pub context: &'s Context<'s>,
}

/// Reads and judges one row; none for rows of side files, which measure nothing by themselves.
pub fn judge(row: &Row<'_>, scene: &Scene<'_>) -> Option<Remote> {
    match row {
        Row::Hyperquack(row) => Some(hyperquack::remote(row, scene)),
        Row::Satellite(row) => Some(satellite::remote(row, scene)),
        Row::Control(row) => Some(satellite::reference(row, scene)),
        _ => None,
    }
}

/// Every rule of this floor.
pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    [&BARE].into_iter().chain(hyperquack::RULES).chain(satellite::RULES)
}

impl Scene<'_> {
    /// What both kinds of row have.
    fn begin(&self, vantage: &str, target: &str, location: &Location<'_>) -> Remote {
        let known = self.companions.resolver(vantage);
        let country = country_of(location).or_else(|| known.and_then(|resolver| resolver.country));
        let asn = vantage.parse().ok().and_then(|address| self.context.asns.asn(address));
        Remote {
            test: "",
            started_us: None,
            country,
            asn,
            network_name: None,
            vantage: cut(vantage),
            vantage_id: vantage_id(vantage),
            target: cut(target),
            domain: domain(target),
            is_control: known.is_some_and(|resolver| resolver.is_control),
            steps: Vec::new(),
            steps_left_out: 0,
            verdict: bare("observation"),
        }
    }
}

/// The country by its letters or, where those are missing, by its name.
fn country_of(location: &Location<'_>) -> Option<[u8; 2]> {
    let code = location.country_code.as_str().and_then(country::letters);
    code.or_else(|| country::code(location.country_name.as_str()?))
}

/// The letters as text.
fn letters_text(country: Option<[u8; 2]>) -> Option<String> {
    country.map(|letters| letters.iter().copied().map(char::from).collect())
}

/// The host name in a target, in lower case, without the dot at its end.
fn domain(target: &str) -> String {
    cut(hostname(target.trim()).trim_end_matches('.')).to_ascii_lowercase()
}

const BARE: Rule = Rule {
    id: "planet.bare",
    version: 1,
    says: "The row holds no trial and no lookup of its target.",
    stands_on: "Lists that are missing or empty.",
    cannot_tell: &["a scan that did not measure from a row that lost what it measured"],
    false_positives: &[],
};

fn bare(missing: &str) -> Verdict {
    BARE.verdict(Status::Insufficient, Confidence::Low)
        .cannot_tell(format!("anything: there is no {missing}"))
        .done()
}
