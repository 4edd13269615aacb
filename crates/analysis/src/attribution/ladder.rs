//! All families together: what may be said of each device, by rules and in words.
//!
//! The rungs, from the top: "same device class as X" (two families or more that tell devices apart, a ratio over the next best above
//! 100, nothing that contradicts), "consistent with X (not exclusive)" (one family or more, nothing that contradicts), "inconclusive",
//! "contradicts X". A name of a maker comes from the code of a device alone (see [`lineage`]), never from a country or a document.

use std::collections::BTreeMap;

use super::arithmetic::seed::{By, ENOUGH, K, SeedKey};
use super::arithmetic::trials::State;
use super::battery::{Behaviour, Controls};
use super::evidence::{Evidence, Value, What};
use super::profile::schema::Family;
use super::profile::{Catalogue, Prediction, Profile};
use super::score::{FamilyScore, TSG, Who, score};

/// A ratio over the next best from which a device is called of one class.
pub const CLASS_RATIO: f64 = 100.0;
/// Families that it takes for that.
pub const CLASS_FAMILIES: usize = 2;

/// What may be said of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rung {
    /// Same device class as this.
    SameClass,
    /// Consistent with this, and perhaps with others.
    Consistent,
    /// Neither for nor against.
    Inconclusive,
    /// Something that this device would have blocked got through.
    Contradicted,
}

impl Rung {
    /// In words.
    pub fn words(self, id: &str) -> String {
        match self {
            Self::SameClass => format!("same device class as {id}"),
            Self::Consistent => format!("consistent with {id} (not exclusive)"),
            Self::Inconclusive => "inconclusive".to_owned(),
            Self::Contradicted => format!("contradicts {id}"),
        }
    }
}

/// A device, and what may be said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Its id.
    pub id: String,
    /// What may be said.
    pub rung: Rung,
    /// Families that tell devices apart and that it explains.
    pub families: Vec<Family>,
    /// How many of them stand on trials with controls.
    pub whole: usize,
    /// Logarithm of its ratio over a device of which nothing is known, over all families that tell devices apart.
    pub ln_lr: f64,
    /// The same over the next best.
    pub ln_lr_next: f64,
    /// What contradicts it: family and cell.
    pub contradictions: Vec<(Family, &'static str)>,
}

/// What a battery comes to.
#[derive(Debug, Clone)]
pub struct Attribution<'e> {
    /// Family by family.
    pub families: Vec<FamilyScore<'e>>,
    /// Devices of which a family knows something, the best first.
    pub candidates: Vec<Candidate>,
    /// Grounds on which the code is of the lineage of TSG; none without.
    pub lineage: Vec<String>,
    /// A censored request was blocked in two thirds of the trials or more, and its harmless twin was not.
    pub blocking: bool,
    /// Something forged was seen, without trials or controls.
    pub forged: bool,
    /// Devices that there must be at least: one device does not both reset and drop one name.
    pub devices_at_least: usize,
}

/// Scores all evidence of a battery.
pub fn attribute<'e>(evidence: &'e [Evidence], catalogue: &Catalogue) -> Attribution<'e> {
    let families: Vec<FamilyScore<'e>> = evidence.iter().map(|it| score(it, catalogue)).collect();
    Attribution {
        candidates: candidates(&families, catalogue),
        lineage: lineage(&families, catalogue),
        blocking: evidence.iter().any(is_blocking),
        forged: evidence.iter().any(|it| it.is_partial && it.forged > 0),
        devices_at_least: devices_at_least(evidence),
        families,
    }
}

impl Attribution<'_> {
    /// The verdict, in words.
    pub fn verdict(&self) -> String {
        let of = |rung| {
            let ids = self.candidates.iter().filter(move |it| it.rung == rung);
            ids.map(|it| it.id.as_str()).collect::<Vec<_>>()
        };
        if let [id, ..] = of(Rung::SameClass).as_slice() {
            return Rung::SameClass.words(id);
        }
        let consistent = of(Rung::Consistent);
        if !consistent.is_empty() {
            return Rung::Consistent.words(&consistent.join(", "));
        }
        if self.blocking {
            "blocking confirmed; vendor not attributable from packets".to_owned()
        } else if self.forged {
            "forged packets or pages seen; vendor not attributable from packets".to_owned()
        } else if !self.families.is_empty() && self.families.iter().all(is_quiet) {
            "no interference observed".to_owned()
        } else {
            "inconclusive".to_owned()
        }
    }

    /// Devices that remain: those of the two upper rungs, otherwise those that something speaks for and nothing against; four at most.
    pub fn remaining(&self) -> Vec<&str> {
        let upper = self.candidates.iter().filter(|it| it.rung <= Rung::Consistent);
        let mut ids: Vec<&str> = upper.map(|it| it.id.as_str()).collect();
        if ids.len() < 2 {
            let open = self.candidates.iter().filter(|it| it.rung == Rung::Inconclusive);
            let spoken_for = |id: &str| {
                self.families.iter().any(|family| family.of(id).is_some_and(|it| it.ln_lr > 0.0))
            };
            ids.extend(open.map(|it| it.id.as_str()).filter(|id| spoken_for(id)));
        }
        ids.truncate(4);
        ids
    }
}

