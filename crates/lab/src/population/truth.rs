//! The truth beside the measurements: what was planted to be found, and what only looks like it.

use serde::{Deserialize, Serialize};
use wirewitness_model::verdict::Mechanism;

use super::target_set::TargetSet;

/// What is true of a data set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truth {
    /// Two letters.
    pub country: String,
    /// The first second of the data, since 1970.
    pub begin_s: i64,
    /// The first second after it.
    pub end_s: i64,
    /// How many targets there are: numbers from 0.
    pub targets: u32,
    /// Every network, largest first.
    pub networks: Vec<u32>,
    /// What is to be found, in order of its start, and what stands all the time.
    pub events: Vec<Planted>,
    /// What is no event.
    pub non_events: Vec<NonEvent>,
}

/// What changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Something begins to be blocked.
    Block,
    /// A block ends.
    Unblock,
    /// A block goes on, done otherwise.
    MechanismChange,
    /// Networks are cut off.
    Shutdown,
}

/// Why it was planted: the setting that asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variety {
    /// On every network.
    National,
    /// On one to three networks.
    Network,
    /// Under one half of the measurements.
    Partial,
    /// Slowed below use.
    Throttling,
    /// A list of many targets.
    List,
    /// A block from the beginning that is lifted.
    Unblock,
    /// A block from the beginning that begins to be done otherwise.
    MechanismChange,
    /// Cut off.
    Shutdown,
    /// In force all the time: nothing to find.
    Standing,
}

/// Whose measurements an event meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Everybody's on the network.
    All,
    /// Those that ask the network's own resolver: their `resolver_asn` is the network's.
    OwnResolver,
}

/// One planted event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planted {
    /// `e001`, in order of start.
    pub id: String,
    /// What changes.
    pub kind: Kind,
    /// Why it was planted.
    pub variety: Variety,
    /// Two letters.
    pub country: String,
    /// What it is done to.
    pub targets: TargetSet,
    /// Where and when, network by network, in order of joining.
    pub networks: Vec<Spell>,
    /// When the first network changes: a block or shutdown begins, a block is lifted, is done otherwise.
    pub start_s: i64,
    /// When the last network has.
    pub settled_s: i64,
    /// When the first network is free again; none where that is not in the data, and for what is lifted.
    pub end_s: Option<i64>,
    /// What is done: from the start on, or until then where the kind is `unblock`. `shutdown` for a shutdown.
    pub mechanism: Mechanism,
    /// What was done before the start: only where the kind is `mechanism_change`.
    pub before: Option<Mechanism>,
    /// How many of a hundred measurements that it meets, and that say anything, are blocked. For a shutdown: how many of a
    /// hundred are no longer made.
    pub share_percent: u32,
    /// Whose measurements it meets.
    pub reach: Reach,
    /// Pairs of network and target in it that are measured densely.
    pub dense_cells: u32,
}

/// An event on one network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spell {
    /// Number of the network (AS).
    pub asn: u32,
    /// When it changes there.
    pub start_s: i64,
    /// When it is over there; none where that is not in the data.
    pub end_s: Option<i64>,
}

/// Something that is no event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NonEvent {
    /// `n001`.
    pub id: String,
    /// What it is.
    pub kind: NonEventKind,
    /// Targets that it meets.
    pub targets: TargetSet,
    /// Networks that it meets.
    pub networks: Vec<u32>,
    /// The volunteer whose fault it is.
    pub vantage: Option<u64>,
    /// When it begins.
    pub start_s: i64,
    /// When it is over; the end of the data where it goes on.
    pub end_s: i64,
}

/// What is no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NonEventKind {
    /// A site's names moved to other addresses: answers differ from the control's for a while.
    CdnMove,
    /// Sites are down for everybody.
    ServerOutage,
    /// Nobody gets a control.
    ControlOutage,
    /// A resolver answers wrongly for whatever it is asked.
    BrokenResolver,
    /// A line on which everything is reported blocked.
    BadVolunteer,
    /// A network's volunteers measure less.
    VolumeDip,
    /// A volunteer's IPv6 does not work.
    BrokenIpv6,
    /// A volunteer is behind a login page on some days.
    CaptivePortal,
    /// A volunteer's clock is hours off.
    WrongClock,
}

impl Planted {
    /// What is done on a network at a time, as the event says; none where it does not hold there then.
    pub fn in_force(&self, asn: u32, at_s: i64) -> Option<Mechanism> {
        let spell = self.networks.iter().find(|spell| spell.asn == asn)?;
        self.on(spell, at_s)
    }

    /// The same, with the network's spell found.
    pub(super) fn on(&self, spell: &Spell, at_s: i64) -> Option<Mechanism> {
        let begun = at_s >= spell.start_s;
        let over = spell.end_s.is_some_and(|end_s| at_s >= end_s);
        match self.kind {
            Kind::Block | Kind::Shutdown => (begun && !over).then_some(self.mechanism),
            Kind::Unblock => (!begun).then_some(self.mechanism),
            Kind::MechanismChange if begun => Some(self.mechanism),
            Kind::MechanismChange => self.before,
        }
    }

    /// True where it is in force from before the data.
    pub fn stands_at_first(&self) -> bool {
        matches!(self.kind, Kind::Unblock | Kind::MechanismChange)
            || self.variety == Variety::Standing
    }

    /// True where there is something to find.
    pub fn is_to_be_found(&self) -> bool {
        self.variety != Variety::Standing
    }

    /// The numbers of its networks.
    pub fn asns(&self) -> impl Iterator<Item = u32> {
        self.networks.iter().map(|spell| spell.asn)
    }
}
