//! What the findings of one connection of a capture say: the rules `capture.*` (docs/ingest.md).
//!
//! A capture has no control but what is in it, so much of what is found stays without an answer. Nothing here says that a target could
//! be used: what went well is not kept.

use wirewitness_analysis::tamper::Finding;
use wirewitness_analysis::tamper::finding::{DropGrade, Grade, Injection};
use wirewitness_model::outcome::Layer;
use wirewitness_model::verdict::{Confidence, Evidence, Locus, Mechanism, RuleId, Status, Verdict};

use super::captured::{layer, outcome, packets};

/// What one finding says.
struct Said {
    rule: RuleId,
    mechanism: Option<Mechanism>,
    confidence: Confidence,
    locus: Locus,
    cannot_tell: &'static str,
}

const fn rule(id: &'static str) -> RuleId {
    RuleId { id, version: 1 }
}

/// Packets that neither end sent.
const INJECTION: RuleId = rule("capture.injection");
/// Silence, with a control in the capture.
const DROP: RuleId = rule("capture.drop");
/// A page with a known mark.
const BLOCKPAGE: RuleId = rule("capture.blockpage");
/// Slower than a control in the capture.
const THROTTLE: RuleId = rule("capture.throttle");
/// Anything less.
const UNDECIDED: RuleId = rule("capture.undecided");

/// The verdict of one connection.
pub(super) fn verdict(findings: &[Finding]) -> Verdict {
    let ended_badly = findings.iter().any(|finding| matches!(finding, Finding::Flow(_)));
    let mut said: Vec<Said> = findings.iter().filter_map(|it| say(it, ended_badly)).collect();
    // A page names more than the packets that brought it; otherwise the surest, then the first.
    said.sort_by_key(|it| (it.rule != BLOCKPAGE, std::cmp::Reverse(it.confidence)));
    let evidence = findings.iter().flat_map(evidence).take(MOST_EVIDENCE).collect();
    let fingerprint = findings.iter().find_map(|finding| match finding {
        Finding::Blockpage(it) => it.fingerprint.clone(),
        _ => None,
    });
    let Some(best) = said.first() else {
        return undecided(evidence, fingerprint);
    };
    let mut also: Vec<Mechanism> = said.iter().filter_map(|it| it.mechanism).collect();
    also.retain(|mechanism| Some(*mechanism) != best.mechanism);
    also.sort_unstable();
    also.dedup();
    Verdict {
        status: Status::Blocked,
        mechanism: best.mechanism,
        also,
        locus: Some(best.locus),
        rule: best.rule,
        confidence: best.confidence,
        fingerprint,
        evidence,
        cannot_tell: vec![best.cannot_tell.to_owned()],
    }
}

fn undecided(evidence: Vec<Evidence>, fingerprint: Option<String>) -> Verdict {
    Verdict {
        status: Status::Insufficient,
        mechanism: None,
        also: Vec::new(),
        locus: None,
        rule: UNDECIDED,
        confidence: Confidence::Low,
        fingerprint,
        evidence,
        cannot_tell: vec!["interference from what ends and lines do by themselves".to_owned()],
    }
}

/// What a finding says by itself. None where that is nothing.
fn say(finding: &Finding, ended_badly: bool) -> Option<Said> {
    let path = |rule, mechanism, confidence, cannot_tell| {
        Some(Said { rule, mechanism, confidence, locus: Locus::Path, cannot_tell })
    };
    match finding {
        Finding::Injection(it) => {
            let is_sure = it.grade == Grade::Injected && (ended_badly || is_answer(it));
            let confidence = if is_sure { Confidence::High } else { Confidence::Medium };
            let words = "whether the connection went on in spite of it, and whether it was because of the name in it";
            (it.grade > Grade::Undecided)
                .then(|| path(INJECTION, injected(it, layer(finding)), confidence, words))?
        }
        Finding::Drop(it) if it.grade == DropGrade::Dropped => {
            let words = "a drop on the path from a far end that does not answer this name";
            path(DROP, Some(dropped(it.what, layer(finding))?), Confidence::Medium, words)
        }
        Finding::Blockpage(it) if it.grade == "known" => Some(Said {
            rule: BLOCKPAGE,
            mechanism: Some(Mechanism::HttpBlockpage),
            confidence: Confidence::High,
            locus: Locus::Unknown,
            cannot_tell: "who put the page there: something on the path, or whom a resolver named",
        }),
        Finding::Throttle(it) if it.kind == "differs_from_control" && it.confidence != "low" => {
            let words = "a limit on the path from one that the far end sets";
            path(THROTTLE, Some(slowed(layer(finding))), Confidence::Medium, words)
        }
        _ => None,
    }
}

fn is_answer(injection: &Injection) -> bool {
    injection.what.contains(&"dns_answer")
}

fn injected(injection: &Injection, layer: Layer) -> Option<Mechanism> {
    let has = |word: &str| injection.what.iter().any(|what| what.starts_with(word));
    Some(match layer {
        _ if has("dns_answer") => Mechanism::DnsInjectionOther,
        Layer::Tls if has("rst") => Mechanism::TlsResetSni,
        Layer::Http if has("rst") => Mechanism::HttpResetHost,
        Layer::Tcp if has("rst") => Mechanism::TcpReset,
        Layer::Tls if has("fin") => Mechanism::TlsClose,
        Layer::Http if has("fin") => Mechanism::HttpClose,
        _ if has("icmp") => Mechanism::IpUnreachable,
        _ => return None,
    })
}

fn dropped(what: &str, layer: Layer) -> Option<Mechanism> {
    Some(match (what, layer) {
        ("syn", _) | (_, Layer::Tcp) => Mechanism::TcpTimeout,
        (_, Layer::Tls) => Mechanism::TlsTimeout,
        (_, Layer::Http) => Mechanism::HttpTimeout,
        (_, Layer::Quic) => Mechanism::QuicTimeoutSni,
        (_, Layer::Dns) => Mechanism::DnsTimeout,
        (_, Layer::App) => return None,
    })
}

fn slowed(layer: Layer) -> Mechanism {
    match layer {
        Layer::Tls => Mechanism::TlsThrottleSni,
        Layer::Http => Mechanism::HttpThrottleHost,
        _ => Mechanism::IpThrottleEndpoint,
    }
}

/// What a finding stands on.
fn evidence(finding: &Finding) -> Vec<Evidence> {
    let (_, outcome) = outcome(finding);
    let observed = match finding {
        Finding::Injection(it) => &it.evidence,
        Finding::Drop(it) => &it.evidence,
        Finding::Throttle(it) => &it.evidence,
        Finding::Blockpage(it) => &it.evidence,
        Finding::Flow(_) | Finding::Dns(_) | Finding::Quic(_) => return Vec::new(),
    };
    let first = packets(finding).first().copied().unwrap_or_default();
    let one = |it: &wirewitness_analysis::tamper::finding::Evidence| Evidence {
        at: format!("packet {}", it.packets.first().unwrap_or(&first)),
        outcome,
        seen: it.says.clone(),
        expected: None,
    };
    observed.iter().map(one).collect()
}

/// So much is named; all of it is in the findings.
const MOST_EVIDENCE: usize = 8;
