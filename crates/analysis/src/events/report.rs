//! What a search for events tells.

use std::fmt;

use serde::{Deserialize, Serialize};
use wirewitness_model::verdict::{Confidence, Mechanism};

use super::layer::Layer;

/// All that a search found. The same points give the same report, in whatever order they came.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Blocks that were seen to begin, or seen to end, and shutdowns; by start.
    pub events: Vec<Event>,
    /// The same, of what is not enough to be stated: too few independent vantages.
    pub unconfirmed: Vec<Event>,
    /// Blocks that were there at the first measurement and still were at the last.
    pub standing: Vec<Event>,
    /// What looked like blocking in places and was not, by start.
    pub faults: Vec<Fault>,
    /// Points that were looked at, and those of them left out because tables were full.
    pub points: u64,
    /// See `points`.
    pub dropped: u64,
}

/// A block or a shutdown, with its scope.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Name of the event: country, day on which its first alarm puts its start, and a number made of those, its kind and the target of
    /// that alarm. Data that come later do not change it unless they change that alarm.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// Where.
    pub country: Country,
    /// When it began; `after_s` is null where it was there at the first measurement.
    pub start: Turn,
    /// When it was over. Null while it is not.
    pub end: Option<Turn>,
    /// Targets, by number; none for a shutdown.
    pub targets: Vec<u32>,
    /// Networks (AS) in which it was seen.
    pub networks: Vec<u32>,
    /// Networks in which the same targets were measured at that time and could be used.
    pub networks_against: Vec<u32>,
    /// Whether it was seen in at least four fifths of the networks that were measured, three or more.
    pub country_wide: bool,
    /// Mechanisms, by how many blocked units of evidence named them.
    pub mechanisms: Vec<(Mechanism, u32)>,
    /// Units of evidence within it.
    pub counts: Counts,
    /// Independent vantages that saw it.
    pub vantages: u32,
    /// Low: one vantage. High: three vantages or more, with three networks or nine tenths of what they said. Medium: the rest.
    pub confidence: Confidence,
    /// Each cell's part in it, by target and network.
    pub spells: Vec<Spell>,
}

/// What an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Targets cannot be used.
    Block,
    /// Measurements themselves stopped coming.
    Shutdown,
}

/// One target in one network, blocked from when until when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spell {
    /// The target's number.
    pub target: u32,
    /// The network's country.
    pub country: Country,
    /// The network (AS).
    pub asn: u32,
    /// When it began.
    pub start: Turn,
    /// When it was over. Null where that was not seen.
    pub end: Option<Turn>,
    /// What most of the evidence named first.
    pub mechanism: Option<Mechanism>,
    /// Later mechanisms, each with its time.
    pub turns: Vec<(Mechanism, Turn)>,
    /// Units of evidence within it.
    pub counts: Counts,
    /// Vantages that saw it.
    pub vantages: u32,
    /// What it stands on.
    pub basis: Basis,
    /// Last time that it was seen blocked, seconds since 1970.
    pub last_blocked_s: i64,
    /// Those vantages: the first [`Spell::VOICES`] of them.
    #[serde(skip)]
    pub(super) voices: Vec<u64>,
    /// Blocked units by mechanism.
    #[serde(skip)]
    pub(super) named: Vec<(Mechanism, u32)>,
    /// Moments between which it can have begun, and can have ended.
    #[serde(skip)]
    pub(super) began: Span,
    /// The same, with little left out: where others that began at one moment speak for it.
    #[serde(skip)]
    pub(super) could: Span,
    #[serde(skip)]
    pub(super) over: Option<Span>,
    /// Where no end was seen: the first times after [`Spell::last_blocked_s`] at which it could be used.
    #[serde(skip)]
    pub(super) tail: Vec<i64>,
}

/// A moment lies after the first and not after the second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Span {
    pub(super) from: i64,
    pub(super) to: i64,
}

impl Span {
    /// Seconds between two that do not meet.
    pub(super) fn gap(self, other: Self) -> i64 {
        self.from.saturating_sub(other.to).max(other.from.saturating_sub(self.to)).max(0)
    }

    /// What two that meet have in common.
    pub(super) fn both(self, other: Self) -> Self {
        Self { from: self.from.max(other.from), to: self.to.min(other.to) }
    }

    pub(super) fn holds(self, moment: i64) -> bool {
        self.from <= moment && moment < self.to.max(self.from + 1)
    }

    pub(super) fn days(self) -> f64 {
        self.to.saturating_sub(self.from) as f64 / 86_400.0
    }
}

/// What a spell stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// The series itself.
    Own,
    /// The same target in the networks of the country, pooled; the series itself agrees.
    Networks,
    /// Other targets of the same network at the same time; the series itself agrees.
    Targets,
    /// The series itself, but one vantage only.
    Vantage,
}

