//! An event before it is planted.

use wirewitness_model::verdict::Mechanism;

use super::mechanisms::reach_of;
use crate::population::country::Country;
use crate::population::draw::Draw;
use crate::population::settings::{DAY_S, Settings};
use crate::population::target_set::TargetSet;
use crate::population::truth::{Kind, Planted, Spell, Variety};

/// What happens, to what, where and when.
pub(super) struct Draft {
    pub(super) kind: Kind,
    pub(super) variety: Variety,
    /// Densely measured targets.
    pub(super) dense: Vec<u32>,
    /// Targets beside them.
    pub(super) others: TargetSet,
    /// Positions of networks in the country, in order of joining.
    pub(super) networks: Vec<usize>,
    /// When each joins, and when each is free again.
    pub(super) spells: Vec<(i64, Option<i64>)>,
    pub(super) mechanism: Mechanism,
    pub(super) before: Option<Mechanism>,
    pub(super) share_percent: u32,
}

impl Draft {
    /// From when to when it is in force anywhere.
    pub(super) fn span(&self) -> (i64, i64) {
        let starts = self.spells.iter().map(|spell| spell.0);
        let ends = self.spells.iter().map(|spell| spell.1.unwrap_or(i64::MAX));
        match (self.kind, self.variety) {
            (Kind::MechanismChange, _) | (_, Variety::Standing) => (i64::MIN, i64::MAX),
            (Kind::Unblock, _) => (i64::MIN, starts.max().unwrap_or(i64::MAX)),
            _ => (starts.min().unwrap_or(i64::MIN), ends.max().unwrap_or(i64::MAX)),
        }
    }

    /// From when to when its networks change: at its start, and where it ends.
    pub(super) fn changes(&self) -> Vec<(i64, i64)> {
        if self.variety == Variety::Standing {
            return Vec::new();
        }
        let whole = |times: Vec<i64>| Some((*times.iter().min()?, *times.iter().max()?));
        let starts = whole(self.spells.iter().map(|spell| spell.0).collect());
        let ends = whole(self.spells.iter().filter_map(|spell| spell.1).collect());
        starts.into_iter().chain(ends).collect()
    }

    /// The event, without its number.
    pub(super) fn planted(self, settings: &Settings, country: &Country) -> Planted {
        let dense: TargetSet = self.dense.iter().copied().collect();
        let targets = match self.kind {
            Kind::Shutdown => TargetSet::all(settings.targets),
            _ => [dense.ranges(), self.others.ranges()].concat().into(),
        };
        let dense_cells = country.dense_cells(&self.networks, |it| targets.contains(it));
        let last_s = settings.begin_s + i64::from(settings.days) * DAY_S;
        let spell = |(at, (start_s, end_s)): (&usize, &(i64, Option<i64>))| {
            let asn = country.networks.get(*at)?.asn;
            let end_s = end_s.filter(|end_s| *end_s < last_s);
            Some(Spell { asn, start_s: *start_s, end_s })
        };
        let mut networks: Vec<Spell> =
            self.networks.iter().zip(&self.spells).filter_map(spell).collect();
        networks.sort_by_key(|spell| spell.start_s);
        let starts = || networks.iter().map(|spell| spell.start_s);
        Planted {
            id: String::new(),
            kind: self.kind,
            variety: self.variety,
            country: settings.country.clone(),
            targets,
            start_s: starts().min().unwrap_or(settings.begin_s),
            settled_s: starts().max().unwrap_or(settings.begin_s),
            end_s: networks.iter().filter_map(|spell| spell.end_s).min(),
            networks,
            mechanism: self.mechanism,
            before: self.before,
            share_percent: self.share_percent,
            reach: reach_of(self.mechanism),
            dense_cells,
        }
    }
}

/// How networks join and leave: one at the start, the rest within a while.
pub(super) struct RollOut {
    /// When the first joins, seconds since 1970.
    pub(super) start_s: i64,
    /// Seconds until the last has.
    pub(super) join_s: i64,
    /// When the first is free again.
    pub(super) end_s: Option<i64>,
    /// Seconds until the last is.
    pub(super) leave_s: i64,
}

impl RollOut {
    /// When each of `count` networks joins and leaves; whole minutes.
    pub(super) fn spells(&self, draw: &mut Draw, count: usize) -> Vec<(i64, Option<i64>)> {
        let mut after = |most: i64, at: usize| {
            if at == 0 { 0 } else { draw.between(0, most / 60 + 1) * 60 }
        };
        let spell = |at| {
            let start_s = self.start_s + after(self.join_s, at);
            (start_s, self.end_s.map(|end_s| end_s + after(self.leave_s, at)))
        };
        (0..count).map(spell).collect()
    }
}
