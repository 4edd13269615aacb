//! The counts once more, in smaller tables for the questions that do not need target and day at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use wirewitness_store::rollup::{Cell, Rollup};

/// A count without some of its coordinates.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sum {
    /// Of a target, or a day.
    pub(super) place: i32,
    pub(super) network: u16,
    pub(super) kind: u16,
    pub(super) count: u64,
    pub(super) sketch: u64,
}

#[derive(Debug, Default)]
pub(super) struct Totals {
    /// By network and target, all days. Sorted by network, target, kind.
    pub(super) by_target: Vec<Sum>,
    /// By network and day, all targets. Sorted by network, day, kind.
    pub(super) by_day: Vec<Sum>,
}

impl Totals {
    pub(super) fn of(rollup: &Rollup) -> Self {
        let (mut by_target, mut by_day) = (Vec::new(), Vec::new());
        let mut merged = 0;
        for (day, cells) in &rollup.days {
            let start = by_day.len();
            for cell in cells.cells.iter() {
                by_target.push(sum(&cell, place(cell.target)));
                by_day.push(sum(&cell, *day));
            }
            let of_day = merge(by_day.split_off(start));
            by_day.extend(of_day);
            // Together only when they have doubled: sorting costs as much as it is worth then.
            if by_target.len() > 2 * merged + MANY {
                by_target = merge(by_target);
                merged = by_target.len();
            }
        }
        let mut by_target = merge(by_target);
        by_target.shrink_to_fit();
        Self { by_target, by_day: merge(by_day) }
    }

    /// The rows of one network.
    pub(super) fn of_network(sums: &[Sum], network: u16) -> &[Sum] {
        let from = sums.partition_point(|sum| sum.network < network);
        let to = sums.partition_point(|sum| sum.network <= network);
        sums.get(from..to).unwrap_or_default()
    }

    pub(super) fn origins(&self, rollup: &Rollup) -> BTreeSet<Arc<str>> {
        let kinds: BTreeSet<u16> = self.by_day.iter().map(|sum| sum.kind).collect();
        let kind = |kind: &u16| rollup.words.kinds().get(usize::from(*kind));
        kinds.iter().filter_map(kind).map(|kind| Arc::clone(&kind.origin)).collect()
    }
}

/// A target's place as a coordinate; there are never so many that it would not fit.
pub(super) fn place(target: u32) -> i32 {
    i32::try_from(target).unwrap_or(i32::MAX)
}

pub(super) fn sum(cell: &Cell, place: i32) -> Sum {
    let count = u64::from(cell.count);
    Sum { place, network: cell.network, kind: cell.kind, count, sketch: cell.sketch }
}

fn merge(mut sums: Vec<Sum>) -> Vec<Sum> {
    let key = |sum: &Sum| (sum.network, sum.place, sum.kind);
    sums.sort_unstable_by_key(key);
    sums.dedup_by(|next, kept| {
        let is_same = key(next) == key(kept);
        if is_same {
            kept.count += next.count;
            kept.sketch |= next.sketch;
        }
        is_same
    });
    sums
}

const MANY: usize = 1 << 20;
