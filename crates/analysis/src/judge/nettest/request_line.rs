//! HTTP invalid request line (ts-007): what comes back from an echo server for lines that a proxy would trip over.
//!
//! Whatever else comes back was written by something on the path. That denies nobody access, so the status stays `ok`.

use wirewitness_model::lenient::{List, MaybeBinary};
use wirewitness_model::ooni::TestKeys;
use wirewitness_model::outcome::Outcome;
use wirewitness_model::verdict::{Confidence, Evidence, Locus, Status, Verdict};

use super::evidence::capped;
use super::line::bare;
use crate::judge::rule::Rule;

/// Judges the echoes.
pub(super) fn judge(keys: &TestKeys<'_>) -> Verdict {
    let sent: List<MaybeBinary<'_>> = keys.read("sent");
    let received: List<MaybeBinary<'_>> = keys.read("received");
    let echoes: Vec<Echo> = sent
        .iter()
        .zip(received.iter())
        .map(|(sent, back)| Echo::of(&sent.bytes(), &back.bytes()))
        .collect();
    if echoes.is_empty() {
        return bare("line with its echo");
    }
    let pieces = echoes.iter().enumerate().map(|(n, echo)| echo.evidence(n));
    let evidence = capped(pieces);
    let all = |is_it: fn(&Echo) -> bool| echoes.iter().all(is_it);
    if all(|echo| *echo == Echo::Same) {
        return SAME.verdict(Status::Ok, Confidence::High).with(evidence).done();
    }
    if all(|echo| *echo == Echo::Nothing) {
        return SILENT.verdict(Status::Insufficient, Confidence::Low).with(evidence).done();
    }
    altered(&echoes, evidence)
}

fn altered(echoes: &[Echo], evidence: Vec<Evidence>) -> Verdict {
    let strong = echoes.iter().any(|echo| matches!(echo, Echo::Page(_)));
    let changed = echoes.iter().any(|echo| matches!(echo, Echo::Other));
    let confidence = match (strong, changed) {
        (true, _) => Confidence::High,
        (false, true) => Confidence::Medium,
        (false, false) => Confidence::Low,
    };
    let mut draft = ALTERED.verdict(Status::Ok, confidence).with(evidence);
    if echoes.contains(&Echo::Damaged) {
        draft = draft
            .cannot_tell("a middlebox from a program at either end that overwrote its own memory");
    }
    draft.located(Locus::Path).done()
}

/// What came back for one line.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Echo {
    Same,
    /// The bytes that came before the connection ended, all as sent.
    Short,
    Nothing,
    /// An HTTP response or a page, and its first line.
    Page(String),
    /// As many bytes as were sent, with the same end, and what is no text before it.
    Damaged,
    Other,
}

impl Echo {
    fn of(sent: &[u8], back: &[u8]) -> Self {
        let start = back.trim_ascii_start();
        let is_page = start.starts_with(b"HTTP/")
            || start.starts_with(b"<!")
            || start.get(..5).is_some_and(|tag| tag.eq_ignore_ascii_case(b"<html"));
        match back {
            [] => Self::Nothing,
            _ if back == sent => Self::Same,
            _ if is_page => Self::Page(first_line(start)),
            _ if sent.starts_with(back) => Self::Short,
            _ if is_damaged(sent, back) => Self::Damaged,
            _ => Self::Other,
        }
    }

    fn evidence(&self, n: usize) -> Evidence {
        let (outcome, seen) = match self {
            Self::Same => (Outcome::HttpMatch, "the line came back as sent".to_owned()),
            Self::Short => (Outcome::HttpDiffer, "the beginning of the line came back".to_owned()),
            Self::Nothing => (Outcome::HttpTimeout, "nothing came back".to_owned()),
            Self::Page(first) => (Outcome::HttpDiffer, format!("a response came back: {first}")),
            Self::Damaged => {
                (Outcome::HttpDiffer, "the line came back with bytes that are no text".to_owned())
            }
            Self::Other => (Outcome::HttpDiffer, "something else came back".to_owned()),
        };
        let expected = (*self != Self::Same).then(|| "the line as sent".to_owned());
        Evidence { at: format!("test_keys.received[{n}]"), outcome, seen, expected }
    }
}

fn is_damaged(sent: &[u8], back: &[u8]) -> bool {
    let control = |byte: &&u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    let end = sent.len() - sent.len() / 3;
    sent.len() == back.len()
        && back.iter().any(|byte| control(&byte))
        && sent.get(end..) == back.get(end..)
}

