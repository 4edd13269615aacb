//! How fast bytes came, connection by connection, from the network events (df-008).

use std::collections::BTreeMap;

use wirewitness_model::ooni::TestKeys;

/// Bytes received on one connection, and in which time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Flow {
    pub(super) transaction: i64,
    pub(super) bytes: i64,
    pub(super) seconds: f64,
}

impl Flow {
    /// Goodput in kbit/s (1000 bits).
    #[allow(clippy::cast_precision_loss, reason = "byte counts, far below 2^53")]
    pub(super) fn kbit_per_second(&self) -> f64 {
        self.bytes as f64 * 8.0 / 1000.0 / self.seconds
    }
}

/// A slow connection and a fast one beside it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Contrast {
    pub(super) slow: Flow,
    pub(super) fast: Flow,
}

/// A transfer must last this long before its speed says something, in seconds.
const MIN_SLOW_SECONDS: f64 = 10.0;
/// And be slower than this, in kbit/s: the slowest published policing rates start about there (Twitter in Russia,
/// 2021: 128-150 kbit/s).
const MAX_SLOW_KBIT: f64 = 128.0;
/// And have carried this much, in bytes: enough that the transfer had begun.
const MIN_SLOW_BYTES: i64 = 4_096;
/// The connection beside it must have carried this much, in bytes.
const MIN_FAST_BYTES: i64 = 16_384;
/// And have been this many times faster.
const MIN_RATIO: f64 = 5.0;
/// Times shorter than this are as good as zero, in seconds.
const MIN_SECONDS: f64 = 0.001;

/// Whether the connection of this transaction was slow beside another.
pub(super) fn find(keys: &TestKeys<'_>, transaction: i64) -> Option<Contrast> {
    if transaction == 0 {
        return None;
    }
    // Nearly every page is fast: the other connections are looked at only where this one is slow.
    let slow = flows(keys, |it| it == transaction).pop()?;
    let is_slow = slow.seconds >= MIN_SLOW_SECONDS
        && slow.bytes >= MIN_SLOW_BYTES
        && slow.kbit_per_second() <= MAX_SLOW_KBIT;
    if !is_slow {
        return None;
    }
    let fast = flows(keys, |it| it != transaction)
        .into_iter()
        .filter(|flow| flow.bytes >= MIN_FAST_BYTES)
        .max_by(|a, b| a.kbit_per_second().total_cmp(&b.kbit_per_second()))?;
    (fast.kbit_per_second() >= slow.kbit_per_second() * MIN_RATIO)
        .then_some(Contrast { slow, fast })
}

/// Received bytes of the wanted connections. Cumulative samples count as they stand, single reads are added up.
fn flows(keys: &TestKeys<'_>, is_wanted: impl Fn(i64) -> bool) -> Vec<Flow> {
    #[derive(Default)]
    struct Tally {
        read: i64,
        cumulative: i64,
        first: Option<f64>,
        last: f64,
    }
    let mut tallies: BTreeMap<i64, Tally> = BTreeMap::new();
    for event in keys.network_events.iter() {
        let (Some(transaction), Some(t)) = (event.transaction_id.0, event.t.0) else { continue };
        if !is_wanted(transaction) {
            continue;
        }
        let bytes = event.num_bytes.0.unwrap_or(0).max(0);
        let tally = tallies.entry(transaction).or_default();
        match event.operation.or_empty() {
            "read" => tally.read = tally.read.saturating_add(bytes),
            "bytes_received_cumulative" => tally.cumulative = tally.cumulative.max(bytes),
            _ => continue,
        }
        tally.first = Some(tally.first.map_or(t, |first| first.min(t)));
        tally.last = tally.last.max(t);
    }
    let to_flow = |(transaction, tally): (i64, Tally)| {
        let seconds = (tally.last - tally.first?).max(MIN_SECONDS);
        Some(Flow { transaction, bytes: tally.cumulative.max(tally.read), seconds })
    };
    tallies.into_iter().filter_map(to_flow).collect()
}
