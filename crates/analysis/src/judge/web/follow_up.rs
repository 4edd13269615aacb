//! What repeated steps prove: that a failure stays, and what it hangs on.
//!
//! A prober of ours repeats a failed step at least three times, in turn with a harmless name, with another resolver or to
//! another host ([`wirewitness_model::ooni::follow_up`]). OONI's measurements have none of it, and nothing here applies
//! to them. A majority decides: single packets get lost.

use std::collections::BTreeSet;

use wirewitness_model::ooni::dns::Query;
use wirewitness_model::ooni::failure::What;
use wirewitness_model::ooni::follow_up::FollowUp;
use wirewitness_model::outcome::Outcome;
use wirewitness_model::verdict::{Confidence, Evidence, Locus, Mechanism, Status, Verdict};

use super::facts::Facts;
use crate::judge::rule::Rule;

pub(super) const INTERMITTENT: Rule = Rule {
    id: "web.follow_up.intermittent",
    version: 2,
    says: "What failed at first worked when it was repeated.",
    stands_on: "At least two repetitions of the step as it was, of which no majority failed, or, of an answer that did not \
                come, not all.",
    cannot_tell: &["interference that is not applied every time from a line that loses packets"],
    false_positives: &["a device that forgets, or that looks at a sample of connections only"],
};

pub(super) const TLS_NAME: Rule = Rule {
    id: "web.follow_up.tls_name",
    version: 1,
    says: "The handshake is cut off with this name, and answered with a harmless one at the same address, again and again.",
    stands_on: "At least two repetitions each, a majority of either kind; no control is needed.",
    cannot_tell: &[
        "a device on the path from a server that turns this name away itself by cutting connections off",
    ],
    false_positives: &[
        "a server that answers unknown names and has lost the one that it is known for",
    ],
};

pub(super) const HTTP_NAME: Rule = Rule {
    id: "web.follow_up.http_name",
    version: 1,
    says: "The exchange is cut off with this host, and answered with a harmless one at the same address, again and again.",
    stands_on: "At least two repetitions each, a majority of either kind; no control is needed.",
    cannot_tell: &[
        "a device on the path from a server that turns this host away itself by cutting connections off",
    ],
    false_positives: &["a server whose pages for this host are broken"],
};

pub(super) const THROTTLE_NAME: Rule = Rule {
    id: "web.follow_up.throttle",
    version: 2,
    says: "Pages of this name come far slower than those of a harmless one from the same address, again and again.",
    stands_on: "At least two repetitions each, in turn: the median of the first at most 256 kbit/s, of the others at least \
                five times that, over at least 16 KiB; or three each, and every one of the others twice as fast as every \
                one of the first.",
    cannot_tell: &["a device on the path from a server that serves this name slowly itself"],
    false_positives: &["a server that shapes one of its sites"],
};

pub(super) const QUIC_NAME: Rule = Rule {
    id: "web.follow_up.quic_name",
    version: 1,
    says: "QUIC with this name gets no answer, and with a harmless one does at the same address, again and again; the \
           page is reached by other means.",
    stands_on: "At least two repetitions each, a majority of either kind, and the page itself.",
    cannot_tell: &["a device on the path from a server that ignores this name over QUIC"],
    false_positives: &["a server that offers HTTP/3 for a name and does not serve it"],
};

pub(super) const SLOW: Rule = Rule {
    id: "web.follow_up.slow",
    version: 1,
    says: "Pages come too slowly from this address, and nothing shows that it is the name, or the address.",
    stands_on: "At least two repetitions, a majority of which began to answer and did not end in time; no harmless name from \
                the same address that came far faster.",
    cannot_tell: &["a name or an endpoint that is slowed down, a slow line and a slow server"],
    false_positives: &[],
};

pub(super) const ENDPOINT: Rule = Rule {
    id: "web.follow_up.endpoint",
    version: 1,
    says: "Pages come too slowly from this address, and as slowly with a harmless name, while this line carries other bytes \
           far faster; the control got the page.",
    stands_on: "At least two repetitions each, in turn: medians of at most 256 kbit/s from this address, and at least five \
                times that to a test helper, over at least 16 KiB, all of which it read; or three each, and every one \
                twice as fast.",
    cannot_tell: &[
        "an endpoint that is slowed down from a server that is slow for this network",
        "a line that carries bytes towards the network far faster than from it",
    ],
    false_positives: &["a congested path to this server only"],
};