/// The first line in printable ASCII, cut to a length that people read.
fn first_line(text: &[u8]) -> String {
    let line = text.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let printable = |byte: &u8| if (b' '..=b'~').contains(byte) { char::from(*byte) } else { '.' };
    line.iter().take(60).map(printable).collect()
}

/// The rules of this file.
pub(super) const RULES: [&Rule; 3] = [&SAME, &ALTERED, &SILENT];

const SAME: Rule = Rule {
    id: "request_line.same",
    version: 1,
    says: "Every odd request line came back as sent: nothing on the path reads port 80 and trips over it.",
    stands_on: "`sent` and `received`, byte by byte.",
    cannot_tell: &["a middlebox that passes on what it does not understand"],
    false_positives: &[],
};

const ALTERED: Rule = Rule {
    id: "request_line.altered",
    version: 1,
    says: "Something on the path answers, alters or swallows odd request lines. Nothing was denied by that.",
    stands_on: "`sent` and `received`, byte by byte: a page instead of an echo, other bytes, or an echo that is \
                missing while others came.",
    cannot_tell: &[
        "a proxy of the network from one of the local network",
        "what the middlebox is there for",
    ],
    false_positives: &[
        "a security program on the device that reads port 80",
        "an echo server that was replaced by another server",
        "an echo that was lost because the line was cut (then with low confidence)",
    ],
};

const SILENT: Rule = Rule {
    id: "request_line.silent",
    version: 1,
    says: "No line came back at all.",
    stands_on: "Every item of `received` is empty.",
    cannot_tell: &["a middlebox from an echo server or a line that is down"],
    false_positives: &[],
};

#[cfg(test)]
mod tests {
    use super::super::testing::{check, verdict};
    use super::*;

    fn found(received: &str) -> Verdict {
        let keys =
            format!(r#""sent":["ABCD / HTTP/1.1\n\r","GET / HTTP/XYZ\n\r"],"received":{received}"#);
        verdict("http_invalid_request_line", &keys, "")
    }

    #[test]
    fn positive_request_line_same() {
        let found = found(
            r#"["ABCD / HTTP/1.1\n\r",{"format":"base64","data":"R0VUIC8gSFRUUC9YWVoKDQ=="}]"#,
        );
        check(&found, "ok", "request_line.same", None);
    }

    #[test]
    fn negative_request_line_same() {
        let found = found(r#"["ABCD / HTTP/1.1\n\r","GET / HTTP/1.1\n\r"]"#);
        check(&found, "ok", "request_line.altered", None);
    }

    #[test]
    fn outage_request_line_same() {
        check(&found(r#"["",null]"#), "insufficient", "request_line.silent", None);
    }

    #[test]
    fn positive_request_line_altered() {
        for (received, confidence) in [
            (r#"["HTTP/1.1 400 Bad request\r\n",""]"#, Confidence::High),
            (r#"["","<HTML><head>"]"#, Confidence::High),
            (r#"["ABCD / HTTP/1.1\n\r","GET / HTTP/1.1\n\r"]"#, Confidence::Medium),
            (r#"["ABCD / HTTP/1.1\n\r",""]"#, Confidence::Low),
            (r#"["\u0000\u0001CD / HTTP/1.1\n\r","GET / HTTP/XYZ\n\r"]"#, Confidence::Low),
        ] {
            let found = found(received);
            check(&found, "ok", "request_line.altered", None);
            assert_eq!(
                (found.confidence, found.locus),
                (confidence, Some(Locus::Path)),
                "{received}"
            );
        }
    }

    #[test]
    fn negative_request_line_altered() {
        let found = found(r#"["ABCD / HTTP/1.1\n\r","GET / HTTP/XYZ\n\r"]"#);
        check(&found, "ok", "request_line.same", None);
    }

    #[test]
    fn outage_request_line_altered() {
        check(&found(r#"["",""]"#), "insufficient", "request_line.silent", None);
    }

    #[test]
    fn positive_request_line_silent() {
        check(&found(r#"["",""]"#), "insufficient", "request_line.silent", None);
    }

    #[test]
    fn negative_request_line_silent() {
        check(&found("[]"), "insufficient", "record.bare", None);
    }

    #[test]
    fn outage_request_line_silent() {
        check(&found(r#"[null,null]"#), "insufficient", "request_line.silent", None);
    }
}
