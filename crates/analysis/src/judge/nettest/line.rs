//! Whether the line itself works: what separates a block from an outage.
//!
//! A test of one application has no control of its own. What it has are its other steps, and the report that the
//! probe opened at OONI's collector before it measured. Without either, failures are never called a block.

use wirewitness_model::ooni::{Measurement, TestKeys};
use wirewitness_model::outcome::Outcome;
use wirewitness_model::verdict::{Confidence, Evidence, Status, Verdict};

use super::super::rule::Rule;
use super::step::{Step, is_own, named};
use crate::judge::address::is_bogon;

/// What shows that the line works.
#[derive(Debug, Clone)]
pub(super) enum Line {
    /// A step of this measurement reached a public address.
    Works(Evidence),
    /// The probe opened a report at OONI's collector shortly before.
    Worked(Evidence),
    /// Nothing.
    Unknown,
}

impl Line {
    /// The line of a measurement whose steps stand at the top of its test keys.
    pub(super) fn of(measurement: &Measurement<'_>, keys: &TestKeys<'_>) -> Self {
        match reached(keys).map(|step| step.evidence()) {
            Some(evidence) => Self::Works(evidence),
            None => Self::before(measurement),
        }
    }

    /// What the envelope alone says of the line.
    pub(super) fn before(measurement: &Measurement<'_>) -> Self {
        let report = measurement.report_id.or_empty();
        let start = measurement.measurement_start_time.or_empty();
        let opened = report.split('_').next().and_then(seconds);
        match opened.zip(seconds(start)).map(|(opened, start)| start - opened) {
            Some(gap @ MIN_GAP_SECS..=MAX_GAP_SECS) => Self::Worked(Evidence {
                at: "report_id".to_owned(),
                outcome: Outcome::HttpResponse,
                seen: format!("OONI's collector opened the report {gap} s before the start"),
                expected: None,
            }),
            _ => Self::Unknown,
        }
    }

    /// The evidence, if any.
    pub(super) fn evidence(&self) -> Option<Evidence> {
        match self {
            Self::Works(evidence) | Self::Worked(evidence) => Some(evidence.clone()),
            Self::Unknown => None,
        }
    }
}

/// The first step that reached a public address.
fn reached<'m>(keys: &'m TestKeys<'_>) -> Option<Step<'m>> {
    let connects = named(&keys.tcp_connect, |c| !is_bogon(c.ip.or_empty()))
        .map(|(n, connect)| Step::connect(format!("test_keys.tcp_connect[{n}]"), connect));
    let checked = |h: &wirewitness_model::ooni::tls::Handshake<'_>| h.no_tls_verify.0 != Some(true);
    let handshakes = named(&keys.tls_handshakes, checked)
        .map(|(n, handshake)| Step::handshake(format!("test_keys.tls_handshakes[{n}]"), handshake));
    connects.chain(handshakes).find(Step::works)
}

/// Seconds of a time written with fourteen digits, whatever stands between them, since a day long past.
fn seconds(text: &str) -> Option<i64> {
    let text = digits(text);
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    // March is the first month of this year, so that the day added in leap years is the last of all.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day;
    Some(((days * 24 + part(8, 10)?) * 60 + part(10, 12)?) * 60 + part(12, 14)?)
}

/// The digits of a time, fourteen at most.
pub(super) fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).take(14).collect()
}

/// True where the file says that something on the device itself answered.
pub(super) fn device_answered<'m>(keys: &'m TestKeys<'_>) -> Option<Step<'m>> {
    named(&keys.tcp_connect, |connect| is_own(connect.ip.or_empty()))
        .map(|(n, connect)| Step::connect(format!("test_keys.tcp_connect[{n}]"), connect))
        .find(Step::works)
}

/// A report opened longer before says little of the line at the time.
const MAX_GAP_SECS: i64 = 600;
/// The collector's clock and the probe's differ.
const MIN_GAP_SECS: i64 = -60;

/// The rules of this file.
pub(super) const RULES: [&Rule; 4] = [&BARE, &SILENT, &DEVICE, &UNCLEAR];

/// No observation.
pub(super) const BARE: Rule = Rule {
    id: "record.bare",
    version: 1,
    says: "The record holds none of the observations that its test makes.",
    stands_on: "The lists of steps are missing, null or empty.",
    cannot_tell: &[
        "a probe that failed before it measured from a record that lost its observations",
    ],
    false_positives: &[],
};

/// Nothing worked.
pub(super) const SILENT: Rule = Rule {
    id: "line.silent",
    version: 1,
    says: "Nothing worked, and nothing shows that the line itself did: no conclusion.",
    stands_on: "Every step failed; no connect or handshake with a public address worked.",
    cannot_tell: &[
        "a block from a line that is down, a captive portal or an outage of the whole service",
    ],
    false_positives: &[],
};

/// Kept on the device.
pub(super) const DEVICE: Rule = Rule {
    id: "line.device",
    version: 1,
    says: "A filter on the measuring device itself answered, so the network beyond was not measured.",
    stands_on: "Names lead to the device's own addresses, and a server there accepted connections.",
    cannot_tell: &["a network that also lies, behind the filter"],
    false_positives: &[
        "a device that runs a server of its own while the resolver answers 0.0.0.0 for blocked names",
    ],
};