/// A change in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Turn {
    /// Last measurement before it that says otherwise. Null where none does.
    pub after_s: Option<i64>,
    /// First measurement after it.
    pub at_s: i64,
    /// When the evidence was enough to state it.
    pub seen_s: i64,
}

/// Units of evidence: what one vantage said in one hour counts once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Could be used.
    pub ok: u32,
    /// Could not.
    pub blocked: u32,
    /// Could not, and that was the target's doing.
    pub down: u32,
}

/// A change of one series: what a spell says, one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What changed.
    pub kind: ChangeKind,
    /// The target's number.
    pub target: u32,
    /// The network's country.
    pub country: Country,
    /// The network (AS).
    pub asn: u32,
    /// Layer of the mechanism: the new one, or for an unblocking the old one.
    pub layer: Layer,
    /// That mechanism.
    pub mechanism: Option<Mechanism>,
    /// When.
    pub turn: Turn,
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It could be used, and cannot be.
    Block,
    /// Still blocked, by other means.
    Mechanism,
    /// It can be used again.
    Unblock,
}

/// Something that is not blocking and looks like it in places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What it was.
    pub kind: FaultKind,
    /// From when, seconds since 1970.
    pub start_s: i64,
    /// Until when.
    pub end_s: i64,
    /// Targets, where it is about some.
    pub targets: Vec<u32>,
    /// Country, where it is about one.
    pub country: Option<Country>,
    /// Network (AS), where it is about one.
    pub asn: Option<u32>,
    /// The resolver's network, where it is about one.
    pub resolver_asn: Option<u32>,
}

/// What a fault was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FaultKind {
    /// A resolver failed for unrelated names.
    Resolver,
    /// A vantage said `blocked` of many names when others before and after it could use them.
    Vantage,
    /// The control side had an outage: nothing could be said of anything.
    Control,
    /// The target failed for everybody, in other countries too, or its control failed with it.
    Server,
    /// A target moved, and answers of its names looked false until controls knew.
    Move,
    /// Measurements of all countries stopped coming: ours to mend.
    Collection,
}

/// Two letters of ISO 3166-1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country(pub [u8; 2]);

impl Spell {
    /// Vantages that a spell remembers one by one.
    pub const VOICES: usize = 64;

    /// The changes of the series, in order of time.
    pub fn changes(&self) -> Vec<Change> {
        let of = |kind, mechanism, turn| Change {
            kind,
            target: self.target,
            country: self.country,
            asn: self.asn,
            layer: Layer::of(mechanism),
            mechanism,
            turn,
        };
        let last = self.turns.last().map(|(mechanism, _)| *mechanism).or(self.mechanism);
        let begun = self.start.after_s.map(|_| of(ChangeKind::Block, self.mechanism, self.start));
        let turned = self
            .turns
            .iter()
            .map(|(mechanism, turn)| of(ChangeKind::Mechanism, Some(*mechanism), *turn));
        let ended = self.end.map(|turn| of(ChangeKind::Unblock, last, turn));
        begun.into_iter().chain(turned).chain(ended).collect()
    }

    /// Whether it was seen to begin or to end.
    pub fn is_seen(&self) -> bool {
        self.start.after_s.is_some() || self.end.is_some()
    }
}

impl Event {
    /// The changes of all its series, by time.
    pub fn changes(&self) -> Vec<Change> {
        let mut changes: Vec<Change> = self.spells.iter().flat_map(Spell::changes).collect();
        changes.sort_by_key(|change| (change.turn.at_s, change.target, change.asn, change.kind));
        changes
    }
}

impl Counts {
    /// Whether as large a part is blocked as of others, as far as both are known: a device that sees some of the connections is not one that
    /// sees all.
    pub(super) fn are_as_strong_as(self, other: Self) -> bool {
        let all = |counts: Self| f64::from(counts.ok + counts.blocked + counts.down);
        let share = |counts: Self| f64::from(counts.blocked) / all(counts).max(1.0);
        all(self).min(all(other)) < KNOWN_SHARE || (share(self) - share(other)).abs() <= SAME_SHARE
    }

    /// Adds others.
    pub(super) fn add(&mut self, other: Self) {
        self.ok = self.ok.saturating_add(other.ok);
        self.blocked = self.blocked.saturating_add(other.blocked);
        self.down = self.down.saturating_add(other.down);
    }
}

/// Units from which the share that is blocked is known, and how much those of one order differ.
const KNOWN_SHARE: f64 = 15.0;
const SAME_SHARE: f64 = 0.35;

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b] =
            self.0.map(|letter| if letter.is_ascii_alphanumeric() { letter } else { b'?' });
        write!(f, "{}{}", char::from(a), char::from(b))
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Country {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let letters = word.as_bytes().try_into();
        letters
            .map(Self)
            .map_err(|_| serde::de::Error::custom(format!("{word:?} is not two letters")))
    }
}
