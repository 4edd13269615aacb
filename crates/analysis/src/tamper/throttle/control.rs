//! Transfers beside a control: those of one name against those of others, between the same client and the same network.
//!
//! The test is Wehe's (Molavi Kakhki et al., IMC 2015; constants as its app was served them): the means differ by more than
//! half of the larger one, and a Kolmogorov-Smirnov test of the quarter-second goodputs gives p < 0.01. Two more conditions:
//! every transfer of the name is slower than every control, or nothing is said; and the slow ones lost packets or made them
//! wait, for a sender that has little to send is slow by itself.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Whose;
use super::plateau::Bins;
use crate::tamper::finding::End;

/// What is remembered of a transfer.
#[derive(Debug, Clone)]
pub(super) struct Remembered {
    pub(super) whose: Whose,
    pub(super) bins: Bins,
    /// Mean goodput, bits of payload a second.
    pub(super) mean_bps: f64,
    /// True if it lost packets or made them wait: then its rate is the path's, not its sender's.
    pub(super) pressed: bool,
    /// Bytes of payload seen.
    pub(super) bytes: u64,
    /// First and last packet.
    pub(super) packets: [u64; 2],
}

/// A transfer that is slower than its controls.
#[derive(Debug, Clone)]
pub(super) struct Differs<'r> {
    pub(super) slow: &'r Remembered,
    /// The fastest control.
    pub(super) control: &'r Remembered,
    /// How many transfers of the name, and how many controls.
    pub(super) counts: [usize; 2],
    /// Mean goodput of the controls, bits of payload a second.
    pub(super) control_bps: f64,
    /// Wehe's area and the test's p.
    pub(super) area: f64,
    pub(super) p: f64,
}

/// Between whom: client, network of the server, and who sent.
type Ends = (IpAddr, IpAddr, End);

/// All transfers that are slower than their controls, in the order in which they were remembered.
pub(super) fn differing(all: &[Remembered]) -> Vec<Differs<'_>> {
    let mut groups: BTreeMap<Ends, BTreeMap<&str, Vec<&Remembered>>> = BTreeMap::new();
    for one in all {
        let Some(trigger) = &one.whose.trigger else { continue };
        let names = groups.entry(ends(&one.whose)).or_default();
        names.entry(trigger.value.as_str()).or_default().push(one);
    }
    let mut out = Vec::new();
    for names in groups.values() {
        for (name, slow) in names {
            let others: Vec<&Remembered> = names
                .iter()
                .filter(|(other, _)| other != &name)
                .flat_map(|(_, those)| those.iter().copied())
                .collect();
            out.extend(differ(slow, &others));
        }
    }
    out
}

/// Client, network of the server (/24, /48) and who sent.
pub(super) fn ends(whose: &Whose) -> Ends {
    let network = match whose.connection.server.ip() {
        IpAddr::V4(ip) => IpAddr::V4((u32::from(ip) & 0xffff_ff00).into()),
        IpAddr::V6(ip) => IpAddr::V6((u128::from(ip) & (u128::MAX << 80)).into()),
    };
    (whose.connection.client.ip(), network, whose.from)
}

fn differ<'r>(slow: &[&'r Remembered], controls: &[&'r Remembered]) -> Vec<Differs<'r>> {
    let fastest_slow = slow.iter().map(|s| s.mean_bps).fold(0.0, f64::max);
    let slowest_control = controls.iter().map(|c| c.mean_bps).fold(f64::INFINITY, f64::min);
    let Some(control) = controls.iter().max_by(|a, b| a.mean_bps.total_cmp(&b.mean_bps)) else {
        return Vec::new();
    };
    if fastest_slow >= slowest_control || !slow.iter().all(|s| s.pressed) {
        return Vec::new();
    }
    let control_bps = mean(controls);
    let area = 1.0 - mean(slow) / control_bps.max(1.0);
    let p = kolmogorov_smirnov(&pooled(slow), &pooled(controls));
    if area <= AREA || p >= P {
        return Vec::new();
    }
    let counts = [slow.len(), controls.len()];
    slow.iter().map(|slow| Differs { slow, control, counts, control_bps, area, p }).collect()
}

fn mean(of: &[&Remembered]) -> f64 {
    of.iter().map(|r| r.mean_bps).sum::<f64>() / of.len().max(1) as f64
}

fn pooled(of: &[&Remembered]) -> Vec<f64> {
    let mut all: Vec<f64> = of.iter().flat_map(|r| r.bins.sorted_bps()).collect();
    all.sort_by(f64::total_cmp);
    all
}

/// p of the two-sample test, by the asymptotic formula with Stephens' correction. Samples are sorted.
fn kolmogorov_smirnov(a: &[f64], b: &[f64]) -> f64 {
    if a.is_empty() || b.is_empty() {
        return 1.0;
    }
    let (count_a, count_b) = (a.len() as f64, b.len() as f64);
    let distance = a
        .iter()
        .chain(b)
        .map(|x| {
            let below_a = a.partition_point(|y| y <= x) as f64 / count_a;
            let below_b = b.partition_point(|y| y <= x) as f64 / count_b;
            (below_a - below_b).abs()
        })
        .fold(0.0, f64::max);
    let size = (count_a * count_b / (count_a + count_b)).sqrt();
    let lambda = (size + 0.12 + 0.11 / size) * distance;
    if lambda < 0.3 {
        return 1.0;
    }
    let mut sum = 0.0;
    for k in 1..=100 {
        let k = f64::from(k);
        let sign = if k % 2.0 == 0.0 { -1.0 } else { 1.0 };
        sum += sign * (-2.0 * k * k * lambda * lambda).exp();
    }
    (2.0 * sum).clamp(0.0, 1.0)
}

/// Wehe's `areaThreshold`.
const AREA: f64 = 0.5;
/// Wehe's `ks2Threshold`.
const P: f64 = 0.01;

#[cfg(test)]
mod tests {
    use super::*;

    /// Critical values of the test for large samples: D = c * sqrt(1/n + 1/m), with c = 1.358 at 0.05 and 1.628 at 0.01.
    #[test]
    fn p_is_that_of_the_tables() {
        let n = 2_000;
        let a: Vec<f64> = (0..n).map(f64::from).collect();
        for (c, p) in [(1.358, 0.05), (1.628, 0.01)] {
            let shift = c * (2.0 / f64::from(n)).sqrt() * f64::from(n);
            let b: Vec<f64> = a.iter().map(|x| x + shift.round()).collect();
            let got = kolmogorov_smirnov(&a, &b);
            assert!((got / p - 1.0).abs() < 0.1, "{got} is not {p}");
        }
        assert!(kolmogorov_smirnov(&a, &a) > 0.99);
        assert!((kolmogorov_smirnov(&a, &[]) - 1.0).abs() < f64::EPSILON);
    }
}
