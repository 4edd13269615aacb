//! The lookups of a row, whichever version wrote it, and what its answers have in common with a control's.

use std::collections::BTreeSet;
use std::net::IpAddr;

use wirewitness_model::ooni::failure::What;
use wirewitness_model::outcome::{Layer, Outcome};
use wirewitness_model::planet::satellite::{Answer, Answers, Lookup, Satellite};
use wirewitness_model::verdict::Evidence;

use crate::judge::address::is_bogon;
use crate::judge::planet::companions::{Control, Tags};
use crate::judge::planet::fault::Fault;
use crate::judge::planet::habits::Shares;
use crate::judge::planet::remote::{Step, cut};
use crate::judge::planet::{Scene, domain};

/// One lookup.
pub(super) struct Asked<'m> {
    /// Where it stands in the row.
    pub(super) at: String,
    pub(super) name: String,
    /// True for a name that always resolves.
    pub(super) is_liveness: bool,
    pub(super) answers: Vec<&'m Answer<'m>>,
    /// Response code; none for none, for -1 and where the version has no codes.
    rcode: Option<i64>,
    error: Option<String>,
    t_ms: Option<f64>,
    took_ms: Option<f64>,
}

/// Why a lookup gave no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denial {
    /// No such name (RCODE 3).
    NxDomain,
    /// The resolver refuses (RCODE 5).
    Refused,
    /// The resolver failed (RCODE 2).
    Servfail,
    /// An answer without an address.
    NoAnswer,
    /// No answer in time.
    Timeout,
    /// Nobody listens there.
    Closed,
    /// Anything else.
    Other,
}

impl Asked<'_> {
    /// Why there is no address; none where there is one.
    pub(super) fn denial(&self) -> Option<Denial> {
        if !self.answers.is_empty() {
            return None;
        }
        let error = self.error.as_deref().unwrap_or_default().to_ascii_lowercase();
        if let Some((_, word)) = WORDS.iter().find(|(word, _)| *word == error) {
            return Some(*word);
        }
        let fault = self.error.as_deref().and_then(Fault::of).map(|fault| fault.what);
        Some(match (self.rcode, fault) {
            (Some(3), _) => Denial::NxDomain,
            (Some(5), _) => Denial::Refused,
            (Some(2), _) => Denial::Servfail,
            (Some(0), None) => Denial::NoAnswer,
            (None, Some(What::Timeout)) => Denial::Timeout,
            (None, Some(What::Refused | What::HostUnreachable | What::NetworkUnreachable)) => {
                Denial::Closed
            }
            _ => Denial::Other,
        })
    }

    /// The failure in OONI's words.
    fn failure(&self) -> Option<String> {
        let word = match self.denial()? {
            Denial::NxDomain => "dns_nxdomain_error",
            Denial::Refused => "dns_refused_error",
            Denial::Servfail => "dns_server_misbehaving",
            Denial::NoAnswer => "dns_no_answer",
            _ => return Some(self.other_failure()),
        };
        Some(word.to_owned())
    }

    fn other_failure(&self) -> String {
        match (&self.error, self.rcode) {
            (Some(error), _) => match Fault::of(error) {
                Some(fault) => fault.words(error),
                None => cut(&format!("unknown_failure: {error}")),
            },
            (None, Some(rcode)) => format!("unknown_failure: rcode {rcode}"),
            (None, None) => "unknown_failure: no response code".to_owned(),
        }
    }

    /// What was seen, as evidence.
    pub(super) fn evidence(&self, outcome: Outcome) -> Evidence {
        let what = self.failure().unwrap_or_else(|| {
            let words: Vec<String> =
                self.answers.iter().take(SHOWN).map(|answer| cut(&answer.address)).collect();
            let more = self.answers.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{}{more}", words.join(", "))
        });
        let outcome = match self.denial() {
            Some(_) => self.outcome(),
            None => outcome,
        };
        Evidence {
            at: self.at.clone(),
            outcome,
            seen: format!("{}: {what}", self.name),
            expected: None,
        }
    }

    fn outcome(&self) -> Outcome {
        Outcome::of(Layer::Dns, self.failure().as_deref())
    }
}

const SHOWN: usize = 4;

/// What version 1 writes in place of an answer.
const WORDS: &[(&str, Denial)] = &[
    ("no_answer", Denial::NoAnswer),
    ("nxdomain", Denial::NxDomain),
    ("refused", Denial::Refused),
    ("servfail", Denial::Servfail),
];

/// A row as the rules see it.
pub(super) struct Facts<'m> {
    pub(super) row: &'m Satellite<'m>,
    pub(super) scene: &'m Scene<'m>,
    pub(super) domain: String,
    pub(super) asked: Vec<Asked<'m>>,
    /// The addresses that were answered for the name, without those that are none.
    pub(super) addresses: BTreeSet<IpAddr>,
    pub(super) control: Option<&'m Control>,
    /// How the resolver answers in general.
    pub(super) shares: Shares,
}

