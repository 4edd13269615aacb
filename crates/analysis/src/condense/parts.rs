//! What becomes of the parts that are not copied.

use std::borrow::Cow;
use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use wirewitness_model::hex::hex;
use wirewitness_model::lenient::{Headers, MaybeBinary};
use wirewitness_model::ooni::body::{Body, DIGEST_FORMAT, Digest};
use wirewitness_model::ooni::http::Response;

use super::{MAX_HEADER_BYTES, MAX_TEXT_BYTES};
use crate::fingerprints::Fingerprints;
use crate::judge::body;

/// What a cut text ends in.
const CUT: &str = "[cut]";

/// Headers whose values tell who asked.
const PERSONAL: [&str; 5] =
    ["set-cookie", "cookie", "set-cookie2", "authorization", "proxy-authorization"];

/// The digest of a response's body as JSON; none where there is nothing to digest.
pub(super) fn response_body(
    response: &Response<'_>,
    fingerprints: &Fingerprints,
) -> Option<String> {
    let headers = response.all_headers();
    let kept = kept_headers(&headers);
    let lost = fingerprints.lost(&headers, &response.body, kept.as_ref());
    let mut digest = digest_of(&response.body);
    if digest.is_none() && !lost.is_empty() {
        digest = Some(Digest::default());
    }
    let mut digest = digest?;
    digest.fingerprints = lost;
    Some(written(&digest))
}

/// The digest of a body outside of a response, or of a certificate: as [`response_body`], with nothing but what proves it.
pub(super) fn plain_body(body: &Body<'_>) -> Option<String> {
    let digest = match body {
        Body::Whole(whole) => hashed(&whole.bytes())?,
        Body::Digest(digest) => {
            Digest { length: digest.length, sha256: digest.sha256.clone(), ..Digest::default() }
        }
    };
    Some(written(&digest))
}

fn digest_of<'b>(body: &'b Body<'_>) -> Option<Digest<'b>> {
    match body {
        Body::Digest(digest) => Some(Digest {
            sha256: Cow::Borrowed(&digest.sha256),
            title: Cow::Borrowed(&digest.title),
            marks: digest.marks.iter().map(|mark| Cow::Borrowed(mark.as_ref())).collect(),
            ..Digest { length: digest.length, ..Digest::default() }
        }),
        Body::Whole(whole) => {
            let bytes = whole.bytes();
            let marks = body::marks(&bytes).into_iter().map(Cow::Borrowed).collect();
            let title = crate::judge::title::title(&bytes).into_owned().into();
            Some(Digest { title, marks, ..hashed(&bytes)? })
        }
    }
}

fn hashed(bytes: &[u8]) -> Option<Digest<'static>> {
    if bytes.is_empty() {
        return None;
    }
    let sha256 = hex(digest(&SHA256, bytes).as_ref());
    Some(Digest { length: bytes.len() as u64, sha256: sha256.into(), ..Digest::default() })
}

fn written(digest: &Digest<'_>) -> String {
    let mut out = format!("{{\"format\":\"{DIGEST_FORMAT}\",\"length\":{}", digest.length);
    if !digest.sha256.is_empty() {
        let _ = write!(out, ",\"sha256\":\"{}\"", digest.sha256);
    }
    if !digest.title.is_empty() {
        let _ = write!(out, ",\"title\":{}", quoted(&digest.title));
    }
    if !digest.marks.is_empty() {
        let marks: Vec<_> = digest.marks.iter().map(|mark| quoted(mark)).collect();
        let _ = write!(out, ",\"marks\":[{}]", marks.join(","));
    }
    if !digest.fingerprints.is_empty() {
        let rows = digest.fingerprints.iter().map(|row| {
            let [list, name, pattern] =
                [&row.list, &row.name, &row.pattern].map(|it| quoted(it.or_empty()));
            format!("{{\"list\":{list},\"name\":{name},\"pattern\":{pattern}}}")
        });
        let _ = write!(out, ",\"fingerprints\":[{}]", rows.collect::<Vec<_>>().join(","));
    }
    out.push('}');
    out
}

/// True for a header whose value is not kept.
pub(super) fn is_personal(name: &str) -> bool {
    PERSONAL.iter().any(|it| name.eq_ignore_ascii_case(it))
}

/// The headers as they are kept; none where all of them are.
fn kept_headers(headers: &Headers<'_>) -> Option<Headers<'static>> {
    let is_kept = |(name, value): &(Cow<'_, str>, MaybeBinary<'_>)| {
        !is_personal(name) && cut_value(value).is_none()
    };
    if headers.0.iter().all(is_kept) {
        return None;
    }
    let kept = headers.0.iter().map(|(name, value)| {
        let value = match (is_personal(name), cut_value(value)) {
            (true, _) => MaybeBinary::Text(Cow::Borrowed("")),
            (_, Some(cut)) => MaybeBinary::Text(Cow::Owned(cut)),
            (_, None) => owned(value),
        };
        (Cow::Owned(name.to_string()), value)
    });
    Some(Headers(kept.collect()))
}

fn owned(value: &MaybeBinary<'_>) -> MaybeBinary<'static> {
    match value {
        MaybeBinary::Absent => MaybeBinary::Absent,
        MaybeBinary::Text(text) => MaybeBinary::Text(Cow::Owned(text.to_string())),
        MaybeBinary::Base64(data) => MaybeBinary::Base64(Cow::Owned(data.to_string())),
    }
}

/// The value of a header where it is too long to be kept whole.
fn cut_value(value: &MaybeBinary<'_>) -> Option<String> {
    // Base64 and text are never shorter than the bytes they stand for.
    let (MaybeBinary::Text(written) | MaybeBinary::Base64(written)) = value else { return None };
    if written.len() <= MAX_HEADER_BYTES {
        return None;
    }
    let bytes = value.bytes();
    (bytes.len() > MAX_HEADER_BYTES)
        .then(|| cut(&String::from_utf8_lossy(&bytes), MAX_HEADER_BYTES))
}

/// The value of a header, given as JSON, where it is too long.
pub(super) fn long_value(json: &str) -> Option<String> {
    if json.len() <= MAX_HEADER_BYTES {
        return None;
    }
    let value: MaybeBinary<'_> = serde_json::from_str(json).ok()?;
    cut_value(&value).map(|cut| quoted(&cut))
}

/// Any other text as JSON, where it is too long.
pub(super) fn long_text(text: &str) -> Option<String> {
    (text.len() > MAX_TEXT_BYTES).then(|| quoted(&cut(text, MAX_TEXT_BYTES)))
}

fn cut(text: &str, limit: usize) -> String {
    let mut end = limit.saturating_sub(CUT.len()).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{CUT}", text.get(..end).unwrap_or(""))
}

/// As a JSON string.
pub(super) fn quoted(text: &str) -> String {
    // Of a text this cannot fail.
    serde_json::to_string(text).unwrap_or_default()
}