/// Looks at a verdict again in the light of what was repeated.
pub(super) fn refine(facts: &Facts<'_>, verdict: Verdict) -> Verdict {
    let all = &facts.keys.x_follow_ups;
    if all.is_empty() {
        return verdict;
    }
    if verdict.status != Status::Down
        && let Some(throttled) = throttled(facts)
    {
        return throttled;
    }
    if verdict.mechanism == Some(Mechanism::HttpTimeout)
        && let Some(slow) = slow_as_others(facts)
    {
        return slow;
    }
    match verdict.status {
        Status::Blocked => blocked(facts, verdict),
        Status::Insufficient => unproven(facts).unwrap_or(verdict),
        Status::Ok => quic(facts).unwrap_or(verdict),
        Status::Down => verdict,
    }
}

/// The repetitions of one kind.
struct Series<'m> {
    steps: Vec<(usize, &'m FollowUp<'m>)>,
}

impl<'m> Series<'m> {
    fn of(facts: &Facts<'m>, layer: &str, changed: &str) -> Self {
        let wanted = |step: &&FollowUp<'_>| {
            step.layer.or_empty() == layer && step.changed.or_empty() == changed
        };
        let steps = facts.keys.x_follow_ups.iter().enumerate();
        Self { steps: steps.filter(|(_, step)| wanted(step)).collect() }
    }

    /// More than half, and two at least.
    fn mostly(&self, is: impl Fn(&FollowUp<'_>) -> bool) -> bool {
        let count = self.steps.iter().filter(|(_, step)| is(step)).count();
        count >= 2 && count * 2 > self.steps.len()
    }

    /// The last of each round: earlier ones may have met what an earlier trigger had left behind.
    fn settled(self) -> Self {
        let mut steps: Vec<(usize, &FollowUp<'_>)> = Vec::new();
        for (at, step) in self.steps {
            if let Some((_, last)) = steps.last()
                && last.round.0 == step.round.0
            {
                steps.pop();
            }
            steps.push((at, step));
        }
        Self { steps }
    }

    fn evidence(&self, outcome: Outcome) -> Option<Evidence> {
        let (first, step) = self.steps.first()?;
        let words = self.steps.iter().map(|(_, step)| word(step));
        Some(Evidence {
            at: format!("test_keys.x_follow_ups[{first}]"),
            outcome,
            seen: format!(
                "{} to {}, {} times: {}",
                step.name.or_empty(),
                if step.endpoint.or_empty().is_empty() {
                    "the resolver"
                } else {
                    step.endpoint.or_empty()
                },
                self.steps.len(),
                words.collect::<Vec<_>>().join(", "),
            ),
            expected: None,
        })
    }
}

fn word(step: &FollowUp<'_>) -> String {
    match (step.failure.as_str(), step.status.0) {
        (Some(failure), _) => failure.to_owned(),
        (None, Some(status)) => format!("status {status}"),
        (None, None) => "answered".to_owned(),
    }
}

/// Cut off or left without an answer; a certificate that does not fit is an answer.
fn is_cut(step: &FollowUp<'_>) -> bool {
    let what = step.failure.as_str().map(What::of);
    matches!(what, Some(What::Reset | What::Timeout | What::Close | What::Refused))
}

fn is_answered(step: &FollowUp<'_>) -> bool {
    !is_cut(step)
}

fn blocked(facts: &Facts<'_>, mut verdict: Verdict) -> Verdict {
    let Some(layer) = verdict.mechanism.and_then(layer_of) else { return verdict };
    let same = Series::of(facts, layer, "nothing");
    if same.steps.len() < 2 {
        return verdict;
    }
    // What came in place of a page is no failure of the exchange; that it did not come whole is.
    let was_page = facts.last().is_some_and(|last| last.failure.is_none());
    let stays = |step: &FollowUp<'_>| match layer {
        "dns" => stays_wrong(facts, step),
        "http" => was_page || step.failure.as_str().is_some(),
        _ => step.failure.as_str().is_some(),
    };
    // A slow server on a lossy line is silent for too long more often than not: one answer in time is enough.
    let is_silence = verdict.mechanism == Some(Mechanism::HttpTimeout);
    let came_once = is_silence && same.steps.iter().any(|(_, step)| !stays(step));
    if came_once || !same.mostly(stays) {
        let draft = INTERMITTENT.verdict(Status::Insufficient, Confidence::Low);
        let evidence = same.evidence(answered(layer));
        return draft.with(verdict.evidence.into_iter().chain(evidence)).done();
    }
    verdict.evidence.extend(same.evidence(failed(layer, &same)));
    let other = Series::of(facts, layer, "name").settled();
    if other.steps.is_empty() {
        return verdict;
    }
    if other.mostly(is_answered) {
        verdict.confidence = Confidence::High;
        verdict.evidence.extend(other.evidence(answered(layer)));
        // Whatever was heard before the first reset: on a lossy line a forged one may come late.
        let reset = |step: &FollowUp<'_>| step.failure.as_str().map(What::of) == Some(What::Reset);
        if verdict.mechanism == Some(Mechanism::TlsResetOther) && same.mostly(reset) {
            verdict.mechanism = Some(Mechanism::TlsResetSni);
        }
    } else if other.mostly(is_cut) {
        // It does not hang on the name. That a request is reset for something else has no word.
        verdict.evidence.extend(other.evidence(failed(layer, &other)));
        verdict.mechanism = verdict.mechanism.and_then(|mechanism| match mechanism {
            Mechanism::TlsResetSni => Some(Mechanism::TlsResetOther),
            Mechanism::HttpResetHost => None,
            other => Some(other),
        });
    }
    verdict
}