/// Nothing happened: nobody explains the family best, or it has no cell since the censored request passed as the harmless one did.
fn is_quiet(family: &FamilyScore<'_>) -> bool {
    let passed =
        |it: Controls| it.positive.state() == State::Bypass && it.baseline.state() == State::Bypass;
    family.ranked.first().is_some_and(|it| it.who == Who::None)
        || family.rows.is_empty() && family.evidence.controls.is_some_and(passed)
}

fn is_blocking(evidence: &Evidence) -> bool {
    evidence.controls.is_some_and(|controls| {
        controls.positive.state() == State::Censored && controls.baseline.state() == State::Bypass
    })
}

fn devices_at_least(evidence: &[Evidence]) -> usize {
    let tcp = evidence.iter().filter(|it| it.family.is_of_tcp() && is_blocking(it));
    let mut kinds: Vec<&str> = tcp.filter_map(|it| it.behaviour.map(Behaviour::kind)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let any = |it: &Evidence| is_blocking(it) || it.is_partial && it.forged > 0;
    kinds.len().max(usize::from(evidence.iter().any(any)))
}

/// What one device has in one family.
#[derive(Debug, Clone, Copy)]
struct Standing {
    family: Family,
    /// Over UNKNOWN; 0 where the family tells nothing.
    ln_lr: f64,
    explains: bool,
    is_partial: bool,
}

fn candidates(families: &[FamilyScore<'_>], catalogue: &Catalogue) -> Vec<Candidate> {
    let mut found: Vec<Candidate> =
        catalogue.profiles().iter().filter_map(|it| candidate(it, families)).collect();
    let sums: Vec<f64> = found.iter().map(|it| it.ln_lr).collect();
    for (number, it) in found.iter_mut().enumerate() {
        let others = sums.iter().enumerate().filter(|(other, _)| *other != number);
        let next = others.map(|(_, sum)| *sum).fold(0.0, f64::max);
        it.ln_lr_next = it.ln_lr - next;
        it.rung = rung(it);
    }
    found.sort_by(|one, other| {
        (one.rung, other.ln_lr)
            .partial_cmp(&(other.rung, one.ln_lr))
            .unwrap_or(one.rung.cmp(&other.rung))
    });
    found
}

fn rung(candidate: &Candidate) -> Rung {
    if !candidate.contradictions.is_empty() {
        Rung::Contradicted
    } else if candidate.families.is_empty() {
        Rung::Inconclusive
    } else if candidate.whole >= CLASS_FAMILIES && candidate.ln_lr_next > CLASS_RATIO.ln() {
        Rung::SameClass
    } else {
        Rung::Consistent
    }
}

/// A device over all families. Where a family was seen of several behaviours, it need explain one of them.
fn candidate(profile: &Profile, families: &[FamilyScore<'_>]) -> Option<Candidate> {
    let mut best: BTreeMap<Family, (Standing, Vec<&'static str>)> = BTreeMap::new();
    for family in families.iter().filter(|it| it.void.is_none()) {
        let Some(standing) = standing(profile, family) else { continue };
        let refuted = family.contradictions.get(&profile.id).cloned().unwrap_or_default();
        let is_better = best
            .get(&standing.family)
            .is_none_or(|(held, by)| (by.len(), -held.ln_lr) > (refuted.len(), -standing.ln_lr));
        if is_better {
            best.insert(standing.family, (standing, refuted));
        }
    }
    if best.is_empty() {
        return None;
    }
    let explained = best.values().filter(|(it, _)| it.explains).map(|(it, _)| it.family);
    let refuted =
        best.iter().flat_map(|(family, (_, cells))| cells.iter().map(|it| (*family, *it)));
    Some(Candidate {
        id: profile.id.clone(),
        rung: Rung::Inconclusive,
        whole: best.values().filter(|(it, _)| it.explains && !it.is_partial).count(),
        families: explained.collect(),
        ln_lr: best.values().map(|(it, _)| it.ln_lr).sum(),
        ln_lr_next: 0.0,
        contradictions: refuted.collect(),
    })
}

fn standing(profile: &Profile, family: &FamilyScore<'_>) -> Option<Standing> {
    let own = family.of(&profile.id)?;
    let unknown = family.ranked.iter().find(|it| it.who == Who::Unknown)?;
    let is_marked = !family.evidence.is_partial || family.is_marked(profile);
    let explains =
        is_marked && family.tells() && family.consistent().contains(&profile.id.as_str());
    let ln_lr = if family.tells() { own.ln_lr - unknown.ln_lr } else { 0.0 };
    let is_partial = family.evidence.is_partial;
    Some(Standing { family: family.evidence.family, ln_lr, explains, is_partial })
}

/// Grounds on which the code that was met is of the lineage of TSG: a stable key of 13 over six packets, all three marks of its DNS plug-in at
/// one injector, or a whole parser equal to one of its versions. Anything less is "consistent with" at most.
pub fn lineage(families: &[FamilyScore<'_>], catalogue: &Catalogue) -> Vec<String> {
    let mut grounds: Vec<String> = families.iter().filter_map(|it| by_key(it.evidence)).collect();
    grounds.extend(families.iter().filter_map(|it| by_dns(it, families)));
    if let Some(profile) = catalogue.profile(TSG) {
        grounds.extend(families.iter().filter_map(|it| by_parser(it, profile)));
    }
    grounds
}

fn by_key(evidence: &Evidence) -> Option<String> {
    let mut keys = evidence.seen.iter().filter_map(|seen| match &seen.what {
        What::Value(Value::SeedKey(SeedKey::Stable(found))) => Some(found),
        _ => None,
    });
    let found = keys.find(|it| it.k == K && it.packets >= ENOUGH)?;
    let how = match found.by {
        By::Addresses(_) => "from the addresses of the packets",
        By::Blind => "without knowing an address",
    };
    let (fits, all) = found.fits;
    Some(format!("resets: k = {K} over {} packets, {how} ({fits} of {all} fit)", found.packets))
}

fn by_dns(response: &FamilyScore<'_>, families: &[FamilyScore<'_>]) -> Option<String> {
    if response.evidence.family != Family::DnsResponse {
        return None;
    }
    let value = |key: &str| {
        response.evidence.seen.iter().find(|it| it.key == key).map(|it| it.what.clone())
    };
    let is_shaped = value("flags") == Some(What::Value(Value::Hex(vec![0x8180])))
        && value("answer_name_compressed") == Some(What::Value(Value::Flag(true)));
    let parser = families.iter().find(|it| {
        it.evidence.family == Family::DnsParser && it.evidence.number == response.evidence.number
    })?;
    let state = |key: &str| parser.rows.iter().find(|row| row.key == key).and_then(|it| it.state());
    let follows_17 =
        (state("pointer_17"), state("pointer_18")) == (Some(State::Censored), Some(State::Bypass));
    (is_shaped && follows_17 && parser.void.is_none())
        .then(|| "DNS: flags 0x8180, compressed name, follows 17 pointers".to_owned())
}

fn by_parser(family: &FamilyScore<'_>, profile: &Profile) -> Option<String> {
    let (section, rows) = match family.evidence.family {
        Family::TlsParser => ("tls", 24),
        Family::QuicParser => ("quic", 34),
        _ => return None,
    };
    let is_whole = family.rows.len() == rows && family.decided == rows;
    if !is_whole || !family.tells() {
        return None;
    }
    let names = profile.configurations_of(section);
    let equals = |number: &usize| {
        family.rows.iter().all(|row| {
            let censored = row.state() == Some(State::Censored);
            profile
                .cell(row.section, row.key, *number)
                .is_some_and(|cell| cell.is == Prediction::Vector(censored))
        })
    };
    let number = (0..names.len()).find(equals)?;
    let name = names.get(number)?;
    Some(format!("{section}: all {rows} rows equal those of TSG ({name})"))
}