/// What the answers have in common with a control's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Compared {
    /// An address.
    Address,
    /// Something else, in words.
    Shared(String),
    /// Both sides are known, and have nothing in common.
    Differ,
    /// Nothing is known of the answers, or of the control's.
    Untagged,
    /// No control.
    NoControl,
}

impl<'m> Facts<'m> {
    pub(super) fn of(row: &'m Satellite<'m>, scene: &'m Scene<'m>) -> Self {
        let domain = domain(row.target());
        let asked = asked(row, &domain);
        let answers = asked.iter().filter(|one| !one.is_liveness).flat_map(|one| &one.answers);
        let addresses = answers.filter_map(|answer| answer.address.parse().ok()).collect();
        let control = scene.companions.control(&domain);
        let shares = scene.companions.shares(row.vantage());
        Self { row, scene, domain, asked, addresses, control, shares }
    }

    /// The lookups of the name itself.
    pub(super) fn of_name(&self) -> impl Iterator<Item = &Asked<'m>> {
        self.asked.iter().filter(|one| !one.is_liveness)
    }

    fn answers(&self) -> impl Iterator<Item = &&'m Answer<'m>> {
        self.of_name().flat_map(|one| &one.answers)
    }

    /// What is known of an address: in the row, in the side files, in a table of networks.
    pub(super) fn tags(&self, answer: &Answer<'_>) -> Tags {
        let own = Tags::in_row(answer);
        answer.address.parse().map_or(own, |address| own.or(self.tags_of(address)))
    }

    fn tags_of(&self, address: IpAddr) -> Tags {
        let known = self.scene.companions.tags(address).unwrap_or_default();
        known.or(Tags::network(self.scene.context.asns.asn(address)))
    }

    /// True where a control resolver has an address for the name.
    pub(super) fn control_has_it(&self) -> bool {
        let own = self.control.is_some_and(|control| {
            control.addresses.iter().any(|address| !is_bogon(&address.to_string()))
        });
        own || self.row.in_control_group.0 == Some(true)
    }

    /// Compares with the control's answers in the side files or, where those have none, takes over what the scan compared.
    pub(super) fn compared(&self) -> Compared {
        let control = self.control.filter(|control| !control.addresses.is_empty());
        let Some(control) = control else { return self.compared_by_scan() };
        if !control.addresses.is_disjoint(&self.addresses) {
            return Compared::Address;
        }
        let theirs: Vec<Tags> = control.addresses.iter().map(|a| self.tags_of(*a)).collect();
        let ours: Vec<Tags> = self.answers().map(|answer| self.tags(answer)).collect();
        let common = ours.iter().find_map(|a| theirs.iter().find_map(|b| a.common(b)));
        let is_known = |all: &[Tags]| all.iter().any(|tags| !tags.is_empty());
        match (common, self.compared_by_scan()) {
            (Some(what), _) => Compared::Shared(what.to_owned()),
            // The scan has asked more controls than one file names.
            (None, scans @ Compared::Shared(_)) => scans,
            (None, _) if is_known(&ours) && is_known(&theirs) => Compared::Differ,
            (None, scans) => scans.but_not_alone(),
        }
    }

    fn compared_by_scan(&self) -> Compared {
        let words = |answer: &&&Answer<'_>| answer.detail.is_matched();
        if let Some(answer) = self.answers().find(words) {
            let words: Vec<&str> =
                answer.detail.matched.iter().map(|word| word.or_empty()).take(5).collect();
            return Compared::Shared(cut(&words.join(", ")));
        }
        if self.answers().any(|answer| answer.detail.is_untagged()) {
            return Compared::Untagged;
        }
        match (self.row.was_compared(), self.row.in_control_group.0) {
            (true, _) => Compared::Differ,
            (false, Some(true)) => Compared::Untagged,
            _ => Compared::NoControl,
        }
    }

    /// The lookups as evidence, those of the name first; at most [`MAX_EVIDENCE`].
    pub(super) fn evidence(&self, outcome: Outcome) -> Vec<Evidence> {
        let mut pieces: Vec<Evidence> =
            self.of_name().take(MAX_EVIDENCE).map(|one| one.evidence(outcome)).collect();
        if let Some(first) = pieces.first_mut() {
            first.expected = self.expected();
        }
        let alive = self.asked.iter().filter(|one| one.is_liveness);
        let room = MAX_EVIDENCE.saturating_sub(pieces.len());
        pieces.extend(alive.take(room).map(|one| one.evidence(Outcome::DnsAnswer)));
        pieces
    }

    fn expected(&self) -> Option<String> {
        let control = self.control.filter(|control| !control.addresses.is_empty());
        if let Some(control) = control {
            let words: Vec<String> =
                control.addresses.iter().take(SHOWN).map(ToString::to_string).collect();
            return Some(format!("the control finds {}", words.join(", ")));
        }
        (self.row.in_control_group.0 == Some(true))
            .then(|| "the scan's control resolvers have an address for it".to_owned())
    }

    /// One step for each lookup without an address, and for each address.
    pub(super) fn steps(&self, compared: &Compared) -> Vec<Step> {
        self.asked.iter().flat_map(|one| self.steps_of(one, compared)).collect()
    }

    fn steps_of(&self, one: &Asked<'m>, compared: &Compared) -> Vec<Step> {
        let mut step = Step::new(Layer::Dns, one.outcome(), &one.name);
        step.is_control = one.is_liveness;
        step.failure = one.failure();
        step.t_ms = one.t_ms;
        step.took_ms = one.took_ms;
        if one.answers.is_empty() {
            return vec![step];
        }
        let of_answer = |answer: &&Answer<'_>| Step {
            answer: Some(cut(&answer.address)),
            answer_asn: self.tags(answer).asn,
            outcome: if one.is_liveness {
                Outcome::DnsAnswer
            } else {
                self.outcome_of(answer, compared)
            },
            ..step.clone()
        };
        one.answers.iter().map(of_answer).collect()
    }

    fn outcome_of(&self, answer: &Answer<'_>, compared: &Compared) -> Outcome {
        let address = answer.address.parse::<IpAddr>().ok();
        // Text that is no address counts as a bogon there.
        if address.is_some() && is_bogon(&answer.address) {
            return Outcome::DnsBogon;
        }
        let known = self.control.map(|control| &control.addresses);
        let is_same = known.zip(address).is_some_and(|(known, own)| known.contains(&own));
        let tags = self.tags(answer);
        let shares = known
            .is_some_and(|known| known.iter().any(|a| tags.common(&self.tags_of(*a)).is_some()));
        match compared {
            _ if is_same || shares || answer.detail.is_matched() => Outcome::DnsMatch,
            Compared::Differ => Outcome::DnsDiffer,
            _ => Outcome::DnsAnswer,
        }
    }
}

