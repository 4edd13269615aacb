//! An attribution as it is told: the shape of its JSON, without anything that betrays an address.
//!
//! Identification, window and time to live of forged packets, addresses of forged answers and texts of pages are withheld; what is derived from
//! them (a key, how many packets fit, hops) is told. Times are cut to the hour. Addresses in free text are taken out.

mod apart;
mod family;
mod scrub;

use std::collections::BTreeMap;

use serde::Serialize;

pub use apart::Apart;
use apart::apart;
use family::family;
pub use scrub::without_addresses;

use super::arithmetic::seed::SeedKey;
use super::arithmetic::trace::{Mode, Place};
use super::arithmetic::trials::Counts;
use super::battery::{Battery, Behaviour};
use super::evidence::{Evidence, Value, What};
use super::ladder::{Attribution, CLASS_RATIO, Rung, attribute};
use super::likelihood::DRIFT;
use super::profile::schema::Family;
use super::profile::{Catalogue, Claim, Grade};
use super::score::{CAP, PRIOR};

/// An attribution as it is told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Name of what was measured.
    pub event: String,
    /// What the file says it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Network of the vantage; no part of any score.
    pub asn: Option<String>,
    /// Network behind it; no part of any score.
    pub upstream: Option<String>,
    /// First and last hour.
    pub window: Option<[String; 2]>,
    /// Family by family.
    pub families: Vec<FamilyReport>,
    /// Devices, the best first.
    pub candidates: Vec<CandidateReport>,
    /// Grounds for "TSG code lineage"; empty without.
    pub tsg_lineage: Vec<String>,
    /// Devices on the path, at least.
    pub devices_at_least: usize,
    /// Where it happened.
    pub location: Option<LocationReport>,
    /// What documents say of the candidates: an axis of its own.
    pub documentary: Vec<Documented>,
    /// What would tell the remaining candidates apart.
    pub apart: Vec<Apart>,
    /// What else can explain it.
    pub alternatives: Vec<String>,
    /// The same battery on a path without a censor, if it was run.
    pub null_run: Option<Counts>,
    /// The profiles that were compared.
    pub catalogue: CatalogueReport,
    /// The numbers of the rules.
    pub thresholds: Thresholds,
    /// The verdict in words.
    pub verdict: String,
}

/// One family.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FamilyReport {
    /// Which.
    pub family: Family,
    /// How the block shows itself.
    pub behaviour: Option<Behaviour>,
    /// Cells that were tested.
    pub n_vec: usize,
    /// Cells that are decided.
    pub decided: usize,
    /// Decided cells that tell devices apart.
    pub informative: usize,
    /// Nearly everything is censored.
    pub saturated: bool,
    /// Why nothing follows, if so.
    pub void: Option<String>,
    /// Hypotheses, the most probable first; those under 0.005 are left out.
    pub ranked: Vec<RankedReport>,
    /// Logarithm of the ratio of the best device over the next best hypothesis.
    pub ln_lr_next: Option<f64>,
    /// Cells that refute a device.
    pub contradictions: BTreeMap<String, Vec<&'static str>>,
    /// How many refute TSG; null where nothing of it is known in this family.
    #[serde(rename = "contradictions_vs_TSG")]
    pub contradictions_vs_tsg: Option<usize>,
    /// Devices that do other things than what was seen.
    pub excluded: Vec<String>,
    /// Devices of which nothing is known in this family.
    pub unmeasured: Vec<String>,
    /// Devices that could stand beside the first without showing.
    pub hidden: Vec<String>,
    /// Cell by cell.
    pub cells: Vec<CellReport>,
    /// What else is to be said.
    pub notes: Vec<String>,
    /// The verdict of this family.
    pub verdict: String,
}

/// A hypothesis.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RankedReport {
    /// A device, two, `UNKNOWN` or `NONE`.
    pub id: String,
    /// Its probability in this family.
    pub post: f64,
    /// Logarithm of its ratio over UNKNOWN.
    pub ln_lr: f64,
    /// The configuration that explains it best.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration: Option<String>,
    /// Dates of its cells, first and last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dates: Option<[String; 2]>,
}

