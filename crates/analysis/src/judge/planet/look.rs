//! A response that was not expected: is it a page, and whose.

use wirewitness_model::lenient::{Headers, MaybeBinary};
use wirewitness_model::planet::page::{Received, Response};

use super::remote::Step;
use crate::fingerprints::{Fingerprints, Strength};

/// What came in place of what the template says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Look<'f> {
    /// True for an HTTP response or HTML; false for other bytes.
    pub(super) is_page: bool,
    pub(super) status: Option<u16>,
    /// The mark of a block page, by name, and whether it confirms by itself.
    pub(super) mark: Option<(&'f str, Strength)>,
    /// A known false positive.
    pub(super) false_positive: Option<&'f str>,
}

impl<'f> Look<'f> {
    /// Looks at what came; none where nothing did. Status, length and digest are written into `step`.
    pub(super) fn at(
        received: &Received<'_>,
        fingerprints: &'f Fingerprints,
        country: Option<&str>,
        step: &mut Step,
    ) -> Option<Self> {
        let (status, headers, body, is_page) = match received {
            Received::Nothing => return None,
            Received::Response(response) => parts(response),
            Received::Text(text) => split(text),
        };
        step.status = status;
        step.body(body.as_bytes());
        let matches = fingerprints.match_page(&headers, body.as_bytes(), country);
        let mark = matches.best().map(|best| (best.fingerprint.name.as_str(), best.strength));
        let false_positive = matches.false_positive.map(|row| row.name.as_str());
        Some(Self { is_page, status, mark, false_positive })
    }

    /// True where a mark is enough to say whose page this is.
    pub(super) fn is_confirmed(&self) -> bool {
        self.mark.is_some_and(|(_, strength)| strength == Strength::Confirms)
    }

    /// What was seen, in words.
    pub(super) fn words(&self) -> String {
        let what = match (self.is_page, self.status) {
            (_, Some(status)) => format!("a response with status {status}"),
            (true, None) => "a page".to_owned(),
            (false, None) => "other bytes".to_owned(),
        };
        match (self.mark, self.false_positive) {
            (Some((name, _)), None) => format!("{what}, with the mark {name}"),
            (_, Some(name)) => format!("{what}, known as no block page ({name})"),
            (None, None) => what,
        }
    }
}

type Parts<'t> = (Option<u16>, Headers<'t>, &'t str, bool);

fn parts<'t>(response: &'t Response<'_>) -> Parts<'t> {
    let fields = response.headers.headers.0.iter();
    let headers = fields.map(|(name, value)| (borrowed(name), MaybeBinary::clone(value)));
    (response.status(), Headers(headers.collect()), response.body.or_empty(), true)
}

fn borrowed<'t>(text: &'t str) -> std::borrow::Cow<'t, str> {
    std::borrow::Cow::Borrowed(text)
}

/// A response in the raw bytes of a stream: a status line, fields, a body. Lines end with either of CRLF and LF, since
/// devices that forge responses write both.
fn split(text: &str) -> Parts<'_> {
    if !text.starts_with("HTTP/") {
        return (None, Headers::default(), text, is_html(text));
    }
    let (end, skip) = match (text.find("\r\n\r\n"), text.find("\n\n")) {
        (Some(crlf), Some(lf)) if lf < crlf => (lf, 2),
        (Some(crlf), _) => (crlf, 4),
        (None, Some(lf)) => (lf, 2),
        (None, None) => (text.len(), 0),
    };
    let mut lines = text.get(..end).unwrap_or(text).lines();
    let status = lines.next().and_then(|line| line.split_ascii_whitespace().nth(1)?.parse().ok());
    let field = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.trim().to_owned().into(), MaybeBinary::Text(value.trim().to_owned().into())))
    };
    let headers = lines.filter_map(field).take(MAX_FIELDS).collect();
    let status = status.filter(|code| (100..=999).contains(code));
    (status, Headers(headers), text.get(end + skip..).unwrap_or(""), true)
}

/// True where HTML begins within the first bytes.
fn is_html(text: &str) -> bool {
    let head: String = text.chars().take(HTML_WITHIN).collect::<String>().to_ascii_lowercase();
    ["<html", "<!doctype html", "<head", "<body", "<title"].iter().any(|tag| head.contains(tag))
}

const MAX_FIELDS: usize = 256;
/// In characters.
const HTML_WITHIN: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_bytes_are_split_as_they_come() {
        for (text, status, fields, body, is_page) in [
            ("HTTP/1.1 403 Forbidden\r\nA: b\r\nC:d\r\n\r\nno", Some(403), 2, "no", true),
            ("HTTP/1.1 403 Forbidden\nA: b\n\nno\r\n\r\n", Some(403), 1, "no\r\n\r\n", true),
            ("HTTP/1.0 302", Some(302), 0, "", true),
            ("HTTP/", None, 0, "", true),
            ("HTTP/1.1 7 x\r\n\r\n", None, 0, "", true),
            ("<HTML><body>", None, 0, "<HTML><body>", true),
            ("GET / HTTP/1.1", None, 0, "GET / HTTP/1.1", false),
            ("", None, 0, "", false),
        ] {
            let (found, headers, rest, page) = split(text);
            assert_eq!(
                (found, headers.0.len(), rest, page),
                (status, fields, body, is_page),
                "{text:?}"
            );
        }
    }
}
