//! Judges one transfer by itself.
//!
//! What a transfer by itself cannot tell: a tariff's limit looks as a censor's does, and a slow line as a shaper. So a shaper
//! is told only where more passed at first than it lets through later, which no line does; a policer seen from behind it only
//! where much came far faster than its rate, which no line's queue lets out; and every finding names what else may be the
//! cause. So a policer that is hardly slower than the line behind it is seen from before it only. Never a finding: losses by chance, a sender that has little to send, a receiver's small window.

use super::Whose;
use super::bucket::{Arrival, Fit, fit, fit_steady};
use super::plateau::Plateau;
use super::queue;
use super::series::{Segment, Series, View};
use super::transfer::Transfer;
use crate::tamper::finding::{Evidence, Throttle};

/// A transfer and what was read of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Read<'a> {
    pub(super) whose: &'a Whose,
    pub(super) transfer: &'a Transfer,
    pub(super) series: &'a Series,
    pub(super) plateau: Option<Plateau>,
}

impl Read<'_> {
    /// The strongest finding about it, if there is one.
    pub(super) fn judge(&self) -> Option<Throttle> {
        if self.series.losses > 0
            && let Some(found) = self.policer()
        {
            return Some(found);
        }
        self.shaper().or_else(|| self.low_rate())
    }

    /// The segments with their headers, as the device counted them. The first stands for what went before it too, where the
    /// transfer was watched later than it began.
    pub(super) fn arrivals(&self) -> Vec<Arrival> {
        let header = self.whose.header_bytes;
        let arrival = |segment: &Segment| Arrival {
            at_us: u64::from(segment.at_us),
            bytes: segment.len.saturating_add(header),
            lost: segment.lost,
        };
        let mut arrivals: Vec<Arrival> = self.series.segments.iter().map(arrival).collect();
        if let (Some(first), Some(segment)) = (arrivals.first_mut(), self.series.segments.first()) {
            first.bytes += segment.offset.min(MOST_BEFORE);
        }
        arrivals
    }

    fn policer(&self) -> Option<Throttle> {
        let arrivals = self.arrivals();
        let fit = self.bucket(&arrivals)?;
        let waits = queue::slope(self.series, &arrivals, &fit);
        match self.series.view {
            View::BeforeLoss if waits.is_some_and(|waits| waits > WAITS) => return None,
            View::BeforeLoss if waits.is_none() && !self.quiet(&fit) => return None,
            View::BeforeLoss if queue::growth(self.series).is_some_and(queue::grew) => return None,
            View::AfterLoss if !queue::unqueued(&arrivals, fit.rate_bps) => return None,
            _ if fit.tight > TIGHT => return None,
            _ => {}
        }
        let needed = (fit.burst_bytes + LEAST_SECS * fit.rate_bps / 8.0) as u64;
        let enough = self.series.losses >= 50 && fit.badness() <= 0.02 && fit.is_sharp();
        let confidence = match (self.series.view, waits) {
            _ if self.transfer.bytes() < needed => "low",
            (View::BeforeLoss, Some(_)) => {
                if enough {
                    "high"
                } else {
                    "medium"
                }
            }
            (View::BeforeLoss, None) => "low",
            (View::AfterLoss, _) => {
                if enough {
                    "medium"
                } else {
                    "low"
                }
            }
        };
        let mut evidence =
            vec![bucket_evidence(&fit, &arrivals), self.wait_evidence(waits, &arrivals, &fit)];
        evidence.extend(known_rate(&fit));
        let mut found = self.throttle("policer", confidence, needed);
        found.rate_bps = fit.is_sharp().then_some(fit.rate_bps as u64);
        found.burst_bytes = Some(fit.burst_bytes as u64);
        found.evidence.splice(0..0, evidence);
        Some(found)
    }

    fn wait_evidence(&self, waits: Option<f64>, arrivals: &[Arrival], fit: &Fit) -> Evidence {
        let says = match (self.series.view, waits) {
            (View::AfterLoss, _) => spacing(arrivals, fit),
            (View::BeforeLoss, Some(waits)) => format!(
                "round trips grow by {:.0} % of what they would if a queue filled instead",
                waits.max(0.0) * 100.0
            ),
            (View::BeforeLoss, None) => "too few clean round trips to tell a queue by".into(),
        };
        Evidence { kind: "no_queue", says, packets: Vec::new() }
    }

    fn bucket(&self, arrivals: &[Arrival]) -> Option<Fit> {
        if self.series.view == View::AfterLoss
            && let Some(steady) = fit_steady(arrivals, self.slice_us()).filter(is_bucket)
        {
            return Some(steady);
        }
        fit(arrivals, self.slice_us()).filter(is_bucket)
    }

    /// Where the levels do not tell, at least nothing grew.
    fn quiet(&self, fit: &Fit) -> bool {
        let long = fit.burst_bytes * 8.0 / fit.rate_bps > 0.003;
        long && queue::growth(self.series).is_none_or(|growth| !queue::grew(growth))
    }

    fn shaper(&self) -> Option<Throttle> {
        let plateau = self.plateau?;
        let growth = queue::growth(self.series).filter(|g| queue::grew(*g))?;
        if self.series.view != View::BeforeLoss {
            return None;
        }
        let (rate_bps, burst_bytes) = self.early_burst()?;
        let header = f64::from(self.whose.header_bytes);
        let wire = rate_bps * (1.0 + header / 1448.0);
        let mut found =
            self.throttle("shaper", "low", (burst_bytes + LEAST_SECS * wire / 8.0) as u64);
        found.rate_bps = Some(wire as u64);
        found.burst_bytes = Some(burst_bytes as u64);
        let says = format!(
            "round trips grow from {} ms to {} ms in the middle, and {:.0} kB passed at first beyond a rate of {:.0} kbit/s that then holds for {} s",
            growth.0 / 1000,
            growth.1 / 1000,
            burst_bytes / 1e3,
            rate_bps / 1e3,
            plateau.secs,
        );
        found.evidence.insert(0, Evidence { kind: "queue_after_burst", says, packets: Vec::new() });
        Some(found)
    }

    /// Rate of the second half of the acknowledgements, bits of payload a second, and by how much the first were ahead of it.
    fn early_burst(&self) -> Option<(f64, f64)> {
        let acks: Vec<(f64, f64)> = (self.transfer.kept().iter().filter(|k| k.len == 0))
            .map(|k| (f64::from(k.at_us) / 1e6, f64::from(k.offset)))
            .collect();
        let (first, last) = (acks.first()?, acks.last()?);
        let half = acks.iter().find(|(at, _)| *at > f64::midpoint(first.0, last.0))?;
        let rate = (last.1 - half.1) / (last.0 - half.0).max(0.001);
        let mut ahead = (0.0, first.0);
        for (at, offset) in &acks {
            let by = offset - first.1 - rate * (at - first.0);
            if by > ahead.0 {
                ahead = (by, *at);
            }
        }
        let twice = ahead.0 > rate * (ahead.1 - first.0);
        (twice && ahead.0 > (rate / 2.0).max(LEAST_BURST)).then_some((rate * 8.0, ahead.0))
    }

    /// A few losses at an even rate as low as is known of throttling only.
    fn low_rate(&self) -> Option<Throttle> {
        let plateau = self.plateau.filter(|p| (LOWEST_BPS..LOW_BPS).contains(&p.bps))?;
        let growth = queue::growth(self.series);
        let waited = growth.is_some_and(queue::grew);
        if waited || self.series.losses < FEW_LOSSES {
            return None;
        }
        let mut found = self.throttle("plateau", "low", (LEAST_SECS * plateau.bps / 8.0) as u64);
        let says = format!(
            "an even {:.0} kbit/s for {} s (varies by {:.0} %), with {} losses and without growing round trips; behind a slow line with a short queue it looks the same",
            plateau.bps / 1e3,
            plateau.secs,
            plateau.variation * 100.0,
            self.series.losses,
        );
        found.evidence.insert(0, Evidence { kind: "low_plateau", says, packets: Vec::new() });
        Some(found)
    }

    fn slice_us(&self) -> u64 {
        let hand =
            self.whose.round_trip_ns.and_then(|ns| u64::try_from(ns / 1000).ok()).unwrap_or(0);
        u64::from(self.series.base_us.unwrap_or(0)).max(hand).max(20_000)
    }

    /// A finding with what all kinds have.
    pub(super) fn throttle(
        &self,
        kind: &'static str,
        confidence: &'static str,
        needed: u64,
    ) -> Throttle {
        let segments = &self.series.segments;
        let lost = || segments.iter().filter(|s| s.lost);
        let first = lost().next().or(segments.first());
        let last = lost().next_back().or(segments.last());
        let mut packets: Vec<u64> = first.into_iter().chain(last).map(|s| s.packet).collect();
        packets.dedup();
        let after = first.map_or(0, |s| i64::from(s.at_us).saturating_mul(1000));
        let other = "a limit of the tariff, or one for all of the line's traffic, looks the same: only a control on the same line tells";
        Throttle {
            connection: self.whose.connection,
            from: self.whose.from,
            kind,
            confidence,
            goodput_bps: self.mean_bps() as u64,
            rate_bps: None,
            burst_bytes: None,
            volume: [self.transfer.bytes(), needed],
            packets,
            at_ns: self.whose.began_ns.saturating_add(after),
            evidence: vec![Evidence {
                kind: "cannot_tell",
                says: other.into(),
                packets: Vec::new(),
            }],
            trigger: self.whose.trigger.clone(),
            app: None,
        }
    }

    /// Bits of payload a second from the first segment to the last.
    pub(super) fn mean_bps(&self) -> f64 {
        let segments = &self.series.segments;
        let secs = match (segments.first(), segments.last()) {
            (Some(first), Some(last)) => f64::from(last.at_us - first.at_us) / 1e6,
            _ => return 0.0,
        };
        self.series.passed_bytes() as f64 * 8.0 / secs.max(0.001)
    }
}

