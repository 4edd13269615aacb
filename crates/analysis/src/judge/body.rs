//! What a judge asks of a body, answered from its bytes or from its digest.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem;
use wirewitness_model::ooni::body::Body;

use super::title;
use crate::fingerprints::literals::Literals;

/// Marks are looked for in this much of a page, in bytes.
const MARK_WINDOW: usize = 65_536;

/// The title of the page, or the empty string.
pub(crate) fn title<'b>(body: &'b Body<'_>) -> Cow<'b, str> {
    match (body, body.bytes()) {
        (Body::Digest(digest), _) => Cow::Borrowed(&digest.title),
        (_, Some(Cow::Borrowed(bytes))) => title::title(bytes),
        (_, Some(Cow::Owned(bytes))) => Cow::Owned(title::title(&bytes).into_owned()),
        (_, None) => Cow::Borrowed(""),
    }
}

/// The first of these marks that the page has.
pub(crate) fn first_mark(body: &Body<'_>, marks: &[&'static str]) -> Option<&'static str> {
    if let Body::Digest(digest) = body {
        return marks.iter().find(|mark| digest.marks.iter().any(|it| it == *mark)).copied();
    }
    let bytes = body.bytes()?;
    let head = window(&bytes);
    marks.iter().find(|mark| memmem::find(head, mark.as_bytes()).is_some()).copied()
}

/// Every mark that the bytes of a page have, in the order of the lists.
pub(crate) fn marks(bytes: &[u8]) -> Vec<&'static str> {
    static ALL: LazyLock<Literals> =
        LazyLock::new(|| Literals::new(all().map(|mark| mark.as_bytes().to_vec()).collect()));
    let mut found = [false; CAPTCHA_MARKS.len() + COUNTRY_MARKS.len()];
    ALL.find(window(bytes), |at| {
        if let Some(found) = found.get_mut(at as usize) {
            *found = true;
        }
    });
    all().zip(found).filter_map(|(mark, found)| found.then_some(mark)).collect()
}

fn all() -> impl Iterator<Item = &'static str> {
    CAPTCHA_MARKS.iter().chain(COUNTRY_MARKS).copied()
}

fn window(bytes: &[u8]) -> &[u8] {
    bytes.get(..MARK_WINDOW).unwrap_or(bytes)
}

/// Text that the vendors' own challenge pages carry.
pub(crate) const CAPTCHA_MARKS: &[&str] = &[
    "<title>Just a moment...</title>",
    "<title>Attention Required! | Cloudflare</title>",
    "/cdn-cgi/challenge-platform/",
    "cf-chl-",
    "cf_chl_",
    "cf-bubbles",
    "/recaptcha/api.js",
    "g-recaptcha",
    "h-captcha",
    "hcaptcha.com/1/api.js",
    "px-captcha",
    "_Incapsula_Resource",
    "geo.captcha-delivery.com",
    "ddos-guard",
    "aws-waf-token",
    "Our systems have detected unusual traffic from your computer network",
];

/// Text of services that turn countries away.
pub(crate) const COUNTRY_MARKS: &[&str] = &[
    "configured to block access from your country",
    "has banned the country or region your IP address is in",
    "not available in your country",
    "not available in your region",
    "unavailable in your country",
    "unavailable in your region",
];

#[cfg(test)]
mod tests {
    use super::*;
    use wirewitness_model::lenient::MaybeBinary;

    #[test]
    fn every_mark_is_found_in_the_window_and_not_behind_it() {
        for (n, mark) in all().enumerate() {
            for (before, is_found) in
                [(n, true), (MARK_WINDOW - mark.len(), true), (MARK_WINDOW, false)]
            {
                let page = format!("{}{mark} and more", "x".repeat(before));
                assert_eq!(marks(page.as_bytes()).contains(&mark), is_found, "{mark} at {before}");
                let body = Body::Whole(MaybeBinary::Text(page.into()));
                assert_eq!(first_mark(&body, &[mark]).is_some(), is_found);
            }
        }
        assert!(marks(b"an ordinary page").is_empty());
    }
}
