//! OONI's published rule (oonipipeline, `analysis/detector.py`), to be compared with: hourly medians, a two-sided cumulative sum
//! between means 0 and 0.7, threshold 3.5, halved every 48 hours of silence beyond 24. The lab's benchmark runs it as well.

use std::collections::BTreeMap;

/// Hours since 1970 at which the rule says that a signal changed, and to what: true for blocked. `values` gives an hour's values.
pub(crate) fn changes<H>(
    hours: &BTreeMap<i64, H>,
    values: impl Fn(&H) -> &[f64],
) -> Vec<(i64, bool)> {
    let (mut up, mut down, mut blocked, mut last) = (0.0_f64, 0.0_f64, None, None);
    let mut changes = Vec::new();
    for (hour, held) in hours {
        if let Some(gap) = last.map(|last: i64| hour - last).filter(|gap| *gap > 24) {
            let left = 0.5_f64.powf(gap as f64 / 48.0);
            (up, down) = (up * left, down * left);
        }
        last = Some(*hour);
        let y = median(values(held));
        if blocked != Some(true) {
            up = (up + y - 0.35).max(0.0);
        }
        if blocked != Some(false) {
            down = (down - (y - 0.7) - 0.35).max(0.0);
        }
        let crossed = if up > 3.5 { Some(true) } else { (down > 3.5).then_some(false) };
        let Some(now) = crossed else { continue };
        if blocked.is_some() {
            changes.push((*hour, now));
        }
        (blocked, up, down) = (Some(now), 0.0, 0.0);
    }
    changes
}

/// As ClickHouse's `quantile(0.5)`: between the two in the middle.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2])
}