/// True if it fits so well that it is no accident.
pub(super) fn is_bucket(fit: &Fit) -> bool {
    fit.badness() <= FITS
}

/// What the fit says, in words.
pub(super) fn bucket_evidence(fit: &Fit, arrivals: &[Arrival]) -> Evidence {
    let losses = arrivals.iter().filter(|a| a.lost).count();
    let says = format!(
        "{losses} of {} segments were lost, {:.1} % of them where a bucket of {} bytes filled at {:.0} kbit/s still had tokens; {:.1} % passed where it had none",
        arrivals.len(),
        fit.contradictions[1] * 100.0,
        fit.burst_bytes as u64,
        fit.rate_bps / 1e3,
        fit.contradictions[0] * 100.0,
    );
    Evidence { kind: "token_bucket", says, packets: Vec::new() }
}

/// How much came too fast for a queue, in words.
pub(super) fn spacing(arrivals: &[Arrival], fit: &Fit) -> String {
    let share = queue::fast_share(arrivals, fit.rate_bps).unwrap_or(0.0);
    format!(
        "captured behind the losses: {:.0} % of what passed came more than eight times as fast as the rate, which a slow line's or shaper's queue would have spaced out",
        share * 100.0
    )
}

fn known_rate(fit: &Fit) -> Option<Evidence> {
    let kbit = fit.rate_bps / 1e3;
    (fit.is_sharp() && (120.0..=165.0).contains(&kbit)).then(|| Evidence {
        kind: "known_rate",
        says: format!(
            "{kbit:.0} kbit/s: Russia's filters held Twitter to 130 to 150 kbit/s in 2021 (Xue et al., IMC 2021)"
        ),
        packets: Vec::new(),
    })
}

/// Badness up to which a bucket fits: the policers of a router laboratory gave 0.016 at most, losses by chance 0.4.
const FITS: f64 = 0.05;
/// Growth of round trips from which on a queue is meant: a router's policers gave 0.03 at most, its shapers 0.2 and more.
const WAITS: f64 = 0.12;
/// Share of passes close to the bucket's end: a shaper's output and an evenly paced sender give nearly all.
const TIGHT: f64 = 0.5;
/// Time at the rate, beside the burst, that a judgement needs, s.
pub(super) const LEAST_SECS: f64 = 5.0;
/// Most bytes that are taken to have passed before the transfer was watched.
const MOST_BEFORE: u32 = 65_536;
/// Least that must have passed at first beyond a shaper's rate, bytes.
const LEAST_BURST: f64 = 65_536.0;
/// A rate as low as has been used to throttle, bits a second.
const LOW_BPS: f64 = 256_000.0;
/// Less than this is hardly a transfer.
const LOWEST_BPS: f64 = 4_000.0;
/// Losses without which a low rate is its sender's.
const FEW_LOSSES: usize = 5;
