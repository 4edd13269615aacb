//! A battery as evidence: for each family, what was seen of each cell. Network, country and documents of the battery are left behind here.

pub(super) mod resets;

use super::arithmetic::pointer::Reach;
use super::arithmetic::seed::SeedKey;
use super::arithmetic::trace::Mode;
use super::arithmetic::trials::{Counts, State};
use super::arithmetic::{pointer, trace};
use super::battery::{
    Battery, Behaviour, Controls, DnsTest, LocationTest, PageTest, Probe, ProbeTest, ResidualTest,
};
use super::profile::schema::{Family, row_of};

/// What was seen of one family, of one behaviour.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The family.
    pub family: Family,
    /// How the block shows itself.
    pub behaviour: Option<Behaviour>,
    /// The controls of the test.
    pub controls: Option<Controls>,
    /// The number of the test in its list: DNS tests of one number are of one injector.
    pub number: usize,
    /// Cell by cell.
    pub seen: Vec<Seen>,
    /// The censored name is acted upon where no parser looks for it.
    pub is_substring: bool,
    /// Forged packets, answers or pages that it stands on.
    pub forged: u32,
    /// What else is to be said, in words.
    pub notes: Vec<String>,
    /// True for what stands on packets or rows alone, without trials or controls: it can be consistent with a device, and no more.
    pub is_partial: bool,
    /// Why nothing follows from it, beside what its controls say.
    pub void: Option<String>,
}

/// What was seen of one cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Section of the cell.
    pub section: &'static str,
    /// Key of the cell.
    pub key: &'static str,
    /// The probe, where a cell has several.
    pub probe: String,
    /// What was seen.
    pub what: What,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// Trials of a probe.
    Trials {
        /// All runs.
        counts: Counts,
        /// What they say.
        state: State,
    },
    /// A property of what was forged.
    Value(Value),
}

/// A property of what was forged.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Set or clear.
    Flag(bool),
    /// Numbers, each at least once.
    Numbers(Vec<u64>),
    /// A number between these two, ends included.
    Span(u64, u64),
    /// Words, each at least once.
    Words(Vec<String>),
    /// Texts of a page.
    Texts(Vec<String>),
    /// 16-bit words.
    Hex(Vec<u16>),
    /// Addresses of forged answers.
    Addresses(Vec<u32>),
    /// Fragments: the largest number that was still joined, the smallest that was not.
    Boundary {
        /// 0 for none.
        at: u64,
        /// None where all that were tried were joined.
        next: Option<u64>,
    },
    /// The key of resets.
    SeedKey(SeedKey),
}

/// The evidence of a battery, family by family, in the order of the battery.
pub fn evidence(battery: &Battery) -> Vec<Evidence> {
    let mut all = Vec::new();
    for (number, test) in battery.dns.iter().enumerate() {
        all.extend([dns_parser(test), dns_response(test)].map(|it| Evidence { number, ..it }));
    }
    all.extend(battery.fragments.iter().map(fragments));
    for test in &battery.resets {
        all.extend(resets::families(test));
    }
    all.extend(battery.tls.iter().map(|it| vectors(it, "tls", Family::TlsParser)));
    all.extend(battery.quic.iter().map(|it| vectors(it, "quic", Family::QuicParser)));
    all.extend(battery.residual.iter().map(residual));
    all.extend(battery.pages.iter().map(page));
    all.extend(battery.location.iter().map(location));
    all.retain(|it| !it.seen.is_empty() || !it.notes.is_empty());
    all
}

impl Evidence {
    pub(super) fn new(family: Family) -> Self {
        Self {
            family,
            behaviour: None,
            controls: None,
            number: 0,
            seen: Vec::new(),
            is_substring: false,
            forged: 0,
            notes: Vec::new(),
            is_partial: false,
            void: None,
        }
    }

    pub(super) fn value(&mut self, section: &'static str, key: &'static str, value: Value) {
        let probe = key.to_owned();
        self.seen.push(Seen { section, key, probe, what: What::Value(value) });
    }
}

fn trials(probe: &Probe) -> What {
    What::Trials { counts: probe.counts(), state: probe.decided() }
}

fn void_note(probes: &[Probe]) -> Option<String> {
    let void: Vec<&str> =
        probes.iter().filter(|it| it.is_void()).map(|it| it.vector.as_str()).collect();
    (!void.is_empty()).then(|| {
        format!(
            "void, since the same change does not arrive with a harmless name: {}",
            void.join(", ")
        )
    })
}

fn vectors(test: &ProbeTest, section: &'static str, family: Family) -> Evidence {
    let mut evidence = Evidence::new(family);
    evidence.behaviour = Some(test.behaviour);
    evidence.controls = Some(test.controls);
    evidence.is_substring = test.substring.iter().any(|it| it.decided() == State::Censored);
    evidence.notes.extend(void_note(&test.probes));
    for probe in test.probes.iter().filter(|it| !it.is_void()) {
        let Some(key) = row_of(section, &probe.vector) else { continue };
        let probe_name = probe.vector.clone();
        evidence.seen.push(Seen { section, key, probe: probe_name, what: trials(probe) });
    }
    evidence
}

fn number_of(probe: &Probe) -> Option<u64> {
    probe.vector.split_once(':').and_then(|(_, number)| number.parse().ok())
}