/// Without a control: the harmless name is the control.
fn unproven(facts: &Facts<'_>) -> Option<Verdict> {
    let proof = |layer| {
        let same = Series::of(facts, layer, "nothing");
        let other = Series::of(facts, layer, "name").settled();
        (same.mostly(is_cut) && other.mostly(is_answered)).then_some((same, other))
    };
    let (rule, layer, (same, other)) = match (proof("tls"), proof("http")) {
        (Some(found), _) => (&TLS_NAME, "tls", found),
        (None, Some(found)) => (&HTTP_NAME, "http", found),
        (None, None) => return None,
    };
    let (_, step) = same.steps.first()?;
    let mechanism = match (layer, What::of(step.failure.as_str()?)) {
        ("tls", What::Reset) => Mechanism::TlsResetSni,
        ("tls", What::Timeout) => Mechanism::TlsTimeout,
        ("tls", What::Close) => Mechanism::TlsClose,
        ("http", What::Reset) => Mechanism::HttpResetHost,
        ("http", What::Timeout) => Mechanism::HttpTimeout,
        ("http", What::Close) => Mechanism::HttpClose,
        _ => return None,
    };
    let draft = rule.verdict(Status::Blocked, Confidence::High).by(mechanism, Locus::Path);
    let evidence = same.evidence(failed(layer, &same)).into_iter();
    Some(draft.with(evidence.chain(other.evidence(answered(layer)))).done())
}

fn quic(facts: &Facts<'_>) -> Option<Verdict> {
    let same = Series::of(facts, "quic", "nothing");
    let other = Series::of(facts, "quic", "name").settled();
    let silent = |step: &FollowUp<'_>| step.failure.as_str().map(What::of) == Some(What::Timeout);
    if !same.mostly(silent) || !other.mostly(is_answered) {
        return None;
    }
    let draft = QUIC_NAME.verdict(Status::Ok, Confidence::High);
    let draft = draft.by(Mechanism::QuicTimeoutSni, Locus::Path);
    let evidence = same.evidence(Outcome::QuicTimeout).into_iter();
    Some(draft.with(evidence.chain(other.evidence(Outcome::QuicOk))).done())
}

