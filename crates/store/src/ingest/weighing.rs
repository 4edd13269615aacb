//! What the findings of one connection of a capture say, by the rules of `wirewitness_analysis::judge::captured`.
//!
//! A capture has no control but what is in it, so much of what is found stays without an answer. Nothing here says that a target could
//! be used: what went well is not kept.

use wirewitness_analysis::judge::captured::{BLOCKPAGE, DROP, INJECTION, THROTTLE, UNDECIDED};
use wirewitness_analysis::judge::rule::{Draft, Rule};
use wirewitness_analysis::tamper::Finding;
use wirewitness_analysis::tamper::finding::{DropGrade, Grade, Injection};
use wirewitness_model::outcome::Layer;
use wirewitness_model::verdict::{Confidence, Evidence, Locus, Mechanism, Status, Verdict};

use super::captured::{layer, outcome, packets};

/// What one finding says.
struct Said {
    rule: &'static Rule,
    mechanism: Option<Mechanism>,
    confidence: Confidence,
    locus: Locus,
}

/// The verdict of one connection.
pub(super) fn verdict(findings: &[Finding]) -> Verdict {
    let ended_badly = findings.iter().any(|finding| matches!(finding, Finding::Flow(_)));
    let mut said: Vec<Said> = findings.iter().filter_map(|it| say(it, ended_badly)).collect();
    // A page names more than the packets that brought it; otherwise the surest, then the first.
    said.sort_by_key(|it| (it.rule.id != BLOCKPAGE.id, std::cmp::Reverse(it.confidence)));
    let mut also: Vec<Mechanism> = said.iter().filter_map(|it| it.mechanism).collect();
    also.sort_unstable();
    let draft = said.first().map_or_else(undecided, begin);
    let mut verdict = also
        .into_iter()
        .fold(draft, Draft::also)
        .with(findings.iter().flat_map(evidence).take(MOST_EVIDENCE))
        .done();
    verdict.fingerprint = findings.iter().find_map(|finding| match finding {
        Finding::Blockpage(it) => it.fingerprint.clone(),
        _ => None,
    });
    verdict
}

fn undecided() -> Draft {
    UNDECIDED.verdict(Status::Insufficient, Confidence::Low)
}

fn begin(said: &Said) -> Draft {
    let draft = said.rule.verdict(Status::Blocked, said.confidence);
    match said.mechanism {
        Some(mechanism) => draft.by(mechanism, said.locus),
        None => draft.located(said.locus),
    }
}