/// One probe or property.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CellReport {
    /// The cell of the profiles.
    pub cell: &'static str,
    /// The probe.
    pub probe: String,
    /// What was seen, in a word.
    pub seen: String,
    /// Trials in which it was blocked, of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// Wilson's interval of the share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wilson: Option<[f64; 2]>,
    /// What each device predicts.
    pub predicted: BTreeMap<String, Predicted>,
}

/// What a device predicts of a cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Predicted {
    /// In a word.
    pub is: String,
    /// Whether it is what was seen; null where that is not decided.
    pub fits: Option<bool>,
}

/// A device over all families.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CandidateReport {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What may be said, in words.
    pub says: String,
    /// Families that it explains.
    pub families: Vec<Family>,
    /// Logarithm of its ratio over UNKNOWN.
    pub ln_lr: f64,
    /// The same over the next best.
    pub ln_lr_next: f64,
    /// What contradicts it.
    pub contradictions: Vec<String>,
}

/// Where it happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LocationReport {
    /// Hops to where it begins, if traces agree.
    pub onset_hop: Option<u8>,
    /// `in_path`, `on_path` or `unknown`.
    pub mode: &'static str,
    /// Fewest and most hops from the device, by the arithmetic of its resets.
    pub injector_hops: Option<(u8, u8)>,
    /// Never told: it follows from a person's address.
    pub inside_cgnat: &'static str,
}

/// What a document says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Documented {
    /// The device that it is about; null for claims of the battery's file.
    pub device: Option<String>,
    /// What it says.
    pub claim: String,
    /// How good it is.
    pub grade: Grade,
    /// Who says it.
    pub src: String,
    /// When.
    pub date: String,
}

/// The profiles that were compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CatalogueReport {
    /// SHA-256 of them.
    pub sha256: String,
    /// How many.
    pub devices: usize,
}

/// The numbers of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Thresholds {
    /// Share of hits from which a probe is censored.
    pub censored: f64,
    /// Share up to which it is not.
    pub bypass: f64,
    /// Share of cells that are expected to differ.
    pub drift: f64,
    /// The most one family can bring.
    pub cap: f64,
    /// Ratio over the next best for "same device class".
    pub class_ratio: f64,
    /// Priors of one device and of two.
    pub prior: [f64; 2],
}

/// Scores a battery and tells it.
pub fn report(battery: &Battery, evidence: &[Evidence], catalogue: &Catalogue) -> Report {
    let attribution = attribute(evidence, catalogue);
    let text = |it: &Option<String>| it.as_deref().map(without_addresses);
    Report {
        event: without_addresses(&battery.event),
        about: text(&battery.about),
        asn: text(&battery.asn),
        upstream: text(&battery.upstream),
        window: battery.window.as_ref().map(|it| it.clone().map(|it| to_the_hour(&it))),
        families: attribution.families.iter().map(|it| family(it, catalogue)).collect(),
        candidates: candidates(&attribution, catalogue),
        tsg_lineage: attribution.lineage.clone(),
        devices_at_least: attribution.devices_at_least,
        location: location(battery, evidence),
        documentary: documentary(battery, &attribution, catalogue),
        apart: apart(&attribution, catalogue),
        alternatives: alternatives(battery, &attribution),
        null_run: battery.null_run,
        catalogue: CatalogueReport {
            sha256: catalogue.hash().to_owned(),
            devices: catalogue.profiles().len(),
        },
        thresholds: Thresholds {
            censored: 2.0 / 3.0,
            bypass: 0.1,
            drift: DRIFT,
            cap: CAP,
            class_ratio: CLASS_RATIO,
            prior: PRIOR,
        },
        verdict: attribution.verdict(),
    }
}

/// `2026-01-01T05` of `2026-01-01T05:23:11Z`.
fn to_the_hour(text: &str) -> String {
    without_addresses(&text.chars().take("2026-01-01T05".len()).collect::<String>())
}

fn rounded(number: f64) -> f64 {
    // Nothing is minus nothing.
    (number * 1e4).round() / 1e4 + 0.0
}

