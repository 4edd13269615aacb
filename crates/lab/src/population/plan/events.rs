//! Events of every kind, as the settings count them. All durations, shares and roll-outs are invented.

use wirewitness_model::verdict::Mechanism;

use super::Planner;
use super::draft::{Draft, RollOut};
use super::mechanisms::{OF_BLOCKS, OF_THROTTLING, on_another_layer};
use crate::population::settings::{DAY_S, HOUR_S, SettingsError};
use crate::population::target_set::TargetSet;
use crate::population::truth::{Kind, Variety};

/// Where an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Width {
    /// On every network.
    National,
    /// On one to three.
    Narrow,
}

impl Planner<'_> {
    /// The widest first, because they have the least room.
    pub(super) fn events(&mut self) -> Result<(), SettingsError> {
        let counts = &self.settings.planted;
        for number in 0..counts.shutdowns {
            self.place("shutdowns", |planner| planner.shutdown(number))?;
            if let Some(cut) = self.taken.pop() {
                self.cuts.push((cut.networks, cut.span));
            }
        }
        for _ in 0..counts.list_blocks {
            self.place("list_blocks", Self::list)?;
        }
        self.standing(Width::National)?;
        for _ in 0..counts.national_blocks {
            self.place("national_blocks", |planner| planner.block(Variety::National))?;
        }
        self.standing(Width::Narrow)?;
        let blocks = [
            ("throttlings", counts.throttlings, Variety::Throttling),
            ("partial_blocks", counts.partial_blocks, Variety::Partial),
            ("network_blocks", counts.network_blocks, Variety::Network),
        ];
        for (key, count, variety) in blocks {
            for _ in 0..count {
                self.place(key, |planner| planner.block(variety))?;
            }
        }
        Ok(())
    }

    /// What is in force when the data begin: one of twenty on every network.
    fn standing(&mut self, width: Width) -> Result<(), SettingsError> {
        let counts = &self.settings.planted;
        let kinds = [
            ("standing_blocks", counts.standing_blocks, (Kind::Block, Variety::Standing)),
            (
                "mechanism_changes",
                counts.mechanism_changes,
                (Kind::MechanismChange, Variety::MechanismChange),
            ),
            ("unblocks", counts.unblocks, (Kind::Unblock, Variety::Unblock)),
        ];
        for (key, count, kind) in kinds {
            let national = count / 20;
            let count = if width == Width::National { national } else { count - national };
            for _ in 0..count {
                self.place(key, |planner| planner.changed(kind, width))?;
            }
        }
        Ok(())
    }

    /// Six hours to a day on all networks (one of eight), to two days on several (three of eight), to four on one.
    fn shutdown(&mut self, number: u32) -> Option<Draft> {
        let all: Vec<usize> = (0..self.country.networks.len()).collect();
        let (networks, longest_s) = match number * 8 / self.settings.planted.shutdowns.max(1) {
            0 => (all, DAY_S),
            1..=3 => {
                let count = self.draw.count(2, 9) as usize;
                (self.draw.some(&all, count), 2 * DAY_S)
            }
            _ => (self.draw.some(&all, 1), 4 * DAY_S),
        };
        let start_s = self.moment(2)?;
        let end_s = start_s + self.draw.between(6 * HOUR_S, longest_s + 1);
        let roll_out = RollOut { start_s, join_s: HOUR_S / 2, end_s: Some(end_s), leave_s: HOUR_S };
        // All its cells are dense enough to miss; it takes room as a cut, not cell by cell.
        let seen = networks.iter().any(|at| {
            self.country.networks.get(*at).is_some_and(|network| !network.dense.is_empty())
        });
        let clear = !self.cuts.iter().any(|(others, span)| {
            networks.iter().any(|at| others.contains(at))
                && super::meet(*span, (start_s - DAY_S, end_s + DAY_S))
        });
        (seen && clear).then(|| Draft {
            kind: Kind::Shutdown,
            variety: Variety::Shutdown,
            dense: Vec::new(),
            others: TargetSet::default(),
            spells: roll_out.spells(&mut self.draw, networks.len()),
            networks,
            mechanism: Mechanism::Shutdown,
            before: None,
            share_percent: self.draw.count(95, 99),
        })
    }

    /// A block of a few targets. Half of them end within the data, after two to ten days; of national ones most do.
    fn block(&mut self, variety: Variety) -> Option<Draft> {
        let national = variety == Variety::National;
        let (dense, networks) = if national { self.everywhere()? } else { self.somewhere()? };
        let mechanisms = match variety {
            Variety::Throttling => &OF_THROTTLING[..],
            _ => &OF_BLOCKS[..],
        };
        let mechanism = *self.draw.weighted(mechanisms)?;
        let share_percent = match variety {
            Variety::Throttling => self.draw.count(60, 91),
            Variety::Partial => self.draw.count(15, 46),
            _ => self.draw.count(93, 100),
        };
        let start_s = self.moment(2)?;
        let join_s = self.joining(networks.len(), start_s);
        let wished = start_s + join_s + self.draw.between(2 * DAY_S, 10 * DAY_S);
        let lifted = if national { 800_000 } else { 500_000 };
        let ends = self.draw.chance(lifted) && wished < self.data.1 - 2 * DAY_S;
        let leave_s = self.joining(networks.len(), wished).min(DAY_S);
        let roll_out = RollOut { start_s, join_s, end_s: ends.then_some(wished), leave_s };
        let spells = roll_out.spells(&mut self.draw, networks.len());
        let others = self.beside(4);
        Some(Draft {
            kind: Kind::Block,
            variety,
            dense,
            others,
            networks,
            spells,
            mechanism,
            before: None,
            share_percent,
        })
    }

    /// A list: half of the links that it may have or more, in up to forty blocks of numbers, and three of the services.
    fn list(&mut self) -> Option<Draft> {
        let most = self.settings.planted.list_targets;
        let blocks = self.draw.count(4, 41);
        let width = (self.draw.count(most / 2, most + 1) / blocks).max(1);
        let mut ranges = Vec::new();
        for _ in 0..blocks {
            let last = self.settings.targets.saturating_sub(width);
            let first = self.draw.count(0, last + 1);
            ranges.push((first, first + (width - 1)));
        }
        let (mut dense, networks) = self.everywhere()?;
        for _ in 0..2 {
            dense.extend(self.somewhere()?.0);
        }
        dense.sort_unstable();
        dense.dedup();
        let start_s = self.moment(2)?;
        let join_s = self.joining(networks.len(), start_s);
        let roll_out = RollOut { start_s, join_s, end_s: None, leave_s: 0 };
        Some(Draft {
            kind: Kind::Block,
            variety: Variety::List,
            dense,
            others: TargetSet::from(ranges).without(&self.dense_numbers()),
            spells: roll_out.spells(&mut self.draw, networks.len()),
            networks,
            mechanism: *self.draw.weighted(&OF_BLOCKS)?,
            before: None,
            share_percent: self.draw.count(93, 100),
        })
    }

    /// A block that is in force when the data begin.
    fn changed(&mut self, (kind, variety): (Kind, Variety), width: Width) -> Option<Draft> {
        let (dense, networks) = match width {
            Width::National => self.everywhere()?,
            Width::Narrow => self.somewhere()?,
        };
        let mechanism = *self.draw.weighted(&OF_BLOCKS)?;
        let before = on_another_layer(&mut self.draw, mechanism);
        let start_s = match variety {
            Variety::Standing => self.data.0 - 30 * DAY_S,
            _ => self.moment(3)?,
        };
        let join_s = self.joining(networks.len(), start_s);
        let roll_out = RollOut { start_s, join_s, end_s: None, leave_s: 0 };
        let others = self.beside(4);
        Some(Draft {
            kind,
            variety,
            dense,
            others,
            spells: roll_out.spells(&mut self.draw, networks.len()),
            networks,
            mechanism,
            before: (kind == Kind::MechanismChange).then_some(before),
            share_percent: self.draw.count(93, 100),
        })
    }

    /// A minute with days before it and after it.
    fn moment(&mut self, days: i64) -> Option<i64> {
        let (from, to) = (self.data.0 + 3 * DAY_S, self.data.1 - days * DAY_S);
        (from < to).then(|| self.draw.between(from / 60, to / 60) * 60)
    }

    /// How long a roll-out takes: minutes for a few networks; for many two hours, a day, or three. All are there a day
    /// before the end of the data.
    fn joining(&mut self, networks: usize, start_s: i64) -> i64 {
        let join_s = match (networks, self.draw.below(10)) {
            (0..=3, 0..8) => HOUR_S / 2,
            (0..=3, _) => 6 * HOUR_S,
            (_, 0..5) => 2 * HOUR_S,
            (_, 5..8) => DAY_S,
            _ => 3 * DAY_S,
        };
        join_s.min(self.data.1 - DAY_S - start_s).max(0)
    }

    /// A target that is dense on every network where there is one, and every network.
    fn everywhere(&mut self) -> Option<(Vec<u32>, Vec<usize>)> {
        let all: Vec<usize> = (0..self.country.networks.len()).collect();
        let services = &self.country.services;
        let mut wide: Vec<_> =
            services.iter().filter(|it| it.networks.len() == all.len()).collect();
        if wide.is_empty() {
            wide = services.iter().collect();
        }
        let service = self.draw.pick(&wide)?;
        let target = *self.draw.pick(&service.targets)?;
        let first = *self.draw.pick(&service.networks)?;
        let mut networks = self.draw.some(&all, all.len());
        networks.retain(|at| *at != first);
        networks.insert(0, first);
        Some((vec![target], networks))
    }

    /// One to three targets of a service on one to three of the networks that measure it.
    fn somewhere(&mut self) -> Option<(Vec<u32>, Vec<usize>)> {
        let service = self.draw.pick(&self.country.services)?.clone();
        let wished = [1, 1, 1, 2, 3];
        let targets = self.draw.pick(&wished).copied().unwrap_or(1);
        let networks = self.draw.pick(&wished).copied().unwrap_or(1);
        let dense = self.draw.some(&service.targets, targets);
        Some((dense, self.draw.some(&service.networks, networks)))
    }

    /// Fewer than `most` targets that are dense nowhere: the other names that a service has.
    fn beside(&mut self, most: u32) -> TargetSet {
        let count = self.draw.count(0, most);
        let (first, end) = (self.country.dense_targets, self.settings.targets);
        let rank = |_| self.draw.count(first, end);
        let ranks: Vec<u32> = (0..count).map(rank).filter(|rank| *rank < end).collect();
        ranks.into_iter().map(|rank| self.country.names.number(rank)).collect()
    }

    fn dense_numbers(&self) -> TargetSet {
        (0..self.country.dense_targets).map(|rank| self.country.names.number(rank)).collect()
    }
}