const MAX_EVIDENCE: usize = 8;

impl Compared {
    /// The scan's word where a control is at hand: that there is none is no longer true.
    fn but_not_alone(self) -> Self {
        if self == Self::NoControl { Self::Untagged } else { self }
    }
}

fn asked<'m>(row: &'m Satellite<'m>, domain: &str) -> Vec<Asked<'m>> {
    let response = row.response();
    let began = row.started_us();
    let lookups = response.lookups.iter().enumerate();
    let mut asked: Vec<Asked<'m>> =
        lookups.map(|(at, lookup)| of_lookup(at, lookup, domain, began)).collect();
    if asked.is_empty() {
        asked = of_flat(row, &response.flat);
    }
    asked
}

fn of_lookup<'m>(at: usize, lookup: &'m Lookup<'m>, name: &str, began: Option<i64>) -> Asked<'m> {
    let url = domain(lookup.url.or_empty());
    #[allow(clippy::cast_precision_loss, reason = "differences of times of the years 1970 to 9999")]
    let t_ms = began
        .zip(lookup.started_us())
        .map(|(began, start)| start.saturating_sub(began) as f64 / 1000.0);
    Asked {
        at: format!("response[{at}]"),
        is_liveness: !url.is_empty() && url != name,
        name: cut(lookup.url.or_empty()),
        answers: lookup.response.items.iter().collect(),
        rcode: lookup.rcode.0.filter(|rcode| *rcode >= 0),
        error: lookup.error().map(cut),
        t_ms,
        took_ms: lookup.took_ms(),
    }
}

/// Version 2.0 writes codes, errors and addresses of all tries into one map: a code of -1 goes with the next error, one
/// of 0 with the addresses. Version 1 has addresses or an error.
fn of_flat<'m>(row: &'m Satellite<'m>, flat: &'m Answers<'m>) -> Vec<Asked<'m>> {
    let at = if row.response.is_empty() { "answers" } else { "response" };
    let blank = |rcode, error: Option<String>| Asked {
        at: at.to_owned(),
        name: cut(row.target()),
        is_liveness: false,
        answers: Vec::new(),
        rcode,
        error,
        t_ms: None,
        took_ms: None,
    };
    let mut errors = flat.errors.iter().filter_map(|text| text.as_str()).map(cut);
    let codes = flat.rcodes.iter().map(|code| code.or_empty().trim().parse::<i64>());
    let mut asked: Vec<Asked<'m>> = codes
        .map(|code| match code {
            Ok(code) if code >= 0 => blank(Some(code), None),
            _ => blank(None, errors.next()),
        })
        .collect();
    asked.extend(errors.map(|error| blank(None, Some(error))));
    if !flat.items.is_empty() {
        let answers: Vec<&Answer<'_>> = flat.items.iter().collect();
        match asked.iter_mut().rfind(|one| one.rcode == Some(0)) {
            Some(one) => one.answers = answers,
            None => asked.push(Asked { answers, ..blank(None, None) }),
        }
    }
    let error = row.err.as_str().filter(|error| !error.is_empty());
    asked.extend(error.map(|error| blank(None, Some(cut(error)))));
    asked
}
