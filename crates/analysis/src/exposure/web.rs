//! What a request of plain HTTP tells.

use wirewitness_wire::app::http::RequestHead;

use super::channel::Reading;
use super::ledger::{How, Value};
use super::scribe::{Scribe, host, text};
use super::tables::Kind;

/// Reads the requests at the beginning of a client's stream, one after the other. Says whether there is any, and whether one named
/// its host.
pub(super) fn requests(scribe: &mut Scribe<'_>, stream: &[u8]) -> Option<bool> {
    let (mut rest, mut any, mut named) = (stream, false, false);
    for _ in 0..MOST_REQUESTS {
        let Ok(head) = RequestHead::parse(rest) else { break };
        if !head.version.starts_with(b"HTTP/1.") {
            break;
        }
        let Some(end) = head.end else {
            named |= !any && request(scribe, &head, &[]);
            any = true;
            break;
        };
        let len = head
            .field("content-length")
            .and_then(|it| str::from_utf8(it).ok()?.parse::<usize>().ok());
        let after = rest.get(end..).unwrap_or_default();
        let body = after.get(..len.unwrap_or(0).min(after.len())).unwrap_or_default();
        named |= request(scribe, &head, body);
        any = true;
        rest = after.get(body.len()..).unwrap_or_default();
    }
    any.then_some(named)
}

/// Reads one request.
pub(super) fn request(scribe: &mut Scribe<'_>, head: &RequestHead<'_>, body: &[u8]) -> bool {
    let name = head.host().and_then(host);
    let named = name.as_ref().is_some_and(|name| scribe.name(name.as_bytes(), How::Http));
    let target = text(head.target);
    let path = target.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let url =
        format!("http://{}{}", name.as_deref().unwrap_or("?"), without_secrets(scribe, &target));
    let kind = name.as_ref().and_then(|name| scribe.pen.tables.service(name)).map(|it| it.kind);
    if kind == Some(Kind::Update) || is_program(&path) {
        scribe.read(Reading::Update, Value::Own(&url));
    } else if is_revocation(head, name.as_deref(), &path) {
        scribe.read(Reading::HttpRevocation, Value::Own(name.as_deref().unwrap_or_default()));
    } else if kind != Some(Kind::Check) {
        scribe.read(Reading::HttpAddress, Value::Own(&url));
    }
    fields(scribe, head);
    if let Some((_, query)) = target.split_once('?') {
        parameters(scribe, query);
    }
    content(scribe, head, body);
    named
}

fn fields(scribe: &mut Scribe<'_>, head: &RequestHead<'_>) {
    for (name, value) in head.fields().take(100) {
        if name.eq_ignore_ascii_case(b"user-agent") {
            scribe.read(Reading::HttpAgent, Value::Own(&text(value)));
        } else if name.eq_ignore_ascii_case(b"cookie") {
            let names = value.split(|byte| *byte == b';').take(20);
            for cookie in names.filter_map(|it| it.split(|byte| *byte == b'=').next()) {
                scribe.read(Reading::HttpCookie, Value::Word(&word(cookie)));
            }
        } else if name.eq_ignore_ascii_case(b"authorization") {
            let scheme = value.split(|byte| *byte == b' ').next().unwrap_or_default();
            scribe.read(
                Reading::HttpSecret,
                Value::Word(&format!("Authorization: {}", word(scheme))),
            );
        } else if let Some(what) = str::from_utf8(name).ok().and_then(|it| identifying(scribe, it))
        {
            scribe.read(Reading::TelemetryClear, Value::Field(what, &text(value)));
        }
    }
}

/// Header fields that apps make up: `X-Device-Id` and the like.
fn identifying(scribe: &Scribe<'_>, name: &str) -> Option<&'static str> {
    let own = name.to_ascii_lowercase();
    scribe.pen.tables.field(own.strip_prefix("x-").unwrap_or(&own))
}

fn content(scribe: &mut Scribe<'_>, head: &RequestHead<'_>, body: &[u8]) {
    if body.is_empty() || is_ocsp(head) {
        return;
    }
    let kind =
        head.field("content-type").map(|it| text(it).to_ascii_lowercase()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_owned();
    scribe.read(Reading::HttpForm, Value::Word(&word(kind.as_bytes())));
    let Ok(body) = str::from_utf8(body) else { return };
    if body.trim_start().starts_with(['{', '[']) {
        members(scribe, body);
    } else {
        parameters(scribe, body);
    }
}

/// A target as it may be shown: without the values of parameters that are secrets.
fn without_secrets(scribe: &Scribe<'_>, target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else { return target.to_owned() };
    let parts = query.split('&').map(|part| match part.split_once('=') {
        Some((name, _)) if scribe.pen.tables.is_secret(name) => format!("{name}=…"),
        _ => part.to_owned(),
    });
    format!("{path}?{}", parts.collect::<Vec<_>>().join("&"))
}

/// `name=value`, joined with `&`.
fn parameters(scribe: &mut Scribe<'_>, text: &str) {
    for (name, value) in text.split('&').take(200).filter_map(|it| it.split_once('=')) {
        pair(scribe, name, value);
    }
}

/// Members of JSON with a text or number, found without reading the rest: `"name":"value"`.
fn members(scribe: &mut Scribe<'_>, json: &str) {
    let mut parts = json.split('"').skip(1);
    for _ in 0..500 {
        let (Some(name), Some(between)) = (parts.next(), parts.next()) else { return };
        let Some(after) = between.trim_start().strip_prefix(':') else { continue };
        let number =
            after.trim_start().split([',', '}', ']', ' ', '\n']).next().unwrap_or_default();
        if number.is_empty() {
            let Some(value) = parts.next() else { return };
            pair(scribe, name, value);
            parts.next();
        } else {
            pair(scribe, name, number);
        }
    }
}

fn pair(scribe: &mut Scribe<'_>, name: &str, value: &str) {
    if scribe.pen.tables.is_secret(name) {
        scribe.read(Reading::HttpSecret, Value::Word(&word(name.as_bytes())));
    } else if let Some(what) = scribe.pen.tables.field(name) {
        scribe.read(Reading::TelemetryClear, Value::Field(what, &text(value.as_bytes())));
    }
}

/// A name of a protocol's or site's own making, cut short: no value.
fn word(name: &[u8]) -> String {
    let fit = |it: char| it.is_ascii_alphanumeric() || "-_./+ ".contains(it);
    String::from_utf8_lossy(name.trim_ascii()).chars().take(24).filter(|it| fit(*it)).collect()
}

fn is_program(path: &str) -> bool {
    let ends =
        [".apk", ".exe", ".msi", ".cab", ".deb", ".rpm", ".dmg", ".pkg", ".ipa", ".appx", ".msu"];
    ends.iter().any(|end| path.ends_with(end))
}

fn is_ocsp(head: &RequestHead<'_>) -> bool {
    head.field("content-type")
        .is_some_and(|it| it.eq_ignore_ascii_case(b"application/ocsp-request"))
}

fn is_revocation(head: &RequestHead<'_>, name: Option<&str>, path: &str) -> bool {
    let by_name = name.is_some_and(|it| it.starts_with("ocsp.") || it.starts_with("crl."));
    by_name || is_ocsp(head) || path.ends_with(".crl")
}

const MOST_REQUESTS: usize = 64;