fn throttled(facts: &Facts<'_>) -> Option<Verdict> {
    let same = Series::of(facts, "http", "nothing");
    let other = Series::of(facts, "http", "name").settled();
    let speeds = |series: &Series<'_>, min_bytes| -> Vec<f64> {
        let steps = series.steps.iter();
        steps.filter_map(|(_, step)| kbit_per_second(step, min_bytes)).collect()
    };
    let (slow, fast) = apart(&speeds(&same, MIN_SLOW_BYTES), &speeds(&other, MIN_FAST_BYTES))?;
    let is_https = facts.last().is_some_and(|last| last.is_https());
    let mechanism = if is_https { Mechanism::TlsThrottleSni } else { Mechanism::HttpThrottleHost };
    let (at, _) = same.steps.first()?;
    let draft = THROTTLE_NAME.verdict(Status::Blocked, Confidence::High);
    let seen = format!("{slow:.0} kbit/s (median of {})", same.steps.len());
    let expected = format!("{fast:.0} kbit/s, as a harmless name at the same address");
    let place = format!("test_keys.x_follow_ups[{at}]");
    let draft = draft.by(mechanism, Locus::Path);
    Some(draft.saw_instead(place, Outcome::HttpSlow, seen, expected).done())
}

/// Transfers that begin and do not end, and not the name's alone: the line may be slow itself.
fn slow_as_others(facts: &Facts<'_>) -> Option<Verdict> {
    let same = Series::of(facts, "http", "nothing");
    let other = Series::of(facts, "http", "name").settled();
    let slow = |step: &FollowUp<'_>| {
        step.failure.as_str().map(What::of) == Some(What::Timeout) && step.status.0.is_some()
    };
    if !same.mostly(slow) {
        return None;
    }
    let line = Series::of(facts, "http", "helper");
    let draft = match slowed_endpoint(&[&same, &other], &line) {
        Some(fast) if facts.control_got_page() && other.mostly(slow) => {
            let draft = ENDPOINT.verdict(Status::Blocked, Confidence::Medium);
            let seen = format!("{fast:.0} kbit/s to a test helper (median)");
            let (at, _) = line.steps.first()?;
            let place = format!("test_keys.x_follow_ups[{at}]");
            let draft = draft.by(Mechanism::IpThrottleEndpoint, Locus::Path);
            draft.saw(place, Outcome::HttpResponse, seen)
        }
        _ => SLOW.verdict(Status::Insufficient, Confidence::Low),
    };
    let evidence = same.evidence(Outcome::HttpTimeout).into_iter();
    Some(draft.with(evidence.chain(other.evidence(Outcome::HttpTimeout))).done())
}

/// The median speed of the line in kbit/s, where it is far above that of every slow series.
fn slowed_endpoint(slow: &[&Series<'_>], line: &Series<'_>) -> Option<f64> {
    // Who does not read all of it answers sooner.
    let read = line.steps.iter().filter(|(_, step)| step.status.0 == Some(READ_AND_REFUSED));
    let fast: Vec<_> = read.filter_map(|(_, step)| kbit_per_second(step, MIN_FAST_BYTES)).collect();
    let is_slow = |series: &&Series<'_>| {
        let steps = series.steps.iter();
        let slow: Vec<_> = steps.filter_map(|(_, step)| kbit_per_second(step, 0)).collect();
        apart(&slow, &fast).is_some()
    };
    slow.iter().all(is_slow).then(|| median(&fast)).flatten()
}

/// The medians of slow and fast transfers, where they are far apart: by their medians, or by every single one.
fn apart(slow: &[f64], fast: &[f64]) -> Option<(f64, f64)> {
    let (slow_median, fast_median) = (median(slow)?, median(fast)?);
    let fastest = slow.iter().copied().fold(0.0, f64::max);
    let each = fast.iter().all(|fast| *fast >= fastest * MIN_RATIO_OF_EACH);
    let is_many = slow.len() >= MIN_OF_EACH && fast.len() >= MIN_OF_EACH;
    let is_far = fast_median >= slow_median * MIN_RATIO || (is_many && each);
    (slow_median <= MAX_SLOW_KBIT && is_far).then_some((slow_median, fast_median))
}

/// Goodput of a transfer of at least `min_bytes`.
#[allow(clippy::cast_precision_loss, reason = "byte counts, far below 2^53")]
fn kbit_per_second(step: &FollowUp<'_>, min_bytes: i64) -> Option<f64> {
    let bytes = step.body_bytes.0.filter(|bytes| *bytes >= min_bytes)?;
    let seconds = (step.t.0? - step.t0.0?).max(0.001);
    Some(bytes as f64 * 8.0 / 1000.0 / seconds)
}

/// The middle one of two at least.
fn median(values: &[f64]) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    if values.len() < 2 { None } else { values.get(values.len() / 2).copied() }
}