/// What a finding says by itself. None where that is nothing.
fn say(finding: &Finding, ended_badly: bool) -> Option<Said> {
    let path = |rule, mechanism, confidence| {
        Some(Said { rule, mechanism, confidence, locus: Locus::Path })
    };
    match finding {
        Finding::Injection(it) => {
            let is_sure = it.grade == Grade::Injected && (ended_badly || is_answer(it));
            let confidence = if is_sure { Confidence::High } else { Confidence::Medium };
            (it.grade > Grade::Undecided)
                .then(|| path(&INJECTION, injected(it, layer(finding)), confidence))?
        }
        Finding::Drop(it) if it.grade == DropGrade::Dropped => {
            path(&DROP, Some(dropped(it.what, layer(finding))?), Confidence::Medium)
        }
        Finding::Blockpage(it) if it.grade == "known" => Some(Said {
            rule: &BLOCKPAGE,
            mechanism: Some(Mechanism::HttpBlockpage),
            confidence: Confidence::High,
            locus: Locus::Unknown,
        }),
        Finding::Throttle(it) if it.kind == "differs_from_control" && it.confidence != "low" => {
            path(&THROTTLE, Some(slowed(layer(finding))), Confidence::Medium)
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

#[cfg(test)]
mod tests {
    use wirewitness_analysis::tamper::finding::{
        Blockpage, Drop, End, SeenFrom, Throttle, Trigger, TriggerKind,
    };
    use wirewitness_model::battery::PageTest;

    use super::*;
    use crate::ingest::endings::{ending, ends};

    fn asked(kind: TriggerKind) -> Option<Trigger> {
        Some(Trigger { kind, value: "news.example".to_owned(), packet: 4 })
    }

    fn forged(what: &'static str, kind: TriggerKind, grade: Grade) -> Finding {
        Finding::Injection(Box::new(Injection {
            connection: ends(),
            grade,
            what: vec![what],
            claims: End::Server,
            seen_from: SeenFrom::Client,
            packets: vec![5],
            at_ns: 1,
            evidence: Vec::new(),
            against: Vec::new(),
            trigger: asked(kind),
            injectors: Vec::new(),
            forged: Vec::new(),
            answers: Vec::new(),
            app: None,
        }))
    }

    fn silence(grade: DropGrade) -> Finding {
        Finding::Drop(Box::new(Drop {
            connection: ends(),
            grade,
            what: "client_hello",
            packets: vec![4],
            at_ns: 1,
            evidence: Vec::new(),
            trigger: asked(TriggerKind::Sni),
            control: None,
            cannot_tell: Vec::new(),
            app: None,
        }))
    }

    fn slow(kind: &'static str, confidence: &'static str) -> Finding {
        Finding::Throttle(Box::new(Throttle {
            connection: ends(),
            from: End::Server,
            kind,
            confidence,
            goodput_bps: 128_000,
            rate_bps: None,
            burst_bytes: None,
            volume: [1, 1],
            packets: vec![9],
            at_ns: 1,
            evidence: Vec::new(),
            trigger: asked(TriggerKind::Sni),
            app: None,
        }))
    }

    fn page(grade: &'static str) -> Finding {
        Finding::Blockpage(Box::new(Blockpage {
            connection: ends(),
            grade,
            fingerprint: (grade == "known").then(|| "made_up".to_owned()),
            says: "a page".to_owned(),
            page: PageTest::default(),
            packets: vec![6],
            at_ns: 1,
            evidence: Vec::new(),
            trigger: asked(TriggerKind::Host),
            app: None,
        }))
    }

    /// Rule, mechanism, confidence; and that a block has what the rule cannot tell.
    fn of(findings: &[Finding]) -> (&'static str, Option<&'static str>, &'static str) {
        let found = verdict(findings);
        assert_eq!(found.status == Status::Blocked, found.rule.id != UNDECIDED.id);
        assert!(!found.cannot_tell.is_empty());
        (found.rule.id, found.mechanism.map(|it| it.word()), found.confidence.word())
    }

    const OPEN: (&str, Option<&str>, &str) = ("capture.undecided", None, "low");

    #[test]
    fn positive_capture_blockpage() {
        let findings = [forged("rst", TriggerKind::Host, Grade::Injected), page("known"), ending()];
        assert_eq!(of(&findings), ("capture.blockpage", Some("http.blockpage"), "high"));
        let found = verdict(&findings);
        assert_eq!(found.also, [Mechanism::HttpResetHost]);
        assert_eq!(found.fingerprint.as_deref(), Some("made_up"));
    }

    #[test]
    fn negative_capture_blockpage() {
        assert_eq!(of(&[page("likely")]), OPEN);
    }

    #[test]
    fn outage_capture_blockpage() {
        assert_eq!(of(&[page("likely"), ending()]), OPEN);
    }

    #[test]
    fn positive_capture_injection() {
        let sure = |what, kind| forged(what, kind, Grade::Injected);
        for (findings, mechanism, confidence) in [
            (vec![sure("rst", TriggerKind::Sni)], "tls.reset.sni", "medium"),
            (vec![sure("rst", TriggerKind::Sni), ending()], "tls.reset.sni", "high"),
            (vec![sure("fin", TriggerKind::Host), ending()], "http.close", "high"),
            (vec![sure("dns_answer", TriggerKind::Qname)], "dns.injection.other", "high"),
            (
                vec![forged("rst", TriggerKind::Host, Grade::Likely), ending()],
                "http.reset.host",
                "medium",
            ),
        ] {
            assert_eq!(of(&findings), ("capture.injection", Some(mechanism), confidence));
        }
        let wordless = [sure("data", TriggerKind::Sni), ending()];
        assert_eq!(of(&wordless), ("capture.injection", None, "high"));
    }

    #[test]
    fn negative_capture_injection() {
        assert_eq!(of(&[forged("rst", TriggerKind::Sni, Grade::Undecided)]), OPEN);
    }

    #[test]
    fn outage_capture_injection() {
        assert_eq!(of(&[forged("rst", TriggerKind::Sni, Grade::Undecided), ending()]), OPEN);
    }

    #[test]
    fn positive_capture_drop() {
        let found = of(&[silence(DropGrade::Dropped), ending()]);
        assert_eq!(found, ("capture.drop", Some("tls.timeout"), "medium"));
    }

    #[test]
    fn negative_capture_drop() {
        // No other name was answered, so nothing is a control.
        assert_eq!(of(&[silence(DropGrade::Likely)]), OPEN);
    }

    #[test]
    fn outage_capture_drop() {
        assert_eq!(of(&[silence(DropGrade::Undecided), ending()]), OPEN);
    }

    #[test]
    fn positive_capture_throttle() {
        for confidence in ["medium", "high"] {
            let found = of(&[slow("differs_from_control", confidence)]);
            assert_eq!(found, ("capture.throttle", Some("tls.throttle.sni"), "medium"));
        }
    }

    #[test]
    fn negative_capture_throttle() {
        // A limit that nothing is compared with may be the line's own.
        assert_eq!(of(&[slow("policer", "high")]), OPEN);
        assert_eq!(of(&[slow("differs_from_control", "low")]), OPEN);
    }

    #[test]
    fn outage_capture_throttle() {
        assert_eq!(of(&[slow("plateau", "medium"), ending()]), OPEN);
    }

    #[test]
    fn positive_capture_undecided() {
        assert_eq!(of(&[ending(), silence(DropGrade::Likely), page("likely")]), OPEN);
    }

    #[test]
    fn negative_capture_undecided() {
        let findings = [ending(), silence(DropGrade::Likely), slow("differs_from_control", "high")];
        assert_ne!(of(&findings).0, "capture.undecided");
    }

    #[test]
    fn outage_capture_undecided() {
        assert_eq!(of(&[ending()]), OPEN);
    }
}