/// Failed, but a failing server looks the same.
pub(super) const UNCLEAR: Rule = Rule {
    id: "line.unclear",
    version: 1,
    says: "The line works and the service was not reached, in a way that a failing server also shows.",
    stands_on: "Failures without a mark of interference at too few endpoints, or endpoints never tried.",
    cannot_tell: &["a block from a server that is down, moved or retired"],
    false_positives: &[],
};

/// The record says nothing.
pub(super) fn bare(what: &str) -> Verdict {
    let missing = format!("anything: there is no {what} in the record");
    BARE.verdict(Status::Insufficient, Confidence::Low).cannot_tell(missing).done()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, report, tcp, verdict};
    use super::*;
    use wirewitness_model::verdict::Mechanism;

    fn dead(extra: &str) -> Verdict {
        let steps = [tcp("149.154.175.50", 443, "\"generic_timeout_error\"")].concat();
        verdict("telegram", &format!(r#""tcp_connect":[{steps}],{extra}"x":0"#), "")
    }

    #[test]
    fn positive_line_silent() {
        check(&dead(""), "insufficient", "line.silent", None);
    }

    #[test]
    fn negative_line_silent() {
        let open = tcp("149.154.175.50", 443, "null");
        let found = verdict("telegram", &format!(r#""tcp_connect":[{open}]"#), "");
        check(&found, "ok", "telegram.ok", None);
    }

    #[test]
    fn outage_line_silent() {
        let lookup =
            r#""queries":[{"hostname":"web.telegram.org","failure":"generic_timeout_error"}],"#;
        check(&dead(lookup), "insufficient", "line.silent", None);
    }

    #[test]
    fn positive_record_bare() {
        for keys in [r#""requests":null"#, r#""requests":[],"agent":"agent""#, ""] {
            check(&verdict("signal", keys, ""), "insufficient", "record.bare", None);
        }
    }

    #[test]
    fn negative_record_bare() {
        check(&dead(""), "insufficient", "line.silent", None);
    }

    #[test]
    fn outage_record_bare() {
        let found = verdict("signal", r#""queries":null,"requests":null"#, report());
        check(&found, "insufficient", "record.bare", None);
    }

    /// Every chat name leads to this address; a connect to it ends so.
    fn led_to(address: &str, failure: &str, envelope: &str) -> Verdict {
        let queries: Vec<String> = (1..=16)
            .map(|n| super::super::testing::lookup(&format!("e{n}.whatsapp.net"), address))
            .collect();
        let connect = tcp(address, 443, failure);
        let keys = format!(r#""queries":[{}],"tcp_connect":[{connect}]"#, queries.join(","));
        verdict("whatsapp", &keys, envelope)
    }

    #[test]
    fn positive_line_device() {
        check(&led_to("0.0.0.0", "null", ""), "insufficient", "line.device", None);
        check(&led_to("127.0.0.1", "null", ""), "insufficient", "line.device", None);
    }

    #[test]
    fn negative_line_device() {
        let found = led_to("10.10.34.35", "null", "");
        assert_ne!(found.rule.id, "line.device");
    }

    #[test]
    fn outage_line_device() {
        let found = led_to("0.0.0.0", "\"connection_refused\"", "");
        check(&found, "insufficient", "line.silent", None);
        let found = led_to("0.0.0.0", "\"connection_refused\"", report());
        check(&found, "blocked", "whatsapp.endpoints", Some(Mechanism::AppBlocked));
    }

    fn one_server(failure: &str) -> Verdict {
        let keys = format!(
            r#""queries":[{},{}],"tcp_connect":[{},{}]"#,
            super::super::testing::lookup("chat.signal.org", "9.9.9.9"),
            super::super::testing::lookup("cdn.signal.org", "8.8.8.8"),
            tcp("9.9.9.9", 443, failure),
            tcp("8.8.8.8", 443, "null"),
        );
        verdict("signal", &keys, "")
    }

    #[test]
    fn positive_line_unclear() {
        let found = one_server("\"connection_refused\"");
        check(&found, "insufficient", "line.unclear", None);
    }

    #[test]
    fn negative_line_unclear() {
        check(&one_server("null"), "ok", "signal.ok", None);
    }

    #[test]
    fn outage_line_unclear() {
        let found = one_server("\"generic_timeout_error\"");
        check(&found, "insufficient", "line.unclear", None);
    }

    #[test]
    fn a_report_counts_for_ten_minutes() {
        let line = |report: &str, start: &str| {
            let json = format!(
                r#"{{"report_id":"{report}_telegram_US_1_n1_x","measurement_start_time":"{start}"}}"#
            );
            Line::before(&Measurement::from_json(&json).unwrap()).evidence().is_some()
        };
        assert!(line("20240229T235959Z", "2024-03-01 00:00:01"));
        assert!(line("20221110T102855Z", "2022-11-10 10:28:50"));
        assert!(!line("20221110T102855Z", "2022-11-10 11:28:55"));
        assert!(!line("20230228T235959Z", "2023-03-02 00:00:01"));
        assert!(!line("", "2022-11-10 11:28:55") && !line("20221110T102855Z", ""));
    }
}