/// Whether a repeated lookup failed as the first did, or gave again what nobody else gives.
fn stays_wrong(facts: &Facts<'_>, step: &FollowUp<'_>) -> bool {
    let asked = |engine: &'static str| {
        facts.keys.queries.iter().filter(move |it| {
            it.engine.or_empty() == engine && it.hostname.or_empty() == step.name.or_empty()
        })
    };
    let Some(first) = asked("getaddrinfo").next() else { return true };
    if step.failure.as_str().is_some() || first.failure.as_str().is_some() {
        return step.failure.as_str().is_some() == first.failure.as_str().is_some();
    }
    // A forger may give another address every time.
    let mut elsewhere: BTreeSet<&str> = asked("doh").flat_map(addresses).collect();
    let control = facts.control.into_iter().flat_map(|control| control.dns.addrs.iter());
    elsewhere.extend(control.map(|it| it.or_empty()));
    let again: BTreeSet<&str> = step.answers.iter().map(|it| it.or_empty()).collect();
    if elsewhere.is_empty() {
        return addresses(first).any(|address| again.contains(address));
    }
    again.is_disjoint(&elsewhere)
}

fn addresses<'q>(query: &'q Query<'_>) -> impl Iterator<Item = &'q str> {
    let told = query.answers.iter().flat_map(|it| [it.ipv4.or_empty(), it.ipv6.or_empty()]);
    told.filter(|it| !it.is_empty())
}

fn layer_of(mechanism: Mechanism) -> Option<&'static str> {
    match mechanism.word().split('.').next()? {
        layer @ ("dns" | "tcp" | "tls" | "http") => Some(match layer {
            "dns" => "dns",
            "tcp" => "tcp",
            "tls" => "tls",
            _ => "http",
        }),
        "ip" => Some("tcp"),
        _ => None,
    }
}

fn answered(layer: &str) -> Outcome {
    match layer {
        "dns" => Outcome::DnsAnswer,
        "tcp" => Outcome::TcpOk,
        "tls" => Outcome::TlsOk,
        _ => Outcome::HttpResponse,
    }
}

fn failed(layer: &str, series: &Series<'_>) -> Outcome {
    let step = series.steps.iter().find(|(_, step)| step.failure.as_str().is_some());
    let what = step.and_then(|(_, step)| step.failure.as_str()).map(What::of);
    match (layer, what) {
        ("dns", None) => Outcome::DnsDiffer,
        ("dns", Some(_)) => Outcome::DnsFailed,
        ("tcp", Some(What::Timeout)) => Outcome::TcpTimeout,
        ("tcp", Some(What::Refused)) => Outcome::TcpRefused,
        ("tcp", Some(What::Reset)) => Outcome::TcpReset,
        ("tcp", _) => Outcome::TcpFailed,
        ("tls", Some(What::Reset)) => Outcome::TlsReset,
        ("tls", Some(What::Timeout)) => Outcome::TlsTimeout,
        ("tls", Some(What::Close)) => Outcome::TlsClose,
        ("tls", _) => Outcome::TlsFailed,
        (_, Some(What::Reset)) => Outcome::HttpReset,
        (_, Some(What::Timeout)) => Outcome::HttpTimeout,
        (_, Some(What::Close)) => Outcome::HttpClose,
        (_, Some(_)) => Outcome::HttpFailed,
        (_, None) => Outcome::HttpDiffer,
    }
}

/// Slower than this a transfer of a name counts as slow, in kbit/s: published policing rates are 128 to 150 kbit/s.
const MAX_SLOW_KBIT: f64 = 256.0;
/// The harmless name must be this many times faster.
const MIN_RATIO: f64 = 5.0;
/// Or each of so many of either kind, taken in turn,
const MIN_OF_EACH: usize = 3;
/// must be so many times faster than each slow one: lossy lines make any transfer slow, and none of these alone. Among
/// three of each by chance alone, all of one kind lead one time in twenty, and hardly ever by this much.
const MIN_RATIO_OF_EACH: f64 = 2.0;
/// What a test helper says of bytes that are no request: Bad Request.
const READ_AND_REFUSED: i64 = 400;
/// A slow transfer must have begun, in bytes.
const MIN_SLOW_BYTES: i64 = 4_096;
/// A fast one must have carried enough to have a speed, in bytes.
const MIN_FAST_BYTES: i64 = 16_384;
