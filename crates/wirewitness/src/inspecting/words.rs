//! How findings are named for people.

use wirewitness_analysis::tamper::Finding;
use wirewitness_analysis::tamper::finding::{
    Connection, DropGrade, End, Evidence, Grade, Injector, Trigger, TriggerKind,
};

/// What all findings that say something was done have in common.
pub(crate) struct Common<'a> {
    /// The connection.
    pub(crate) connection: &'a Connection,
    /// The packets it stands on.
    pub(crate) packets: &'a [u64],
    /// What it stands on.
    pub(crate) evidence: &'a [Evidence],
    /// What was asked for.
    pub(crate) trigger: Option<&'a Trigger>,
    /// What else can explain it.
    pub(crate) against: &'a [&'static str],
    /// Known devices.
    pub(crate) injectors: &'a [Injector],
}

/// What a finding has in common with others; none where it only tells what happened.
pub(crate) fn common(finding: &Finding) -> Option<Common<'_>> {
    let common = match finding {
        Finding::Injection(it) => Common {
            connection: &it.connection,
            packets: &it.packets,
            evidence: &it.evidence,
            trigger: it.trigger.as_ref(),
            against: &it.against,
            injectors: &it.injectors,
        },
        Finding::Drop(it) => Common {
            connection: &it.connection,
            packets: &it.packets,
            evidence: &it.evidence,
            trigger: it.trigger.as_ref(),
            against: &it.cannot_tell,
            injectors: &[],
        },
        Finding::Throttle(it) => Common {
            connection: &it.connection,
            packets: &it.packets,
            evidence: &it.evidence,
            trigger: it.trigger.as_ref(),
            against: &[],
            injectors: &[],
        },
        Finding::Blockpage(it) => Common {
            connection: &it.connection,
            packets: &it.packets,
            evidence: &it.evidence,
            trigger: it.trigger.as_ref(),
            against: &[],
            injectors: &[],
        },
        Finding::Flow(_) | Finding::Dns(_) | Finding::Quic(_) => return None,
    };
    Some(common)
}

/// How much a finding says: the worst is the greatest. None where it only tells what happened.
pub(crate) fn severity(finding: &Finding) -> Option<(Severity, &'static str)> {
    Some(match finding {
        Finding::Injection(it) => match it.grade {
            Grade::Injected => (Severity::Proven, "injected"),
            Grade::Likely => (Severity::Likely, "likely"),
            Grade::Undecided => (Severity::Undecided, "undecided"),
        },
        Finding::Drop(it) => match it.grade {
            DropGrade::Dropped => (Severity::Proven, "dropped"),
            DropGrade::Likely => (Severity::Likely, "likely"),
            DropGrade::Undecided => (Severity::Undecided, "undecided"),
        },
        Finding::Throttle(it) => match it.confidence {
            "high" => (Severity::Proven, "throttled"),
            "medium" => (Severity::Likely, "likely"),
            _ => (Severity::Undecided, "undecided"),
        },
        Finding::Blockpage(it) => match it.grade {
            "known" => (Severity::Proven, "known"),
            _ => (Severity::Likely, "likely"),
        },
        Finding::Flow(_) | Finding::Dns(_) | Finding::Quic(_) => return None,
    })
}

/// See [`severity`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// Has too many other causes.
    Undecided,
    /// Probably.
    Likely,
    /// By evidence that neither end nor fault explains.
    Proven,
}

/// What was done, in a few words, without what differs from one connection to the next.
pub(crate) fn what(finding: &Finding) -> String {
    match finding {
        Finding::Injection(it) => {
            let said = match it.claims {
                End::Client => "the client",
                End::Server => "the server",
            };
            // What is undecided may be just what it says it is.
            let made = if it.grade == Grade::Undecided { "perhaps forged" } else { "forged" };
            format!("{made} {}, said to be from {said}", kinds(&it.what))
        }
        Finding::Drop(it) => match it.what {
            "client_hello" => "TLS ClientHello into silence".to_owned(),
            "http_request" => "HTTP request into silence".to_owned(),
            "quic_initial" => "QUIC Initial into silence".to_owned(),
            "syn" => "SYN into silence".to_owned(),
            "after_reset" => "silence after a reset".to_owned(),
            "residual" => "all packets of both ends gone for a while".to_owned(),
            other => format!("{} into silence", other.replace('_', " ")),
        },
        Finding::Throttle(it) => match it.kind {
            "policer" => "transfer cut to a rate by dropping (policer)".to_owned(),
            "shaper" => "transfer cut to a rate by queueing (shaper)".to_owned(),
            "plateau" => "transfer held at a rate".to_owned(),
            _ => "transfer slower than its control".to_owned(),
        },
        Finding::Blockpage(it) => match &it.fingerprint {
            Some(name) => format!("block page known as {name}"),
            None => "page that looks like a block page".to_owned(),
        },
        Finding::Flow(_) => "connection".to_owned(),
        Finding::Dns(_) => "DNS question".to_owned(),
        Finding::Quic(_) => "QUIC connection".to_owned(),
    }
}

/// `rst_ack` three times and the like as `RST+ACK ×3`.
fn kinds(what: &[&'static str]) -> String {
    let mut counted: Vec<(&str, usize)> = Vec::new();
    for kind in what {
        match counted.iter_mut().find(|(name, _)| name == kind) {
            Some((_, count)) => *count += 1,
            None => counted.push((kind, 1)),
        }
    }
    let name = |kind: &str| match kind {
        "rst" => "RST".to_owned(),
        "rst_ack" => "RST+ACK".to_owned(),
        "syn_ack" => "SYN+ACK".to_owned(),
        "fin" => "FIN".to_owned(),
        "dns_answer" => "DNS answer".to_owned(),
        "icmp" => "ICMP".to_owned(),
        other => other.replace('_', " "),
    };
    let words = counted.iter().map(|(kind, count)| match count {
        1 => name(kind),
        _ => format!("{} ×{count}", name(kind)),
    });
    words.collect::<Vec<_>>().join(" and ")
}

/// What was asked for, and where it stood.
pub(crate) fn trigger(trigger: &Trigger) -> String {
    let place = match trigger.kind {
        TriggerKind::Sni => "TLS name",
        TriggerKind::QuicSni => "QUIC name",
        TriggerKind::Host => "HTTP Host",
        TriggerKind::Path => "HTTP path",
        TriggerKind::Qname => "DNS name",
        TriggerKind::Port => "port",
    };
    format!("{} ({place})", trigger.value)
}

/// A display filter for Wireshark that shows just these packets, ranges put together.
pub(crate) fn display_filter(packets: &[u64]) -> String {
    let mut sorted: Vec<u64> = packets.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for packet in sorted {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == packet => *last = packet,
            _ => ranges.push((packet, packet)),
        }
    }
    let words = ranges.iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first}..{last}"),
    });
    format!("frame.number in {{{}}}", words.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_as_a_filter() {
        assert_eq!(display_filter(&[7, 5, 6, 9, 9]), "frame.number in {5..7, 9}");
        assert_eq!(display_filter(&[4]), "frame.number in {4}");
    }

    #[test]
    fn kinds_are_counted() {
        assert_eq!(kinds(&["rst", "rst_ack", "rst_ack", "rst_ack"]), "RST and RST+ACK ×3");
    }
}
