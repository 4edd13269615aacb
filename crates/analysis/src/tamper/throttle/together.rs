//! Transfers that lost packets and show no bucket each: together they may, since one policer can be for all of a client's
//! connections, or all to one server.

use std::collections::BTreeMap;

use super::Whose;
use super::alone::{LEAST_SECS, Read, bucket_evidence, is_bucket};
use super::bucket::{Arrival, fit};
use super::control::ends;
use super::queue;
use super::series::View;
use crate::tamper::finding::{Evidence, Throttle};

/// Transfers kept for the capture's end.
#[derive(Debug, Default)]
pub(super) struct Together {
    kept: Vec<Kept>,
    arrivals: usize,
}

#[derive(Debug)]
struct Kept {
    whose: Whose,
    /// Times in microseconds since 1970.
    arrivals: Vec<Arrival>,
    view: View,
    /// What is said of it if they show a bucket together.
    finding: Throttle,
}

impl Together {
    /// Keeps a transfer that has losses but whose packets did not wait, as long as there is room.
    pub(super) fn keep(&mut self, read: &Read<'_>) {
        let waited = queue::growth(read.series).is_some_and(queue::grew);
        let mut arrivals = read.arrivals();
        if waited || read.series.losses < LEAST_LOSSES || self.arrivals + arrivals.len() > ROOM {
            return;
        }
        let began_us = u64::try_from(read.whose.began_ns / 1000).unwrap_or(0);
        for arrival in &mut arrivals {
            arrival.at_us = arrival.at_us.saturating_add(began_us);
        }
        self.arrivals += arrivals.len();
        let finding = read.throttle("policer", "low", 0);
        self.kept.push(Kept {
            whose: read.whose.clone(),
            arrivals,
            view: read.series.view,
            finding,
        });
    }

    /// Judges those of the same ends that ran at the same time.
    pub(super) fn judge(&self) -> Vec<Throttle> {
        let mut groups: BTreeMap<_, Vec<&Kept>> = BTreeMap::new();
        for kept in &self.kept {
            groups.entry(ends(&kept.whose)).or_default().push(kept);
        }
        groups.values().flat_map(|group| judge(&concurrent(group))).collect()
    }

    /// Bytes of memory held beside its own size.
    pub(super) fn memory(&self) -> usize {
        self.kept.capacity() * size_of::<Kept>() + self.arrivals * size_of::<Arrival>()
    }
}

/// Those of a group that overlap with its longest one.
fn concurrent<'k>(group: &[&'k Kept]) -> Vec<&'k Kept> {
    let span = |kept: &Kept| {
        let at = |arrival: Option<&Arrival>| arrival.map_or(0, |a| a.at_us);
        (at(kept.arrivals.first()), at(kept.arrivals.last()))
    };
    let Some(longest) = group.iter().max_by_key(|k| span(k).1 - span(k).0) else {
        return Vec::new();
    };
    let (begin, end) = span(longest);
    group.iter().filter(|k| span(k).0 < end && span(k).1 > begin).copied().collect()
}

fn judge(group: &[&Kept]) -> Vec<Throttle> {
    if group.len() < 2 {
        return Vec::new();
    }
    let mut arrivals: Vec<Arrival> =
        group.iter().flat_map(|k| k.arrivals.iter().copied()).collect();
    arrivals.sort_by_key(|a| a.at_us);
    let Some(fit) = fit(&arrivals, SLICE_US).filter(is_bucket) else {
        return Vec::new();
    };
    let behind = group.iter().any(|k| k.view == View::AfterLoss);
    if behind && !queue::unqueued(&arrivals, fit.rate_bps) {
        return Vec::new();
    }
    let needed = (fit.burst_bytes + LEAST_SECS * fit.rate_bps / 8.0) as u64;
    let says = format!("only together with {} other transfers of the same ends", group.len() - 1);
    let evidence = [
        bucket_evidence(&fit, &arrivals),
        Evidence { kind: "together", says, packets: Vec::new() },
    ];
    group
        .iter()
        .map(|kept| {
            let mut found = kept.finding.clone();
            found.rate_bps = fit.is_sharp().then_some(fit.rate_bps as u64);
            found.burst_bytes = Some(fit.burst_bytes as u64);
            found.volume[1] = needed;
            found.evidence.splice(0..0, evidence.iter().cloned());
            found
        })
        .collect()
}

/// Most segments kept, of all transfers: 16 MB.
const ROOM: usize = 1_000_000;
/// Fewest losses for which a transfer is kept.
const LEAST_LOSSES: usize = 5;
/// Losses closer together than this count once, microseconds.
const SLICE_US: u64 = 100_000;