fn candidates(attribution: &Attribution<'_>, catalogue: &Catalogue) -> Vec<CandidateReport> {
    let one = |it: &super::ladder::Candidate| CandidateReport {
        id: it.id.clone(),
        name: catalogue.profile(&it.id).map_or_else(String::new, |it| it.name.clone()),
        says: it.rung.words(&it.id),
        families: it.families.clone(),
        ln_lr: rounded(it.ln_lr),
        ln_lr_next: rounded(it.ln_lr_next),
        contradictions: it
            .contradictions
            .iter()
            .map(|(family, cell)| format!("{family} {cell}"))
            .collect(),
    };
    attribution.candidates.iter().map(one).collect()
}

fn location(battery: &Battery, evidence: &[Evidence]) -> Option<LocationReport> {
    let hops = evidence.iter().flat_map(|it| &it.seen).find_map(|seen| match &seen.what {
        What::Value(Value::SeedKey(SeedKey::Stable(found))) => found.hops,
        _ => None,
    });
    let traces = battery.location.as_ref().map_or(&[][..], |it| &it.traces);
    if traces.is_empty() && hops.is_none() {
        return None;
    }
    let mut places = traces.iter().map(|it| it.place());
    let first = places.next();
    let place = first.filter(|first| places.all(|it| it == *first));
    let mut modes = traces.iter().map(|it| it.mode());
    let first = modes.next();
    let mode = first.filter(|first| modes.all(|it| it == *first)).unwrap_or(Mode::Unknown);
    Some(LocationReport {
        onset_hop: match place {
            Some(Place::InNetwork(hop) | Place::CopiesLife(hop)) => Some(hop),
            _ => None,
        },
        mode: mode.word(),
        injector_hops: hops,
        inside_cgnat: "withheld",
    })
}

fn documentary(
    battery: &Battery,
    attribution: &Attribution<'_>,
    catalogue: &Catalogue,
) -> Vec<Documented> {
    let told = |device: Option<&str>, it: &Claim| Documented {
        device: device.map(str::to_owned),
        claim: without_addresses(&it.claim),
        grade: it.grade,
        src: without_addresses(&it.src),
        date: without_addresses(&it.date),
    };
    let mut all: Vec<Documented> = battery.documentary.iter().map(|it| told(None, it)).collect();
    // Of devices that the packets refute, documents would only mislead.
    for it in attribution.candidates.iter().filter(|it| it.rung != Rung::Contradicted) {
        let claims = catalogue.profile(&it.id).map_or(&[][..], |it| &it.documentary);
        all.extend(claims.iter().map(|claim| told(Some(&it.id), claim)));
    }
    all
}

fn alternatives(battery: &Battery, attribution: &Attribution<'_>) -> Vec<String> {
    let has = |families: &[Family]| {
        attribution.families.iter().any(|it| families.contains(&it.evidence.family))
    };
    let drops = attribution
        .families
        .iter()
        .any(|it| it.evidence.behaviour.is_some_and(|behaviour| behaviour.kind() == "drop"));
    let traces = battery.location.as_ref().map_or(&[][..], |it| &it.traces);
    let ends_there = traces.is_empty() || traces.iter().any(|it| it.place() == Place::AtTheEnd);
    let mut all =
        vec!["another version or set-up of a device than the one that was measured".to_owned()];
    let mut add = |applies: bool, words: &str| {
        if applies {
            all.push(words.to_owned());
        }
    };
    add(
        has(&[Family::TlsParser, Family::QuicParser, Family::DnsParser, Family::IpFragments]),
        "several devices on the path: what any of them censors is censored, and a strict one hides the others",
    );
    add(
        has(&[Family::IpFragments, Family::RstPrng]),
        "address translation: it joins fragments, and hides the addresses that a key is made from",
    );
    add(ends_there, "a firewall at the far end: no trace says that it happened before it");
    add(ends_there, "a site or CDN that refuses this country, unless the far end is one's own");
    add(drops, "a CDN that lets handshakes with some names time out");
    add(
        battery.null_run.is_none(),
        "a fault of the battery: it was not run on a path without a censor",
    );
    add(
        battery.null_run.is_some_and(|it| it.hits > 0),
        "a fault of the battery: probes failed on the path without a censor too",
    );
    all
}