fn dns_parser(test: &DnsTest) -> Evidence {
    let mut evidence = Evidence::new(Family::DnsParser);
    evidence.behaviour = Some(Behaviour::DnsInject);
    evidence.controls = Some(test.controls);
    evidence.notes.extend(void_note(&test.probes));
    let sweep: Vec<(u8, Counts)> = test
        .probes
        .iter()
        .filter(|it| !it.is_void())
        .filter_map(|it| Some((u8::try_from(number_of(it)?).ok()?, it.counts())))
        .collect();
    match pointer::reach(&sweep) {
        // Not a "no": what answers no question at all cannot be asked this way.
        Reach::NotApplicable => {
            evidence.notes.push("not applicable: an ordinary question is not answered".to_owned());
            return evidence;
        }
        Reach::Exactly(n) => evidence.notes.push(format!("follows {n} pointers and no more")),
        Reach::AtLeast(n) => evidence.notes.push(format!("follows {n} pointers at least")),
        Reach::Undecided => {}
    }
    for probe in test.probes.iter().filter(|it| !it.is_void()) {
        let key = match number_of(probe) {
            Some(17) => "pointer_17",
            Some(18) => "pointer_18",
            _ => continue,
        };
        let name = probe.vector.clone();
        evidence.seen.push(Seen { section: "dns", key, probe: name, what: trials(probe) });
    }
    evidence
}

fn dns_response(test: &DnsTest) -> Evidence {
    let mut evidence = Evidence::new(Family::DnsResponse);
    evidence.behaviour = Some(Behaviour::DnsInject);
    evidence.controls = Some(test.controls);
    let responses = &test.responses;
    evidence.forged = responses.iter().fold(0, |sum: u32, it| sum.saturating_add(it.seen));
    let Some(first) = responses.first() else { return evidence };
    let flags = sorted(responses.iter().map(|it| it.flags));
    if flags.len() > 1 {
        evidence.notes.push("answers of several kinds: several injectors, perhaps".to_owned());
    }
    evidence.value("dns", "flags", Value::Hex(flags));
    if responses.iter().all(|it| it.name_compressed == first.name_compressed) {
        evidence.value("dns", "answer_name_compressed", Value::Flag(first.name_compressed));
    }
    let answers = sorted(responses.iter().flat_map(|it| &it.answers).map(|it| u32::from(*it)));
    if !answers.is_empty() {
        evidence.value("dns", "answers", Value::Addresses(answers));
    }
    evidence
}

fn fragments(test: &ProbeTest) -> Evidence {
    let mut evidence = Evidence::new(Family::IpFragments);
    evidence.behaviour = Some(test.behaviour);
    evidence.controls = Some(test.controls);
    evidence.forged = test.controls.positive.hits;
    evidence.notes.extend(void_note(&test.probes));
    if test.controls.positive.state() != State::Censored {
        // Not a "none is joined": what is not acted upon whole cannot be asked this way.
        let note = "not applicable: the request is not acted upon reliably when it is whole";
        evidence.notes.push(note.to_owned());
        return evidence;
    }
    let in_state = |state| {
        let probes = test.probes.iter().filter(move |it| it.decided() == state);
        // One fragment is no fragment.
        probes.filter_map(number_of).filter(|number| *number >= 2)
    };
    let at = in_state(State::Censored).max().unwrap_or(0);
    let next = in_state(State::Bypass).min();
    match next {
        Some(next) if next < at => {
            evidence.notes.push("more fragments are joined where fewer are not".to_owned());
        }
        None if at == 0 => {}
        next => evidence.value("ip", "fragment_boundary", Value::Boundary { at, next }),
    }
    evidence
}

fn residual(test: &ResidualTest) -> Evidence {
    let mut evidence = Evidence::new(Family::Residual);
    evidence.behaviour = Some(test.behaviour);
    evidence.forged = 1;
    evidence.value("residual", "tuple", Value::Words(vec![test.tuple.clone()]));
    if let Some(seconds) = test.seconds {
        // Between one look and the next it ended.
        let step = test.step_seconds.clamp(1, 60);
        let (low, high) = (seconds.saturating_sub(step), seconds.saturating_add(step));
        evidence.value("residual", "seconds", Value::Span(low.into(), high.into()));
    }
    evidence
}

fn page(test: &PageTest) -> Evidence {
    let mut evidence = Evidence::new(Family::Blockpage);
    evidence.behaviour = Some(Behaviour::HttpInject);
    evidence.forged = 1;
    let status = test.status.map(|it| it.to_string()).unwrap_or_default();
    for (key, text) in [
        ("status", &status),
        ("body", &test.body),
        ("location", &test.location),
        ("server", &test.server),
        ("via", &test.via),
    ] {
        if !text.is_empty() {
            evidence.value("http", key, Value::Texts(vec![text.clone()]));
        }
    }
    evidence
}

fn location(test: &LocationTest) -> Evidence {
    let mut evidence = Evidence::new(Family::Location);
    evidence.forged = 1;
    let modes = sorted(test.traces.iter().map(|it| it.mode().word()));
    if let [mode] = modes.as_slice()
        && *mode != Mode::Unknown.word()
    {
        evidence.value("position", "mode", Value::Words(vec![(*mode).to_owned()]));
    }
    if let Some(direction) = &test.direction {
        evidence.value("position", "direction", Value::Words(vec![direction.clone()]));
    }
    if test.traces.iter().any(|it| matches!(it.place(), trace::Place::CopiesLife(_))) {
        evidence.notes.push("an injector that copies the life of what it answers".to_owned());
    }
    evidence
}

fn sorted<T: Ord>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let set: std::collections::BTreeSet<T> = items.into_iter().collect();
    set.into_iter().collect()
}
