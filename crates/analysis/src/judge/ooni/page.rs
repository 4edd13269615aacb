//! Compares the final page with the control's.

use std::collections::BTreeSet;

use wirewitness_model::lenient::MaybeBinary;
use wirewitness_model::ooni::control::ControlHttp;
use wirewitness_model::ooni::http::Response;

use super::super::body::title;

/// A response that came without failure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page<'m> {
    pub(crate) response: &'m Response<'m>,
}

/// The page that the control got.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ControlPage<'m> {
    pub(crate) http: &'m ControlHttp<'m>,
}

impl Page<'_> {
    /// True for 2xx, 4xx and 5xx: not followed further.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self.response.code.0.unwrap_or(0) / 100, 2 | 4 | 5)
    }
}

/// How two pages compare. None where a comparison was not possible.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Comparison {
    pub(crate) body_proportion: Option<f64>,
    pub(crate) status_code_match: Option<bool>,
    pub(crate) headers_match: Option<bool>,
    pub(crate) title_match: Option<bool>,
    /// True where a header beside `Content-Length` is in both, or that one with the same value: it is on nearly every page.
    pub(crate) has_telling_header: bool,
    /// True where our title has a word long enough to be compared: two pages without any have alike titles.
    pub(crate) has_telling_title: bool,
}

/// Bodies whose lengths are closer than this are alike.
const BODY_PROPORTION: f64 = 0.7;

impl Comparison {
    /// Whether the bodies' lengths are alike.
    pub(crate) fn body_length_match(&self) -> Option<bool> {
        self.body_proportion.map(|proportion| proportion > BODY_PROPORTION)
    }

    /// True unless the status codes are equal and body, headers or title match.
    pub(crate) fn differs(&self) -> bool {
        let any =
            [self.body_length_match(), self.headers_match, self.title_match].contains(&Some(true));
        !(self.status_code_match == Some(true) && any)
    }
}

/// Compares.
pub(crate) fn compare(page: &Page<'_>, control: &ControlPage<'_>) -> Comparison {
    let has_status = control.http.status_code.0.is_some_and(|code| code > 0);
    let title = title(&page.response.body);
    let words = long_words(&title);
    let shared = |but| shares_header(page.response, control.http, but);
    let has_other_header = shared(&["content-length"]);
    let headers_match = has_status.then(|| has_other_header || shared(&[]));
    let has_telling_header = has_other_header || is_of_one_length(page.response, control.http);
    Comparison {
        body_proportion: body_proportion(page.response, control.http),
        status_code_match: status_code_match(page.response, control.http),
        headers_match,
        has_telling_header,
        title_match: has_status.then(|| words == long_words(control.http.title.or_empty())),
        has_telling_title: !words.is_empty(),
    }
}

fn body_proportion(response: &Response<'_>, control: &ControlHttp<'_>) -> Option<f64> {
    if response.body_is_truncated.0 == Some(true) {
        return None;
    }
    let ours = u32::try_from(response.body.length()).ok().filter(|&n| n > 0)?;
    let theirs = control.body_length.0.and_then(|n| u32::try_from(n).ok()).filter(|&n| n > 0)?;
    Some(f64::from(ours.min(theirs)) / f64::from(ours.max(theirs)))
}

/// None where the control did not get 2xx and the codes differ: the control may be the one that failed.
fn status_code_match(response: &Response<'_>, control: &ControlHttp<'_>) -> Option<bool> {
    let ours = response.code.0.filter(|&code| code > 0)?;
    let theirs = control.status_code.0.filter(|&code| code > 0)?;
    (ours == theirs || theirs / 100 == 2).then_some(ours == theirs)
}

/// So many header names are faster walked over than indexed.
const FEW_HEADERS: usize = 64;

/// Whether any uncommon header name, but one of these, is in both.
fn shares_header(response: &Response<'_>, control: &ControlHttp<'_>, but: &[&str]) -> bool {
    let is_uncommon = |name: &str| {
        !COMMON_HEADERS.iter().chain(but).any(|common| name.eq_ignore_ascii_case(common))
    };
    let mut ours = response.headers.0.iter().map(|(name, _)| name).filter(|n| is_uncommon(n));
    if control.headers.0.len() <= FEW_HEADERS {
        return ours.any(|name| control.headers.find(name).is_some());
    }
    // A server may send a hundred thousand: each is looked at once.
    let theirs: BTreeSet<String> =
        control.headers.0.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    ours.any(|name| theirs.contains(&name.to_ascii_lowercase()))
}

/// Whether both pages say that they are of the same length, which is not none.
fn is_of_one_length(response: &Response<'_>, control: &ControlHttp<'_>) -> bool {
    let ours = response.headers.find("content-length").map(MaybeBinary::bytes);
    let theirs = control.headers.find("content-length").map(MaybeBinary::bytes);
    ours.is_some_and(|ours| ours.as_ref() != b"0" && Some(ours) == theirs)
}

/// The words of five bytes or more, in lower case: titles are alike where none is in one title only.
fn long_words(title: &str) -> BTreeSet<String> {
    title.split(' ').filter(|word| word.len() >= 5).map(str::to_lowercase).collect()
}

/// Headers too common to tell two pages apart.
const COMMON_HEADERS: &[&str] = &[
    "date",
    "content-type",
    "server",
    "cache-control",
    "vary",
    "set-cookie",
    "location",
    "expires",
    "x-powered-by",
    "content-encoding",
    "last-modified",
    "accept-ranges",
    "pragma",
    "x-frame-options",
    "etag",
    "x-content-type-options",
    "age",
    "via",
    "p3p",
    "x-xss-protection",
    "content-language",
    "cf-ray",
    "strict-transport-security",
    "link",
    "x-varnish",
];
